//! `stackgen explain`: the page of a rule, a kind, a target or a part of the manifest.

mod kind;
mod path;

use std::fmt::Write;
use std::path::Path;

use super::out::Out;
use super::team::Team;
use super::{Status, stacks};
use crate::cli::Explain;
use crate::emit::{TARGETS, Target};
use crate::kinds::Kinds;
use crate::policy::{Policy, TeamRule};
use crate::render::{BOLD, clean};
use crate::rules::{self, RULES, Rule};
use crate::text::{Sources, nearest};
use crate::write::Failure;

pub(super) fn run(args: &Explain, out: &mut Out) -> Result<Status, Failure> {
    let topic = args.topic.as_str();
    let mut pages = Vec::new();
    pages.extend(rules::find(topic).map(rule));
    let (mut sources, mut faults) = (Sources::default(), Vec::new());
    let policy = policy(&mut sources);
    pages.extend(policy.as_ref().and_then(|p| p.rule(topic)).map(team_rule));
    // Kinds beside the stack of this folder count, if there is one and it can be read.
    let files = stacks::find(None).and_then(|manifest| stacks::kinds_beside(&manifest)).unwrap_or_default();
    let mut kinds = Kinds::read(files, &mut sources, &mut faults);
    if let Some(found) = kinds.get(topic, &mut sources, &mut faults) {
        pages.push(kind::page(&found));
    }
    pages.extend(TARGETS.iter().find(|t| t.name == topic).map(target));
    if pages.is_empty() {
        match path::page(topic) {
            Ok(page) => pages.push(page),
            // Only what has the looks of a path, or starts like one, is told as a wrong path.
            Err(failure) if topic.contains(['.', '[']) => return Err(failure),
            Err(_) => return Err(unknown(topic, &kinds, policy.as_ref())),
        }
    }
    out.print(&pages.join("\n"));
    Ok(Status::Fine)
}

fn unknown(topic: &str, kinds: &Kinds, policy: Option<&Policy>) -> Failure {
    let failure =
        Failure::new(format!("expected a rule, kind, target or path in the manifest, found `{topic}`"));
    let keys = path::keys();
    let known = RULES
        .iter()
        .flat_map(|r| [r.name, r.id])
        .chain(policy.into_iter().flat_map(Policy::names))
        .chain(kinds.names())
        .chain(TARGETS.iter().map(|t| t.name))
        .chain(keys.iter().map(String::as_str));
    match nearest(topic, known) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => {
            let targets: Vec<_> = TARGETS.iter().map(|t| t.name).collect();
            failure.help(format!(
                "kinds: {}\ntargets: {}\nthe manifest: {}\nrules: the name or id that a finding shows",
                kinds.names().join(", "),
                targets.join(", "),
                keys.join(", "),
            ))
        }
    }
}

/// The header of the rule's file, which is its documentation.
fn rule(rule: &'static Rule) -> String {
    let mut page = format!("{BOLD}{} {}{BOLD:#}\n\n", rule.id, rule.name);
    for line in rule.source.lines().map_while(|l| l.strip_prefix("//!")) {
        page.push_str(&clean(line.strip_prefix(' ').unwrap_or(line)));
        page.push('\n');
    }
    page
}

/// The policy that counts in this folder, if there is one and it can be read.
fn policy(sources: &mut Sources) -> Option<Policy> {
    let (path, text) = Team::default().policy(Path::new("."))?;
    let id = sources.add(path, text);
    Policy::read(id, sources, &mut Vec::new()).0
}

/// A rule of the team, as its policy has it.
fn team_rule(rule: &TeamRule) -> String {
    let mut page = format!("{BOLD}{}{BOLD:#}: a rule of stackgen-policy\n\n", rule.name);
    let mut line = |what: &str, text: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "  {what:<8} {}", clean(text));
    };
    line("each", rule.each.word());
    let texts = [
        ("where", rule.only.as_ref()),
        ("require", Some(&rule.require)),
        ("message", Some(&rule.message)),
        ("help", rule.help.as_ref()),
    ];
    for (what, text) in texts {
        text.iter().for_each(|text| line(what, text.as_str()));
    }
    for text in rule.about.iter().flat_map(|about| about.lines()) {
        let _ = write!(page, "\n{}", clean(text));
    }
    page.push_str("\nExpressions see what `stackgen schema model` describes.\n");
    page
}

fn target(target: &Target) -> String {
    format!("{BOLD}{}{BOLD:#}: a target, written by `stackgen build`\n\n{}\n", target.name, target.about)
}
