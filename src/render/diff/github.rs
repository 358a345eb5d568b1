//! Differences as annotations of GitHub Actions, on the lines of the manifest that cause them.
//!
//! Source of the form: docs.github.com, "Workflow commands for GitHub Actions". Ten of a kind are shown for each step
//! of a workflow, so those that cost most come first.

use std::fmt::Write;

use super::{at, entry, position, value};
use crate::compile::Compiled;
use crate::diff::{Consequence, Diff};
use crate::render::github::{data, property};

/// One command per change.
pub fn diff(compiled: &Compiled, diff: &Diff) -> String {
    let mut out = String::new();
    for change in &diff.changes {
        let level = match change.consequence {
            _ if change.destructive => "error",
            Consequence::Exposure | Consequence::DataLoss => "error",
            Consequence::Nothing => "notice",
            _ => "warning",
        };
        let mut properties = String::new();
        if let Some((path, line, column)) = change.place.as_ref().and_then(|p| position(compiled, p)) {
            let _ = write!(properties, "file={},line={line},col={column},", property(&path));
        }
        let subject =
            format!("{} {}: {}", change.subject.kind.word(), change.subject.name, change.consequence.word());
        let values = match (&change.before, &change.after) {
            (Some(a), Some(b)) => format!(": {} -> {}", value(a), value(b)),
            _ => String::new(),
        };
        let place = at(change);
        let place = if place.is_empty() { String::new() } else { format!(" in {place}") };
        let message = format!("{}{values}{place}; {}; {}", entry(change), change.status.word(), change.why);
        let _ = writeln!(out, "::{level} {properties}title={}::{}", property(&subject), data(&message));
    }
    for source in diff.sources.iter().filter(|s| !s.faults.is_empty()) {
        for fault in &source.faults {
            let _ =
                writeln!(out, "::warning title=not seen::{}", data(&format!("{}: {fault}", source.source)));
        }
    }
    out
}
