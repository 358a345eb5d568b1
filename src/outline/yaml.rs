//! A YAML document as Compose has it before it knows what any key means: merge keys followed, scalars as the texts that
//! the YAML library of Go makes of them.

use std::borrow::Cow;

use super::Lines;
use super::interpolation::canonical;
use crate::finding::{Level, Place};
use crate::format::tree::{Kind, NodeId, Tree};
use crate::format::{Fault, yaml};
use crate::text::SourceId;

/// A value and its line.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) line: u32,
    pub(super) is: Is,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Is {
    Null,
    /// Any scalar, as text; references to variables in one form.
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(super) fn text(line: u32, text: impl Into<String>) -> Self {
        Self { line, is: Is::Text(text.into()) }
    }

    pub(super) fn map(line: u32, entries: Vec<(String, Node)>) -> Self {
        Self { line, is: Is::Map(entries) }
    }

    /// The text of a scalar.
    pub(super) fn as_text(&self) -> Option<&str> {
        if let Is::Text(text) = &self.is { Some(text) } else { None }
    }

    /// The entries of a map.
    pub(super) fn entries(&self) -> &[(String, Node)] {
        if let Is::Map(entries) = &self.is { entries } else { &[] }
    }

    /// The items of a list.
    pub(super) fn items(&self) -> &[Node] {
        if let Is::List(items) = &self.is { items } else { &[] }
    }

    /// The value behind a key of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(k, _)| k == key).map(|(_, node)| node)
    }

    /// The items of a list, or the one value that stands for a list of one.
    pub(super) fn one_or_more(&self) -> &[Node] {
        match &self.is {
            Is::List(items) => items,
            Is::Null => &[],
            _ => std::slice::from_ref(self),
        }
    }
}

/// Reads a document; the first error is the fault.
pub(super) fn read(text: &str) -> Result<Node, Fault> {
    let mut findings = Vec::new();
    let tree = yaml::read_merging(SourceId::default(), text, &mut findings);
    if let Some(finding) = findings.into_iter().find(|f| f.level == Level::Error) {
        let offset = if let Place::Text(span) = finding.place { span.start as usize } else { 0 };
        return Err(Fault::new(offset, finding.message));
    }
    let Some(tree) = tree else { return Err(Fault::new(0, "expected a map, found an empty file")) };
    let reader = Reader { text, tree: &tree, lines: Lines::new(text) };
    Ok(reader.node(tree.root()))
}

struct Reader<'a> {
    text: &'a str,
    tree: &'a Tree,
    lines: Lines,
}

impl Reader<'_> {
    fn node(&self, id: NodeId) -> Node {
        let node = self.tree.node(id);
        let is = match &node.kind {
            Kind::Null => Is::Null,
            Kind::Seq(items) => Is::List(items.iter().map(|item| self.node(*item)).collect()),
            Kind::Map(_) => {
                let mut entries = Vec::new();
                self.entries(id, &mut entries);
                Is::Map(entries)
            }
            Kind::Str(text) => {
                let quoted =
                    self.text.get(node.span.range()).is_some_and(|t| t.starts_with(['"', '\'', '|', '>']));
                Is::Text(if quoted { canonical(text) } else { canonical(&grouped(text)) })
            }
            Kind::Bool(value) => Is::Text(value.to_string()),
            Kind::Int(value) => Is::Text(self.octal(id).unwrap_or(*value).to_string()),
            Kind::Float(value) => Is::Text(float(*value)),
        };
        Node { line: self.lines.of(node.span.start as usize), is }
    }

    /// The entries of a map: its own ones, then those of its merge keys that it does not have. The line of an entry is
    /// that of its key.
    fn entries(&self, id: NodeId, out: &mut Vec<(String, Node)>) {
        for entry in self.tree.entries(id).iter().filter(|e| &*e.key != "<<") {
            if out.iter().all(|(key, _)| *key != *entry.key) {
                let mut node = self.node(entry.value);
                node.line = self.lines.of(entry.key_span.start as usize);
                out.push((entry.key.to_string(), node));
            }
        }
        if let Some(merged) = self.tree.get(id, "<<") {
            match self.tree.items(merged.value) {
                [] => self.entries(merged.value, out),
                several => several.iter().for_each(|map| self.entries(*map, out)),
            }
        }
    }

    /// `0755` is octal to Go, as it was in YAML 1.1.
    fn octal(&self, id: NodeId) -> Option<i64> {
        let raw = self.tree.raw(id)?;
        let (sign, digits) =
            raw.strip_prefix('-').map_or((1, raw.strip_prefix('+').unwrap_or(&raw)), |d| (-1, d));
        let octal = digits.len() > 1 && digits.starts_with('0');
        i64::from_str_radix(digits, 8).ok().filter(|_| octal).map(|n| sign * n)
    }
}

/// `1_000` and `0b11` are numbers to Go, and text by YAML 1.2.
fn grouped(text: &str) -> Cow<'_, str> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+')) {
        return Cow::Borrowed(text);
    }
    let plain = text.replace('_', "");
    let number = match plain.strip_prefix("0b") {
        Some(digits) => i64::from_str_radix(digits, 2).ok(),
        None => plain.parse().ok(),
    };
    number.map_or(Cow::Borrowed(text), |n| Cow::Owned(n.to_string()))
}

/// A float as Go prints it.
fn float(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-4..1e21).contains(&size) || !value.is_finite() {
        return value.to_string();
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => text,
    }
}
