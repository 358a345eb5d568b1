//! YAML text as a tree; the only code that names the YAML parser.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span as Marks, StructureStyle, Tag};

use crate::finding::{Finding, Fix, Place};
use crate::text::{SourceId, Span};

use super::tree::{Entry, Kind, Mark, NodeId, Tree};
use super::{DEPTH_LIMIT, SMALLEST, offset, too_deep, unreadable, yaml_faults, yaml_scalars};

/// Most nodes that aliases may stand for: ten lines can stand for billions ("billion laughs").
const ALIAS_LIMIT: u32 = 100_000;

const RULE: &str = "schema-mismatch";

/// Reads a YAML text by the core schema of YAML 1.2.
///
/// Whole numbers beyond 64 bits become floats that keep their writing. `None` when there is no tree to go on
/// with; every reason why, and everything that reads otherwise than it looks, is in `out` in the order of the text.
pub fn read(source: SourceId, text: &str, out: &mut Vec<Finding>) -> Option<Tree> {
    read_as(Dialect::Core, source, text, out)
}

/// Reads a YAML text as programs read it that know merge keys: `<<` is a key like any other, for the caller to follow.
pub fn read_merging(source: SourceId, text: &str, out: &mut Vec<Finding>) -> Option<Tree> {
    read_as(Dialect::Merging, source, text, out)
}

/// Reads a Compose file: by the core schema too, but with merge keys (`<<`), and with the tags `!reset` and `!override`
/// noted in the tree. What reads otherwise by YAML 1.1 is not told: Compose reads 1.2.
pub fn read_compose(source: SourceId, text: &str, out: &mut Vec<Finding>) -> Option<Tree> {
    read_as(Dialect::Compose, source, text, out)
}

/// What a text may hold beyond the core schema.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Core,
    Merging,
    Compose,
}

fn read_as(dialect: Dialect, source: SourceId, text: &str, out: &mut Vec<Finding>) -> Option<Tree> {
    if let Some(finding) = unreadable(source, text) {
        out.push(finding);
        return None;
    }
    let mut reader = Reader {
        dialect,
        source,
        text,
        tree: Tree::default(),
        frames: Vec::new(),
        anchors: HashMap::new(),
        expanded: 0,
        root: None,
        last: (Span::new(source, 0, 0), false),
        findings: Vec::new(),
    };
    let complete = reader.run();
    let Reader { mut tree, root, mut findings, .. } = reader;
    findings.sort_by_key(offset);
    out.append(&mut findings);
    tree.set_root(root.filter(|_| complete)?);
    Some(tree)
}

/// A node with what its expansion costs.
#[derive(Clone, Copy)]
struct Built {
    id: NodeId,
    /// Nodes in it, with those behind aliases counted each time.
    weight: u32,
    /// Levels in it.
    height: usize,
}

/// A list or map being read.
struct Frame {
    start: usize,
    /// Where the last child ended: a block ends there, and not at the next token as the parser has it.
    end: usize,
    flow: bool,
    anchor: usize,
    weight: u32,
    height: usize,
    /// What the tag of the list or map says about merging.
    mark: Option<Mark>,
    kind: FrameKind,
}

enum FrameKind {
    Seq(Vec<NodeId>),
    Map(Vec<Entry>, Key),
}

/// Where in a map the reader stands.
enum Key {
    /// Before a key.
    Awaited,
    /// After a key, before its value.
    Read(Box<str>, Span),
    /// After a key that is refused: the value is read and dropped.
    Refused,
}

struct Reader<'a> {
    dialect: Dialect,
    source: SourceId,
    text: &'a str,
    tree: Tree,
    frames: Vec<Frame>,
    /// What each anchor names; nothing while it is still being read.
    anchors: HashMap<usize, Option<Built>>,
    expanded: u32,
    root: Option<NodeId>,
    /// The last scalar and whether it is a value behind a key: what a syntax error is usually about.
    last: (Span, bool),
    findings: Vec<Finding>,
}

