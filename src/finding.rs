//! What is wrong with a stack, where, and what to do about it; data only, shown by `render`.

use std::fmt;

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
    /// What a team decides for all its stacks.
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

/// A second place that explains a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub place: Place,
    /// What is to be seen there, lower case, no full stop.
    pub text: String,
}

/// One thing that is wrong, at a place, with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the rule, as `unknown-key`; every name used is one of `rules::RULES`.
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

    fn new(level: Level, rule: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self {
            rule,
            level,
            place,
            message: harmless(message.into()),
            label: String::new(),
            related: Vec::new(),
            help: None,
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

    /// Adds a place that explains the finding.
    #[must_use]
    pub fn related(mut self, place: Place, text: impl Into<String>) -> Self {
        self.related.push(Related { place, text: harmless(text.into()) });
        self
    }
}
