//! What is kept of what was read: nothing that may be a secret, ever.
//!
//! * What the stack's own artifacts say at the same place is plain: they hold no secret.
//! * Else a value is plain only where nobody puts a secret (`open`), and only when it does not look like one. All other
//!   values are fingerprints: equal for equal values, and without the key nothing can be learned from them, not even by
//!   trying passwords.
//! * Keys on the way to a value are kept the same way: in nginx or a script a key may be any text.
//!
//! A fingerprint is `KEY-VALUE`: which key, and HMAC-SHA256 of the value under it, truncated to 64 bits. Two with
//! different keys cannot be compared.

mod open;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::Bound;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::FileEntry;
use crate::emit::Artifact;
use crate::finding::{Path, Step};
use crate::outline::{self, Entry, Outline, Syntax, Value};
use crate::secrecy::looks_secret;

/// What the stack's artifacts say.
#[derive(Debug, Default)]
pub struct Declared {
    artifacts: BTreeMap<String, Said>,
    /// Whether a file that is there byte for byte is kept without what it says.
    pub(super) brief: bool,
}

/// What one artifact says, understood when somebody asks.
#[derive(Debug)]
struct Said {
    text: String,
    hash: String,
    outline: OnceCell<Option<Outline>>,
}

impl Declared {
    /// Takes the artifacts of a stack.
    pub fn new(artifacts: &[Artifact]) -> Self {
        let said = |artifact: &Artifact| {
            let hash = outline::hash(artifact.text.as_bytes());
            (artifact.path.clone(), Said { text: artifact.text.clone(), hash, outline: OnceCell::new() })
        };
        Self { artifacts: artifacts.iter().map(said).collect(), brief: false }
    }

    /// The same, for a comparison with these very artifacts: what a file says that is there byte for byte is left out.
    pub fn brief(artifacts: &[Artifact]) -> Self {
        Self { brief: true, ..Self::new(artifacts) }
    }

    /// What an artifact says; `None` for what is none, or cannot be understood.
    pub fn outline(&self, path: &str) -> Option<&Outline> {
        let said = self.artifacts.get(path)?;
        said.outline.get_or_init(|| outline::read(path, &said.text).ok()).as_ref()
    }

    /// SHA-256 of an artifact, as in `stackgen.lock`.
    pub fn hash(&self, path: &str) -> Option<&str> {
        self.artifacts.get(path).map(|said| said.hash.as_str())
    }

    /// Paths of the artifacts.
    pub fn paths(&self) -> impl Iterator<Item = &String> {
        self.artifacts.keys()
    }
}

/// Fewest bytes of a key that somebody brings.
pub const SHORTEST_KEY: usize = 16;

/// What a name that cannot be shown starts with.
pub const HIDDEN: &str = "concealed:";

/// Makes fingerprints, and decides what needs one.
pub struct Concealer {
    mac: Hmac<Sha256>,
    /// Tells keys apart.
    id: String,
}

impl Concealer {
    /// With a key of its own: fingerprints are comparable within one reading.
    ///
    /// # Errors
    ///
    /// The system has no random bytes to give.
    pub fn new() -> Result<Self, String> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|e| format!("cannot make a key for fingerprints: {e}"))?;
        Self::with_key(&key)
    }

    /// With a key that is used again: fingerprints are comparable wherever it was used.
    ///
    /// # Errors
    ///
    /// A key shorter than [`SHORTEST_KEY`].
    pub fn with_key(key: &[u8]) -> Result<Self, String> {
        if key.len() < SHORTEST_KEY {
            let found = key.len();
            return Err(format!("expected a key of at least {SHORTEST_KEY} bytes, found {found}"));
        }
        let mac = Hmac::new_from_slice(key).map_err(|e| e.to_string())?;
        let mut concealer = Self { mac, id: String::new() };
        concealer.id = concealer.digest("name of the key", "", 2);
        Ok(concealer)
    }

    /// The first bytes of the keyed hash, in hexadecimal. `purpose` keeps one kind of hash from saying something of another.
    fn digest(&self, purpose: &str, text: &str, bytes: usize) -> String {
        let mut mac = self.mac.clone();
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().iter().take(bytes).fold(String::new(), |mut out, byte| {
            // Writing to a String cannot fail.
            let _ = write!(out, "{byte:02x}");
            out
        })
    }

    /// The fingerprint of a value.
    pub fn fingerprint(&self, text: &str) -> String {
        format!("{}-{}", self.id, self.digest("value", text, 8))
    }

    /// A name that somebody gave something; one that looks like a secret is concealed.
    pub fn name(&self, text: &str) -> String {
        if looks_secret(text) { self.hidden(text) } else { text.to_string() }
    }

    /// A reference to an image.
    pub fn image(&self, text: &str) -> String {
        if open::is_image(text) { text.to_string() } else { self.hidden(text) }
    }

    /// What stands in a path or a name for what cannot be shown.
    fn hidden(&self, text: &str) -> String {
        format!("{HIDDEN}{}", self.fingerprint(text))
    }

    /// What a file says, as it is kept. `path` is its name, which `declared` knows it by.
    pub fn file(&self, path: &str, outline: &Outline, declared: Option<&Outline>) -> Vec<FileEntry> {
        let scope =
            Scope { file: path, syntax: outline.syntax, declared, filled: None, raw: None, at: Vec::new() };
        self.entries(&scope, &outline.entries)
    }

    /// Entries of any kind, as they are kept.
    pub(super) fn entries(&self, scope: &Scope<'_>, entries: &BTreeMap<Path, Entry>) -> Vec<FileEntry> {
        let mut paths = BTreeSet::new();
        let mut out = Vec::new();
        for (path, entry) in entries {
            let Value::Plain(text) = &entry.value else { continue };
            let value = match scope.says(path, text) {
                Some(known) => Value::Plain(known.to_string()),
                None if scope.is_open(&scope.full(path), text) => Value::Plain(text.clone()),
                None => Value::Concealed(self.fingerprint(text)),
            };
            let path = self.path(scope, path);
            // Two that are concealed alike are one.
            let hides = path.iter().any(|step| step.starts_with(HIDDEN));
            if !hides || paths.insert(path.clone()) {
                out.push(FileEntry { path, value, line: entry.line, implied: false });
            }
        }
        out
    }

    fn path(&self, scope: &Scope<'_>, path: &Path) -> Vec<String> {
        let mut out = Vec::with_capacity(path.0.len());
        let (full, start) = (scope.full(path), scope.at.len());
        let known = scope.known_steps(&full);
        for (i, step) in path.0.iter().enumerate() {
            let is_plain = || i < known || open::is_step(scope.file, scope.syntax, &full, start + i);
            out.push(match step {
                Step::Index(index) => index.to_string(),
                Step::Key(key) if is_plain() => key.clone(),
                Step::Key(key) => self.hidden(key),
            });
        }
        out
    }
}

