//! Differences for programs: one JSON object, described by `schemas/diff.schema.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::compile::Compiled;
use crate::deployed::Reading;
use crate::diff::{self, Affected, Consequence, Fate, Status, Step, Subject, Summary, What};
use crate::finding;
use crate::outline::Value;
use crate::render::json::{Location, location};

/// What differs between a manifest and a server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Diff {
    /// Version of this format.
    pub stackgen: u32,
    /// Name of the stack.
    pub stack: String,
    /// What was asked, and what of it could not be seen.
    pub sources: Vec<Reading>,
    /// Whether something could not be seen: no difference then does not mean that there is none.
    pub partial: bool,
    /// The worst that comes with deploying.
    pub worst: Consequence,
    /// How many changes there are.
    pub summary: Summary,
    /// The differences, the one that costs most first.
    pub changes: Vec<Change>,
    /// What `docker compose up -d` does to services once the files are in place; others it leaves alone.
    pub services: BTreeMap<String, Fate>,
    /// What to do, in order.
    pub steps: Vec<Step>,
}

/// One thing that differs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Change {
    /// What it is about.
    pub subject: Subject,
    /// File below the deploy directory, when a file says it.
    pub file: Option<String>,
    /// Line of the deployed file, from 1.
    pub line: Option<u32>,
    /// Keys on the way to the entry, as a Compose file, nginx.conf and so on have them; empty for a whole file.
    pub path: Vec<String>,
    /// What deploying does to the entry.
    pub what: What,
    /// What is there; what runs, if that is known.
    pub before: Option<Value>,
    /// What the manifest wants.
    pub after: Option<Value>,
    /// What the file on the server says, when what runs says something else.
    pub file_says: Option<Value>,
    /// How many entries this stands for.
    pub entries: usize,
    /// Where it was seen: `files`, `running`.
    pub seen_in: Vec<&'static str>,
    /// Which side moved.
    pub status: Status,
    /// What in the manifest causes it; null is "not in the manifest".
    pub cause: Option<Location>,
    /// What deploying costs, or what it costs to leave it.
    pub consequence: Consequence,
    /// Why.
    pub why: String,
    /// Whether data or a way back is lost, and the manifest does not say that this is meant.
    pub destructive: bool,
    /// What refers to something that goes away.
    pub references: Vec<String>,
    /// Who else goes down with it.
    pub affected: Vec<Affected>,
    /// The least command that applies it.
    pub command: Option<String>,
}

/// The differences of one stack.
pub fn diff(compiled: &Compiled, diff: &diff::Diff) -> Diff {
    Diff {
        stackgen: 1,
        stack: diff.stack.clone(),
        sources: diff.sources.clone(),
        partial: diff.partial,
        worst: diff.worst(),
        summary: diff.summary(),
        changes: diff.changes.iter().map(|c| change(compiled, c)).collect(),
        services: diff.fates.clone(),
        steps: diff.steps.clone(),
    }
}

fn change(compiled: &Compiled, c: &diff::Change) -> Change {
    let step = |s: &finding::Step| match s {
        finding::Step::Key(key) => key.clone(),
        finding::Step::Index(index) => index.to_string(),
    };
    Change {
        subject: c.subject.clone(),
        file: c.file.clone(),
        line: c.line,
        path: c.path.0.iter().map(step).collect(),
        what: c.what,
        before: c.before.clone(),
        after: c.after.clone(),
        file_says: c.file_says.clone(),
        entries: c.entries,
        seen_in: [(c.in_file, "files"), (c.running, "running")]
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, w)| w)
            .collect(),
        status: c.status,
        cause: c.place.as_ref().map(|p| location(compiled, p)),
        consequence: c.consequence,
        why: c.why.clone(),
        destructive: c.destructive,
        references: c.references.clone(),
        affected: c.affected.clone(),
        command: c.command.as_ref().map(ToString::to_string),
    }
}
