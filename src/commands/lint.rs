//! `stackgen lint`: every stack below some folders is read and checked; nothing is written but reports, and fixes if asked.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::out::Out;
use super::since::Revision;
use super::stacks::{self, shown};
use super::team::{self, Team, Text, absolute, root};
use super::{Status, fix, parallel};
use crate::baseline::{self, Baseline, Known};
use crate::cli::{Format, Lint, Sink};
use crate::compile::Compiled;
use crate::finding::Finding;
use crate::render::run::Run;
use crate::render::text::{self, Tally};
use crate::render::{count, github, gitlab, json, oneline, sarif};
use crate::rules::{self, RULES, Rule};
use crate::text::{Span, nearest};
use crate::write::{self, Failure};
use crate::{host, text as words};

pub(super) fn run(args: &Lint, out: &mut Out) -> Result<Status, Failure> {
    if args.format.iter().filter(|s| s.file.is_none()).count() > 1 {
        return Err(Failure::new("expected one format on standard output, found several")
            .help("write the others to files: `--format sarif=lint.sarif --format github`"));
    }
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
    let jobs: Vec<Job> = manifests
        .into_iter()
        .map(|manifest| Job {
            env: args.env.as_deref().filter(|env| stacks::overlay(&manifest, env).is_ok()),
            policy: team.policy(&manifest),
            manifest,
        })
        .collect();
    failures.append(&mut team.failures);
    let own = team.rules();
    let (select, ignore) = (chosen(&args.select, &own)?, chosen(&args.ignore, &own)?);
    let wanted = |rule: &str| (args.select.is_empty() || select.contains(rule)) && !ignore.contains(rule);
    let today = stacks::today();
    let list = args.baseline.as_deref().map(read_baseline).transpose()?;
    let earlier = match &args.since {
        Some(revision) if !jobs.is_empty() => Some(earlier(revision, args, &jobs, &today)?),
        _ => None,
    };
    let mut different = false;
    let seen: Vec<_> = if args.fix || args.diff {
        let listed = args.baseline.as_deref().zip(list.as_ref()).map(|(file, list)| {
            let names = names(file, jobs.iter().map(|job| &job.manifest));
            names.iter().map(|name| list.known(name)).collect::<Vec<_>>()
        });
        let mend = |(i, job): (usize, &Job)| {
            let waits = |compiled: &Compiled, finding: &Finding| {
                let key = (finding.rule.to_string(), compiled.subject(&finding.place));
                [&earlier, &listed].into_iter().flatten().any(|known| known[i].contains_key(&key))
            };
            let asked = |compiled: &Compiled, f: &Finding| wanted(f.rule) && !waits(compiled, f);
            let (mut compiled, differs) = fix::compiled(&job.manifest, job.env, args, asked, out)?;
            different |= differs;
            compiled.settle();
            Ok(compiled)
        };
        // One after another: what one mends may be another's too.
        jobs.iter().enumerate().map(mend).collect()
    } else {
        parallel::map(&jobs, |job| {
            let mut compiled = stacks::compiled(&job.manifest, job.env, job.policy.clone(), args.pedantic)?;
            compiled.settle();
            Ok(compiled)
        })
    };
    let (mut found, mut manifests, mut before) = (Vec::new(), Vec::new(), Vec::new());
    let earlier =
        earlier.map_or_else(|| vec![None; jobs.len()], |known| known.into_iter().map(Some).collect());
    for ((seen, job), known) in seen.into_iter().zip(jobs).zip(earlier) {
        match seen {
            Ok(compiled) => {
                found.push(compiled);
                manifests.push(job.manifest);
                before.push(known);
            }
            Err(failure) => failures.push(failure),
        }
    }
    if args.diff {
        // The difference says it all.
        failures.iter().for_each(|failure| out.error(&text::failure(failure)));
        return Ok(match different {
            _ if !failures.is_empty() => Status::Unseen,
            true => Status::Found,
            false => Status::Fine,
        });
    }
    host::check(&mut found, Some(&today));
    once(&mut found);
    for (compiled, known) in found.iter_mut().zip(before) {
        // Where no rule was run, that none found anything says nothing.
        let judged = compiled.judged;
        retain(compiled, |compiled, f| {
            wanted(f.rule) || rules::is_final(f) && (!judged || in_policy(compiled, f).is_some())
        });
        known.into_iter().for_each(|known| baseline::subtract(compiled, known));
    }
    for (compiled, manifest) in found.iter().zip(&manifests) {
        let notes = compiled.unseen.iter().map(|line| format!("note: {}: {line}\n", shown(manifest)));
        out.status(&notes.collect::<String>());
    }
    let mut written = None;
    if let Some((list, file)) = list.zip(args.baseline.as_deref()) {
        let stale = apply(list, file, &manifests, &mut found, wanted);
        found.push(stale);
    } else if let Some(file) = &args.write_baseline {
        written = Some(write_baseline(file, &manifests, &mut found)?);
    }
    let status = report(args, &manifests, &found, &failures, out)?;
    if let (Some(number), Some(file)) = (written, &args.write_baseline) {
        out.status(&format!("{} listed in {}\n", count(number, "finding"), shown(file)));
    }
    Ok(status)
}

