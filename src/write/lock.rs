//! `stackgen.lock`: which files the last build wrote, their hashes, and hashes of what they said.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Failure, LOCK, is_inside};
use crate::built::{self, Entries, VERSION};
use crate::emit::Artifact;
use crate::outline;

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Lock {
    /// The stack that was built; `None` when there is no lock.
    pub(super) stack: Option<String>,
    /// Hash of each file, by path.
    pub(super) files: BTreeMap<String, String>,
    /// What the files said.
    pub(super) entries: Entries,
    /// The text it was read from.
    pub(super) text: String,
}

#[derive(Serialize, Deserialize)]
struct Written {
    stackgen: u32,
    stack: String,
    files: BTreeMap<String, String>,
    #[serde(default)]
    entries: Entries,
}

impl Lock {
    /// Reads a lock; one that is not there is empty.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let unreadable = |why: String| {
            Failure::new(format!("expected a lock file of stackgen, found {why}: {}", path.display())).help(
                "restore it from version control, or build with `--force` to write all files and the lock anew",
            )
        };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(unreadable("bytes that are no text".into()));
            }
            Err(error) => return Err(Failure::io(format_args!("read {}", path.display()), &error)),
        };
        let written: Written = serde_json::from_str(&text).map_err(|e| unreadable(format!("`{e}`")))?;
        if written.stackgen != 1 {
            return Err(unreadable(format!("version {} of its format", written.stackgen)));
        }
        // Paths of the lock are deleted: it must not be able to name what is not ours.
        if let Some(path) = written.files.keys().find(|p| !is_inside(p) || *p == LOCK) {
            return Err(unreadable(format!("`{path}`, which no build writes")));
        }
        Ok(Self { stack: Some(written.stack), files: written.files, entries: written.entries, text })
    }

    /// Takes in a file that is to be written. What it says is looked up in the last lock if the file is the same.
    pub(super) fn add(&mut self, artifact: &Artifact, old: &Self) {
        let (path, text) = (artifact.path.as_str(), artifact.text.as_str());
        let hash = outline::hash(text.as_bytes());
        let known = old.entries.files.get(path);
        let known = known.filter(|_| old.entries.version == VERSION && old.files.get(path) == Some(&hash));
        // A script is compared as a whole, as is a file that nobody understands.
        let read = || if artifact.executable { None } else { outline::read(path, text).ok() };
        let digest = known.cloned().or_else(|| read().map(|outline| built::digest(&outline)));
        self.entries.version = VERSION;
        self.entries.files.extend(digest.map(|digest| (path.to_string(), digest)));
        self.files.insert(path.to_string(), hash);
    }

    /// Whether the last build wrote these very bytes there.
    pub(super) fn wrote(&self, path: &str, bytes: &[u8]) -> bool {
        self.files.get(path).is_some_and(|known| *known == outline::hash(bytes))
    }

    /// The text of the lock; sorted, so that a merge in version control is easy to read.
    pub(super) fn print(&self) -> String {
        let written = Written {
            stackgen: 1,
            stack: self.stack.clone().unwrap_or_default(),
            files: self.files.clone(),
            entries: self.entries.clone(),
        };
        let mut text = serde_json::to_string_pretty(&written).unwrap_or_default();
        text.push('\n');
        text
    }
}
