//! Everything one run of `lint` found, as the formats for machines need it.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::compile::Compiled;
use crate::finding::{Finding, Level, Place};
use crate::kinds::BUILT_IN_PATH;
use crate::rules::{self, Rule};
use crate::text::{Position, Span};
use crate::write::Failure;

/// One run.
pub struct Run<'a> {
    /// What was looked at.
    pub stacks: &'a [Compiled],
    /// What could not be read.
    pub failures: &'a [Failure],
    /// The exit status.
    pub status: u8,
    /// The working directory; paths of findings are relative to it.
    pub here: PathBuf,
    /// Root of the repository; code hosts know files by their path below it.
    pub root: PathBuf,
}

/// One finding of a run.
pub struct Item<'a> {
    /// The stack it is in.
    pub compiled: &'a Compiled,
    /// The finding.
    pub finding: &'a Finding,
    /// Id of its rule: `NX003`; the name of a team's.
    pub id: &'static str,
    /// Its rule.
    pub rule: Option<&'static Rule>,
    /// Where it is.
    pub at: Region,
    /// Path of keys it is about, whatever line that is on.
    pub subject: String,
    /// Stays the same while file, rule and subject do.
    pub fingerprint: String,
}

/// A range of a file. Columns count from 1; the end is the first character behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// File as the caller would write it.
    pub path: String,
    /// First character.
    pub start: Position,
    /// First character behind.
    pub end: Position,
    /// Both columns in UTF-16 code units.
    pub utf16: (usize, usize),
}

impl<'a> Run<'a> {
    /// Every finding, in the order of the stacks and texts.
    pub fn items(&self) -> Vec<Item<'a>> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut items = Vec::new();
        for compiled in self.stacks {
            for finding in &compiled.findings {
                let rule = rules::find(finding.rule);
                let id = rule.map_or(finding.rule, |r| r.id);
                let at = region(compiled, &finding.place).unwrap_or_else(|| Region {
                    path: compiled.sources.iter().next().map_or_else(String::new, |(_, s)| s.path.clone()),
                    start: Position { line: 1, column: 1 },
                    end: Position { line: 1, column: 1 },
                    utf16: (1, 1),
                });
                let subject = compiled.subject(&finding.place);
                let fingerprint = self.fingerprint(id, &at.path, &subject, &mut seen);
                items.push(Item { compiled, finding, id, rule, at, subject, fingerprint });
            }
        }
        items
    }

    fn fingerprint(&self, id: &str, path: &str, subject: &str, seen: &mut HashMap<String, usize>) -> String {
        let hash = Sha256::digest(format!("{id}\0{}\0{subject}", self.below_root(path)));
        let hash: String = hash.iter().take(16).map(|b| format!("{b:02x}")).collect();
        // One key can be wrong in several ways.
        let count = seen.entry(hash.clone()).or_default();
        *count += 1;
        format!("{hash}:{count}")
    }

    /// A path as the repository has it: below its root, with slashes.
    pub fn below_root(&self, path: &str) -> String {
        let mut parts: Vec<Component<'_>> = Vec::new();
        let whole = self.here.join(path);
        for part in whole.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir if matches!(parts.last(), Some(Component::Normal(_))) => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        let whole: PathBuf = parts.iter().collect();
        let path = whole.strip_prefix(&self.root).unwrap_or(&whole);
        slashes(path)
    }
}

fn slashes(path: &Path) -> String {
    let text = path.display().to_string();
    if std::path::MAIN_SEPARATOR == '/' { text } else { text.replace('\\', "/") }
}

/// Where a place is; `None` where no file of the caller says it.
pub fn region(compiled: &Compiled, place: &Place) -> Option<Region> {
    let Span { source, start, end } = compiled.span(place)?;
    let source = compiled.sources.get(source);
    if source.path.starts_with(BUILT_IN_PATH) {
        return None;
    }
    let (start, end) = (start as usize, end as usize);
    Some(Region {
        path: source.path.clone(),
        start: source.position(start),
        end: source.position(end),
        utf16: (source.utf16_column(start), source.utf16_column(end)),
    })
}

/// Id and name of a rule; a team's has only a name.
pub fn named(id: &str, rule: &str) -> String {
    if id == rule { rule.to_string() } else { format!("{id} {rule}") }
}

/// Message and help as one text.
pub fn told(finding: &Finding) -> String {
    match &finding.help {
        Some(help) => format!("{}\nhelp: {help}", finding.message),
        None => finding.message.clone(),
    }
}

/// How often each rule found something, the worst and most frequent first.
pub fn counts(stacks: &[Compiled]) -> Vec<(Level, &'static str, &'static str, usize)> {
    let mut counts: HashMap<(Level, &'static str), usize> = HashMap::new();
    for finding in stacks.iter().flat_map(|c| &c.findings) {
        *counts.entry((finding.level, finding.rule)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts
        .into_iter()
        .map(|((level, rule), n)| (level, rules::find(rule).map_or(rule, |r| r.id), rule, n))
        .collect();
    counts.sort_by_key(|(level, id, _, n)| (*level, usize::MAX - n, *id));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_repository() {
        let run =
            Run { stacks: &[], failures: &[], status: 0, here: "/repo/infra".into(), root: "/repo".into() };
        for (path, expected) in [
            ("stacks/a/stack.yaml", "infra/stacks/a/stack.yaml"),
            ("../b/./stack.yaml", "b/stack.yaml"),
            ("/repo/c/stack.yaml", "c/stack.yaml"),
            ("/elsewhere/stack.yaml", "/elsewhere/stack.yaml"),
        ] {
            assert_eq!(run.below_root(path), expected);
        }
    }
}
