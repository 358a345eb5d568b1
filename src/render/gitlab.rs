//! The code quality report of GitLab.

use serde::Serialize;

use super::json;
use super::run::{Run, told};
use crate::finding::Level;

#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: &'static str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
    end: usize,
}

/// The report: one JSON array.
pub fn print(run: &Run) -> String {
    let issues: Vec<_> = run
        .items()
        .into_iter()
        .map(|item| Issue {
            description: told(item.finding),
            check_name: item.finding.rule,
            severity: match item.finding.level {
                Level::Error => "major",
                Level::Warning => "minor",
                Level::Info => "info",
            },
            location: Location {
                path: run.below_root(&item.at.path),
                lines: Lines { begin: item.at.start.line, end: item.at.end.line },
            },
            fingerprint: item.fingerprint,
        })
        .collect();
    json::print(&issues)
}
