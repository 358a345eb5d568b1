//! Two sides of one file, entry by entry: what only one has, and what has another value.

use std::collections::BTreeMap;
use std::ops::Bound;

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

/// Whether nothing of a side lies at or below a path.
fn nothing_below(side: &Entries, path: &Path) -> bool {
    side.range((Bound::Included(path), Bound::Unbounded))
        .next()
        .is_none_or(|(p, _)| !p.0.starts_with(&path.0))
}

/// What differs. A part that only one side has is one difference, at its uppermost path of at least `depth` steps.
pub(super) fn compare(
    server: &Entries,
    wanted: &Entries,
    depth: usize,
    same: impl Fn(&Path, &Value, &Value) -> bool,
) -> Vec<Delta> {
    let mut out: Vec<Delta> = Vec::new();
    for (path, after) in wanted {
        match server.get(path) {
            Some(before) if before.value == after.value || same(path, &before.value, &after.value) => {}
            Some(before) => out.push(Delta {
                path: path.clone(),
                what: What::Changed,
                before: Some(before.clone()),
                after: Some(after.clone()),
                entries: 1,
                parts: vec![(path.clone(), Some(before.value.clone()), Some(after.value.clone()))],
            }),
            None => one_sided(&mut out, path, after, server, depth, What::Added),
        }
    }
    for (path, before) in server.iter().filter(|(path, _)| !wanted.contains_key(*path)) {
        one_sided(&mut out, path, before, wanted, depth, What::Removed);
    }
    for delta in out.iter_mut().filter(|d| d.path.0.len() > depth) {
        if let [(path, ..)] = delta.parts.as_slice() {
            delta.path = path.clone();
        }
    }
    out.sort_by(|a, b| a.path.cmp(&b.path));
    out
}

/// Adds an entry that the other side has not, to the part before if it belongs there.
fn one_sided(out: &mut Vec<Delta>, path: &Path, entry: &Entry, other: &Entries, depth: usize, what: What) {
    let value = Some(entry.value.clone());
    let part = match what {
        What::Added => (path.clone(), None, value),
        _ => (path.clone(), value, None),
    };
    if let Some(last) = out.last_mut()
        && last.what == what
        && path.0.starts_with(&last.path.0)
    {
        last.entries += 1;
        last.parts.push(part);
        // What stands for several has no value of its own.
        (last.before, last.after) = (None, None);
        return;
    }
    let top = (depth.max(1)..path.0.len())
        .map(|n| Path(path.0[..n].to_vec()))
        .find(|p| nothing_below(other, p))
        .unwrap_or_else(|| path.clone());
    let (before, after) = match what {
        What::Added => (None, Some(entry.clone())),
        _ => (Some(entry.clone()), None),
    };
    out.push(Delta { path: top, what, before, after, entries: 1, parts: vec![part] });
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
        compare(&side(server), &side(wanted), 2, |_, _, _| false)
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
