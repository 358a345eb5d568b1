//! Values of `.env` as Compose reads them: to tell whether a container has them, and gone when that is done.

use std::collections::BTreeMap;

use crate::finding::Path;
use crate::format::{Fault, dotenv};
use crate::outline::{self, Entry, Outline, Syntax, Value};

/// What `.env` sets. Has no `Debug` and is never kept.
#[derive(Default)]
pub(super) struct Dotenv {
    /// Value and line by name; no value for a name without `=`, whose value comes from elsewhere.
    pub(super) values: BTreeMap<String, (Option<String>, u32)>,
}

impl Dotenv {
    /// Reads the file. Source of the escapes: compose-spec/compose-go, dotenv/parser.go.
    pub(super) fn read(text: &str) -> Result<Self, Fault> {
        let mut out = Self::default();
        for (name, raw) in dotenv::values(text)? {
            let value = match name.quote {
                Some('\'') => raw.to_string(),
                Some(_) => out.filled(&unescaped(raw)),
                None => out.filled(raw),
            };
            let line = u32::try_from(name.line).unwrap_or(u32::MAX);
            out.values.insert(name.name, (name.assigned.then_some(value), line));
        }
        Ok(out)
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.values.get(name)?.0.clone()
    }

    /// A text with its references filled in with what stands above it.
    fn filled(&self, text: &str) -> String {
        if !text.contains('$') {
            return text.to_string();
        }
        let path = Path::default();
        let entry = Entry { value: Value::Plain(text.to_string()), line: 1 };
        let one = Outline { syntax: Syntax::Dotenv, entries: BTreeMap::from([(path.clone(), entry)]) };
        match outline::filled(&one, &|name| self.get(name)).entries.remove(&path).map(|e| e.value) {
            Some(Value::Plain(text)) => text,
            _ => String::new(),
        }
    }
}

/// A text in double quotes without its escapes.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, (c == '\\').then(|| chars.next()).flatten()) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('r')) => out.push('\r'),
            ('\\', Some('t')) => out.push('\t'),
            // Two dollar signs are none of a reference.
            ('\\', Some('$')) => out.push_str("$$"),
            ('\\', Some(c @ ('"' | '\\'))) => out.push(c),
            ('\\', Some(other)) => out.extend(['\\', other]),
            (c, _) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_compose_reads_them() {
        let text = "A=a b # c\nB='x$A\"'\nC=\"q\\\"\\n$A\\$A\"\nD=${A}-${NONE:-d}\nE\nF=\nA=2\n";
        let dotenv = Dotenv::read(text).unwrap();
        let value = |name: &str| dotenv.get(name);
        assert_eq!(value("A").as_deref(), Some("2"));
        assert_eq!(value("B").as_deref(), Some("x$A\""));
        assert_eq!(value("C").as_deref(), Some("q\"\na b$A"));
        assert_eq!(value("D").as_deref(), Some("a b-d"));
        assert_eq!((value("E"), value("F").as_deref()), (None, Some("")));
        assert_eq!(dotenv.values["D"].1, 4);
    }
}
