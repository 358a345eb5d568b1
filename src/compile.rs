//! The whole program on one screen: texts in; stack, findings and artifacts out. Pure: no disk, network, clock.

mod settle;

use std::collections::{HashMap, HashSet};

use crate::emit::{Artifact, TARGETS};
use crate::finding::{Change, Document, Finding, Fix, Level, Part, Path, Place, Step};
use crate::foreign::{self, Folder};
use crate::format::tree::Tree;
use crate::kinds::{BUILT_IN_PATH, Kinds, KindsFile};
use crate::parse::parse;
use crate::policy::Policy;
use crate::resolve::resolve;
use crate::rules::{self, Claims};
use crate::stack::Stack;
use crate::text::{Sources, Span};

/// What is compiled: texts with the paths they are shown under.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// Path and text of the manifest; the path's ending says whether it is TOML.
    pub manifest: (String, String),
    /// Path and text of the overlay.
    pub overlay: Option<(String, String)>,
    /// Path and text of what the team asks of all its stacks.
    pub policy: Option<(String, String)>,
    /// Files of the `kinds/` folder beside the manifest.
    pub kinds: Vec<KindsFile>,
    /// Whether rules of taste are asked too.
    pub pedantic: bool,
    /// The day, as `2026-01-31`; decides which accepted findings have expired. Without it none have.
    pub today: Option<String>,
}

impl Input {
    /// Path and text of every file that a user writes by hand.
    pub fn texts(&self) -> impl Iterator<Item = (&String, &String)> {
        let kinds = self.kinds.iter().map(|k| (&k.path, &k.text));
        let own = std::iter::once(&self.manifest).chain(&self.overlay).chain(&self.policy);
        own.map(|(path, text)| (path, text)).chain(kinds)
    }

    /// The same, to change them.
    pub fn texts_mut(&mut self) -> impl Iterator<Item = (&String, &mut String)> {
        let kinds = self.kinds.iter_mut().map(|k| (&k.path, &mut k.text));
        let own = std::iter::once(&mut self.manifest).chain(&mut self.overlay).chain(&mut self.policy);
        own.map(|(path, text)| (&*path, text)).chain(kinds)
    }
}

/// What came out.
#[derive(Default)]
pub struct Compiled {
    /// Every text that was read.
    pub sources: Sources,
    /// The trees of the texts, by document.
    pub documents: HashMap<Document, Tree>,
    /// The model, as far as the manifest could be read.
    pub stack: Option<Stack>,
    /// What the team asks.
    pub policy: Option<Policy>,
    /// Everything that was found, in the order of the texts.
    pub findings: Vec<Finding>,
    /// The files; none if a finding is an error.
    pub artifacts: Vec<Artifact>,
    /// What could not be seen of a directory without a manifest, and what that kept from being judged; one line each.
    pub unseen: Vec<String>,
    /// Whether the rules were run: nothing in what was read kept them from it.
    pub judged: bool,
    /// What the stack takes of its host; known once settled.
    pub claims: Option<Claims>,
    /// Texts that may be secrets, whether or not somebody accepted that they are there.
    pub hidden: Vec<Span>,
    /// A directory without a manifest, as it is shown.
    folder: Option<String>,
    /// Where the places of the findings are, once the trees are gone: span and subject.
    places: HashMap<Place, (Option<Span>, String)>,
}

/// Reads and checks a directory that has no manifest.
pub fn check_foreign(folder: &dyn Folder, name: &str, pedantic: bool) -> Compiled {
    let mut compiled =
        Compiled { folder: Some(folder.shown("").trim_end_matches('/').to_string()), ..Compiled::default() };
    let mut kinds = Kinds::default();
    let read = foreign::read(folder, name, &mut kinds, &mut compiled.sources, &mut compiled.findings);
    compiled.documents = read.documents;
    let mut hidden = Vec::new();
    if let Some(stack) = read.stack {
        if !compiled.failed() {
            let found = rules::check(&stack, pedantic);
            hidden = secrets(&found);
            compiled.findings.extend(found);
            compiled.judged = true;
        }
        compiled.unseen = read
            .unseen
            .into_iter()
            .map(|(aspect, what)| match rules::needing(aspect) {
                0 => what,
                1 => format!("{what}: 1 rule was not asked"),
                n => format!("{what}: {n} rules were not asked"),
            })
            .collect();
        compiled.stack = Some(stack);
    }
    compiled
        .documents
        .extend(kinds.into_trees().into_iter().map(|(name, tree)| (Document::Kind(name), tree)));
    compiled.hide(&hidden);
    compiled.finish();
    compiled
}

