//! Differences for people, programs, pull requests and annotations.
//!
//! What comes from a server is hostile until it is cleaned: no escape sequence, markup or command in it survives.

pub mod github;
pub mod json;
pub mod markdown;
pub mod text;

use crate::compile::Compiled;
use crate::diff::{Change, Diff, Status, What};
use crate::finding::Place;
use crate::outline::Value;

use super::{clean, count};

/// Characters of a value that are shown.
const LONGEST: usize = 120;

/// A value on one line, without anything that a terminal would follow.
fn value(value: &Value) -> String {
    match value {
        Value::Plain(text) => shortened(text),
        Value::Concealed(print) => {
            let print: String = print.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
            format!("(secret {print})")
        }
    }
}

fn shortened(text: &str) -> String {
    if text.is_empty() {
        return "\"\"".into();
    }
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    clean(&short).into_owned()
}

/// Where in a deployed file, or in what runs, a change is.
fn at(change: &Change) -> String {
    let mut out = change.file.as_deref().map(|f| clean(f).into_owned()).unwrap_or_default();
    if let Some(line) = change.line {
        out.push_str(&format!(":{line}"));
    }
    out
}

/// The entry without what its group says already.
fn entry(change: &Change) -> String {
    let path = &change.path;
    let skip = match change.file.as_deref() {
        Some(crate::emit::compose::FILE) | None => path.0.len().min(2),
        _ => 0,
    };
    let rest = crate::finding::Path(path.0[skip..].to_vec()).to_string();
    if rest.is_empty() && (skip > 0 || change.file.is_none()) {
        return format!("the {}", change.subject.kind.word());
    }
    let name = match &change.file {
        Some(file) if rest.is_empty() => clean(file).into_owned(),
        _ => rest,
    };
    match change.entries {
        0 | 1 => name,
        several => format!("{name} ({several} entries)"),
    }
}

/// The sign of what deploying does.
fn sign(change: &Change) -> char {
    match (change.status, change.what) {
        (Status::Undeclared, _) => '?',
        (_, What::Added) => '+',
        (_, What::Removed) => '-',
        (_, What::Changed) => '~',
        (_, What::State) => '!',
    }
}

/// Path, line and column of a place, as the caller would write it.
fn position(compiled: &Compiled, place: &Place) -> Option<(String, usize, usize)> {
    let span = compiled.span(place)?;
    let source = compiled.sources.get(span.source);
    let at = source.position(span.start as usize);
    Some((source.path.clone(), at.line, at.column))
}

/// `1 destructive, 2 undeployed`; empty when nothing differs.
fn counts(diff: &Diff) -> String {
    let s = diff.summary();
    let all = [
        (s.destructive, "destructive"),
        (s.undeployed, "undeployed"),
        (s.drift, "drift"),
        (s.both, "moved on both sides"),
        (s.unknown, "of unknown origin"),
        (s.undeclared, "undeclared"),
    ];
    all.into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Changes by what they are about, in the order of the worst.
fn groups(diff: &Diff) -> Vec<(&crate::diff::Subject, Vec<&Change>)> {
    let mut index = std::collections::HashMap::new();
    let mut groups: Vec<(&crate::diff::Subject, Vec<&Change>)> = Vec::new();
    for change in &diff.changes {
        let at = *index.entry(&change.subject).or_insert_with(|| {
            groups.push((&change.subject, Vec::new()));
            groups.len() - 1
        });
        if let Some((_, list)) = groups.get_mut(at) {
            list.push(change);
        }
    }
    groups
}

/// Names of a list, the first few of them.
fn some(names: &[String], most: usize) -> String {
    let mut shown: Vec<String> = names.iter().take(most).map(|n| clean(n).into_owned()).collect();
    if names.len() > most {
        shown.push(format!("and {} more", names.len() - most));
    }
    shown.join(", ")
}
