//! References to variables in a Compose file, `${NAME}`, in one form: what is a reference and what is a dollar sign can
//! be told from the text.

/// The form all texts of a Compose file are compared in: a reference has braces, `$$` stays where a single dollar sign
/// would read as a reference, and is one everywhere else.
pub(super) fn canonical(text: &str) -> String {
    if !text.contains('$') {
        return text.to_string();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let (piece, after) = piece(&rest[at..]);
        match piece {
            Piece::Dollar => {
                out.push('$');
                if after.starts_with(|c: char| c == '$' || c == '{' || is_start(c)) {
                    out.push('$');
                }
            }
            Piece::Reference { name, operator } => {
                out.push_str("${");
                out.push_str(name);
                out.push_str(&canonical(operator));
                out.push('}');
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A text in canonical form with its references filled in, by the operators Compose knows; `None` when one that must be
/// there (`${NAME:?}`) is not.
pub(super) fn filled(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let (piece, after) = piece(&rest[at..]);
        match piece {
            Piece::Dollar => out.push('$'),
            Piece::Reference { name, operator } => {
                let (colon, operator) = operator.strip_prefix(':').map_or((false, operator), |o| (true, o));
                let value = lookup(name).filter(|v| !colon || !v.is_empty());
                let mut chars = operator.chars();
                match (chars.next(), value) {
                    (Some('-'), None) => out.push_str(&filled(chars.as_str(), lookup)?),
                    (Some('+'), Some(_)) => out.push_str(&filled(chars.as_str(), lookup)?),
                    (Some('?'), None) => return None,
                    (Some('+'), None) => {}
                    (_, value) => out.push_str(&value.unwrap_or_default()),
                }
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// The variable that a value passes on from whoever starts Compose: `$NAME`, which is no reference in canonical form.
pub(super) fn passed_on(text: &str) -> Option<&str> {
    text.strip_prefix('$').filter(|rest| !rest.is_empty() && name(rest).len() == rest.len())
}

enum Piece<'a> {
    /// A dollar sign.
    Dollar,
    /// A variable, with what follows its name in the braces.
    Reference { name: &'a str, operator: &'a str },
}

/// What a text that starts with `$` starts with, and the rest.
fn piece(text: &str) -> (Piece<'_>, &str) {
    let behind = &text[1..];
    if let Some(rest) = behind.strip_prefix('$') {
        return (Piece::Dollar, rest);
    }
    if let Some(inside) = behind.strip_prefix('{') {
        let name = name(inside);
        if let Some(end) = closing(inside).filter(|end| !name.is_empty() && name.len() <= *end) {
            return (Piece::Reference { name, operator: &inside[name.len()..end] }, &inside[end + 1..]);
        }
    }
    match name(behind) {
        "" => (Piece::Dollar, behind),
        name => (Piece::Reference { name, operator: "" }, &behind[name.len()..]),
    }
}

fn is_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

/// The name of a variable at the start of a text; empty when there is none.
fn name(text: &str) -> &str {
    if !text.starts_with(is_start) {
        return "";
    }
    &text[..text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())]
}

/// The brace that closes one opened before the text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (i, b) in text.bytes().enumerate() {
        match b {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(i),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The parts between colons, leaving alone those inside references.
pub(super) fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0u32);
    for (i, b) in text.bytes().enumerate() {
        match b {
            // The brackets of an IPv6 address hold colons too.
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b':' if depth == 0 => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form() {
        let table = [
            ("$A", "${A}"),
            ("a${A}b$B.c", "a${A}b${B}.c"),
            ("${A:-$B}", "${A:-${B}}"),
            ("${A:-${B:-x}}y", "${A:-${B:-x}}y"),
            ("${A:?see .env}", "${A:?see .env}"),
            ("exec \"$$@\"", "exec \"$@\""),
            ("$$HOME", "$$HOME"),
            ("$${A}", "$${A}"),
            ("$$", "$"),
            ("$$$$", "$$$"),
            ("5$", "5$"),
            ("$$$A", "$$${A}"),
            ("${", "$${"),
        ];
        for (text, expected) in table {
            assert_eq!(canonical(text), expected, "{text}");
            if text != "${" {
                assert_eq!(canonical(expected), expected, "{text} again");
            }
        }
    }

    #[test]
    fn filling_in() {
        let lookup = |name: &str| match name {
            "A" => Some("1".to_string()),
            "E" => Some(String::new()),
            _ => None,
        };
        let table = [
            ("${A}", Some("1")),
            ("${N}", Some("")),
            ("${N:-x}${E:-y}${E-z}", Some("xy")),
            ("${A:+s}${N+t}", Some("s")),
            ("${N:?gone}", None),
            ("${N:-${A}}", Some("1")),
            ("$$HOME $@", Some("$HOME $@")),
        ];
        for (text, expected) in table {
            assert_eq!(filled(text, &lookup).as_deref(), expected, "{text}");
        }
    }
}