/// A stack to look at.
struct Job<'a> {
    /// Its manifest, or a directory without one.
    manifest: PathBuf,
    env: Option<&'a str>,
    policy: Option<Text>,
}

/// Drops the findings of a stack for which something does not hold.
fn retain(compiled: &mut Compiled, mut keep: impl FnMut(&Compiled, &Finding) -> bool) {
    let mut findings = std::mem::take(&mut compiled.findings);
    findings.retain(|finding| keep(compiled, finding));
    compiled.findings = findings;
}

/// Where a finding is in a policy.
fn in_policy(compiled: &Compiled, finding: &Finding) -> Option<(String, Span)> {
    let span = compiled.span(&finding.place)?;
    let path = &compiled.sources.get(span.source).path;
    team::is_policy(path).then(|| (path.clone(), span))
}

/// Leaves out what was said of a policy for an earlier stack: there is one for many.
fn once(found: &mut [Compiled]) {
    let mut told = HashSet::new();
    for compiled in found {
        retain(compiled, |compiled, finding| {
            let at = in_policy(compiled, finding);
            at.is_none_or(|(path, span)| told.insert((path, span.start, finding.message.clone())))
        });
    }
}

/// The rules that some words name: a name, an id, or the letters of a group. `own` are the names of a team's rules.
fn chosen<'a>(names: &[String], own: &'a [String]) -> Result<HashSet<&'a str>, Failure> {
    let mut chosen = HashSet::new();
    for name in names {
        let named = |r: &&Rule| {
            let group = r.id.trim_end_matches(|c: char| c.is_ascii_digit());
            [r.id, r.name, group].iter().any(|word| word.eq_ignore_ascii_case(name))
        };
        let team = own.iter().map(String::as_str).filter(|rule| rule == name);
        let mut found = RULES.iter().filter(named).map(|r| r.name).chain(team).peekable();
        if found.peek().is_some() {
            chosen.extend(found);
            continue;
        }
        let failure = Failure::new(format!("there is no rule {}", words::shown(name)));
        return Err(
            match nearest(
                name,
                RULES.iter().flat_map(|r| [r.name, r.id]).chain(own.iter().map(String::as_str)),
            ) {
                Some(near) => failure.help(format!("did you mean `{near}`?")),
                None => failure
                    .help("name a rule as its findings do, by name or id, or a group by its letters: NX"),
            },
        );
    }
    Ok(chosen)
}

/// What was found in each stack at a revision.
fn earlier(revision: &str, args: &Lint, jobs: &[Job], today: &str) -> Result<Vec<Known>, Failure> {
    let manifests: Vec<PathBuf> = jobs.iter().map(|job| job.manifest.clone()).collect();
    let env = args.env.as_deref();
    let revision = Revision::read(revision, &manifests, env)?;
    let mut before = parallel::map(jobs, |job| {
        let mut compiled = revision.compiled(&job.manifest, env, |input| {
            // What the team asks today, it asks of what was there too.
            input.policy = job.policy.clone();
            input.pedantic = args.pedantic;
            input.today = Some(today.to_string());
        });
        compiled.settle();
        compiled
    });
    host::check(&mut before, Some(today));
    Ok(before.iter().map(baseline::known).collect())
}

/// Manifests by the name a baseline has for them: relative to its own folder, so that it means the same from anywhere.
fn names<'a>(file: &Path, manifests: impl IntoIterator<Item = &'a PathBuf>) -> Vec<String> {
    let folder = absolute(file.parent().unwrap_or(Path::new("")));
    let name = |manifest: &PathBuf| {
        let path = absolute(manifest);
        match path.strip_prefix(&folder).unwrap_or(&path).display().to_string().replace('\\', "/") {
            // A directory without a manifest, with the baseline in it.
            name if name.is_empty() => ".".to_string(),
            name => name,
        }
    };
    manifests.into_iter().map(name).collect()
}

fn read_baseline(file: &Path) -> Result<Baseline, Failure> {
    let text = fs::read_to_string(file).map_err(|e| {
        Failure::io(format_args!("read {}", shown(file)), &e)
            .help(format!("write it first: `stackgen lint --write-baseline {}`", shown(file)))
    })?;
    Ok(Baseline::parse(&shown(file), &text))
}

/// Leaves out what a baseline lists; what is wrong with that comes back.
fn apply(
    mut list: Baseline,
    file: &Path,
    manifests: &[PathBuf],
    found: &mut [Compiled],
    wanted: impl Fn(&str) -> bool,
) -> Compiled {
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
    stale
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
    let run = Run { stacks: found, failures, status: status.code(), root: root(&here), here };
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
