//! Findings that were there when lint was adopted: by manifest, rule and subject, never by line.
//!
//! What keeps a manifest from being read is never among them: nothing else could be found in it.

use std::collections::{BTreeMap, HashMap};

use crate::compile::Compiled;
use crate::finding::{Document, Finding, Path, Place, Step};
use crate::format::value::{Map, list};
use crate::format::{decode, read, yaml_print};
use crate::rules::{self, Check};
use crate::text::Sources;

/// Manifest, rule and subject.
type Key = (String, String, String);

/// The entries of a baseline.
#[derive(Default)]
pub struct Baseline {
    /// Where each entry is; the same finding may be there several times.
    entries: BTreeMap<Key, Vec<Path>>,
    /// The file, with what is wrong with it.
    file: Compiled,
}

/// What stands in the file.
type File = crate::manifest::Map<String, crate::manifest::Map<String, Vec<String>>>;

/// Rule and subject of findings, with how often they are there.
pub type Known = HashMap<(String, String), usize>;

/// Rule and subject of every finding of a stack.
pub fn known(compiled: &Compiled) -> Known {
    let mut known = Known::new();
    for finding in &compiled.findings {
        *known.entry((finding.rule.to_string(), compiled.subject(&finding.place))).or_default() += 1;
    }
    known
}

/// Drops the findings that are known, but for those no list can hold.
pub fn subtract(compiled: &mut Compiled, mut known: Known) {
    let findings = std::mem::take(&mut compiled.findings);
    let new = |finding: &Finding| {
        let key = (finding.rule.to_string(), compiled.subject(&finding.place));
        match known.get_mut(&key) {
            Some(left @ 1..) if can_wait(finding) => {
                *left -= 1;
                false
            }
            _ => true,
        }
    };
    compiled.findings = findings.into_iter().filter(new).collect();
}

/// Whether a finding can be in a baseline.
fn can_wait(finding: &Finding) -> bool {
    !rules::is_final(finding)
}

impl Baseline {
    /// Reads a baseline.
    pub fn parse(path: &str, text: &str) -> Self {
        let (mut sources, mut findings) = (Sources::default(), Vec::new());
        let id = sources.add(path, text);
        let tree = read(path, id, text, &mut findings);
        // An empty list prints as a comment alone.
        let empty = tree.as_ref().is_some_and(|t| t.node(t.root()).kind == crate::format::tree::Kind::Null);
        let file: Option<File> = tree.as_ref().filter(|_| !empty).and_then(|tree| {
            decode::decode(tree, tree.root(), Document::Baseline, Path::default(), &mut findings)
        });
        let mut entries: BTreeMap<Key, Vec<Path>> = BTreeMap::new();
        for (manifest, rules) in file.into_iter().flatten() {
            for (rule, subjects) in rules {
                for (i, subject) in subjects.into_iter().enumerate() {
                    let path = Path(vec![Step::from(&manifest), Step::from(&rule), Step::from(i)]);
                    entries.entry((manifest.clone(), rule.clone(), subject)).or_default().push(path);
                }
            }
        }
        Self { entries, file: Compiled::of(sources, Document::Baseline, tree, findings) }
    }

    /// What it lists of a stack.
    pub fn known(&self, manifest: &str) -> Known {
        let own = self.entries.iter().filter(|((of, ..), paths)| of == manifest && !paths.is_empty());
        own.map(|((_, rule, subject), paths)| ((rule.clone(), subject.clone()), paths.len())).collect()
    }

    /// Drops the findings of a stack that are in the baseline; what remains of the entries is stale.
    pub fn apply(&mut self, manifest: &str, compiled: &mut Compiled) {
        let findings = std::mem::take(&mut compiled.findings);
        let new = |finding: &Finding| {
            let key = (manifest.to_string(), finding.rule.to_string(), compiled.subject(&finding.place));
            !can_wait(finding) || self.entries.get_mut(&key).and_then(Vec::pop).is_none()
        };
        compiled.findings = findings.into_iter().filter(new).collect();
    }

    /// What is wrong with the file, and its entries that nothing was found for; `judged` says of manifest and rule
    /// whether that can be known.
    pub fn stale(mut self, judged: impl Fn(&str, &str) -> bool) -> Compiled {
        for ((manifest, rule, subject), paths) in &self.entries {
            // Other stacks of the host may not have been looked at.
            let across = rules::find(rule).is_some_and(|r| matches!(r.check, Check::Host(_)));
            if across || !judged(manifest, rule) {
                continue;
            }
            for path in paths {
                let message = format!("`{rule}` is no longer found at `{subject}` of {manifest}");
                self.file.findings.push(
                    Finding::info(
                        "stale-baseline-entry",
                        Place::value(Document::Baseline, path.clone()),
                        message,
                    )
                    .help("remove the entry, or write the list anew with `stackgen lint --write-baseline`"),
                );
            }
        }
        self.file.settle();
        self.file
    }

    /// Adds every finding of a stack that can wait.
    pub fn add(&mut self, manifest: &str, compiled: &Compiled) {
        for finding in compiled.findings.iter().filter(|f| can_wait(f)) {
            let key = (manifest.to_string(), finding.rule.to_string(), compiled.subject(&finding.place));
            self.entries.entry(key).or_default().push(Path::default());
        }
    }

    /// Forgets the entries of some manifests.
    pub fn forget(&mut self, gone: impl Fn(&str) -> bool) {
        self.entries.retain(|(manifest, _, _), _| !gone(manifest));
    }

    /// What is wrong with the file.
    pub fn faults(&self) -> &Compiled {
        &self.file
    }

    /// How many findings it holds.
    pub fn len(&self) -> usize {
        self.entries.values().map(Vec::len).sum()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of the file, in the order of manifests, rules and subjects.
    pub fn print(&self) -> String {
        let mut files: BTreeMap<&str, BTreeMap<&str, Vec<&String>>> = BTreeMap::new();
        for ((manifest, rule, subject), paths) in &self.entries {
            let subjects = files.entry(manifest).or_default().entry(rule).or_default();
            subjects.extend(std::iter::repeat_n(subject, paths.len()));
        }
        let rules = |rules: BTreeMap<&str, Vec<&String>>| -> Map {
            rules.into_iter().map(|(rule, subjects)| (rule.to_string(), list(subjects))).collect()
        };
        let map: Map = files.into_iter().map(|(file, found)| (file.to_string(), rules(found))).collect();
        let header =
            "Findings that were there when lint was adopted; `stackgen lint --baseline` leaves them out.";
        yaml_print::print(&map.into(), header)
    }
}
