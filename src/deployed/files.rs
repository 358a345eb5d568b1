//! Files of a deploy directory as they are kept: what they say, never what they hide.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::conceal::{Concealer, Declared};
use super::directory::{Found, LOCK, Raw, is_below};
use super::dotenv::Dotenv;
use super::{File, FileEntry, told};
use crate::built::{self, Built};
use crate::format::Fault;
use crate::outline::{self, Syntax, Value};
use crate::scalar::Name;

/// What was kept of a directory.
pub(super) struct Kept {
    pub(super) files: BTreeMap<String, File>,
    /// The lock, if there is one that can be read.
    pub(super) lock: Option<String>,
    /// What `.env` says, to fill in references with.
    pub(super) dotenv: Option<Dotenv>,
}

/// Name of the file that holds the values of secrets.
pub(super) const DOTENV: &str = ".env";

pub(super) fn keep(
    found: Found,
    declared: Option<&Declared>,
    concealer: &Concealer,
    faults: &mut Vec<String>,
) -> Kept {
    let mut kept = Kept { files: BTreeMap::new(), lock: None, dotenv: None };
    let mut built = BTreeMap::new();
    if let Some(Some(raw)) = found.get(LOCK) {
        match lock(&raw.bytes) {
            Some((text, hashes)) => (kept.lock, built) = (Some(text), hashes),
            None => faults.push(format!("expected a lock file of stackgen, found something else: `{LOCK}`")),
        }
    }
    for (name, raw) in found {
        if name == LOCK {
            continue;
        }
        let file = match &raw {
            // A file of a build that cannot be read is a fault of the source already.
            None => File {
                hash: None,
                modified: None,
                mode: None,
                syntax: outline::syntax(&name),
                entries: Vec::new(),
                fault: None,
            },
            Some(raw) => {
                let known = |hash: &String| {
                    built.get(&name) == Some(hash) || declared.is_some_and(|d| d.hash(&name) == Some(hash))
                };
                let mut file = File {
                    hash: hash(&name, raw, concealer, known),
                    modified: raw.modified,
                    mode: raw.mode,
                    syntax: outline::syntax(&name),
                    entries: Vec::new(),
                    fault: None,
                };
                let is_there = declared.is_some_and(|d| d.brief && d.hash(&name) == file.hash.as_deref());
                let said = match std::str::from_utf8(&raw.bytes) {
                    Ok(_) if is_there && name != DOTENV => Ok(Vec::new()),
                    Err(_) => Err("expected UTF-8 text, found other bytes".to_string()),
                    Ok(text) if name == DOTENV => match Dotenv::read(text) {
                        Ok(dotenv) => {
                            let entries = secrets(&dotenv, concealer);
                            kept.dotenv = Some(dotenv);
                            Ok(entries)
                        }
                        Err(fault) => Err(told_fault(file.syntax, text, &fault)),
                    },
                    Ok(text) => match outline::read(&name, text) {
                        Ok(outline) => {
                            let known = declared.and_then(|d| d.outline(&name));
                            Ok(concealer.file(&name, &outline, known))
                        }
                        Err(fault) => Err(told_fault(file.syntax, text, &fault)),
                    },
                };
                match said {
                    Ok(entries) => file.entries = entries,
                    Err(fault) => {
                        faults.push(format!("{}: {fault}", told(&name)));
                        file.fault = Some(fault);
                    }
                }
                file
            }
        };
        kept.files.insert(concealer.name(&name), file);
    }
    kept
}

/// The hash of a file, where it says nothing of a secret.
fn hash(name: &str, raw: &Raw, concealer: &Concealer, known: impl Fn(&String) -> bool) -> Option<String> {
    let hash = outline::hash(&raw.bytes);
    // The hash of a text of which all but a password is known gives the password away: whoever has it can try.
    match known(&hash) {
        _ if name == DOTENV => None,
        true => Some(hash),
        false => Some(concealer.fingerprint(&hash)),
    }
}

/// The names in `.env`, and fingerprints of what they stand for.
fn secrets(dotenv: &Dotenv, concealer: &Concealer) -> Vec<FileEntry> {
    let entry = |(name, (value, line)): (&String, &(Option<String>, u32))| FileEntry {
        path: vec![concealer.name(name)],
        value: match value.as_deref() {
            None => Value::Plain("passed on".into()),
            Some("") => Value::Plain("empty".into()),
            Some(value) => Value::Concealed(concealer.fingerprint(value)),
        },
        line: *line,
        implied: false,
    };
    dotenv.values.iter().map(entry).collect()
}

/// Why a file could not be understood: what the fault says may quote the text, so only its place is told.
fn told_fault(syntax: Syntax, text: &str, fault: &Fault) -> String {
    let line = 1 + text.bytes().take(fault.offset).filter(|b| *b == b'\n').count();
    format!("expected {}, found something else in line {line}", word(syntax))
}

fn word(syntax: Syntax) -> &'static str {
    match syntax {
        Syntax::Compose => "a Compose file",
        Syntax::Nginx => "nginx configuration",
        Syntax::Ini => "keys and values",
        Syntax::Json => "JSON",
        Syntax::Dotenv => "names and values",
        Syntax::Text => "text",
    }
}

/// The text of a lock and the hashes in it; `None` when it is none, or says what no build writes there.
fn lock(bytes: &[u8]) -> Option<(String, BTreeMap<String, String>)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let json: Json = serde_json::from_str(text).ok()?;
    let built = Built::read(text).ok()?;
    let known =
        json.as_object()?.keys().all(|k| matches!(k.as_str(), "stackgen" | "stack" | "files" | "entries"));
    let named = built.files.keys().all(|name| is_below(name)) && Name::try_from(built.stack).is_ok();
    let hashed = built.files.values().all(|hash| {
        hash.strip_prefix("sha256:")
            .is_some_and(|h| h.len() == 64 && h.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    let digests = json["entries"]["files"].as_object().into_iter().flatten();
    let mut digests =
        digests.map(|(name, digest)| is_below(name) && digest.as_str().is_some_and(built::is_digest));
    (json["stackgen"] == 1 && known && named && hashed && digests.all(|d| d))
        .then(|| (text.to_string(), built.files))
}