/// Whether two values are the same, if that can be told.
pub fn same(a: &Value, b: &Value) -> Option<bool> {
    match (a, b) {
        (Value::Concealed(a), Value::Concealed(b)) => {
            let key = |text: &str| text.split_once('-').map(|(key, _)| key.to_string());
            (key(a) == key(b)).then(|| a == b)
        }
        (Value::Plain(a), Value::Plain(b)) => Some(a == b),
        _ => None,
    }
}

/// Where entries stand, and what is known of that place.
pub(super) struct Scope<'a> {
    pub(super) file: &'a str,
    pub(super) syntax: Syntax,
    /// What the artifact says.
    pub(super) declared: Option<&'a Outline>,
    /// The same with its references filled in.
    pub(super) filled: Option<&'a Outline>,
    /// The entries without the escapes of references.
    pub(super) raw: Option<&'a Outline>,
    /// Where in the artifact the entries stand.
    pub(super) at: Vec<Step>,
}

impl<'a> Scope<'a> {
    fn full<'p>(&self, path: &'p Path) -> Cow<'p, Path> {
        if self.at.is_empty() {
            return Cow::Borrowed(path);
        }
        Cow::Owned(Path(self.at.iter().chain(&path.0).cloned().collect()))
    }

    /// What the artifact has there, if it comes to the same.
    fn says(&self, path: &Path, text: &str) -> Option<&'a str> {
        // Whatever is in .env may be a secret.
        if self.file == ".env" {
            return None;
        }
        let full = self.full(path);
        let Value::Plain(known) = &self.declared?.entries.get(&full)?.value else { return None };
        if known == text {
            return Some(known);
        }
        // A reference, and what it comes to with the values of .env is what runs.
        let (filled, raw) = (self.filled?.entries.get(&full)?, self.raw?.entries.get(path)?);
        (known.contains("${") && filled.value == raw.value).then_some(known)
    }

    /// How many steps behind [`Scope::at`] of a full path the artifact has, too.
    fn known_steps(&self, full: &Path) -> usize {
        let Some(declared) = self.declared.filter(|_| self.file != ".env") else { return 0 };
        // As nearly all are.
        if declared.entries.contains_key(full) {
            return full.0.len().saturating_sub(self.at.len());
        }
        let is_known = |steps: &[Step]| {
            let from = Path(steps.to_vec());
            let next = declared.entries.range((Bound::Included(&from), Bound::Unbounded)).next();
            next.is_some_and(|(p, _)| p.0.starts_with(steps))
        };
        let start = self.at.len();
        (1..=full.0.len() - start).rev().find(|n| is_known(&full.0[..start + n])).unwrap_or(0)
    }

    fn is_open(&self, path: &Path, text: &str) -> bool {
        text.is_empty() && self.file != ".env" || open::is_value(self.file, self.syntax, path, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_compare_within_a_key_only() {
        let (a, b) = (Concealer::new().unwrap(), Concealer::with_key(&[7; 16]).unwrap());
        let value = |c: &Concealer, text: &str| Value::Concealed(c.fingerprint(text));
        assert_eq!(same(&value(&a, "x"), &value(&a, "x")), Some(true));
        assert_eq!(same(&value(&a, "x"), &value(&a, "y")), Some(false));
        assert_eq!(same(&value(&a, "x"), &value(&b, "x")), None);
        assert_eq!(same(&value(&a, "x"), &Value::Plain("x".into())), None);
        assert_eq!(b.fingerprint("x"), Concealer::with_key(&[7; 16]).unwrap().fingerprint("x"));
        assert_eq!(b.fingerprint("x").len(), 4 + 1 + 16);
        assert!(Concealer::with_key(b"short").is_err());
    }
}