/// Places of values that must not be shown.
fn secrets(findings: &[Finding]) -> Vec<Place> {
    let found = findings.iter().filter(|f| ["placeholder-secret", "secret-literal"].contains(&f.rule));
    found.map(|f| f.place.clone()).collect()
}

/// Compiles a stack.
pub fn compile(input: Input) -> Compiled {
    let mut compiled = check(input);
    if let Some(stack) = compiled.stack.as_ref().filter(|_| !compiled.failed()) {
        let mut findings = Vec::new();
        compiled.artifacts = TARGETS.iter().flat_map(|t| (t.emit)(stack, &mut findings)).collect();
        compiled.artifacts.sort_by(|a, b| a.path.cmp(&b.path));
        taken(stack, &compiled.artifacts, &mut findings);
        if let Some(policy) = &compiled.policy {
            policy.set_levels(&mut findings);
        }
        compiled.findings.extend(findings);
        if compiled.failed() {
            compiled.artifacts.clear();
        }
        compiled.finish();
    }
    compiled
}

/// Services whose directory is that of a target, and kinds that write one file twice: neither may hide the other's.
fn taken(stack: &Stack, artifacts: &[Artifact], out: &mut Vec<Finding>) {
    for service in stack.services.iter().filter(|s| !s.files.is_empty()) {
        let mut own = HashSet::new();
        let directory = format!("{}/", service.name);
        let start = artifacts.partition_point(|a| a.path < directory);
        let there = artifacts[start..].iter().take_while(|a| a.path.starts_with(&directory));
        let twice = service.files.iter().find(|f| !own.insert(f.name.as_str()));
        let message = if let Some(file) = twice {
            format!("`{directory}{}` would be written twice", file.name)
        } else if there.count() > own.len() {
            format!("`{directory}` is also the directory of other files that are written")
        } else {
            continue;
        };
        out.push(
            Finding::error("duplicate-key", service.place.on_key(), message)
                .help("give this service another name, or its kind's files"),
        );
    }
}

/// Reads and checks a stack without writing anything.
pub fn check(input: Input) -> Compiled {
    let mut compiled = Compiled::default();
    let mut hidden = Vec::new();
    let (sources, out) = (&mut compiled.sources, &mut compiled.findings);
    let base = sources.add(input.manifest.0, input.manifest.1);
    let overlay = input.overlay.map(|(path, text)| sources.add(path, text));
    let policy = input.policy.map(|(path, text)| sources.add(path, text));
    let parsed = parse(base, overlay, sources, out);
    let before = out.len();
    let asked = policy.is_some();
    let (policy, demands) = policy.map(|id| Policy::read(id, sources, out)).unwrap_or_default();
    // What is wrong with a policy keeps nobody from seeing what is wrong with a stack.
    let of_policy = out.split_off(before);
    let mut kinds = Kinds::read(input.kinds, sources, out);
    if let Some(manifest) = parsed.manifest {
        let stack = resolve(&manifest, &mut kinds, sources, out);
        // A stack with holes would set off rules for what is only missing.
        if !out.iter().any(|f| f.level == Level::Error) {
            let found = rules::check(&stack, input.pedantic);
            hidden = secrets(&found);
            out.extend(found);
            compiled.judged = true;
            if let Some(policy) = &policy {
                policy.check(&stack, out);
            }
            let own: Vec<&str> = policy.iter().flat_map(Policy::names).collect();
            let own = (policy.is_some() || !asked).then_some(own.as_slice());
            rules::apply_allowances(&stack.allowed, own, input.today.as_deref(), out);
        }
        compiled.stack = Some(stack);
    }
    out.extend(of_policy);
    compiled.documents.extend(demands.map(|tree| (Document::Policy, tree)));
    if let Some(policy) = policy {
        policy.set_levels(out);
        compiled.policy = Some(policy);
    }
    compiled.documents.extend(parsed.tree.map(|tree| (Document::Manifest, tree)));
    compiled
        .documents
        .extend(kinds.into_trees().into_iter().map(|(name, tree)| (Document::Kind(name), tree)));
    compiled.hide(&hidden);
    compiled.finish();
    compiled
}

impl Compiled {
    /// What was found in a document that is no stack.
    pub fn of(sources: Sources, document: Document, tree: Option<Tree>, findings: Vec<Finding>) -> Self {
        let documents = tree.into_iter().map(|tree| (document.clone(), tree)).collect();
        let mut compiled = Self { sources, documents, findings, ..Self::default() };
        compiled.finish();
        compiled
    }

    /// Whether a finding stops the build.
    pub fn failed(&self) -> bool {
        self.findings.iter().any(|f| f.level == Level::Error)
    }

