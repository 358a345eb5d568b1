//! The whole program on one screen: texts in; stack, findings and artifacts out. Pure: no disk, network, clock.

mod settle;

use std::collections::{HashMap, HashSet};

use crate::emit::{Artifact, TARGETS};
use crate::finding::{Document, Finding, Level, Part, Place};
use crate::format::tree::Tree;
use crate::kinds::{Kinds, KindsFile};
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
    /// Files of the `kinds/` folder beside the manifest.
    pub kinds: Vec<KindsFile>,
    /// The day, as `2026-01-31`; decides which accepted findings have expired. Without it none have.
    pub today: Option<String>,
    /// What the team decides for all its stacks.
    pub policy: Policy,
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
    /// Everything that was found, in the order of the texts.
    pub findings: Vec<Finding>,
    /// The files; none if a finding is an error.
    pub artifacts: Vec<Artifact>,
    /// Whether the rules were run: nothing in what was read kept them from it.
    pub judged: bool,
    /// What the stack takes of its host; known once settled.
    pub claims: Option<Claims>,
    /// Texts that may be secrets, whether or not somebody accepted that they are there.
    pub hidden: Vec<Span>,
    /// What the team decides for all its stacks.
    pub policy: Policy,
    /// Where the places of the findings are, once the trees are gone: span and subject.
    places: HashMap<Place, (Option<Span>, String)>,
}

/// Rules whose place is a value that must not be shown.
const SECRETS: &[&str] = &["placeholder-secret", "secret-literal"];

/// Compiles a stack.
pub fn compile(input: Input) -> Compiled {
    let mut compiled = check(input);
    if let Some(stack) = compiled.stack.as_ref().filter(|_| !compiled.failed()) {
        let mut findings = Vec::new();
        compiled.artifacts = TARGETS.iter().flat_map(|t| (t.emit)(stack, &mut findings)).collect();
        compiled.artifacts.sort_by(|a, b| a.path.cmp(&b.path));
        taken(stack, &compiled.artifacts, &mut findings);
        compiled.findings.extend(findings);
        compiled.policy.apply(&mut compiled.findings);
        if compiled.failed() {
            compiled.artifacts.clear();
        }
        compiled.sort();
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
    let mut compiled = Compiled { policy: input.policy, ..Compiled::default() };
    let mut hidden = Vec::new();
    let (sources, out) = (&mut compiled.sources, &mut compiled.findings);
    let base = sources.add(input.manifest.0, input.manifest.1);
    let overlay = input.overlay.map(|(path, text)| sources.add(path, text));
    let parsed = parse(base, overlay, sources, out);
    let mut kinds = Kinds::read(input.kinds, sources, out);
    if let Some(manifest) = parsed.manifest {
        let stack = resolve(&manifest, &mut kinds, sources, out);
        // A stack with holes would set off rules for what is only missing.
        if !out.iter().any(|f| f.level == Level::Error) {
            out.extend(rules::check(&stack));
            compiled.judged = true;
            hidden.extend(out.iter().filter(|f| SECRETS.contains(&f.rule)).map(|f| f.place.clone()));
            rules::apply_allowances(&stack.allowed, input.today.as_deref(), out);
            compiled.policy.apply(out);
        }
        compiled.stack = Some(stack);
    }
    compiled.documents.extend(parsed.tree.map(|tree| (Document::Manifest, tree)));
    compiled
        .documents
        .extend(kinds.into_trees().into_iter().map(|(name, tree)| (Document::Kind(name), tree)));
    compiled.hidden = hidden.iter().filter_map(|place| compiled.span(place)).collect();
    compiled.sort();
    compiled
}

impl Compiled {
    /// What was found in a document that is no stack.
    pub fn of(sources: Sources, document: Document, tree: Option<Tree>, findings: Vec<Finding>) -> Self {
        let documents = tree.into_iter().map(|tree| (document.clone(), tree)).collect();
        let mut compiled = Self { sources, documents, findings, ..Self::default() };
        compiled.sort();
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
            Document::Manifest | Document::Policy | Document::Baseline => String::new(),
        };
        match place {
            Place::At { document, path, .. } => format!("{}{path}", prefix(document)),
            Place::Text(span) => self
                .documents
                .iter()
                .find_map(|(document, tree)| Some(format!("{}{}", prefix(document), tree.at(*span)?)))
                .unwrap_or_default(),
        }
    }

    fn sort(&mut self) {
        let mut findings = std::mem::take(&mut self.findings);
        findings.sort_by_cached_key(|f| (self.span(&f.place), f.level, f.rule, f.message.clone()));
        findings.dedup();
        self.findings = findings;
    }
}