impl Reader<'_> {
    /// Reads to the end; false when the tree cannot be used.
    fn run(&mut self) -> bool {
        let mut options = Options::default();
        options.emit_comments = false;
        options.emit_unresolved_aliases = true;
        options.emit_anchor_events = true;
        // As libyaml has it, and with it Go's and Python's readers.
        options.block_scalar_eof_without_line_feed = true;
        // Our own limit is met first and says so in our words.
        options.flow_nesting_limit = 4096;
        options.block_nesting_limit = 4096;
        let mut documents = 0;
        for event in Parser::new_from_str_with_options(self.text, options) {
            let (event, marks) = match event {
                Ok(event) => event,
                Err(error) => {
                    self.syntax(&error);
                    return false;
                }
            };
            if let Event::DocumentStart(..) = event {
                documents += 1;
                if documents > 1 {
                    let message = "expected one document, found a second one";
                    self.error(
                        self.span(&marks),
                        message,
                        "remove this line and what follows, or make it a file of its own",
                    );
                    break;
                }
            } else if !self.event(event, &marks) {
                self.abandon();
                return false;
            }
        }
        if self.root.is_none_or(|id| self.is_empty_plain(id)) {
            self.error(Span::new(self.source, 0, 0), "expected a map, found an empty file", SMALLEST);
            return false;
        }
        true
    }

    /// Takes one event in; false when reading must stop.
    fn event(&mut self, event: Event<'_>, marks: &Marks) -> bool {
        let span = self.span(marks);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let mark = self.mark(tag.as_deref());
                let forced = mark.is_none() && self.tag(tag.as_deref(), marks, "str");
                self.scalar(text.as_ref(), style, anchor, forced, span, mark);
            }
            Event::SequenceStart(style, anchor, tag) => {
                let mark = self.mark(tag.as_deref());
                if mark.is_none() {
                    self.tag(tag.as_deref(), marks, "seq");
                }
                let kind = FrameKind::Seq(Vec::new());
                return self.open(kind, style, anchor, span, mark);
            }
            Event::MappingStart(style, anchor, tag) => {
                let mark = self.mark(tag.as_deref());
                if mark.is_none() {
                    self.tag(tag.as_deref(), marks, "map");
                }
                let kind = FrameKind::Map(Vec::new(), Key::Awaited);
                return self.open(kind, style, anchor, span, mark);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span.end as usize),
            Event::Alias(anchor) => return self.alias(anchor, span),
            Event::UnresolvedAlias(name) => {
                let message = format!("expected a value, found `*{name}`, which refers to nothing in YAML");
                self.error(
                    span,
                    message,
                    format!("write `\"*{name}\"` if it is text, or set the anchor `&{name}` before"),
                );
                let id = self.tree.push(span, Kind::Str(format!("*{name}").into()));
                self.place(Built { id, weight: 1, height: 0 }, span);
            }
            // The value is nothing but the anchor: `password: &secret` was meant as text.
            Event::Anchor(anchor, name) => {
                let built = self.anchors.get(&anchor).copied().flatten();
                if let Some(Built { id, .. }) = built.filter(|b| self.is_empty_plain(b.id)) {
                    let message = format!("expected a value, found only the anchor `&{name}`");
                    self.error(span, message, format!("write `\"&{name}\"` if it is text"));
                    // Text in its place, or the missing value would be reported once more.
                    self.replace(id, anchor, span, &name);
                }
            }
            _ => {}
        }
        true
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        forced: bool,
        span: Span,
        mark: Option<Mark>,
    ) {
        let plain = style == ScalarStyle::Plain;
        // The parser gives the text `~` to what is not written at all.
        let written = if plain && span.start == span.end { "" } else { text };
        self.last = (span, self.awaits_value());
        if self.awaits_key() {
            self.key(written, plain, anchor, span);
            return;
        }
        let kind = if plain && !forced { yaml_scalars::core(written) } else { Kind::Str(written.into()) };
        let span = match style {
            ScalarStyle::Literal | ScalarStyle::Folded => self.trimmed(span),
            _ if written.is_empty() && plain => self.behind_colon(span),
            _ => span,
        };
        if plain && !forced {
            self.ambiguous(written, false, span);
        }
        let id = if plain { self.tree.push_scalar(span, kind, written) } else { self.tree.push(span, kind) };
        self.tree.set_mark(id, mark);
        let built = Built { id, weight: 1, height: 0 };
        if anchor > 0 {
            self.anchors.insert(anchor, Some(built));
        }
        self.place(built, span);
    }

    fn key(&mut self, text: &str, plain: bool, anchor: usize, span: Span) {
        if anchor > 0 {
            let id = self.tree.push(span, Kind::Str(text.into()));
            self.anchors.insert(anchor, Some(Built { id, weight: 1, height: 0 }));
        }
        if plain && text == "<<" && self.dialect == Dialect::Core {
            let help = "write the keys out, or share one whole map: `key: *name`";
            self.error(span, "expected a key, found the merge key `<<`, which YAML 1.2 does not have", help);
        } else if plain && matches!(yaml_scalars::core(text), Kind::Null) {
            let found = if text.is_empty() { "nothing".to_string() } else { format!("`{text}`") };
            self.error(span, format!("expected a key, found {found}"), "write text before the colon");
        } else {
            if plain {
                self.ambiguous(text, true, span);
            }
            self.set_key(Key::Read(text.into(), span), span);
            return;
        }
        self.set_key(Key::Refused, span);
    }

    fn ambiguous(&mut self, text: &str, key: bool, span: Span) {
        if self.dialect == Dialect::Compose {
            return;
        }
        let Some((here, there)) = yaml_scalars::ambiguous(text) else { return };
        let message = format!("`{text}` is {here} here, but {there} to a reader of YAML 1.1");
        let help = match text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" => format!("write \"{text}\", or `true` if you mean that"),
            "no" | "off" | "n" => format!("write \"{text}\", or `false` if you mean that"),
            _ => format!("write \"{text}\""),
        };
        if self.is_private() {
            let message = "a value that may be a secret reads otherwise in YAML 1.1 than here";
            let finding = Finding::warning("ambiguous-scalar", Place::Text(span), message);
            self.findings.push(finding.help("put it in quotes"));
            return;
        }
        // A number in quotes is text, which not every key takes.
        let (place, fix) = (Place::Text(span), Fix::new(here == "text", format!("write \"{text}\"")));
        let fix = if key { fix.rename(place.clone(), text) } else { fix.set(place.clone(), text) };
        self.findings.push(Finding::warning("ambiguous-scalar", place, message).help(help).fix(fix));
    }

    /// What a tag of Compose says about merging.
    fn mark(&self, tag: Option<&Tag>) -> Option<Mark> {
        match tag?.original().as_ref() {
            _ if self.dialect != Dialect::Compose => None,
            "!reset" => Some(Mark::Reset),
            "!override" => Some(Mark::Override),
            _ => None,
        }
    }

    /// Whether a tag forces text; tags that say no more than the value itself pass, all others are refused.
    fn tag(&mut self, tag: Option<&Tag>, marks: &Marks, honoured: &str) -> bool {
        let Some(tag) = tag else { return false };
        if tag.core_suffix() == Some(honoured) {
            return true;
        }
        let span = marks.tag_span().map_or_else(|| self.span(marks), |span| self.span(&span));
        let written = tag.original();
        let help = format!("remove it, or quote the value if `{written}` is part of the text");
        self.error(span, format!("expected a value without a tag, found the tag `{written}`"), help);
        false
    }

    fn open(
        &mut self,
        kind: FrameKind,
        style: StructureStyle,
        anchor: usize,
        span: Span,
        mark: Option<Mark>,
    ) -> bool {
        if self.frames.len() >= DEPTH_LIMIT {
            self.findings.push(too_deep(span));
            return false;
        }
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        let flow = style == StructureStyle::Flow;
        let (mut start, end) = (span.start as usize, span.end as usize);
        if !flow && matches!(kind, FrameKind::Seq(_)) {
            start = self.at_dash(start);
        }
        self.frames.push(Frame { start, end, flow, anchor, weight: 1, height: 0, mark, kind });
        true
    }

    fn close(&mut self, end: usize) {
        let Some(frame) = self.frames.pop() else { return };
        let end = if frame.flow { end } else { frame.end };
        let span = Span::new(self.source, frame.start, end);
        let kind = match frame.kind {
            FrameKind::Seq(items) => Kind::Seq(items.into()),
            FrameKind::Map(entries, _) => {
                let entries = self.distinct(entries);
                Kind::Map(self.merged(entries).into())
            }
        };
        let id = self.tree.push(span, kind);
        self.tree.set_mark(id, frame.mark);
        let built = Built { id, weight: frame.weight, height: frame.height + 1 };
        if frame.anchor > 0 {
            self.anchors.insert(frame.anchor, Some(built));
        }
        self.place(built, span);
    }

    fn alias(&mut self, anchor: usize, span: Span) -> bool {
        if self.awaits_key() {
            self.error(span, "expected a key, found an alias", "write the key out");
            self.set_key(Key::Refused, span);
            return true;
        }
        let Some(Some(built)) = self.anchors.get(&anchor).copied() else {
            self.error(
                span,
                "expected a value, found an alias inside the value it stands for",
                "write the value out",
            );
            return false;
        };
        self.expanded = self.expanded.saturating_add(built.weight);
        if self.expanded > ALIAS_LIMIT {
            let message = format!(
                "expected aliases for at most {ALIAS_LIMIT} values in all, found more (an alias bomb)"
            );
            self.error(span, message, "write the values out");
            return false;
        }
        if self.frames.len() + built.height > DEPTH_LIMIT {
            self.findings.push(too_deep(span));
            return false;
        }
        self.place(built, span);
        true
    }

    /// Puts a finished node where it belongs; `span` is where it stands, which for an alias is not its own.
    fn place(&mut self, built: Built, span: Span) {
        let Some(frame) = self.frames.last_mut() else {
            self.root.get_or_insert(built.id);
            return;
        };
        frame.weight = frame.weight.saturating_add(built.weight);
        frame.height = frame.height.max(built.height);
        frame.end = frame.end.max(span.end as usize);
        match &mut frame.kind {
            FrameKind::Seq(items) => items.push(built.id),
            FrameKind::Map(entries, state) => match std::mem::replace(state, Key::Awaited) {
                Key::Read(key, key_span) => entries.push(Entry { key, key_span, value: built.id }),
                Key::Refused => {}
                Key::Awaited => {
                    *state = Key::Refused;
                    self.error(
                        span,
                        "expected text as a key, found a list or a map",
                        "write text before the colon",
                    );
                }
            },
        }
    }

    /// The entries without those whose key came before.
    fn distinct(&mut self, mut entries: Vec<Entry>) -> Vec<Entry> {
        // Nearly all maps are small and in order; they need no sorting.
        let doubled = |(i, e): (usize, &Entry)| entries.iter().take(i).any(|before| before.key == e.key);
        if entries.len() <= 16 && !entries.iter().enumerate().any(doubled) {
            return entries;
        }
        let mut order: Vec<usize> = (0..entries.len()).collect();
        let key = |i: &usize| entries.get(*i).map(|e| &e.key);
        order.sort_by(|a, b| key(a).cmp(&key(b)).then(a.cmp(b)));
        let mut doubled = Vec::new();
        let mut first = None;
        for i in order {
            let Some(entry) = entries.get(i) else { continue };
            match first {
                Some((key, first)) if key == &entry.key => {
                    doubled.push(i);
                    self.findings.push(duplicate(&entry.key, entry.key_span, first));
                }
                _ => first = Some((&entry.key, entry.key_span)),
            }
        }
        if !doubled.is_empty() {
            doubled.sort_unstable();
            let mut i = 0..;
            entries.retain(|_| i.next().is_none_or(|i| doubled.binary_search(&i).is_err()));
        }
        entries
    }

    /// The entries with those behind a merge key; what is written in the map itself wins, then what comes first.
    fn merged(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let Some(at) = entries.iter().position(|e| &*e.key == "<<") else { return entries };
        if self.dialect != Dialect::Compose {
            return entries;
        }
        let mut entries = entries;
        let merge = entries.remove(at);
        let mut known: HashSet<Box<str>> = entries.iter().map(|e| e.key.clone()).collect();
        let from = match &self.tree.node(merge.value).kind {
            Kind::Seq(items) => items.to_vec(),
            _ => vec![merge.value],
        };
        for map in from {
            if !matches!(self.tree.node(map).kind, Kind::Map(_)) {
                let span = self.tree.node(map).span;
                self.error(span, "expected a map behind `<<`, found something else", "write `<<: *name`");
                continue;
            }
            for entry in self.tree.entries(map) {
                if known.insert(entry.key.clone()) {
                    entries.push(entry.clone());
                }
            }
        }
        entries
    }

    /// Ends what is open, so that duplicate keys before a fault are told too.
    fn abandon(&mut self) {
        while let Some(frame) = self.frames.pop() {
            if let FrameKind::Map(entries, _) = frame.kind {
                self.distinct(entries);
            }
        }
    }

    fn syntax(&mut self, error: &ScanError) {
        let at = error.marker().byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        let finding = yaml_faults::explain(self.source, self.text, error.kind(), at, self.last);
        self.findings.push(finding);
        self.abandon();
    }

    fn awaits_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { kind: FrameKind::Map(_, Key::Awaited), .. }))
    }

    fn awaits_value(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { kind: FrameKind::Map(_, Key::Read(..)), .. }))
    }

    /// Whether the value being read stands behind a key that says secret.
    fn is_private(&self) -> bool {
        let Some(Frame { kind: FrameKind::Map(_, Key::Read(key, _)), .. }) = self.frames.last() else {
            return false;
        };
        let key = key.to_lowercase();
        ["secret", "password", "token"].iter().any(|word| key.contains(word))
    }

    fn set_key(&mut self, key: Key, span: Span) {
        if let Some(frame) = self.frames.last_mut() {
            frame.end = frame.end.max(span.end as usize);
            if let FrameKind::Map(_, state) = &mut frame.kind {
                *state = key;
            }
        }
    }

    fn is_empty_plain(&self, id: NodeId) -> bool {
        let node = self.tree.node(id);
        matches!(node.kind, Kind::Null) && node.span.start == node.span.end
    }

    /// Puts the text `&name` where a node was just placed.
    fn replace(&mut self, old: NodeId, anchor: usize, span: Span, name: &str) {
        let id = self.tree.push(span, Kind::Str(format!("&{name}").into()));
        self.anchors.insert(anchor, Some(Built { id, weight: 1, height: 0 }));
        let slot = match self.frames.last_mut().map(|f| &mut f.kind) {
            Some(FrameKind::Map(entries, _)) => entries.last_mut().map(|e| &mut e.value),
            Some(FrameKind::Seq(items)) => items.last_mut(),
            None => self.root.as_mut(),
        };
        if let Some(slot) = slot.filter(|slot| **slot == old) {
            *slot = id;
        }
    }

    /// A block scalar without the blank lines around it.
    fn trimmed(&self, span: Span) -> Span {
        let Some(text) = self.text.get(span.range()) else { return span };
        let start = span.start as usize + (text.len() - text.trim_start().len());
        Span::new(self.source, start, start.max(span.start as usize + text.trim_end().len()))
    }

    /// The place right behind the colon, for a value that is not written.
    fn behind_colon(&self, span: Span) -> Span {
        let at = span.start as usize;
        let rest = self.text.get(at..).unwrap_or_default();
        let colon = rest.trim_start_matches([' ', '\t']);
        let at = if colon.starts_with(':') { at + rest.len() - colon.len() + 1 } else { at };
        Span::new(self.source, at, at)
    }

    /// The dash a block list starts with; the parser gives its first item where the list is not indented, which
    /// only the value of a map entry may be.
    fn at_dash(&self, start: usize) -> usize {
        let (Some(before), Some(rest)) = (self.text.get(..start), self.text.get(start..)) else {
            return start;
        };
        let indent = before.rsplit('\n').next().unwrap_or_default();
        if !self.awaits_value() || (rest.starts_with('-') && indent.trim().is_empty()) {
            return start;
        }
        before.trim_end().strip_suffix('-').map_or(start, str::len)
    }

    fn span(&self, marks: &Marks) -> Span {
        let range = marks.byte_range().unwrap_or_default();
        Span::new(self.source, range.start, range.end)
    }

    fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.findings.push(Finding::error(RULE, Place::Text(span), message).help(help));
    }
}

