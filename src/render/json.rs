//! Findings for programs: one JSON array, described by `schemas/findings.schema.json`.

use std::fmt::Write;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use super::conceal::concealed;
use crate::compile::Compiled;
use crate::finding::{self, Level, Place};
use crate::format::is_visible;
use crate::rules;

/// One thing that is wrong, at a place, with what to do.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Finding {
    /// Name of the rule: `unknown-key`.
    pub rule: String,
    /// Short id of the rule: `MF002`.
    pub id: Option<String>,
    /// How bad it is.
    #[schemars(with = "LevelName")]
    pub level: Level,
    /// What is wrong.
    pub message: String,
    /// What stands at the place, or where its value comes from when it is not written: "from kind odoo".
    pub label: Option<String>,
    /// What to do.
    pub help: Option<String>,
    /// Where it is.
    #[serde(flatten)]
    pub at: Location,
    /// Further places that explain it.
    pub related: Vec<Related>,
    /// What `stackgen lint --fix` would do about it.
    pub fix: Option<Fix>,
}

/// What mends a finding: all of its edits.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Fix {
    /// What is done.
    pub title: String,
    /// Whether it is made without `--unsafe-fixes`.
    pub safe: bool,
    /// The changes.
    pub edits: Vec<Edit>,
}

/// A change of one entry.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Edit {
    /// What is changed; where it is not written, the nearest entry above it.
    #[serde(flatten)]
    pub at: Location,
    /// How.
    pub change: Change,
    /// The new key or value.
    pub value: Option<Json>,
}

/// How an entry is changed.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It gets the value, and is added where it is not written.
    Set,
    /// Its key becomes this one.
    Rename,
    /// It goes.
    Remove,
    /// The list gets one more item.
    Append,
}

/// A range of a file. Lines and columns count from 1, columns in characters; the end is the first character behind.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Location {
    /// File, relative to the working directory; `<built-in>/...` for what is part of stackgen.
    pub path: Option<String>,
    /// Line.
    pub line: Option<usize>,
    /// Column.
    pub column: Option<usize>,
    /// Line of the end.
    pub end_line: Option<usize>,
    /// Column of the end.
    pub end_column: Option<usize>,
    /// The same place as a path of keys: `services.odoo.routes[0].path`, in a file of its own `odoo.conf: options.workers`.
    /// Null where the text could not be read.
    pub place: Option<String>,
}

/// A further place.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Related {
    /// What is to be seen there.
    pub message: String,
    /// Where.
    #[serde(flatten)]
    pub at: Location,
}

/// The levels as they are written.
#[derive(JsonSchema)]
#[schemars(rename = "Level", rename_all = "lowercase")]
#[allow(dead_code, reason = "only its schema is used")]
enum LevelName {
    /// Nothing is built while one of these stands.
    Error,
    /// Built, but somebody will regret it.
    Warning,
    /// Worth knowing; does not change the exit status.
    Info,
}

/// The findings of one stack.
pub fn findings(compiled: &Compiled) -> Vec<Finding> {
    let shown = |f: &finding::Finding| Finding {
        rule: f.rule.to_string(),
        id: rules::find(f.rule).map(|r| r.id.to_string()),
        level: f.level,
        message: f.message.clone(),
        label: Some(f.label.clone()).filter(|l| !l.is_empty()),
        help: f.help.clone(),
        at: location(compiled, &f.place),
        related: f
            .related
            .iter()
            .map(|r| Related { message: r.text.clone(), at: location(compiled, &r.place) })
            .collect(),
        fix: f.fix.as_ref().map(|fix| Fix {
            title: fix.title.clone(),
            safe: fix.safe,
            edits: fix.edits.iter().map(|e| edit(compiled, e)).collect(),
        }),
    };
    compiled.findings.iter().map(shown).collect()
}

fn edit(compiled: &Compiled, edit: &finding::Edit) -> Edit {
    let (change, value) = match &edit.change {
        finding::Change::Set(value) => (Change::Set, Some(value.clone())),
        finding::Change::Rename(key) => (Change::Rename, Some(Json::from(key.as_str()))),
        finding::Change::Remove => (Change::Remove, None),
        finding::Change::Append(value) => (Change::Append, Some(value.clone())),
    };
    // What stays of an old value may be what nobody should read.
    let value = value.map(|value| match (value, &edit.place) {
        (Json::String(text), Place::At { path, .. }) => {
            let key = match path.0.last() {
                Some(finding::Step::Key(key)) => key.as_str(),
                _ => "",
            };
            Json::from(concealed(key, &text))
        }
        (value, _) => value,
    });
    Edit { at: location(compiled, &edit.place), change, value }
}

pub(super) fn location(compiled: &Compiled, place: &Place) -> Location {
    let mut at =
        Location { place: Some(compiled.subject(place)).filter(|k| !k.is_empty()), ..Location::default() };
    if let Some(span) = compiled.span(place) {
        let source = compiled.sources.get(span.source);
        let (start, end) = (source.position(span.start as usize), source.position(span.end as usize));
        at.path = Some(source.path.clone());
        (at.line, at.column) = (Some(start.line), Some(start.column));
        (at.end_line, at.end_column) = (Some(end.line), Some(end.column));
    }
    at
}

/// A value as text, safe to look at in a terminal too.
pub fn print<T: Serialize + ?Sized>(value: &T) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut out = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if is_visible(c) || c == '\n' {
            out.push(c);
            continue;
        }
        // Only inside strings, where an escape means the same.
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out.push('\n');
    out
}
