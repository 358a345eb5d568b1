//! `stackgen explain`: the page of a rule, a kind, a target or a part of the manifest.

mod kind;
mod path;

use super::out::Out;
use super::{Status, stacks};
use crate::cli::Explain;
use crate::emit::{TARGETS, Target};
use crate::kinds::Kinds;
use crate::render::{BOLD, clean};
use crate::rules::{self, RULES, Rule};
use crate::text::{Sources, nearest};
use crate::write::Failure;

pub(super) fn run(args: &Explain, out: &mut Out) -> Result<Status, Failure> {
    let topic = args.topic.as_str();
    let mut pages = Vec::new();
    pages.extend(rules::find(topic).map(rule));
    let (mut sources, mut faults) = (Sources::default(), Vec::new());
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
            Err(_) => return Err(unknown(topic, &kinds)),
        }
    }
    out.print(&pages.join("\n"));
    Ok(Status::Fine)
}

fn unknown(topic: &str, kinds: &Kinds) -> Failure {
    let failure =
        Failure::new(format!("expected a rule, kind, target or path in the manifest, found `{topic}`"));
    let keys = path::keys();
    let known = RULES
        .iter()
        .flat_map(|r| [r.name, r.id])
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

fn target(target: &Target) -> String {
    format!("{BOLD}{}{BOLD:#}: a target, written by `stackgen build`\n\n{}\n", target.name, target.about)
}
