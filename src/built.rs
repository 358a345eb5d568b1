//! What the last build said, entry by entry, without its texts: so that a comparison can tell what somebody changed on
//! the server from what the manifest has changed since.
//!
//! `stackgen.lock` keeps for each file the numbers of its entries: 40 bits of a hash of the path and 24 bits of a hash
//! of the value. That is enough to ask whether an entry was there and what it said, and says nothing to who reads it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::finding::{Path, Step};
use crate::outline::hash::Hash;
use crate::outline::{Outline, Value};

/// The way entries are hashed; another one is not understood, as if nothing were known.
pub const VERSION: u32 = 1;

/// What a `stackgen.lock` says.
#[derive(Debug, Clone, Default)]
pub struct Built {
    /// The stack that was built.
    pub stack: String,
    /// Hash of each file, by path: `sha256:` and 64 hexadecimal digits.
    pub files: BTreeMap<String, String>,
    /// Numbers of the entries of each file, sorted.
    entries: BTreeMap<String, Vec<u64>>,
}

/// The part of a lock that is read here.
#[derive(Deserialize)]
struct Written {
    stack: String,
    files: BTreeMap<String, String>,
    #[serde(default)]
    entries: Entries,
}

/// The entries of a lock.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, Deserialize)]
pub struct Entries {
    /// [`VERSION`] of the build that wrote it.
    pub version: u32,
    /// What [`digest`] says of each file, by path.
    pub files: BTreeMap<String, String>,
}

impl Built {
    /// Reads the text of a lock; one of an older release has no entries.
    ///
    /// # Errors
    ///
    /// Why it is no lock.
    pub fn read(text: &str) -> Result<Self, String> {
        let written: Written = serde_json::from_str(text)
            .map_err(|error| format!("expected the text of a stackgen.lock, found `{error}`"))?;
        let known = written.entries.version == VERSION;
        let entries = written.entries.files.into_iter().filter(|_| known);
        let entries = entries.filter_map(|(path, text)| Some((path, numbers(&text)?))).collect();
        Ok(Self { stack: written.stack, files: written.files, entries })
    }

    /// Hash of a file as it was built.
    pub fn hash(&self, file: &str) -> Option<&str> {
        self.files.get(file).map(String::as_str)
    }

    /// Whether a file had an entry; `None` when that is not known. A file that was not built had none.
    pub fn had(&self, file: &str, path: &Path) -> Option<bool> {
        self.find(file, path).map(|found| !found.is_empty())
    }

    /// Whether an entry of a file had this value; `None` when that is not known. An entry that was not there had not.
    pub fn said(&self, file: &str, path: &Path, value: &str) -> Option<bool> {
        let value = of_value(value);
        self.find(file, path).map(|found| found.iter().any(|number| number & VALUE == value))
    }

    /// The numbers of the entries with a path; several only if their hashes happen to be the same.
    fn find(&self, file: &str, path: &Path) -> Option<&[u64]> {
        let Some(numbers) = self.entries.get(file) else {
            return (!self.files.contains_key(file)).then_some(&[]);
        };
        let number = of_path(path);
        let start = numbers.partition_point(|n| n & !VALUE < number);
        let end = numbers.partition_point(|n| n & !VALUE <= number);
        numbers.get(start..end)
    }
}

/// The bits of a number that say what the value was.
const VALUE: u64 = (1 << 24) - 1;

fn of_path(path: &Path) -> u64 {
    let hash = path.0.iter().fold(Hash::default(), |hash, step| match step {
        Step::Key(key) => hash.add(key),
        Step::Index(index) => hash.add(&format!("[{index}]")),
    });
    hash.finish() & !VALUE
}

fn of_value(value: &str) -> u64 {
    Hash::default().add(value).finish() >> 40
}

