//! `stackgen lint`: every stack below some folders is read and checked; nothing is written but reports.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::out::Out;
use super::since::Revision;
use super::stacks::{self, shown};
use super::team::{Team, absolute, root};
use super::{Status, parallel};
use crate::baseline::{self, Baseline};
use crate::cli::{Format, Lint, Sink};
use crate::compile::{Compiled, compile};
use crate::policy::Policy;
use crate::render::run::Run;
use crate::render::text::{self, Tally};
use crate::render::{count, github, gitlab, json, oneline, sarif};
use crate::rules::{self, RULES, Rule};
use crate::text::nearest;
use crate::write::{self, Failure};
use crate::{host, text as words};

pub(super) fn run(args: &Lint, out: &mut Out) -> Result<Status, Failure> {
    if args.format.iter().filter(|s| s.file.is_none()).count() > 1 {
        return Err(Failure::new("expected one format on standard output, found several")
            .help("write the others to files: `--format sarif=lint.sarif --format github`"));
    }
    let (select, ignore) = (chosen(&args.select)?, chosen(&args.ignore)?);
    let wanted = |rule: &str| (args.select.is_empty() || select.contains(rule)) && !ignore.contains(rule);
    let (manifests, mut failures) = stacks::below(&args.paths);
    if let Some(env) = &args.env {
        // Not every stack of a repository has every environment, but one must, or the name is wrong.
        let missing: Vec<_> = manifests.iter().map_while(|m| stacks::overlay(m, env).err()).collect();
        if missing.len() == manifests.len()
            && let Some(first) = missing.into_iter().next()
        {
            return Err(first);
        }
    }
    let mut team = Team::default();
    let jobs: Vec<(PathBuf, Policy)> = manifests.into_iter().map(|m| (m.clone(), team.policy(&m))).collect();
    failures.append(&mut team.failures);
    let seen = parallel::map(&jobs, |(manifest, policy)| {
        let env = args.env.as_deref().filter(|env| stacks::overlay(manifest, env).is_ok());
        let mut compiled = stacks::compiled(manifest, env, policy.clone())?;
        compiled.settle();
        Ok(compiled)
    });
    let (mut found, mut manifests) = (Vec::new(), Vec::new());
    for (seen, (manifest, _)) in seen.into_iter().zip(jobs) {
        match seen {
            Ok(compiled) => {
                found.push(compiled);
                manifests.push(manifest);
            }
            Err(failure) => failures.push(failure),
        }
    }
    let today = stacks::today();
    host::check(&mut found, Some(&today));
    for compiled in &mut found {
        // Where no rule was run, that none found anything says nothing.
        let judged = compiled.judged;
        compiled.findings.retain(|f| wanted(f.rule) || !judged && rules::is_final(f));
    }
    if let Some(revision) = &args.since {
        subtract(revision, args.env.as_deref(), &manifests, &mut found, &today)?;
    }
    let mut written = None;
    if let Some(file) = &args.baseline {
        let list = apply(file, &manifests, &mut found, wanted)?;
        found.push(list);
    } else if let Some(file) = &args.write_baseline {
        written = Some(write_baseline(file, &manifests, &mut found)?);
    }
    found.splice(0..0, team.files);
    let status = report(args, &manifests, &found, &failures, out)?;
    if let (Some(number), Some(file)) = (written, &args.write_baseline) {
        out.status(&format!("{} listed in {}\n", count(number, "finding"), shown(file)));
    }
    Ok(status)
}

/// The rules that some words name: a name, an id, or the letters of a group.
fn chosen(names: &[String]) -> Result<HashSet<&'static str>, Failure> {
    let mut chosen = HashSet::new();
    for name in names {
        let named = |r: &&Rule| {
            let group = r.id.trim_end_matches(|c: char| c.is_ascii_digit());
            [r.id, r.name, group].iter().any(|word| word.eq_ignore_ascii_case(name))
        };
        let mut found = RULES.iter().filter(named).map(|r| r.name).peekable();
        if found.peek().is_some() {
            chosen.extend(found);
            continue;
        }
        let failure = Failure::new(format!("there is no rule {}", words::shown(name)));
        return Err(match nearest(name, RULES.iter().flat_map(|r| [r.name, r.id])) {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => {
                failure.help("name a rule as its findings do, by name or id, or a group by its letters: NX")
            }
        });
    }
    Ok(chosen)
}

/// Leaves only what was not found at a revision.
fn subtract(
    revision: &str,
    env: Option<&str>,
    manifests: &[PathBuf],
    found: &mut [Compiled],
    today: &str,
) -> Result<(), Failure> {
    if manifests.is_empty() {
        return Ok(());
    }
    let revision = Revision::read(revision, manifests, env)?;
    let jobs: Vec<(&PathBuf, &Policy)> =
        manifests.iter().zip(found.iter()).map(|(m, compiled)| (m, &compiled.policy)).collect();
    let mut before = parallel::map(&jobs, |(manifest, policy)| {
        let Some(mut input) = revision.input(manifest, env) else { return Compiled::default() };
        input.policy = Policy::clone(policy);
        input.today = Some(today.to_string());
        let mut compiled = compile(input);
        compiled.settle();
        compiled
    });
    host::check(&mut before, Some(today));
    for (compiled, before) in found.iter_mut().zip(&before) {
        baseline::subtract(compiled, baseline::known(before));
    }
    Ok(())
}