/// The finding for a key that came before.
pub(super) fn duplicate(key: &str, here: Span, first: Span) -> Finding {
    Finding::error(
        "duplicate-key",
        Place::Text(here),
        format!("expected every key once, found `{key}` again"),
    )
    .related(Place::Text(first), "first written here")
    .help("keep one of the two")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Document, Path};
    use crate::format::decode::decode;
    use crate::format::tests::shown;
    use crate::text::Sources;
    use proptest::prelude::*;
    use serde_json::Value;

    fn read_all(text: &str) -> (Sources, Option<Tree>, Vec<Finding>) {
        let mut sources = Sources::default();
        let id = sources.add("stack.yaml", text);
        let mut out = Vec::new();
        let tree = read(id, text, &mut out);
        (sources, tree, out)
    }

    fn json(tree: &Tree) -> Value {
        decode(tree, tree.root(), Document::Manifest, Path::default(), &mut Vec::new()).unwrap()
    }

    /// One fault in a text: what is told, and the help.
    #[test]
    fn every_fault_is_told_once_at_its_place() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/format/yaml_cases.txt");
        let cases = std::fs::read_to_string(path).unwrap();
        let mut all = String::new();
        let mut wrong = Vec::new();
        for case in cases.split("=== ").skip(1).map(|case| format!("=== {case}")) {
            let (head, _) = case.split_once("---8<---\n").unwrap();
            let (_, body) = head.split_once('\n').unwrap();
            let input = body.replace("<TAB>", "\t").replace("<NUL>", "\0");
            let (sources, _, out) = read_all(&input);
            let mut told = format!("{head}---8<---\n");
            for (line, finding) in shown(&sources, &out).iter().zip(&out) {
                told += &format!("{line}\n");
                for related in &finding.related {
                    let Place::Text(span) = related.place else { panic!() };
                    let at = sources.get(span.source).position(span.start as usize);
                    told += &format!("  {at} {}\n", related.text);
                }
                told += &format!("  help: {}\n", finding.help.as_deref().unwrap_or("NONE"));
            }
            told += "\n";
            if told != case {
                wrong.push(told.clone());
            }
            all += &told;
        }
        if std::env::var_os("STACKGEN_BLESS").is_some() {
            std::fs::write(path, &all).unwrap();
        } else {
            assert!(wrong.is_empty(), "set STACKGEN_BLESS=1 if this is right:\n{}", wrong.concat());
        }
    }

    #[test]
    fn deep_nesting_is_found_without_recursion() {
        for deep in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000), "? ".repeat(100_000)]
        {
            let (_, tree, out) = read_all(&deep);
            assert!(tree.is_none());
            let messages: Vec<_> = out.iter().map(|f| f.message.as_str()).collect();
            assert_eq!(messages, ["expected at most 64 levels of nesting, found more"], "{}", &deep[..4]);
        }
        let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(read_all(&nested(64)).1.is_some());
        assert!(read_all(&nested(65)).1.is_none());
        // Aliases deepen a tree too.
        let chain = format!("a: &a {}\nb: [[[*a]]]\n", nested(61));
        assert_eq!(read_all(&chain).2.len(), 1);
        assert_eq!(read_all(&format!("a: &a {}\nb: [[*a]]\n", nested(61))).2.len(), 0);
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_string();
        for i in 1..9 {
            text += &format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(", "));
        }
        let (sources, tree, out) = read_all(&text);
        assert!(tree.is_none());
        assert_eq!(
            shown(&sources, &out),
            ["6:10 error expected aliases for at most 100000 values in all, found more (an alias bomb)"]
        );
    }

    /// What the reference reader and ours make of the same text.
    const DOCUMENTS: &[&str] = &[
        "a: 1\nb: [x, 'y', \"z\\n\"]\nc: {d: e, f: {g: 1.5}}\n",
        "a: |\n  x\n   y\n\n  z\n\nb: >\n  folded\n  text\n\n  more\nc: |-\n  x\nd: |+\n  x\n\ne: >2\n    x\n   y\n",
        "# c\na: # d\n  - 1 # e\n  # f\n  - - x\n    - w\n  -\n    k: v\nb:\n- 1\n- k: v\n  l: w\n",
        "a: &x {k: 1}\nb: *x\nc: [&w z, *w]\n",
        "a:\n  multi line\n  plain text\nb: 'single ''quoted''\n  text'\nc: \"double \\\n  joined \\u00e4 \\\"\"\n",
        "---\na: true\nb: False\nc: null\nd: ~\ne:\nf: ''\n...\n",
        "num: [0, -1, +2, 0x1F, 1.5, -1.5e+3, .5, 9223372036854775807, '1']\n",
        "\"quoted key\": 1\n'k: v': 2\n? explicit\n: 3\nk#: v#x\nurl: http://a:80/x#y\n",
        "[a, b, {c: d}]\n",
        "just text\n",
        "a: {b: , c: [], d: {}}\n",
        "- !!str 1\n- !!map {a: 1}\n- \"\"\n",
        "a: x\u{a0}y\nä: ö 日本\n",
    ];

    #[test]
    fn reads_what_the_reference_reads() {
        for text in DOCUMENTS {
            let (sources, tree, out) = read_all(text);
            assert!(out.is_empty(), "{text}{:?}", shown(&sources, &out));
            let expected: Value = serde_yaml::from_str(text).unwrap();
            assert_eq!(json(&tree.unwrap()), expected, "{text}");
            // Line ends and a mark at the start are no part of a document.
            let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
            let (_, tree, out) = read_all(&windows);
            assert!(out.is_empty(), "{text}{out:?}");
            assert_eq!(json(&tree.unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn spans_cover_what_is_written() {
        let text = "\u{feff}a: ä # c\n\nb: |\n  x\n\n  y\n\n\nc:\n- 1\n- k: v\n\n# end\nd:\n  e: {f: 1}\n\n  g: \nh: [ 1 ]\ni: &q 'z'\n";
        let (sources, tree, _) = read_all(text);
        let tree = tree.unwrap();
        let at = |key: &str| {
            let entry = tree.get(tree.root(), key).unwrap();
            let span = tree.node(entry.value).span;
            assert_eq!(sources.slice(entry.key_span), key);
            (sources.get(span.source).position(span.start as usize).to_string(), sources.slice(span))
        };
        assert_eq!(at("a"), ("1:5".into(), "ä"));
        assert_eq!(at("b"), ("4:3".into(), "x\n\n  y"));
        assert_eq!(at("c"), ("10:1".into(), "- 1\n- k: v"));
        assert_eq!(at("d"), ("15:3".into(), "e: {f: 1}\n\n  g:"));
        assert_eq!(at("h"), ("18:4".into(), "[ 1 ]"));
        assert_eq!(at("i"), ("19:7".into(), "'z'"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn any_text_is_read_or_refused(text in "([ab]: |- |\\[|\\]|\\{|\\}|, |\n|  |\t|'|\"|#|&a |\\*a|!!str |<<: |~|[|]\n|%|---\n|0x1|1_0|é|\\PC){0,30}") {
            let (_, tree, out) = read_all(&text);
            prop_assert!(tree.is_some() || !out.is_empty());
            for finding in &out {
                let Place::Text(span) = finding.place else { panic!() };
                prop_assert!(text.get(span.range()).is_some(), "{:?} in {:?}", finding, text);
            }
            if let Some(tree) = tree {
                json(&tree);
            }
        }
    }
}