/// What the lock keeps of a file's entries: their numbers, sorted, eleven digits each.
pub fn digest(outline: &Outline) -> String {
    let value = |value: &Value| match value {
        Value::Plain(text) | Value::Concealed(text) => of_value(text),
    };
    let mut numbers: Vec<u64> =
        outline.entries.iter().map(|(path, entry)| of_path(path) | value(&entry.value)).collect();
    numbers.sort_unstable();
    let mut text = String::with_capacity(numbers.len() * WIDTH);
    for number in numbers {
        text.extend((0..WIDTH).rev().map(|i| DIGITS[(number >> (6 * i)) as usize & 63] as char));
    }
    text
}

/// Digits to base 64, in the order of their bytes.
const DIGITS: &[u8; 64] = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
/// Digits of a number of 64 bits.
const WIDTH: usize = 11;

/// Whether a text is one that [`digest`] may have written.
pub(crate) fn is_digest(text: &str) -> bool {
    numbers(text).is_some()
}

/// The numbers in a text that [`digest`] has written.
fn numbers(text: &str) -> Option<Vec<u64>> {
    let digit = |byte: &u8| DIGITS.binary_search(byte).ok().map(|digit| digit as u64);
    let number = |digits: &[u8]| digits.iter().try_fold(0u64, |n, byte| Some(n << 6 | digit(byte)?));
    let chunks = text.as_bytes().chunks_exact(WIDTH);
    let whole = chunks.remainder().is_empty();
    let mut numbers: Vec<u64> = chunks.map(number).collect::<Option<_>>().filter(|_| whole)?;
    // Somebody may have merged two locks by hand.
    numbers.sort_unstable();
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outline::read;

    fn lock(text: &str, version: u32) -> Built {
        let digest = digest(&read("odoo.conf", text).unwrap());
        Built::read(&format!(
            r#"{{"stackgen": 1, "stack": "s", "files": {{"odoo.conf": "sha256:x", "old": "sha256:y"}},
               "entries": {{"version": {version}, "files": {{"odoo.conf": "{digest}"}}}}}}"#
        ))
        .unwrap()
    }

    #[test]
    fn what_was_there_is_known() {
        let built = lock("[options]\nworkers = 2\nlist_db = False\n", VERSION);
        let path = |key: &str| Path(vec!["options".into(), key.into()]);
        assert_eq!(built.hash("odoo.conf"), Some("sha256:x"));
        assert_eq!(built.had("odoo.conf", &path("workers")), Some(true));
        assert_eq!(built.had("odoo.conf", &path("worker")), Some(false));
        assert_eq!(built.said("odoo.conf", &path("workers"), "2"), Some(true));
        assert_eq!(built.said("odoo.conf", &path("workers"), "3"), Some(false));
        assert_eq!(built.said("odoo.conf", &path("list_db"), "False"), Some(true));
        assert_eq!(built.said("odoo.conf", &path("none"), "False"), Some(false));
        // A file that was not built, and one that was by a build that kept no entries
        assert_eq!(built.had("new", &path("workers")), Some(false));
        assert_eq!(built.had("old", &path("workers")), None);
        assert_eq!(lock("[options]\na = b\n", 99).had("odoo.conf", &path("a")), None);
    }

    #[test]
    fn a_damaged_lock_says_nothing() {
        assert!(Built::read("{").is_err());
        assert!(Built::read(r#"{"stackgen": 1, "stack": "s", "files": {}}"#).is_ok());
        assert_eq!(numbers("abc"), None);
        assert_eq!(numbers("é----------"), None);
        assert_eq!(numbers(""), Some(vec![]));
    }

    #[test]
    fn numbers_come_back() {
        let text = "[options]\n".to_string() + &(0..500).map(|i| format!("k{i} = {i}\n")).collect::<String>();
        let outline = read("odoo.conf", &text).unwrap();
        let numbers = numbers(&digest(&outline)).unwrap();
        assert_eq!(numbers.len(), 500);
        assert!(numbers.is_sorted());
        let built = lock(&text, VERSION);
        assert!(outline.entries.iter().all(|(p, e)| match &e.value {
            Value::Plain(text) => built.said("odoo.conf", p, text) == Some(true),
            Value::Concealed(_) => false,
        }));
    }
}