/// Manifests by the name a baseline has for them: relative to its own folder, so that it means the same from anywhere.
fn names(file: &Path, manifests: &[PathBuf]) -> Vec<String> {
    let folder = absolute(file.parent().unwrap_or(Path::new("")));
    let name = |manifest: &PathBuf| {
        let path = absolute(manifest);
        path.strip_prefix(&folder).unwrap_or(&path).display().to_string().replace('\\', "/")
    };
    manifests.iter().map(name).collect()
}

/// Leaves out what a baseline lists; what is wrong with that comes back.
fn apply(
    file: &Path,
    manifests: &[PathBuf],
    found: &mut [Compiled],
    wanted: impl Fn(&str) -> bool,
) -> Result<Compiled, Failure> {
    let text = fs::read_to_string(file).map_err(|e| {
        Failure::io(format_args!("read {}", shown(file)), &e)
            .help(format!("write it first: `stackgen lint --write-baseline {}`", shown(file)))
    })?;
    let mut list = Baseline::parse(&shown(file), &text);
    let names = names(file, manifests);
    for (name, compiled) in names.iter().zip(found.iter_mut()) {
        list.apply(name, compiled);
    }
    let folder = file.parent().unwrap_or(Path::new(""));
    let judged = |manifest: &str, rule: &str| match names.iter().position(|n| n == manifest) {
        Some(i) => wanted(rule) && found.get(i).is_some_and(|c| c.judged),
        None => !folder.join(manifest).exists(),
    };
    let mut stale = list.stale(judged);
    stale.findings.retain(|f| rules::is_final(f) || wanted(f.rule));
    Ok(stale)
}

/// Lists in a baseline what was found, and leaves only what it cannot hold. Stacks that were not looked at keep their
/// entries.
fn write_baseline(file: &Path, manifests: &[PathBuf], found: &mut [Compiled]) -> Result<usize, Failure> {
    let mut list = match fs::read_to_string(file) {
        Ok(text) => Baseline::parse(&shown(file), &text),
        Err(_) => Baseline::default(),
    };
    if list.faults().failed() {
        return Err(
            Failure::new(format!("{} is no baseline", shown(file))).help("name another file, or delete it")
        );
    }
    let names = names(file, manifests);
    let folder = file.parent().unwrap_or(Path::new(""));
    list.forget(|manifest| names.iter().any(|n| n == manifest) || !folder.join(manifest).exists());
    for (name, compiled) in names.iter().zip(found.iter()) {
        list.add(name, compiled);
    }
    write::file(file, &list.print())?;
    let number = list.len();
    for (name, compiled) in names.iter().zip(found.iter_mut()) {
        list.apply(name, compiled);
    }
    Ok(number)
}

/// Prints and writes what was found, in every format that is wanted.
fn report(
    args: &Lint,
    manifests: &[PathBuf],
    found: &[Compiled],
    failures: &[Failure],
    out: &mut Out,
) -> Result<Status, Failure> {
    let mut tally = Tally::default();
    found.iter().for_each(|compiled| tally.add(&compiled.findings));
    let status = if !failures.is_empty() {
        Status::Unseen
    } else if tally.errors + tally.warnings > 0 {
        Status::Found
    } else {
        Status::Fine
    };
    let here = absolute(Path::new(""));
    let run = Run { stacks: found, failures, status: status as u8, root: root(&here), here };
    for Sink { format, file } in &args.format {
        let text = match format {
            Format::Text if args.statistics => text::statistics(found),
            Format::Text => found.iter().map(text::findings).collect(),
            Format::Oneline => oneline::print(&run),
            Format::Json => json::print(&found.iter().flat_map(json::findings).collect::<Vec<_>>()),
            Format::Sarif => sarif::print(&run),
            Format::Github => github::annotations(&run),
            Format::Gitlab => gitlab::print(&run),
        };
        match file {
            None => out.print(&text),
            Some(file) => write::file(file, &anstream::adapter::strip_str(&text).to_string())?,
        }
        if *format == Format::Github {
            summarize(&run)?;
        }
    }
    for failure in failures {
        out.error(&text::failure(failure));
    }
    let summary = match tally.words().as_str() {
        "" if manifests.is_empty() => String::new(),
        "" => {
            let new = if args.baseline.is_some() || args.since.is_some() { "new " } else { "" };
            format!("nothing {new}found in {}\n", count(manifests.len(), "stack"))
        }
        _ => tally.summary(),
    };
    if args.format.iter().any(|s| s.format == Format::Text && s.file.is_none()) {
        if !out.is_quiet() {
            out.print(&summary);
        }
    } else {
        out.status(&summary);
    }
    Ok(status)
}

/// Adds the run to the summary of a GitHub step, if this is one.
fn summarize(run: &Run) -> Result<(), Failure> {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|p| !p.is_empty()) else { return Ok(()) };
    let add = || {
        OpenOptions::new().append(true).create(true).open(&path)?.write_all(github::summary(run).as_bytes())
    };
    add().map_err(|e| Failure::io("write the summary of the step", &e))
}
