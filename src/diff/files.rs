//! The files of the deploy directory against those that the manifest makes.

use std::collections::BTreeMap;

use crate::deployed::conceal::HIDDEN;
use crate::deployed::{File, FileEntry};
use crate::emit::Artifact;
use crate::emit::compose::FILE as COMPOSE;
use crate::finding::{Path, Step};
use crate::outline::{Entry, Syntax, Value};
use crate::write::LOCK;

use super::compare::{self, Delta};
use super::consequence::{self, Impact};
use super::view::{View, key};
use super::{Change, Do, Status, What, artifacts};

/// Where secrets are on the server; no build writes it.
pub(super) const DOTENV: &str = ".env";

/// Compares every file that the manifest makes, and those that the last build made.
pub(super) fn compare(view: &View) -> Vec<Change> {
    let mut changes = Vec::new();
    let Some(files) = &view.deployed.files else { return changes };
    for artifact in &view.compiled.artifacts {
        match files.get(&artifact.path) {
            None => changes.push(missing(view, artifact)),
            Some(file) => one(view, artifact, file, &mut changes),
        }
    }
    for (path, file) in files {
        let ours = view.makes(path) || path == LOCK || path == DOTENV;
        let Some(built) = view.built.filter(|_| !ours) else { continue };
        if let Some(hash) = built.hash(path) {
            let status = if file.hash.as_deref() == Some(hash) { Status::Undeployed } else { Status::Both };
            changes.push(left(view, path, status));
        }
    }
    secrets(view, &mut changes);
    changes
}

/// A change with what is common to all.
pub(super) fn change(
    view: &View,
    file: Option<&str>,
    delta: Delta,
    impact: Impact,
    status: Status,
) -> Change {
    let place = file
        .filter(|_| delta.what != What::Removed || status.undeployed())
        .and_then(|f| view.place(f, &delta.path));
    Change {
        subject: impact.subject,
        file: file.map(str::to_string),
        path: delta.path,
        line: delta.before.as_ref().map(|e| e.line).filter(|l| *l > 0),
        what: delta.what,
        before: delta.before.map(|e| e.value),
        after: delta.after.map(|e| e.value),
        file_says: None,
        entries: delta.entries,
        in_file: file.is_some(),
        running: false,
        status,
        place,
        consequence: impact.consequence,
        why: impact.why,
        destructive: false,
        references: Vec::new(),
        affected: Vec::new(),
        command: impact.command,
        fates: impact.fates,
    }
}

/// A difference of a whole file.
pub(super) fn whole(what: What, entries: usize) -> Delta {
    Delta {
        path: Path::default(),
        what,
        before: None,
        after: None,
        entries,
        parts: Vec::new(),
        lines: Vec::new(),
    }
}

fn missing(view: &View, artifact: &Artifact) -> Change {
    let status = match view.built {
        None => Status::Unknown,
        Some(built) if built.hash(&artifact.path).is_some() => Status::Drift,
        Some(_) => Status::Undeployed,
    };
    let delta = whole(What::Added, view.wanted(&artifact.path).count());
    let mut impact = artifacts::whole(view, &artifact.path, What::Added);
    if artifact.path == COMPOSE {
        let services = view.stack.services.iter().map(|s| s.name.as_str());
        let absent = services.filter(|s| view.deployed.engine.is_none() || view.containers(s).is_empty());
        impact.fates = absent.map(|s| (s.to_string(), super::Fate::Created)).collect();
    }
    change(view, Some(&artifact.path), delta, impact, status)
}

fn left(view: &View, path: &str, status: Status) -> Change {
    let mut impact = artifacts::whole(view, path, What::Removed);
    impact.why = "no build writes it any more; nothing reads it once the others are in place".into();
    impact.consequence = super::Consequence::Nothing;
    impact.command = Some(Do::Remove(format!("rm ./{}", super::steps::word(path))));
    change(view, Some(path), whole(What::Removed, 1), impact, status)
}

fn one(view: &View, artifact: &Artifact, file: &File, changes: &mut Vec<Change>) {
    let path = artifact.path.as_str();
    if artifact.executable && file.mode.is_some_and(|mode| mode & 0o111 == 0) {
        let mut delta = whole(What::State, 1);
        delta.path = Path(vec![Step::from("mode")]);
        let mut impact = artifacts::whole(view, path, What::State);
        impact.consequence = super::Consequence::Nothing;
        impact.why = "it is a script, and cannot be run".into();
        impact.command = Some(Do::Hand(format!("chmod +x ./{}", super::steps::word(path))));
        changes.push(change(view, Some(path), delta, impact, Status::Drift));
    }
    // One that could not be read was a fault of its source already.
    let unread = file.hash.is_none() && file.entries.is_empty() && file.fault.is_none();
    if unread || view.is_there(path) {
        return;
    }
    if let Some(fault) = &file.fault {
        let mut impact = artifacts::whole(view, path, What::Changed);
        impact.why = format!("it cannot be understood: {fault}");
        let status =
            view.moved(path).unwrap_or(if view.built.is_some() { Status::Both } else { Status::Unknown });
        changes.push(change(view, Some(path), whole(What::Changed, 1), impact, status));
        return;
    }
    let concealed = |e: &FileEntry| e.path.iter().any(|step| step.starts_with(HIDDEN));
    if !view.deployed.declared && file.entries.iter().any(concealed) {
        view.hidden.set(view.hidden.get() + 1);
        return;
    }
    let depth = if file.syntax == Syntax::Compose { 2 } else { 1 };
    let mut deltas = compare::compare(&file.entries, view.wanted(path), depth, |a, b| view.may_be_same(a, b));
    if path == artifacts::CERTIFICATES {
        deltas = by_first_word(deltas);
    } else if file.syntax == Syntax::Text {
        deltas = lines(deltas).into_iter().collect();
    }
    let moved = view.moved(path);
    for delta in deltas {
        // Of a script the lock knows no more than the whole.
        let known = view.built.is_some_and(|b| b.hash(path).is_some());
        let status = match moved.unwrap_or_else(|| compare::status(view.built, path, &delta.parts)) {
            Status::Unknown if known && file.syntax == Syntax::Text => Status::Both,
            status => status,
        };
        let impact = if path == COMPOSE {
            consequence::compose(view, &delta, status)
        } else {
            artifacts::entry(view, path, &delta)
        };
        changes.push(change(view, Some(path), delta, impact, status));
    }
}

