//! Changes the text of a YAML or TOML document and leaves everything else in it as it stands.
//!
//! Every change is a few splices. They are worked out from spans, so they can go wrong where a document is written in
//! a way nobody thought of; [`apply`] therefore reads the new text and refuses it unless it says what was meant.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde_json::{Map, Value as Json};

use crate::finding::{Change, Level, Part, Path, Step};
use crate::text::{SourceId, Span};

use super::data::Data;
use super::tree::{Entry, Kind, NodeId, Tree};
use super::{is_visible, read, yaml_print};

/// A part of a text and what takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    /// The bytes that go.
    pub range: Range<usize>,
    /// What comes.
    pub text: String,
}

/// A change, worked out for one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// What is changed.
    pub path: Path,
    /// How.
    pub change: Change,
    /// What that does to the text.
    pub splices: Vec<Splice>,
}

/// The text with all changes made, each worked out by [`make`].
///
/// `None` where two changes meet, or the result does not say what the changes mean.
pub fn apply(name: &str, text: &str, tree: &Tree, changes: &[&Made]) -> Option<String> {
    let mut all: Vec<&Splice> = changes.iter().flat_map(|c| &c.splices).collect();
    all.sort_by_key(|s| (s.range.start, s.range.end));
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for splice in all {
        out.push_str(text.get(at..splice.range.start)?);
        out.push_str(&splice.text);
        at = splice.range.end;
    }
    out.push_str(text.get(at..)?);
    let mut meant = Data::of(tree, tree.root());
    let made = changes.iter().all(|c| meant.change(&c.path.0, &c.change));
    meant.sweep();
    let mut faults = Vec::new();
    let new = read(name, SourceId::default(), &out, &mut faults)?;
    let sound = faults.iter().all(|f| f.level != Level::Error);
    (made && sound && Data::of(&new, new.root()) == meant).then_some(out)
}

/// Where every key and value of a tree stands, by its bytes.
pub fn places(tree: &Tree) -> HashMap<(u32, u32), (Path, Part)> {
    let mut found = HashMap::new();
    let mut seen = HashSet::new();
    let mut open = vec![(tree.root(), Path::default())];
    while let Some((id, path)) = open.pop() {
        // What stands behind an alias is where it was first written.
        if !seen.insert(id) {
            continue;
        }
        let key = |span: Span| (span.start, span.end);
        found.insert(key(tree.node(id).span), (path.clone(), Part::Value));
        for entry in tree.entries(id).iter().rev() {
            let path = path.join(&*entry.key);
            found.insert(key(entry.key_span), (path.clone(), Part::Key));
            open.push((entry.value, path));
        }
        let items = tree.items(id).iter().enumerate().rev();
        open.extend(items.map(|(i, item)| (*item, path.join(i))));
    }
    found
}

/// What a change does to a text; `None` where that cannot be said. The name's ending says whether it is TOML.
pub fn make(name: &str, text: &str, tree: &Tree, path: Path, change: Change) -> Option<Made> {
    let splices = splices(name, text, tree, &path, &change)?;
    Some(Made { path, change, splices })
}

fn splices(name: &str, text: &str, tree: &Tree, path: &Path, change: &Change) -> Option<Vec<Splice>> {
    let toml = name.to_ascii_lowercase().ends_with(".toml");
    let newline = if text.find('\n').is_some_and(|i| text[..i].ends_with('\r')) { "\r\n" } else { "\n" };
    let editor = Editor { toml, text, tree, newline };
    let mut node = tree.root();
    let mut above = Vec::new();
    for (depth, step) in path.0.iter().enumerate() {
        let next = match step {
            Step::Key(key) => tree.entries(node).iter().position(|e| *e.key == **key),
            Step::Index(i) => Some(*i).filter(|i| *i < tree.items(node).len()),
        };
        let Some(i) = next else {
            let Step::Key(key) = step else { return None };
            return editor.insert(&above, node, key, wrapped(&path.0[depth + 1..], change)?);
        };
        above.push((node, i));
        node = match &tree.node(node).kind {
            Kind::Map(entries) => entries.get(i)?.value,
            Kind::Seq(items) => *items.get(i)?,
            _ => return None,
        };
    }
    match change {
        Change::Set(value) => editor.replace(&above, node, value),
        Change::Rename(new) => editor.rename(&above, new),
        Change::Remove => editor.remove(&above),
        Change::Append(value) => editor.append(&above, node, value),
    }
}

