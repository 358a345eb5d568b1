//! Two sides of one file, entry by entry: what only one has, and what has another value.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::built::Built;
use crate::deployed::FileEntry;
use crate::finding::{Path, Step};
use crate::outline::{Entry, Value};

use super::{Status, What};

/// What a file says, by path.
pub(super) type Entries = BTreeMap<Path, Entry>;

/// One entry, or one whole part, that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delta {
    pub path: Path,
    pub what: What,
    /// On the server.
    pub before: Option<Entry>,
    /// In the manifest.
    pub after: Option<Entry>,
    /// How many entries it stands for.
    pub entries: usize,
    /// Every entry it stands for, with what the server has and what the manifest wants.
    pub parts: Vec<Part>,
    /// The line of each of them, on the side that has it; the server's if both have.
    pub lines: Vec<u32>,
}

/// Path, value on the server, value in the manifest.
pub(super) type Part = (Path, Option<Value>, Option<Value>);

/// What was read on a server, by path.
pub(super) fn entries(list: &[FileEntry]) -> Entries {
    list.iter()
        .map(|e| {
            let path = Path(e.path.iter().map(Step::from).collect());
            (path, Entry { value: e.value.clone(), line: e.line })
        })
        .collect()
}

/// The way to an entry, as either side keeps it.
#[derive(Clone, Copy)]
enum Keys<'a> {
    There(&'a [String]),
    Wanted(&'a [Step]),
}

impl<'a> Keys<'a> {
    fn len(self) -> usize {
        match self {
            Self::There(keys) => keys.len(),
            Self::Wanted(steps) => steps.len(),
        }
    }

    fn key(self, at: usize) -> Cow<'a, str> {
        match self {
            Self::There(keys) => Cow::Borrowed(&keys[at]),
            Self::Wanted(steps) => match &steps[at] {
                Step::Key(key) => Cow::Borrowed(key),
                Step::Index(index) => Cow::Owned(index.to_string()),
            },
        }
    }

    fn cmp(self, other: Keys) -> Ordering {
        let both = self.len().min(other.len());
        let differ = (0..both).map(|i| self.key(i).cmp(&other.key(i))).find(|o| o.is_ne());
        differ.unwrap_or_else(|| self.len().cmp(&other.len()))
    }

    /// The first steps of it.
    fn first(self, length: usize) -> Self {
        match self {
            Self::There(keys) => Self::There(&keys[..length]),
            Self::Wanted(steps) => Self::Wanted(&steps[..length]),
        }
    }

    fn starts_with(self, start: Keys) -> bool {
        self.len() >= start.len() && self.first(start.len()).cmp(start).is_eq()
    }

    fn path(self) -> Path {
        Path((0..self.len()).map(|i| Step::Key(self.key(i).into_owned())).collect())
    }
}

/// An entry of a side.
struct Item<'a> {
    keys: Keys<'a>,
    value: &'a Value,
    line: u32,
}

impl Item<'_> {
    fn entry(&self) -> Entry {
        Entry { value: self.value.clone(), line: self.line }
    }
}

/// What differs. A part that only one side has is one difference, at its uppermost path of at least `depth` steps.
pub(super) fn compare<'a>(
    there: &'a [FileEntry],
    wanted: impl Iterator<Item = (&'a Path, &'a Entry)>,
    depth: usize,
    same: impl Fn(&Value, &Value) -> bool,
) -> Vec<Delta> {
    // Neither side is copied: of ten thousand services one may differ.
    let there = there.iter().map(|e| Item { keys: Keys::There(&e.path), value: &e.value, line: e.line });
    let wanted = wanted.map(|(p, e)| Item { keys: Keys::Wanted(&p.0), value: &e.value, line: e.line });
    let sorted = |mut items: Vec<Item<'a>>| {
        items.sort_by(|a, b| a.keys.cmp(b.keys));
        items
    };
    let (there, wanted) = (sorted(there.collect()), sorted(wanted.collect()));
    let mut out: Vec<Delta> = Vec::new();
    let (mut i, mut j) = (0, 0);
    loop {
        let (left, right) = (there.get(i), wanted.get(j));
        let order = match (left, right) {
            (Some(left), Some(right)) => left.keys.cmp(right.keys),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        match (order, left, right) {
            (Ordering::Less, Some(left), _) => one_sided(&mut out, left, &wanted, depth, What::Removed),
            (Ordering::Greater, _, Some(right)) => one_sided(&mut out, right, &there, depth, What::Added),
            (Ordering::Equal, Some(left), Some(right))
                if left.value != right.value && !same(left.value, right.value) =>
            {
                let path = left.keys.path();
                out.push(Delta {
                    path: path.clone(),
                    what: What::Changed,
                    before: Some(left.entry()),
                    after: Some(right.entry()),
                    entries: 1,
                    parts: vec![(path, Some(left.value.clone()), Some(right.value.clone()))],
                    lines: vec![left.line],
                });
            }
            _ => {}
        }
        i += usize::from(order.is_le());
        j += usize::from(order.is_ge());
    }
    for delta in out.iter_mut().filter(|d| d.path.0.len() > depth) {
        if let [(path, ..)] = delta.parts.as_slice() {
            delta.path = path.clone();
        }
    }
    out
}

