//! `stackgen lint`: every stack below some folders is read and checked; nothing is written.

use std::collections::HashSet;

use super::out::Out;
use super::{Status, fix, stacks};
use crate::cli::{Format, Lint};
use crate::compile::Compiled;
use crate::finding::Place;
use crate::render::text::{self, Tally};
use crate::render::{count, json};
use crate::write::Failure;

pub(super) fn run(args: &Lint, out: &mut Out) -> Result<Status, Failure> {
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
    let mut tally = Tally::default();
    let mut shown = Vec::new();
    let mut different = false;
    let mut told = HashSet::new();
    for manifest in &manifests {
        let env = args.env.as_deref().filter(|env| stacks::overlay(manifest, env).is_ok());
        let compiled = match fix::compiled(manifest, env, args, out) {
            // The difference says it all.
            Ok((_, differs)) if args.diff => {
                different |= differs;
                continue;
            }
            Ok((mut compiled, _)) => {
                once(&mut compiled, &mut told);
                compiled
            }
            Err(failure) => {
                failures.push(failure);
                continue;
            }
        };
        tally.add(&compiled.findings);
        for line in &compiled.unseen {
            out.status(&format!("note: {}: {line}\n", stacks::shown(manifest)));
        }
        match args.format {
            Format::Text => out.print(&text::findings(&compiled)),
            Format::Json => shown.extend(json::findings(&compiled)),
        }
    }
    for failure in &failures {
        out.error(&text::failure(failure));
    }
    match args.format {
        _ if args.diff => {}
        Format::Json => out.print(&json::print(&shown)),
        Format::Text if out.is_quiet() => {}
        Format::Text if !tally.words().is_empty() => out.print(&tally.summary()),
        Format::Text if !manifests.is_empty() => {
            out.print(&format!("nothing found in {}\n", count(manifests.len(), "stack")));
        }
        Format::Text => {}
    }
    Ok(if !failures.is_empty() {
        Status::Unseen
    } else if different || tally.errors + tally.warnings > 0 {
        Status::Found
    } else {
        Status::Fine
    })
}

/// Leaves out what was said of the policy for an earlier stack: there is one for all of them.
fn once(compiled: &mut Compiled, told: &mut HashSet<(Place, String)>) {
    let named = |place: &Place| {
        let span = compiled.span(place)?;
        compiled.sources.get(span.source).path.rsplit('/').next().map(stacks::is_policy)
    };
    let own: Vec<bool> = compiled.findings.iter().map(|f| named(&f.place).unwrap_or(false)).collect();
    let mut own = own.into_iter();
    compiled.findings.retain(|finding| {
        !own.next().unwrap_or(false) || told.insert((finding.place.clone(), finding.message.clone()))
    });
}
