//! A document as values with the places they were written at, whatever language it was written in.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::finding::{Path, Step};
use crate::text::Span;

/// A node of one [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// A value and where it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The text of the value; for a block map from its first key to the end of its last value.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// What a value is, by the core schema of YAML 1.2.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// Any other number, also a whole one that needs more than 64 bits.
    Float(f64),
    /// Text.
    Str(Box<str>),
    /// A list.
    Seq(Box<[NodeId]>),
    /// A map in the order it was written; no key comes twice.
    Map(Box<[Entry]>),
}

/// One entry of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Box<str>,
    /// The text of the key, with its quotes.
    pub key_span: Span,
    /// The value.
    pub value: NodeId,
}

/// A document: an arena of nodes. An aliased node is one node that several parents hold.
#[derive(Debug, Clone)]
pub struct Tree {
    nodes: Vec<Node>,
    root: NodeId,
    /// Scalars other than text whose writing says more than their value: `1.10`, `0755`, `0x1F`, `True`.
    raws: HashMap<NodeId, Box<str>>,
    /// What tags of Compose say about merging.
    marks: HashMap<NodeId, Mark>,
}

/// What a tag says about merging a value with one that was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// `!reset`: the value goes, and nothing takes its place.
    Reset,
    /// `!override`: the value replaces the other whole.
    Override,
}

/// What [`Tree::find`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The key of the entry; a list item and the root have none.
    pub key: Option<Span>,
    /// The value.
    pub value: Span,
    /// Whether this is what was asked for; otherwise it is the nearest ancestor that is written.
    pub exact: bool,
}

/// Stands in for the node of an id from another tree.
static NOTHING: Node =
    Node { span: Span { source: crate::text::SourceId(0), start: 0, end: 0 }, kind: Kind::Null };

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: Vec::new(), root: NodeId(0), raws: HashMap::new(), marks: HashMap::new() }
    }
}

impl Tree {
    /// The node everything hangs from.
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node at all.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A node; an id from another tree may give nothing, a null without text.
    pub fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id.0 as usize).unwrap_or(&NOTHING)
    }

    /// The entries of a map; none for everything else.
    pub fn entries(&self, id: NodeId) -> &[Entry] {
        match &self.node(id).kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for everything else.
    pub fn items(&self, id: NodeId) -> &[NodeId] {
        match &self.node(id).kind {
            Kind::Seq(items) => items,
            _ => &[],
        }
    }

    /// The entry of a map with this key.
    pub fn get(&self, id: NodeId, key: &str) -> Option<&Entry> {
        self.entries(id).iter().find(|e| &*e.key == key)
    }

    /// The text of a scalar as it was written: `1.10` and not the number; `None` for null, lists and maps.
    pub fn raw(&self, id: NodeId) -> Option<Cow<'_, str>> {
        if let Some(raw) = self.raws.get(&id) {
            return Some(Cow::Borrowed(raw));
        }
        canonical(&self.node(id).kind)
    }

    /// What a tag says about merging this value.
    pub fn mark(&self, id: NodeId) -> Option<Mark> {
        self.marks.get(&id).copied()
    }

    /// Notes what a tag says.
    pub(crate) fn set_mark(&mut self, id: NodeId, mark: Option<Mark>) {
        if let Some(mark) = mark {
            self.marks.insert(id, mark);
        }
    }

    /// Where a path is written, or the nearest ancestor of it that is.
    pub fn find(&self, path: &Path) -> Found {
        let mut found = Found { key: None, value: self.node(self.root).span, exact: true };
        let mut node = self.root;
        for step in &path.0 {
            let next = match step {
                Step::Key(key) => self.get(node, key).map(|e| (Some(e.key_span), e.value)),
                Step::Index(index) => self.items(node).get(*index).map(|item| (None, *item)),
            };
            let Some((key, value)) = next else {
                return Found { exact: false, ..found };
            };
            node = value;
            found = Found { key, value: self.node(value).span, exact: true };
        }
        found
    }

    /// The path of the innermost entry that a text lies in.
    pub fn at(&self, span: Span) -> Option<Path> {
        let holds =
            |outer: Span| outer.source == span.source && outer.start <= span.start && span.end <= outer.end;
        let mut path = Path::default();
        let mut node = self.root;
        // An alias in what it names would go on for ever.
        for _ in 0..super::DEPTH_LIMIT {
            let entries = self.entries(node).iter();
            let items = self.items(node).iter().enumerate();
            let next = entries
                .filter(|e| holds(e.key_span) || holds(self.node(e.value).span))
                .map(|e| (Step::from(&*e.key), e.value))
                .chain(
                    items.filter(|(_, id)| holds(self.node(**id).span)).map(|(i, id)| (Step::from(i), *id)),
                )
                .next();
            let Some((step, value)) = next else { break };
            path.0.push(step);
            node = value;
        }
        (!path.0.is_empty() || holds(self.node(self.root).span)).then_some(path)
    }

    /// Adds a node.
    pub(crate) fn push(&mut self, span: Span, kind: Kind) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(Node { span, kind });
        id
    }

    /// Adds a scalar that was written as `raw`.
    pub(super) fn push_scalar(&mut self, span: Span, kind: Kind, raw: &str) -> NodeId {
        let kept = canonical(&kind).is_none_or(|text| text == raw) || matches!(kind, Kind::Str(_));
        let id = self.push(span, kind);
        if !kept {
            self.raws.insert(id, raw.into());
        }
        id
    }

    /// Makes a node the root.
    pub(crate) fn set_root(&mut self, id: NodeId) {
        self.root = id;
    }

    /// Takes in all nodes of another tree and returns where its root is now.
    pub(crate) fn absorb(&mut self, other: Tree) -> NodeId {
        let base = self.nodes.len() as u32;
        let moved = |id: NodeId| NodeId(id.0 + base);
        self.raws.extend(other.raws.into_iter().map(|(id, raw)| (moved(id), raw)));
        self.marks.extend(other.marks.into_iter().map(|(id, mark)| (moved(id), mark)));
        self.nodes.extend(other.nodes.into_iter().map(|mut node| {
            match &mut node.kind {
                Kind::Seq(items) => items.iter_mut().for_each(|id| *id = moved(*id)),
                Kind::Map(entries) => entries.iter_mut().for_each(|e| e.value = moved(e.value)),
                _ => {}
            }
            node
        }));
        moved(other.root)
    }
}

