//! What is wrong with a stack, where, and what to do about it; data only, shown by `render`.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde_json::Value as Json;

use crate::text::{Span, harmless};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing is built while one of these stands.
    Error,
    /// Built, but somebody will regret it.
    Warning,
    /// Worth knowing; does not change the exit status.
    Info,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "info",
        })
    }
}

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// A key of a map.
    Key(String),
    /// A position in a list, from 0.
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Step::Key(key.to_string())
    }
}

impl From<&String> for Step {
    fn from(key: &String) -> Self {
        Step::Key(key.clone())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Step::Index(index)
    }
}

/// A path of keys and indices in a document: `services.odoo.routes[0].path`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// The path one step further down.
    #[must_use]
    pub fn join(&self, step: impl Into<Step>) -> Self {
        let mut steps = self.0.clone();
        steps.push(step.into());
        Self(steps)
    }
}

/// Characters of a key that are shown.
const LONGEST: usize = 256;

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    if i > 0 {
                        f.write_str(".")?;
                    }
                    // Longer than any name, and nobody reads on.
                    let mut key = harmless(key.chars().take(LONGEST).collect());
                    if key.chars().nth(LONGEST - 1).is_some() {
                        key.push('…');
                    }
                    // A key that would read as several steps is quoted, as in TOML.
                    if key.is_empty() || key.contains(['.', '[', ']', '"']) {
                        write!(f, "\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))?;
                    } else {
                        f.write_str(&key)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Which document a symbolic place lies in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Document {
    /// The manifest with its overlay merged in.
    #[default]
    Manifest,
    /// The data of one service kind, by name.
    Kind(String),
    /// A Compose project, its files merged as Compose does.
    Compose,
    /// A file that stackgen did not write, by path.
    File(String),
    /// What a team asks of all its stacks.
    Policy,
    /// Findings that were there when lint was adopted.
    Baseline,
}

/// Which part of an entry is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Part {
    /// What stands behind the key, or the list item.
    #[default]
    Value,
    /// The key itself.
    Key,
}

/// Where something is: symbolic until it is shown, so that no rule handles byte offsets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// An entry of a document.
    At {
        /// The document.
        document: Document,
        /// The entry; its nearest existing ancestor is shown when it is not written.
        path: Path,
        /// The key or the value of the entry.
        part: Part,
    },
    /// Exact text, for what has no path yet (syntax errors).
    Text(Span),
}

impl Place {
    /// The value at a path of the manifest.
    pub fn manifest<S: Into<Step>>(steps: impl IntoIterator<Item = S>) -> Self {
        Self::value(Document::Manifest, Path(steps.into_iter().map(Into::into).collect()))
    }

    /// The value at a path of a document.
    pub fn value(document: Document, path: Path) -> Self {
        Place::At { document, path, part: Part::Value }
    }

    /// The key at a path of a document.
    pub fn key(document: Document, path: Path) -> Self {
        Place::At { document, path, part: Part::Key }
    }

    /// The place one step further down; exact text has no further steps.
    #[must_use]
    pub fn join(&self, step: impl Into<Step>) -> Self {
        match self {
            Place::At { document, path, .. } => Self::value(document.clone(), path.join(step)),
            Place::Text(span) => Place::Text(*span),
        }
    }

    /// The same entry, but its key.
    #[must_use]
    pub fn on_key(&self) -> Self {
        match self {
            Place::At { document, path, .. } => Self::key(document.clone(), path.clone()),
            Place::Text(span) => Place::Text(*span),
        }
    }
}

/// What would mend a finding: all of its edits, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What is done, as an instruction: "rename `helthcheck` to `healthcheck`".
    pub title: String,
    /// Whether what is meant stays the same or was certainly meant otherwise; all else somebody has to look at.
    pub safe: bool,
    /// The changes.
    pub edits: Vec<Edit>,
}

/// One change of a document, by place: whatever language it is written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is changed; for [`Change::Set`] and [`Change::Append`] it need not be there yet.
    pub place: Place,
    /// How.
    pub change: Change,
}

/// How an entry is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It gets this value, and is added with the maps above it where it is not written.
    Set(Json),
    /// Its key becomes this one.
    Rename(String),
    /// It goes, key and all.
    Remove,
    /// A list gets one more item at its end, and is added where it is not written.
    Append(Json),
}

impl Fix {
    /// A fix that changes nothing anybody could want otherwise.
    pub fn safe(title: impl Into<String>) -> Self {
        Self { title: harmless(title.into()), safe: true, edits: Vec::new() }
    }

    /// A fix that somebody has to look at.
    pub fn risky(title: impl Into<String>) -> Self {
        Self { safe: false, ..Self::safe(title) }
    }

    /// Either of them.
    pub fn new(safe: bool, title: impl Into<String>) -> Self {
        Self { safe, ..Self::safe(title) }
    }

    /// Sets a value.
    #[must_use]
    pub fn set(self, place: Place, value: impl Into<Json>) -> Self {
        self.edit(place, Change::Set(value.into()))
    }

    /// Renames a key.
    #[must_use]
    pub fn rename(self, place: Place, key: impl Into<String>) -> Self {
        self.edit(place, Change::Rename(key.into()))
    }

    /// Removes an entry.
    #[must_use]
    pub fn remove(self, place: Place) -> Self {
        self.edit(place, Change::Remove)
    }

    /// Adds an item to a list.
    #[must_use]
    pub fn append(self, place: Place, value: impl Into<Json>) -> Self {
        self.edit(place, Change::Append(value.into()))
    }

    fn edit(mut self, place: Place, change: Change) -> Self {
        self.edits.push(Edit { place, change });
        self
    }
}

/// A second place that explains a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub place: Place,
    /// What is to be seen there, lower case, no full stop.
    pub text: String,
}

/// A name that lives as long as the program, as those of our own rules do. Teams name few, and each is kept once.
pub fn intern(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.into());
    names.insert(kept);
    kept
}

/// One thing that is wrong, at a place, with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the rule, as `unknown-key`: one of `rules::RULES`, or of a team's policy.
    pub rule: &'static str,
    /// How bad it is.
    pub level: Level,
    /// Where it is.
    pub place: Place,
    /// What is wrong: one lower-case line that names the value, what was expected before what was found.
    pub message: String,
    /// What stands at `place`, shown under the marked text; empty when the message says it all.
    pub label: String,
    /// Further places.
    pub related: Vec<Related>,
    /// What to do, as an instruction.
    pub help: Option<String>,
    /// What would mend it, where that is known for certain.
    pub fix: Option<Fix>,
}

impl Finding {
    /// A finding that stops the build.
    pub fn error(rule: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self::new(Level::Error, rule, place, message)
    }

    /// A finding that is built anyway.
    pub fn warning(rule: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self::new(Level::Warning, rule, place, message)
    }

    /// A finding that changes no exit status.
    pub fn info(rule: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self::new(Level::Info, rule, place, message)
    }

    /// A finding of any level.
    pub fn new(level: Level, rule: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self {
            rule,
            level,
            place,
            message: harmless(message.into()),
            label: String::new(),
            related: Vec::new(),
            help: None,
            fix: None,
        }
    }

    /// Says what stands at the place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = harmless(text.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(harmless(text.into()));
        self
    }

    /// Says what would mend it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<Option<Fix>>) -> Self {
        self.fix = fix.into();
        self
    }

    /// Adds a place that explains the finding.
    #[must_use]
    pub fn related(mut self, place: Place, text: impl Into<String>) -> Self {
        self.related.push(Related { place, text: harmless(text.into()) });
        self
    }
}
