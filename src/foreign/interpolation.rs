//! `${VARIABLE}` as Compose fills it in: which names a text asks for, and what is known of the result.

use std::collections::HashMap;

use crate::secrecy::names_a_secret;
use crate::stack::{Piece, Text, Unset};

/// Deepest nesting of defaults in defaults.
const DEEPEST: usize = 8;

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable { name: String, unset: Unset, fallback: String, alternative: bool },
}

/// A name that a text asks for, and what happens when it is not set.
pub(super) struct Asked {
    pub name: String,
    pub unset: Unset,
}

/// The names a text asks for, those in defaults too.
pub(super) fn asked(text: &str) -> Vec<Asked> {
    let mut found = Vec::new();
    collect(text, 0, &mut found);
    found
}

fn collect(text: &str, depth: usize, found: &mut Vec<Asked>) {
    if depth > DEEPEST {
        return;
    }
    for part in parts(text) {
        if let Part::Variable { name, unset, fallback, alternative } = part {
            // With `:+` an unset name is meant to leave nothing.
            if !alternative {
                // A default that only asks for another name is none itself.
                let unset = match parts(&fallback).as_slice() {
                    [Part::Variable { .. }] if unset == Unset::Fallback => Unset::Refused,
                    _ => unset,
                };
                found.push(Asked { name, unset });
            }
            collect(&fallback, depth + 1, found);
        }
    }
}

/// The text with everything filled in that is known: from the values, else the default. What is not known stays.
pub(super) fn filled(text: &str, values: &HashMap<String, String>) -> String {
    fill(text, values, 0)
}

fn fill(text: &str, values: &HashMap<String, String>, depth: usize) -> String {
    if !text.contains('$') || depth > DEEPEST {
        return text.to_string();
    }
    let mut out = String::new();
    for part in parts(text) {
        match part {
            Part::Literal(text) => out.push_str(&text),
            Part::Variable { name, unset, fallback, alternative } => {
                let value = values.get(&name).filter(|v| !v.is_empty() && !names_a_secret(&name));
                match (value, alternative, unset) {
                    (Some(_), true, _) => out.push_str(&fill(&fallback, values, depth + 1)),
                    (None, true, _) => {}
                    (Some(value), false, _) => out.push_str(value),
                    (None, false, Unset::Optional) => {}
                    (None, false, Unset::Fallback) => out.push_str(&fill(&fallback, values, depth + 1)),
                    (None, false, _) => out.push_str(&format!("${{{name}}}")),
                }
            }
        }
    }
    out
}

/// A value of an environment: a name in it stands for a value known only where it runs, but for defaults of what is no
/// secret.
pub(super) fn value(text: &str, into: &str) -> Text {
    let mut pieces: Vec<Piece> = Vec::new();
    for part in parts(text) {
        let piece = match part {
            Part::Literal(text) => Piece::Literal(text),
            Part::Variable { name, unset: Unset::Fallback, fallback, alternative: false }
                if !names_a_secret(&name) && !names_a_secret(into) && !fallback.contains('$') =>
            {
                Piece::Literal(fallback)
            }
            Part::Variable { name, .. } => Piece::Secret(name),
        };
        match (pieces.last_mut(), piece) {
            (Some(Piece::Literal(before)), Piece::Literal(text)) => before.push_str(&text),
            (_, piece) => pieces.push(piece),
        }
    }
    Text(pieces)
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        literal.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(tail) = after.strip_prefix('$') {
            literal.push('$');
            rest = tail;
            continue;
        }
        let (variable, tail) = if let Some(inner) = after.strip_prefix('{') {
            match closing(inner) {
                Some(end) => (braced(&inner[..end]), &inner[end + 1..]),
                None => (None, after),
            }
        } else {
            let end = name_end(after);
            let name = &after[..end];
            let plain = (!name.is_empty()).then(|| Part::Variable {
                name: name.to_string(),
                unset: Unset::Empty,
                fallback: String::new(),
                alternative: false,
            });
            (plain, &after[end..])
        };
        match variable {
            Some(variable) => {
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(variable);
                rest = tail;
            }
            None => {
                literal.push('$');
                rest = after;
            }
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() || parts.is_empty() {
        parts.push(Part::Literal(literal));
    }
    parts
}

/// Where the brace closes that was opened before the text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let bytes = text.as_bytes();
    for (i, b) in bytes.iter().enumerate() {
        match b {
            b'{' if i > 0 && bytes[i - 1] == b'$' => depth += 1,
            b'}' if depth == 0 => return Some(i),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn name_end(text: &str) -> usize {
    let name = |(i, b): (usize, u8)| b.is_ascii_alphabetic() || b == b'_' || i > 0 && b.is_ascii_digit();
    text.bytes().enumerate().take_while(|(i, b)| name((*i, *b))).count()
}

fn braced(inner: &str) -> Option<Part> {
    let end = name_end(inner);
    let (name, operator) = inner.split_at(end);
    if name.is_empty() {
        return None;
    }
    let (unset, fallback, alternative) = match operator.as_bytes() {
        [] => (Unset::Empty, "", false),
        [b':', b'-', ..] => (Unset::Fallback, &operator[2..], false),
        [b'-', ..] => (Unset::Fallback, &operator[1..], false),
        [b':', b'?', ..] | [b'?', ..] => (Unset::Refused, "", false),
        [b':', b'+', ..] => (Unset::Empty, &operator[2..], true),
        [b'+', ..] => (Unset::Empty, &operator[1..], true),
        _ => return None,
    };
    // Whoever writes an empty default means that it may be missing.
    let unset = if unset == Unset::Fallback && fallback.is_empty() { Unset::Optional } else { unset };
    Some(Part::Variable { name: name.into(), unset, fallback: fallback.into(), alternative })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_filled_in() {
        let values =
            HashMap::from([("TAG".to_string(), "16".to_string()), ("DB_PASSWORD".into(), "x".into())]);
        for (text, expected) in [
            ("plain", "plain"),
            ("a:${TAG}-b", "a:16-b"),
            ("$TAG$$x", "16$x"),
            ("${NO}", "${NO}"),
            ("${NO:-a}${NO-b}", "ab"),
            ("${ODOO_IMAGE:-odoo:${NO:-18.0}}", "odoo:18.0"),
            ("${TAG:+:$TAG}", ":16"),
            ("${NO:+x}", ""),
            ("${DB_PASSWORD}", "${DB_PASSWORD}"),
            ("${NO:?say}", "${NO}"),
            ("${", "${"),
            ("$ {a}", "$ {a}"),
            ("a${NO:-}b", "ab"),
        ] {
            assert_eq!(filled(text, &values), expected, "{text}");
        }
    }

    #[test]
    fn values_stay_names() {
        assert_eq!(value("${TZ:-UTC}", "TZ"), Text::literal("UTC"));
        assert_eq!(value("${A:-hunter2}", "DB_PASSWORD"), Text(vec![Piece::Secret("A".into())]));
        assert_eq!(value("http://$HOST/", "URL").to_string(), "http://${HOST}/");
        let names: Vec<_> = asked("${A:-${B:-x}}${C:?}$D").into_iter().map(|a| (a.name, a.unset)).collect();
        assert_eq!(
            names,
            [
                ("A".into(), Unset::Refused),
                ("B".into(), Unset::Fallback),
                ("C".into(), Unset::Refused),
                ("D".to_string(), Unset::Empty)
            ]
        );
    }
}
