//! A manifest as a tree: its leaves and free keys, one replaced, printed so that every text survives.

use std::fmt::Write;

use serde_json::Value;
use stackgen::finding::{Path, Place, Step};

/// A manifest.
pub type Tree = Value;

/// The manifest of a YAML text.
pub fn tree(text: &str) -> Tree {
    serde_yaml::from_str(text).expect("a manifest")
}

/// A scalar of the manifest, or a key that its writer chooses.
#[derive(Debug, Clone)]
pub struct Leaf {
    path: Vec<Step>,
    key: bool,
    /// Whether text is expected there: everything but numbers, booleans and keys of ours.
    pub free: bool,
    /// What stands there.
    pub old: String,
}

/// Maps whose keys the writer chooses.
const FREE_MAPS: &[&str] = &[
    "mail",
    "databases",
    "external",
    "rate_limits",
    "secrets",
    "services",
    "volumes",
    "headers",
    "groups",
    "options",
    "settings",
    "env",
    "args",
    "labels",
];

/// Raw text for the writer's own responsibility.
const RAW: &[&str] = &["nginx", "compose"];

/// Values in which expressions are filled in.
const FILLED: &[&str] = &["env", "settings", "command", "entrypoint", "healthcheck"];

pub fn all(tree: &Tree) -> Vec<Leaf> {
    let mut list = Vec::new();
    walk(tree, &mut Vec::new(), &mut list);
    list
}

fn walk(value: &Value, path: &mut Vec<Step>, out: &mut Vec<Leaf>) {
    match value {
        Value::Object(map) => {
            let free =
                path.last().is_some_and(|s| matches!(s, Step::Key(k) if FREE_MAPS.contains(&k.as_str())));
            for (key, inner) in map {
                path.push(Step::Key(key.clone()));
                out.push(Leaf { path: path.clone(), key: true, free, old: key.clone() });
                walk(inner, path, out);
                path.pop();
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                path.push(Step::Index(i));
                walk(item, path, out);
                path.pop();
            }
        }
        // What an expression became cannot be found in the output again.
        Value::String(text) if text.contains("{{") => {}
        Value::String(text) => {
            out.push(Leaf { path: path.clone(), key: false, free: true, old: text.clone() })
        }
        other => out.push(Leaf { path: path.clone(), key: false, free: false, old: other.to_string() }),
    }
}

impl Leaf {
    pub fn shown(&self) -> String {
        format!("{}{}", Path(self.path.clone()), if self.key { " (key)" } else { "" })
    }

    fn has(&self, keys: &[&str]) -> bool {
        let own = if self.key { self.path.len() - 1 } else { self.path.len() };
        self.path[..own].iter().any(|s| matches!(s, Step::Key(k) if keys.contains(&k.as_str())))
    }

    /// Whether the leaf is an escape hatch.
    pub fn raw(&self) -> bool {
        self.has(RAW)
    }

    /// Whether expressions are filled in there.
    pub fn filled(&self) -> bool {
        self.has(FILLED)
    }

    pub fn is_key(&self) -> bool {
        self.key
    }

    /// What stands in the output for a text: itself, or what its expression gives.
    pub fn meant(&self, text: &str) -> String {
        if self.has(FILLED) && text == "{{ 7*7 }}" { "49".into() } else { text.to_string() }
    }

    /// The tree with this leaf replaced.
    pub fn replaced(&self, tree: &Tree, text: &str) -> Tree {
        let mut tree = tree.clone();
        let (last, above) = self.path.split_last().expect("a step");
        let mut node = &mut tree;
        for step in above {
            node = match step {
                Step::Key(key) => &mut node[key.as_str()],
                Step::Index(i) => &mut node[*i],
            };
        }
        match (last, node) {
            (Step::Key(key), Value::Object(map)) if self.key => {
                let renamed =
                    map.iter().map(|(k, v)| (if k == key { text.to_string() } else { k.clone() }, v.clone()));
                *map = renamed.collect();
            }
            (Step::Key(key), Value::Object(map)) => drop(map.insert(key.clone(), text.into())),
            (Step::Index(i), Value::Array(items)) => items[*i] = text.into(),
            _ => panic!("no such leaf"),
        }
        tree
    }

    /// Whether a finding at a place is about this leaf: at it, above it, or about what a new name is missing from.
    pub fn explains(&self, text: &str, place: &Place) -> bool {
        let Place::At { path, .. } = place else { return true };
        let mut own = self.path.clone();
        if self.key {
            // A good name that others still call by the old one.
            let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if text.chars().all(good) {
                return true;
            }
            own.pop();
            own.push(Step::Key(text.to_string()));
        }
        own.starts_with(&path.0)
    }
}

/// The tree as YAML in flow style, every text in double quotes and every odd character escaped.
pub fn print(tree: &Tree) -> String {
    let mut out = String::new();
    push(&mut out, tree);
    out.push('\n');
    out
}

fn push(out: &mut String, value: &Value) {
    match value {
        Value::Object(map) => {
            out.push('{');
            for (i, (key, inner)) in map.iter().enumerate() {
                out.push_str(if i > 0 { ",\n" } else { "" });
                // Readers look for the colon of a plain key in the next 1024 characters only.
                out.push_str(if key.len() > 100 { "? " } else { "" });
                quote(out, key);
                out.push_str(" : ");
                push(out, inner);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                push(out, item);
            }
            out.push(']');
        }
        Value::String(text) => quote(out, text),
        other => _ = write!(out, "{other}"),
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            c if (c as u32) < 0x10000 => _ = write!(out, "\\u{:04x}", c as u32),
            c => _ = write!(out, "\\U{:08x}", c as u32),
        }
    }
    out.push('"');
}