/// How a scalar is written when nothing special is meant by the writing.
fn canonical(kind: &Kind) -> Option<Cow<'_, str>> {
    match kind {
        Kind::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        Kind::Int(value) => Some(Cow::Owned(value.to_string())),
        Kind::Float(value) => Some(Cow::Owned(value.to_string())),
        Kind::Str(text) => Some(Cow::Borrowed(text)),
        Kind::Null | Kind::Seq(_) | Kind::Map(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::yaml;
    use crate::text::Sources;

    #[test]
    fn a_node_is_small() {
        assert!(size_of::<Node>() <= 40, "{}", size_of::<Node>());
        assert!(size_of::<Entry>() <= 32, "{}", size_of::<Entry>());
    }

    #[test]
    fn find_gives_the_entry_or_the_nearest_ancestor() {
        let text = "services:\n  odoo:\n    aliases: [a, b]\n    env: {}\n  'a.b': x\n";
        let mut sources = Sources::default();
        let id = sources.add("stack.yaml", text);
        let tree = yaml::read(id, text, &mut Vec::new()).unwrap();
        let at = |steps: &[Step]| {
            let found = tree.find(&Path(steps.to_vec()));
            (found.key.map(|k| sources.slice(k)), sources.slice(found.value), found.exact)
        };
        let key = |k: &str| Step::from(k);
        let odoo = "aliases: [a, b]\n    env: {}";
        assert_eq!(at(&[]), (None, text.trim_end(), true));
        assert_eq!(at(&[key("services"), key("odoo")]), (Some("odoo"), odoo, true));
        assert_eq!(at(&[key("services"), key("odoo"), key("none"), key("x")]), (Some("odoo"), odoo, false));
        let aliases = [key("services"), key("odoo"), key("aliases"), Step::Index(1)];
        assert_eq!(at(&aliases), (None, "b", true));
        assert_eq!(at(&[&aliases[..3], &[Step::Index(7)]].concat()), (Some("aliases"), "[a, b]", false));
        assert_eq!(at(&[key("services"), key("a.b")]), (Some("'a.b'"), "x", true));
    }

    #[test]
    fn a_text_lies_in_an_entry() {
        let text = "a:\n  b: [x, &y {c: d}]\n  e: *y\n";
        let mut sources = Sources::default();
        let id = sources.add("stack.yaml", text);
        let tree = yaml::read(id, text, &mut Vec::new()).unwrap();
        let at = |word: &str| {
            let start = text.find(word).unwrap();
            tree.at(Span::new(id, start, start + word.len())).map(|p| p.to_string())
        };
        for (word, expected) in
            [("b", "a.b"), ("x", "a.b[0]"), ("d", "a.b[1].c"), ("e", "a.e"), ("x, &", "a.b")]
        {
            assert_eq!(at(word).as_deref(), Some(expected), "{word}");
        }
        assert_eq!(tree.at(Span::new(crate::text::SourceId(7), 0, 1)), None);
    }

    #[test]
    fn the_writing_of_a_scalar_is_kept() {
        let text = "[0.60, 1.10, 0755, 0x1F, True, 8069, '1.10', x y, 1e3, ~, 99999999999999999999, -0]";
        let tree = yaml::read(Default::default(), text, &mut Vec::new()).unwrap();
        let raws: Vec<_> = tree.items(tree.root()).iter().map(|i| tree.raw(*i)).collect();
        let expected = [
            "0.60",
            "1.10",
            "0755",
            "0x1F",
            "True",
            "8069",
            "1.10",
            "x y",
            "1e3",
            "",
            "99999999999999999999",
            "-0",
        ];
        for (raw, expected) in raws.iter().zip(expected) {
            assert_eq!(raw.as_deref(), (!expected.is_empty()).then_some(expected));
        }
    }
}