/// Whether nothing of a side lies at or below a path.
fn nothing_below(side: &[Item], path: Keys) -> bool {
    let at = side.partition_point(|item| item.keys.cmp(path).is_lt());
    side.get(at).is_none_or(|item| !item.keys.starts_with(path))
}

/// Adds an entry that the other side has not, to the part before if it belongs there.
fn one_sided(out: &mut Vec<Delta>, item: &Item, other: &[Item], depth: usize, what: What) {
    let (path, value) = (item.keys.path(), Some(item.value.clone()));
    let part = match what {
        What::Added => (path.clone(), None, value),
        _ => (path.clone(), value, None),
    };
    let own = out.iter_mut().rev().take(2).find(|d| d.what == what && path.0.starts_with(&d.path.0));
    if let Some(own) = own.filter(|own| !own.path.0.is_empty()) {
        own.entries += 1;
        own.parts.push(part);
        own.lines.push(item.line);
        // What stands for several has no value of its own.
        (own.before, own.after) = (None, None);
        return;
    }
    let top = (depth.max(1)..item.keys.len()).map(|n| item.keys.first(n)).find(|p| nothing_below(other, *p));
    let (before, after) = match what {
        What::Added => (None, Some(item.entry())),
        _ => (Some(item.entry()), None),
    };
    let path = top.map_or(path, Keys::path);
    out.push(Delta { path, what, before, after, entries: 1, parts: vec![part], lines: vec![item.line] });
}

/// Which side moved since the last build.
pub(super) fn status(built: Option<&Built>, file: &str, parts: &[Part]) -> Status {
    let mut found = None;
    for (path, before, after) in parts {
        let one =
            built.map_or(Status::Unknown, |built| moved(built, file, path, before.as_ref(), after.as_ref()));
        if *found.get_or_insert(one) != one {
            return Status::Both;
        }
    }
    found.unwrap_or(Status::Unknown)
}

/// Which side moved from what the last build said of an entry.
fn moved(built: &Built, file: &str, path: &Path, before: Option<&Value>, after: Option<&Value>) -> Status {
    let is_last = |value: Option<&Value>| match value {
        Some(Value::Plain(text)) => built.said(file, path, text),
        // Whether somebody changed what cannot be shown is not known; that the manifest moved is reason enough.
        Some(Value::Concealed(_)) => built.had(file, path),
        None => built.had(file, path).map(|had| !had),
    };
    match (is_last(before), is_last(after)) {
        (_, Some(true)) => Status::Drift,
        (Some(true), Some(false)) => Status::Undeployed,
        (Some(false), Some(false)) => Status::Both,
        (None, _) | (_, None) => Status::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(text: &str) -> Vec<FileEntry> {
        let keys = |path: Path| path.0.into_iter().map(|s| Keys::Wanted(&[s]).key(0).into_owned()).collect();
        side(text)
            .into_iter()
            .map(|(p, e)| FileEntry { path: keys(p), value: e.value, line: e.line, implied: false })
            .collect()
    }

    fn side(text: &str) -> Entries {
        text.split_whitespace()
            .map(|word| {
                let (path, value) = word.split_once('=').unwrap_or((word, ""));
                let path = Path(path.split('.').map(Step::from).collect());
                (path, Entry { value: Value::Plain(value.into()), line: 1 })
            })
            .collect()
    }

    fn shown(server: &str, wanted: &str) -> Vec<String> {
        compare(&there(server), side(wanted).iter(), 2, |_, _| false)
            .iter()
            .map(|d| format!("{:?} {} {}", d.what, d.path, d.entries))
            .collect()
    }

    #[test]
    fn what_only_one_side_has_is_one_difference() {
        let server = "name=x services.a.image=a services.a.env.X=1 services.b.image=b services.b.env.Y=1";
        assert!(shown(server, server).is_empty());
        let wanted = "name=x services.a.image=c services.a.env.X=1 services.a.env.Z=1 services.c.image=b services.c.env.Y=1";
        assert_eq!(
            shown(server, wanted),
            [
                "Added services.a.env.Z 1",
                "Changed services.a.image 1",
                "Removed services.b 2",
                "Added services.c 2",
            ]
        );
        assert_eq!(shown("", "services.a.x=1 volumes.v.name=x"), ["Added services.a 1", "Added volumes.v 1"]);
    }
}
