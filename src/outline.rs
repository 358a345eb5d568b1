//! What a file says, path by path, without how it is written: the form in which two files are compared.
//!
//! Reordered, reformatted, defaulted and differently quoted equals have one outline. Each syntax says in its module
//! what identifies an entry (a port by its target, a location by its modifier and path), what the value of an entry
//! left out is, and where order counts.

mod compose;
mod dotenv;
pub(crate) mod hash;
mod ini;
mod interpolation;
mod json;
mod nginx;
pub mod port;
mod quantity;
mod shell_words;
mod text;
mod yaml;

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::finding::{Path, Step};
use crate::format::Fault;

/// How the text of a file is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Syntax {
    /// A Compose file.
    Compose,
    /// nginx configuration.
    Nginx,
    /// odoo.conf, cli.ini, systemd units.
    Ini,
    /// JSON of any shape.
    Json,
    /// A `.env` file.
    Dotenv,
    /// Anything else: lines without comments and blanks at their ends.
    Text,
}

/// Everything a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// How it was understood.
    pub syntax: Syntax,
    /// Every value, by its path of identities.
    pub entries: BTreeMap<Path, Entry>,
}

/// One value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The value in its canonical form.
    pub value: Value,
    /// Its line in the text, from 1.
    pub line: u32,
}

/// A value that may be shown, or the fingerprint of one that may not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// The value itself.
    Plain(String),
    /// A keyed fingerprint: equal for equal values of one reading, and nothing else can be learned from it.
    Concealed(String),
}

/// How a file is understood, by its path.
pub fn syntax(path: &str) -> Syntax {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.').map_or(("", name), |(stem, ending)| (ending, stem)) {
        ("yml" | "yaml", stem) if stem.contains("compose") => Syntax::Compose,
        ("conf", stem) if stem == "nginx" || path.starts_with("nginx/") => Syntax::Nginx,
        // No sections, and order counts.
        ("conf", "nftables" | "redis" | "50-stackgen") => Syntax::Text,
        ("conf" | "ini" | "service" | "timer", _) => Syntax::Ini,
        ("json", _) => Syntax::Json,
        _ if name == ".env" || name.starts_with(".env.") => Syntax::Dotenv,
        _ => Syntax::Text,
    }
}

/// Reads a file.
///
/// # Errors
///
/// The first thing that could not be understood.
pub fn read(path: &str, text: &str) -> Result<Outline, Fault> {
    let syntax = syntax(path);
    let entries = match syntax {
        Syntax::Compose => compose::read(text)?,
        Syntax::Nginx => nginx::read(text)?,
        Syntax::Ini => ini::read(path, text)?,
        Syntax::Json => json::read(text)?,
        Syntax::Dotenv => dotenv::read(text)?,
        Syntax::Text => text::read(path, text),
    };
    Ok(Outline { syntax, entries })
}

/// An outline of a Compose file with its references to variables filled in, as Compose would: what a container has.
///
/// `None` for what is not set. A variable that is passed on and not set is left out.
pub fn filled(outline: &Outline, lookup: &dyn Fn(&str) -> Option<String>) -> Outline {
    let mut filled = Outline { syntax: outline.syntax, entries: BTreeMap::new() };
    for (path, entry) in &outline.entries {
        let Value::Plain(text) = &entry.value else { continue };
        let text = match interpolation::passed_on(text) {
            Some(name) => lookup(name),
            None => interpolation::filled(text, lookup),
        };
        let Some(text) = text else { continue };
        let fill = |step: &Step| match step {
            Step::Key(key) if key.contains('$') => {
                Step::Key(interpolation::filled(key, lookup).unwrap_or_else(|| key.clone()))
            }
            step => step.clone(),
        };
        let path = Path(path.0.iter().map(fill).collect());
        filled.entries.insert(path, Entry { value: Value::Plain(text), line: entry.line });
    }
    filled
}

/// The hash of a file as `stackgen.lock` has it: `sha256:` and hexadecimal digits.
pub fn hash(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = "sha256:".to_string();
    for byte in Sha256::digest(bytes) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Collects the entries of a file.
#[derive(Default)]
struct Entries(BTreeMap<Path, Entry>);

impl Entries {
    /// Adds a value; of two with one path the later one counts.
    fn set(&mut self, path: Path, value: impl Into<String>, line: u32) {
        self.0.insert(path, Entry { value: Value::Plain(value.into()), line });
    }
}

/// Tells things of one name apart: the second `x` is `x #2`.
#[derive(Default)]
struct Numbered(HashMap<String, u32>);

impl Numbered {
    fn name(&mut self, name: String) -> String {
        match self.0.get_mut(&name) {
            Some(count) => {
                *count += 1;
                format!("{name} #{count}")
            }
            None => {
                self.0.insert(name.clone(), 1);
                name
            }
        }
    }
}

/// Where the lines of a text start.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect())
    }

    /// The line of a byte, from 1.
    fn of(&self, offset: usize) -> u32 {
        self.0.partition_point(|start| *start <= offset).max(1) as u32
    }
}

/// Texts as one: the way a list is written whose order counts.
fn list(items: &[String]) -> String {
    serde_json::to_string(items).unwrap_or_default()
}