/// The value of an entry that is not written yet.
fn wrapped(rest: &[Step], change: &Change) -> Option<Json> {
    let innermost = match change {
        Change::Set(value) => value.clone(),
        Change::Append(value) => Json::Array(vec![value.clone()]),
        Change::Rename(_) | Change::Remove => return None,
    };
    rest.iter().rev().try_fold(innermost, |inner, step| match step {
        Step::Key(key) => Some(Json::Object(Map::from_iter([(key.clone(), inner)]))),
        Step::Index(_) => None,
    })
}

/// The nodes above one, outermost first, each with the position below it.
type Above = [(NodeId, usize)];

struct Editor<'a> {
    toml: bool,
    text: &'a str,
    tree: &'a Tree,
    newline: &'static str,
}

fn one(range: Range<usize>, text: impl Into<String>) -> Vec<Splice> {
    vec![Splice { range, text: text.into() }]
}

impl Editor<'_> {
    fn range(&self, id: NodeId) -> Range<usize> {
        self.tree.node(id).span.range()
    }

    fn slice(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    /// The start of the line a byte is on.
    fn line(&self, at: usize) -> usize {
        let start = self.slice(0..at).rfind('\n').map_or(0, |i| i + 1);
        if start == 0 && self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8().min(at) } else { start }
    }

    /// The end of the line a byte is on, before its line break.
    fn eol(&self, at: usize) -> usize {
        let rest = self.slice(at..self.text.len());
        let line = rest.split('\n').next().unwrap_or_default();
        at + line.strip_suffix('\r').unwrap_or(line).len()
    }

    /// The start of the line below the one a byte is on.
    fn below(&self, at: usize) -> usize {
        self.slice(at..self.text.len()).find('\n').map_or(self.text.len(), |i| at + i + 1)
    }

    /// Whether only blanks stand before a byte on its line.
    fn opens_line(&self, at: usize) -> bool {
        self.slice(self.line(at)..at).trim().is_empty()
    }

    /// Whether a list or map is written between brackets.
    fn is_flow(&self, id: NodeId) -> bool {
        let start = self.range(id).start;
        let text = self.slice(start..self.text.len());
        match self.tree.node(id).kind {
            Kind::Map(_) => text.starts_with('{'),
            // The header of a TOML table in a list opens its line; a list opens no line of a table.
            Kind::Seq(_) => text.starts_with('[') && !(self.toml && self.is_header(start)),
            _ => false,
        }
    }

    /// Whether a byte is in the header of a TOML table.
    fn is_header(&self, at: usize) -> bool {
        let line = self.slice(self.line(at)..self.eol(at)).trim_start();
        line.starts_with('[') && !line.split(['"', '\'']).next().unwrap_or_default().contains([',', '='])
    }

    fn in_flow(&self, above: &Above) -> bool {
        above.iter().any(|(id, _)| self.is_flow(*id))
    }

    fn entry(&self, above: &Above) -> Option<&Entry> {
        let (parent, i) = above.last()?;
        self.tree.entries(*parent).get(*i)
    }

    // What is written.

    fn key(&self, key: &str) -> String {
        let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if self.toml {
            if !key.is_empty() && key.chars().all(bare) {
                key.to_string()
            } else {
                Json::from(key).to_string()
            }
        } else {
            self.text_value(key)
        }
    }

    fn pair(&self, key: &str, value: &Json) -> Option<String> {
        let sign = if self.toml { " =" } else { ":" };
        Some(format!("{}{sign} {}", self.key(key), self.value(value)?))
    }

    /// A text on one line, without quotes where YAML needs none even between brackets.
    fn text_value(&self, text: &str) -> String {
        if self.toml {
            return Json::from(text).to_string();
        }
        let mut out = String::new();
        let plain = yaml_print::is_plain(text) && !text.contains([',', '[', ']', '{', '}']);
        yaml_print::push_text(&mut out, text, !plain);
        out
    }

    /// A value on one line; TOML has no null.
    fn value(&self, value: &Json) -> Option<String> {
        Some(match value {
            Json::Null if self.toml => return None,
            Json::Null | Json::Bool(_) | Json::Number(_) => value.to_string(),
            Json::String(text) => self.text_value(text),
            Json::Array(items) => {
                let items: Option<Vec<_>> = items.iter().map(|i| self.value(i)).collect();
                format!("[{}]", items?.join(", "))
            }
            Json::Object(map) if map.is_empty() => "{}".to_string(),
            Json::Object(map) => {
                let pairs: Option<Vec<_>> = map.iter().map(|(k, v)| self.pair(k, v)).collect();
                format!("{{ {} }}", pairs?.join(", "))
            }
        })
    }

    /// A text in the quotes of what it replaces.
    fn styled(&self, old: &str, text: &str) -> String {
        let single = text.chars().all(|c| c != '\'' && is_visible(c));
        if old.starts_with('\'') && single {
            return format!("'{text}'");
        }
        if old.starts_with('"') && !self.toml {
            let mut out = String::new();
            yaml_print::push_quoted(&mut out, text);
            return out;
        }
        self.text_value(text)
    }

    // What is changed.

    fn replace(&self, above: &Above, node: NodeId, value: &Json) -> Option<Vec<Splice>> {
        let range = self.range(node);
        let old = self.slice(range.clone());
        if matches!(self.tree.node(node).kind, Kind::Map(_) | Kind::Seq(_)) {
            return self.is_flow(node).then(|| self.value(value)).flatten().map(|new| one(range, new));
        }
        let before = match self.entry(above) {
            Some(entry) => entry.key_span.range().end,
            None => self.line(range.start),
        };
        // An alias: what it stands for is written elsewhere.
        let lead = self.text.get(before..range.start)?;
        if !self.toml && lead.contains('\n') && lead.contains(['|', '>']) {
            let Json::String(new) = value else { return None };
            let indent = self.slice(self.line(range.start)..range.start).to_string();
            let lines: Vec<&str> = new.trim_end_matches('\n').split('\n').collect();
            return Some(one(range, lines.join(&format!("{}{indent}", self.newline))));
        }
        let new = match value {
            Json::String(text) => self.styled(old, text),
            value => self.value(value)?,
        };
        let gap = if old.is_empty() && !lead.ends_with(' ') { " " } else { "" };
        Some(one(range, format!("{gap}{new}")))
    }

    fn rename(&self, above: &Above, new: &str) -> Option<Vec<Splice>> {
        let range = self.entry(above)?.key_span.range();
        let old = self.slice(range.clone());
        let quoted = old.starts_with(['"', '\'']);
        Some(one(range, if quoted { self.styled(old, new) } else { self.key(new) }))
    }

    /// Adds an entry to a map.
    fn insert(&self, above: &Above, map: NodeId, key: &str, value: Json) -> Option<Vec<Splice>> {
        if !matches!(self.tree.node(map).kind, Kind::Map(_)) {
            return None;
        }
        let pair = self.pair(key, &value)?;
        if self.is_flow(map) {
            return self.flow_insert(map, &pair, " ");
        }
        let entries = self.tree.entries(map);
        if !self.toml {
            // As far in as its first key, which may stand behind a dash.
            let first = entries.first()?.key_span.range().start;
            let indent: String = self
                .slice(self.line(first)..first)
                .chars()
                .map(|c| if c == '\t' { c } else { ' ' })
                .collect();
            return Some(self.line_after(self.range(map).end, &format!("{indent}{pair}")));
        }
        // Behind the last `key = value` of the table, with the same dotted beginning; else behind its header.
        let leaf = |e: &&Entry| {
            let at = e.key_span.range();
            let rest = self.slice(at.end..self.eol(at.end)).trim_start();
            rest.starts_with('=') && !self.is_header(at.start)
        };
        if let Some(last) = entries.iter().rfind(leaf) {
            let start = last.key_span.range().start;
            let line = format!("{}{pair}", self.slice(self.line(start)..start));
            return Some(self.line_after(self.range(last.value).end, &line));
        }
        let header = match self.entry(above) {
            Some(entry) => entry.key_span.range().end,
            None => self.range(map).end,
        };
        let closes = self.slice(header..self.eol(header)).trim_start().starts_with(']');
        let item = self.entry(above).is_none() && self.is_header(self.range(map).start);
        (item || closes && self.is_header(header)).then(|| self.line_after(header, &pair))
    }

    /// Adds an item to a list.
    fn append(&self, above: &Above, list: NodeId, value: &Json) -> Option<Vec<Splice>> {
        if !matches!(self.tree.node(list).kind, Kind::Seq(_)) {
            return None;
        }
        let range = self.range(list);
        if self.is_flow(list) {
            return self.flow_insert(list, &self.value(value)?, "");
        }
        if !self.toml {
            let indent = self.slice(self.line(range.start)..range.start);
            return (indent.trim().is_empty() && !self.in_flow(above))
                .then(|| self.value(value))
                .flatten()
                .map(|new| self.line_after(range.end, &format!("{indent}- {new}")));
        }
        // One more table under the header of the last.
        let last = *self.tree.items(list).last()?;
        let start = self.line(self.range(last).start);
        let header = self.slice(start..self.eol(start)).split('#').next().unwrap_or_default().trim_end();
        let pairs: Option<Vec<_>> = value.as_object()?.iter().map(|(k, v)| self.pair(k, v)).collect();
        let lines = std::iter::once(header.to_string()).chain(pairs?).collect::<Vec<_>>();
        let end = self.section(start);
        let text = format!("{}{}", self.newline, lines.join(self.newline));
        Some(self.line_after(self.eol(end), &text))
    }

    /// A new line below the one a byte is on.
    fn line_after(&self, at: usize, line: &str) -> Vec<Splice> {
        let (end, next) = (self.eol(at), self.below(at));
        if next > end && self.text.get(..next).is_some_and(|t| t.ends_with('\n')) {
            // At the start of the next line, so that the one above may go in the same breath.
            one(next..next, format!("{line}{}", self.newline))
        } else {
            one(end..end, format!("{}{line}", self.newline))
        }
    }

    fn remove(&self, above: &Above) -> Option<Vec<Splice>> {
        let ((parent, i), outer) = above.split_last()?;
        let (parent, i) = (*parent, *i);
        if self.is_flow(parent) {
            return self.flow_remove(parent, i);
        }
        let count = self.tree.entries(parent).len() + self.tree.items(parent).len();
        if self.toml {
            return self.remove_toml(parent, i);
        }
        if count == 1 {
            let empty = if matches!(self.tree.node(parent).kind, Kind::Seq(_)) { "[]" } else { "{}" };
            let range = self.range(parent);
            let Some(entry) = self.entry(outer) else { return Some(one(range, empty)) };
            let start = entry.key_span.range().end;
            let lead = self.text.get(start..range.start)?;
            return (lead.trim() == ":").then(|| one(start..range.end, format!(": {empty}")));
        }
        match &self.tree.node(parent).kind {
            Kind::Seq(_) => {
                let dash = *self.dashes(parent)?.get(i)?;
                let item = self.range(*self.tree.items(parent).get(i)?);
                let end = if item.start > dash { item.end } else { dash };
                let end = if i + 1 == count { self.range(parent).end } else { end };
                self.opens_line(dash).then(|| self.lines(dash, end))
            }
            Kind::Map(entries) => {
                let start = entries.get(i)?.key_span.range().start;
                let next = entries.get(i + 1).map(|e| e.key_span.range().start);
                let end = if next.is_none() { self.range(parent).end } else { self.end(entries.get(i)?)? };
                if self.opens_line(start) {
                    return Some(self.lines(start, end));
                }
                // The first entry of a list item shares its line with the dash; the next one moves up.
                let next = next?;
                (!self.slice(end..next).contains('#')).then(|| one(start..next, ""))
            }
            _ => None,
        }
    }

    fn remove_toml(&self, parent: NodeId, i: usize) -> Option<Vec<Splice>> {
        let at = match &self.tree.node(parent).kind {
            Kind::Seq(items) => self.range(*items.get(i)?).start,
            Kind::Map(entries) => entries.get(i)?.key_span.range().start,
            _ => return None,
        };
        if self.is_header(at) {
            return Some(self.lines(at, self.section(at)));
        }
        let entry = self.tree.entries(parent).get(i)?;
        Some(self.lines(at, self.range(entry.value).end))
    }

    /// Where the last `key = value` of the TOML table ends whose header is at a byte.
    fn section(&self, header: usize) -> usize {
        let (mut end, mut at) = (header, self.below(header));
        while at < self.text.len() {
            let line = self.slice(at..self.eol(at)).trim_start();
            if line.starts_with('[') {
                break;
            }
            if !line.is_empty() && !line.starts_with('#') {
                end = at;
            }
            at = self.below(at);
        }
        end
    }

    /// The dash of each item of a block list.
    fn dashes(&self, list: NodeId) -> Option<Vec<usize>> {
        let range = self.range(list);
        let column = range.start - self.line(range.start);
        let mut found = vec![range.start];
        let mut at = self.below(range.start);
        while at < range.end {
            if self.slice(at..at + column).bytes().all(|b| b == b' ')
                && self.slice(at + column..self.text.len()).starts_with('-')
            {
                found.push(at + column);
            }
            at = self.below(at);
        }
        (found.len() == self.tree.items(list).len()).then_some(found)
    }

    /// Where an entry ends: its value, or the alias that stands for it.
    fn end(&self, entry: &Entry) -> Option<usize> {
        let (key, value) = (entry.key_span.range(), self.range(entry.value));
        if value.start >= key.end {
            return Some(value.end);
        }
        let rest = self.slice(key.end..self.text.len());
        let star = rest.find('*').filter(|i| rest[..*i].trim() == ":")?;
        let length = rest[star..].find([' ', '\n', '\r', '\t', ',', '}', ']']).unwrap_or(rest.len() - star);
        Some(key.end + star + length)
    }

    /// Takes out whole lines, and one of two blank lines that would meet.
    fn lines(&self, first: usize, last: usize) -> Vec<Splice> {
        let (mut start, mut end) = (self.line(first), self.below(last));
        let blank = |at: usize| self.slice(at..self.eol(at)).trim().is_empty();
        let above = (start > 0).then(|| self.line(start - 1)).filter(|at| *at < start && blank(*at));
        if end == self.text.len() {
            // Nothing follows: the line break before it ends the text.
            if !self.text.ends_with('\n') {
                start = start.min(self.slice(0..start).trim_end_matches(['\n', '\r']).len());
            } else if let Some(above) = above {
                start = above;
            }
        } else if (above.is_some() || start == 0) && blank(end) {
            end = self.below(end);
        }
        one(start..end, "")
    }

    // Between brackets.

    /// Where each child of a flow list or map stands; `None` if one cannot be told.
    fn children(&self, id: NodeId) -> Option<Vec<Range<usize>>> {
        let own = self.range(id);
        let ranges: Vec<Range<usize>> = match &self.tree.node(id).kind {
            Kind::Map(entries) => {
                entries.iter().map(|e| Some(e.key_span.range().start..self.end(e)?)).collect::<Option<_>>()?
            }
            Kind::Seq(items) => items.iter().map(|i| self.range(*i)).collect(),
            _ => return None,
        };
        let in_order = ranges.windows(2).all(|w| matches!(w, [a, b] if a.end <= b.start));
        let inside = ranges.iter().all(|r| own.start < r.start && r.end < own.end);
        (in_order && inside).then_some(ranges)
    }

    fn flow_insert(&self, id: NodeId, piece: &str, pad: &str) -> Option<Vec<Splice>> {
        let own = self.range(id);
        let close = own.end.checked_sub(1)?;
        let children = self.children(id)?;
        let Some(last) = children.last() else {
            let inner = own.start + 1..close;
            return self
                .text
                .get(inner.clone())?
                .trim()
                .is_empty()
                .then(|| one(inner, format!("{pad}{piece}{pad}")));
        };
        let eol = self.eol(last.end);
        // One to a line: so is the new one.
        if self.opens_line(last.start) && eol < close {
            let comma = self.slice(last.end..eol).trim_start().starts_with(',');
            let indent = self.slice(self.line(last.start)..last.start);
            let line = format!("{}{indent}{piece}", self.newline);
            return Some(if comma {
                one(eol..eol, format!("{line},"))
            } else {
                vec![
                    Splice { range: last.end..last.end, text: ",".into() },
                    Splice { range: eol..eol, text: line },
                ]
            });
        }
        Some(one(last.end..last.end, format!(", {piece}")))
    }

    fn flow_remove(&self, id: NodeId, i: usize) -> Option<Vec<Splice>> {
        let own = self.range(id);
        let children = self.children(id)?;
        let child = children.get(i)?.clone();
        let clear = |range: Range<usize>| (!self.slice(range.clone()).contains('#')).then(|| one(range, ""));
        let eol = self.eol(child.end);
        // Alone on its lines, it goes with them.
        let rest = self.slice(child.end..eol).trim_start();
        let rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        if children.len() > 1 && self.opens_line(child.start) && (rest.is_empty() || rest.starts_with('#')) {
            return Some(self.lines(child.start, child.end));
        }
        match (children.get(i + 1), i.checked_sub(1).and_then(|i| children.get(i))) {
            (Some(next), _) => clear(child.start..next.start),
            (None, Some(before)) => clear(before.end..child.end),
            (None, None) => {
                let inner = own.start + 1..own.end.checked_sub(1)?;
                let rest = [self.slice(inner.start..child.start), self.slice(child.end..inner.end)].concat();
                (!rest.contains('#')).then(|| one(inner, ""))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Sources;
    use proptest::prelude::*;
    use serde_json::json;

    /// A path, a change, and what becomes of which text by it; nothing where it is refused.
    type Case = (&'static str, Change, &'static [(&'static str, &'static str)]);

    /// The text after a change at a path such as `a.b[0]`; `-` where it is refused.
    fn changed(name: &str, text: &str, path: &str, change: Change) -> String {
        let mut sources = Sources::default();
        let id = sources.add(name, text);
        let mut faults = Vec::new();
        let tree = read(name, id, text, &mut faults).unwrap_or_else(|| panic!("{faults:?}"));
        let steps = path.split('.').flat_map(|part| {
            let (key, index) = part.split_once('[').map_or((part, None), |(k, i)| (k, Some(i)));
            let index = index.and_then(|i| i.trim_end_matches(']').parse().ok()).map(Step::Index);
            std::iter::once(Step::from(key)).chain(index)
        });
        let path = Path(steps.collect());
        let new = make(name, text, &tree, path, change).and_then(|made| apply(name, text, &tree, &[&made]));
        new.unwrap_or_else(|| "-".into())
    }

    fn set(value: Json) -> Change {
        Change::Set(value)
    }

    const YAML: &str = "\
# top
a: 1      # one
'b': \"two\" # two
m:
  # above x
  x: plain
  y: 'single'   # y

  z: |  # lines
    one
    two

f: { k: v, l: [1, 2], n: { o: p } }   # flow
w: {
  q: 1, # q
  r: 2
}
v:
  - n: 1
    o: 2
  # between
  - n: 3 # three
e: &e { k: 1 }
s: *e
last: [
  x,
]
";

    #[test]
    fn yaml() {
        let gone = || Change::Remove;
        let cases: &[Case] = &[
            ("a", set(json!("2GiB")), &[("a: 1 ", "a: 2GiB ")]),
            ("a", set(json!("no")), &[("a: 1 ", "a: \"no\" ")]),
            ("b", set(json!("t\"o")), &[("\"two\"", "\"t\\\"o\"")]),
            ("m.y", set(json!("new")), &[("'single'", "'new'")]),
            ("m.y", set(json!("it's")), &[("'single'", "\"it's\"")]),
            ("m.x", set(json!({"secret": "X"})), &[("x: plain", "x: { secret: X }")]),
            ("m.z", set(json!("one\nthree\n")), &[("    two\n", "    three\n")]),
            ("m.new", set(json!(true)), &[("    two\n", "    two\n  new: true\n")]),
            ("m.deep.er", set(json!([1])), &[("    two\n", "    two\n  deep: { er: [1] }\n")]),
            ("m.x", gone(), &[("  x: plain\n", "")]),
            ("m.z", gone(), &[("\n  z: |  # lines\n    one\n    two\n", "")]),
            ("m.y", Change::Rename("why not".into()), &[("  y:", "  why not:")]),
            ("b", Change::Rename("c".into()), &[("'b'", "'c'")]),
            ("m.y", Change::Rename("x".into()), &[]),
            ("f.k", gone(), &[("k: v, ", "")]),
            ("f.n", gone(), &[(", n: { o: p }", "")]),
            ("f.n.o", gone(), &[("{ o: p }", "{}")]),
            ("f.n.new", set(json!("a, b")), &[("o: p", "o: p, new: \"a, b\"")]),
            ("f.l", Change::Append(json!(3)), &[("1, 2", "1, 2, 3")]),
            ("f.l[0]", gone(), &[("1, 2", "2")]),
            ("w.q", gone(), &[("  q: 1, # q\n", "")]),
            ("w.r", gone(), &[("  r: 2\n", "")]),
            ("w.new", set(json!(3)), &[("r: 2\n", "r: 2,\n  new: 3\n")]),
            ("v", Change::Append(json!({"num": 4})), &[("# three\n", "# three\n  - { num: 4 }\n")]),
            ("v[0]", gone(), &[("  - n: 1\n    o: 2\n", "")]),
            ("v[1]", gone(), &[("  - n: 3 # three\n", "")]),
            ("v[0].n", gone(), &[("- n: 1\n    o: 2", "- o: 2")]),
            ("v[0].p", set(json!("x")), &[("    o: 2\n", "    o: 2\n    p: x\n")]),
            // What is behind an alias is somebody else's too.
            ("s.k", set(json!(2)), &[]),
            ("e.k", set(json!(2)), &[]),
            ("s", gone(), &[("s: *e\n", "")]),
            ("last", Change::Append(json!("u")), &[("  x,\n", "  x,\n  u,\n")]),
            ("a.b", set(json!(1)), &[]),
            ("new", set(json!(1)), &[("  x,\n]\n", "  x,\n]\nnew: 1\n")]),
        ];
        for (path, change, replaced) in cases {
            let mut expected = YAML.to_string();
            for (old, new) in *replaced {
                assert_eq!(expected.matches(old).count(), 1, "{old}");
                expected = expected.replace(old, new);
            }
            if replaced.is_empty() {
                expected = "-".into();
            }
            assert_eq!(changed("a.yaml", YAML, path, change.clone()), expected, "{path} {change:?}");
            if !replaced.is_empty() {
                // As an editor on Windows writes it.
                let windows = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n"));
                let new = changed("a.yaml", &windows(YAML), path, change.clone());
                assert_eq!(new, windows(&expected), "{path} {change:?}");
            }
        }
    }

    #[test]
    fn the_first_and_the_last() {
        let gone = || Change::Remove;
        for (text, path, change, expected) in [
            ("a: 1\nb: 2", "b", gone(), "a: 1"),
            ("a: 1\nb: 2", "c", set(json!(3)), "a: 1\nb: 2\nc: 3"),
            ("a: 1\n\nb: 2\n\nc: 3\n", "b", gone(), "a: 1\n\nc: 3\n"),
            ("a: 1\n\nb: 2\n", "b", gone(), "a: 1\n"),
            ("a:\n  b: 1\nc: 2\n", "a.b", gone(), "a: {}\nc: 2\n"),
            ("a:\n  # why\n  b: 1\n", "a.b", gone(), "-"),
            ("a:\n- b\n", "a[0]", gone(), "a: []\n"),
            ("a:\n- b\n- c\n", "a[0]", gone(), "a:\n- c\n"),
            ("a:\n- b\n- c\n", "a", Change::Append(json!("d")), "a:\n- b\n- c\n- d\n"),
            ("a: {}\n", "a.b", set(json!(1)), "a: { b: 1 }\n"),
            ("a: []\n", "a", Change::Append(json!(1)), "a: [1]\n"),
            ("a:\nb: 1\n", "a", set(json!(1)), "a: 1\nb: 1\n"),
            ("a: 1\n", "l", Change::Append(json!({"p": 1})), "a: 1\nl: [{ p: 1 }]\n"),
            ("a: yes\n", "a", set(json!("yes")), "a: \"yes\"\n"),
            ("on: 1\n", "on", Change::Rename("on".into()), "\"on\": 1\n"),
            ("{a: 1, b: 2}", "c", set(json!(3)), "{a: 1, b: 2, c: 3}"),
        ] {
            assert_eq!(changed("a.yaml", text, path, change), expected, "{text}");
        }
    }

    const TOML: &str = "\
# top
a = 1 # one
'b' = 'two'

[s.o] # head
k = \"x\" # x
d.e = 1
f = { g = 1, h = [1, 2] }

# above env
[s.o.env]
X = \"1\"
# below

[[allow]]
rule = \"x\"

# second
[[allow]] # why
rule = \"y\"
l = [
  1,
  2, # two
]
";

    #[test]
    fn toml() {
        let gone = || Change::Remove;
        let cases: &[Case] = &[
            ("a", set(json!("x")), &[("a = 1 ", "a = \"x\" ")]),
            ("b", set(json!("x")), &[("'two'", "'x'")]),
            ("s.o.k", set(json!("it's")), &[("\"x\" # x", "\"it's\" # x")]),
            ("s.o.k", gone(), &[("k = \"x\" # x\n", "")]),
            ("s.o.d.e", gone(), &[]),
            ("s.o.d.n", set(json!(true)), &[("d.e = 1\n", "d.e = 1\nd.n = true\n")]),
            ("s.o.new", set(json!({"y": "z"})), &[("[1, 2] }\n", "[1, 2] }\nnew = { y = \"z\" }\n")]),
            ("s.o.f.g", gone(), &[("g = 1, ", "")]),
            ("s.o.f.new", set(json!(1)), &[("[1, 2] }", "[1, 2], new = 1 }")]),
            ("s.o.f.h", Change::Append(json!(3)), &[("[1, 2]", "[1, 2, 3]")]),
            ("s.o.env.X", Change::Rename("Y".into()), &[("X =", "Y =")]),
            ("s.o.env.Z", set(json!(1)), &[("X = \"1\"\n", "X = \"1\"\nZ = 1\n")]),
            ("s.o.env", gone(), &[("[s.o.env]\nX = \"1\"\n", "")]),
            ("s.o", Change::Rename("p".into()), &[]),
            ("allow[0]", gone(), &[("[[allow]]\nrule = \"x\"\n\n", "")]),
            ("allow[1].l[1]", gone(), &[("  2, # two\n", "")]),
            ("allow[1].l", Change::Append(json!(3)), &[("  2, # two\n", "  2, # two\n  3,\n")]),
            ("allow", Change::Append(json!({"rule": "z"})), &[("]\n", "]\n\n[[allow]]\nrule = \"z\"\n")]),
        ];
        for (path, change, replaced) in cases {
            let mut expected = TOML.to_string();
            for (old, new) in *replaced {
                let at = if path == &"allow" { expected.rfind(old) } else { expected.find(old) };
                let at = at.unwrap_or_else(|| panic!("{old}"));
                expected.replace_range(at..at + old.len(), new);
            }
            if replaced.is_empty() {
                expected = "-".into();
            }
            assert_eq!(changed("a.toml", TOML, path, change.clone()), expected, "{path} {change:?}");
            if !replaced.is_empty() {
                let new = changed("a.toml", &TOML.replace('\n', "\r\n"), path, change.clone());
                assert_eq!(new, expected.replace('\n', "\r\n"), "{path} {change:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        /// However a text is written: each change is made as it is meant, or not at all, and nothing panics.
        #[test]
        fn any_text_can_be_tried(
            yaml in "([a-c]: |- |  |\n|\r\n|\\{|\\}|\\[|\\]|, |'x'|\"y\"|é|1|# c|&a |\\*a|\\||>-|\u{feff}){1,40}",
            toml in "([a-c] = |\\[[a-c]\\]\n|\\[\\[[a-c]\\]\\]\n|[a-c]\\.| |\n|\r\n|\\{|\\}|\\[|\\]|, |'x'|\"y\"|1|# c){1,40}",
        ) {
            for (name, text) in [("a.yaml", &yaml), ("a.toml", &toml)] {
                let Some(tree) = read(name, SourceId::default(), text, &mut Vec::new()) else { continue };
                for path in places(&tree).into_values().map(|(path, _)| path).chain([Path(vec!["new".into()])]) {
                    for change in [
                        Change::Remove,
                        Change::Rename("z".into()),
                        Change::Set(json!({ "k": ["v", 1] })),
                        Change::Set(json!("é: 'x'\n")),
                        Change::Append(json!({ "k": true })),
                    ] {
                        let made = make(name, text, &tree, path.clone(), change);
                        let _ = made.and_then(|made| apply(name, text, &tree, &[&made]));
                    }
                }
            }
        }
    }
}