/// Lines of a text have no names: all that differ are one change, with the lines as its values.
fn lines(deltas: Vec<Delta>) -> Option<Delta> {
    let numbers: Vec<u32> = deltas.iter().flat_map(|d| d.lines.clone()).collect();
    let parts: Vec<_> = deltas.into_iter().flat_map(|d| d.parts).collect();
    if parts.is_empty() {
        return None;
    }
    let text = |has: fn(&compare::Part) -> bool| {
        let own = parts.iter().zip(&numbers).filter(|(part, _)| has(part));
        let mut found: Vec<(u32, &str)> = own
            .filter_map(|((path, ..), line)| Some((*line, key(path, path.0.len().checked_sub(1)?)?)))
            .collect();
        found.sort_unstable();
        let line = found.first()?.0;
        let bare = |text: &'_ str| match text.rsplit_once(" #") {
            // A line that is there twice has a number behind it.
            Some((bare, number)) if number.bytes().all(|b| b.is_ascii_digit()) => bare.to_string(),
            _ if text.starts_with(HIDDEN) => "(a line that is not shown)".into(),
            _ => text.to_string(),
        };
        let texts: Vec<String> = found.iter().map(|(_, text)| bare(text)).collect();
        Some(Entry { value: Value::Plain(texts.join("\n")), line })
    };
    let before = text(|p| p.1.is_some());
    let after = text(|p| p.2.is_some());
    let what = match (&before, &after) {
        (None, Some(_)) => What::Added,
        (Some(_), None) => What::Removed,
        _ => What::Changed,
    };
    // The entry for the whole says no more than the lines do, unless only their order differs.
    let entries = parts.iter().filter(|p| !p.0.0.is_empty()).count().max(1);
    Some(Delta { path: Path::default(), what, before, after, entries, parts, lines: numbers })
}

/// Lines that begin with the name of what they are about.
fn by_first_word(deltas: Vec<Delta>) -> Vec<Delta> {
    let mut names: BTreeMap<String, Delta> = BTreeMap::new();
    for part in deltas.into_iter().flat_map(|d| d.parts) {
        let Some(line) = key(&part.0, 0) else { continue };
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        let delta = names
            .entry(name.to_string())
            .or_insert_with(|| Delta { path: Path(vec![Step::from(name)]), ..whole(What::Changed, 1) });
        let entry = Some(Entry { value: Value::Plain(rest.into()), line: 0 });
        if part.1.is_some() {
            delta.before = entry;
        } else {
            delta.after = entry;
        }
        delta.parts.push(part);
    }
    for delta in names.values_mut() {
        delta.what = match (&delta.before, &delta.after) {
            (None, _) => What::Added,
            (_, None) => What::Removed,
            _ => What::Changed,
        };
    }
    names.into_values().collect()
}

/// Secrets that `.env` lacks. Where there is no such file they come from elsewhere.
fn secrets(view: &View, changes: &mut Vec<Change>) {
    let Some(dotenv) = &view.dotenv else { return };
    for secret in &view.stack.secrets {
        let path = Path(vec![Step::from(&secret.name)]);
        if secret.used_by.is_empty() || dotenv.contains_key(&path) {
            continue;
        }
        let mut delta = whole(What::Added, 1);
        delta.path = path;
        let subject = super::Subject::new(super::SubjectKind::Secret, secret.name.clone());
        let impact = Impact::new(
            subject,
            super::Consequence::Recreate,
            format!(
                "it is not in `.env`, and Compose starts nothing without it; needed by {}",
                secret.used_by.join(", ")
            ),
        );
        let status = match view.built {
            None => Status::Unknown,
            Some(built) => match built.had(".env.example", &delta.path) {
                Some(true) => Status::Drift,
                Some(false) => Status::Undeployed,
                None => Status::Unknown,
            },
        };
        let mut change = change(view, Some(DOTENV), delta, impact, status);
        change.place = Some(secret.place.clone());
        changes.push(change);
    }
}