    /// The text a place means: the entry itself, or its nearest ancestor that is written.
    pub fn span(&self, place: &Place) -> Option<Span> {
        if let Some((span, _)) = self.places.get(place) {
            return *span;
        }
        match place {
            Place::Text(span) => Some(*span),
            Place::At { document, path, part } => {
                let found = self.documents.get(document)?.find(path);
                // Of an ancestor only the key is shown: its value may be half the file.
                Some(if *part == Part::Key || !found.exact {
                    found.key.unwrap_or(found.value)
                } else {
                    found.value
                })
            }
        }
    }

    /// What a place is about, whatever line it is on: a path of keys. Empty for a text that could not be read.
    pub fn subject(&self, place: &Place) -> String {
        if let Some((_, subject)) = self.places.get(place) {
            return subject.clone();
        }
        let prefix = |document: &Document| match document {
            Document::Kind(name) => format!("kind {name}: "),
            Document::File(path) => format!("{}: ", self.below(path)),
            Document::Manifest | Document::Compose | Document::Policy | Document::Baseline => String::new(),
        };
        match place {
            Place::At { document, path, .. } => format!("{}{path}", prefix(document)),
            Place::Text(span) => self
                .documents
                .iter()
                .find_map(|(document, tree)| Some(format!("{}{}", prefix(document), tree.at(*span)?)))
                .unwrap_or_else(|| match self.folder {
                    Some(_) => self.below(&self.sources.get(span.source).path).to_string(),
                    None => String::new(),
                }),
        }
    }

    /// The path of a file in its directory without a manifest.
    fn below<'a>(&self, path: &'a str) -> &'a str {
        let folder = self.folder.as_deref().unwrap_or_default();
        path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path)
    }

    /// Whether what a fix changes is there to be changed.
    fn can_be_made(&self, fix: &Fix) -> bool {
        fix.edits.iter().all(|edit| match (&edit.place, &edit.change) {
            (Place::Text(_), _) => true,
            (Place::At { document, path, .. }, change) => {
                let Some(found) = self.documents.get(document).map(|tree| tree.find(path)) else {
                    return false;
                };
                // What is part of the program is no file of anybody's.
                if self.sources.get(found.value.source).path.starts_with(BUILT_IN_PATH) {
                    return false;
                }
                match change {
                    Change::Remove | Change::Rename(_) => found.exact,
                    Change::Set(_) | Change::Append(_) => true,
                }
            }
        })
    }

    /// Where a value comes from that the manifest does not have: `memory`, from kind odoo.
    fn provenance(&self, place: &Place) -> Option<String> {
        let Place::At { document: document @ Document::Manifest, path, .. } = place else { return None };
        let tree = self.documents.get(document)?;
        let written = (0..path.0.len()).rev().find(|n| tree.find(&Path(path.0[..*n].to_vec())).exact)?;
        if tree.find(path).exact {
            return None;
        }
        let missing = Path(path.0[written..].to_vec());
        let service = match path.0.as_slice() {
            [top, Step::Key(name), ..] if *top == Step::from("services") => {
                self.stack.as_ref()?.service(name)
            }
            _ => None,
        };
        Some(match service.and_then(|s| s.kind_of(&path.0[2..])) {
            Some(kind) => format!("`{missing}` is not written here: from kind {kind}"),
            None => format!("`{missing}` is not written here: the default"),
        })
    }

    fn hide(&mut self, places: &[Place]) {
        self.hidden = places.iter().filter_map(|place| self.span(place)).collect();
    }

    /// Adds a policy that was not there when the findings were made: only its levels count.
    pub fn obey(&mut self, (path, text): (String, String)) {
        let id = self.sources.add(path, text);
        let mut faults = Vec::new();
        let (policy, tree) = Policy::read(id, &self.sources, &mut faults);
        self.documents.extend(tree.map(|tree| (Document::Policy, tree)));
        self.findings.extend(faults);
        if let Some(policy) = policy {
            policy.set_levels(&mut self.findings);
            self.policy = Some(policy);
        }
        self.finish();
    }

    /// Says of findings where their values come from, drops fixes that cannot be made, and sorts.
    fn finish(&mut self) {
        let mut findings = std::mem::take(&mut self.findings);
        for finding in &mut findings {
            if finding.label.is_empty()
                && let Some(label) = self.provenance(&finding.place)
            {
                finding.label = label;
            }
            if finding.fix.as_ref().is_some_and(|fix| !self.can_be_made(fix)) {
                finding.fix = None;
            }
        }
        self.findings = findings;
        self.sort();
    }

    fn sort(&mut self) {
        let mut findings = std::mem::take(&mut self.findings);
        findings.sort_by_cached_key(|f| (self.span(&f.place), f.level, f.rule, f.message.clone()));
        findings.dedup();
        self.findings = findings;
    }
}
