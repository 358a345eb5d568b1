//! `.env` files as Docker Compose reads them: which names one sets, and how to write a value nothing is read into.

use super::{Fault, Refused};

/// A variable that a `.env` file names; its value is never kept, because it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name of the variable.
    pub name: String,
    /// The line it stands on, from 1.
    pub line: usize,
    /// Whether a value is assigned; a bare `NAME` passes on what the calling shell has.
    pub assigned: bool,
    /// The quotes its value stands in: in single ones nothing is read into it.
    pub quote: Option<char>,
}

/// A value in single quotes, the one form in which Compose interpolates nothing, `$` included.
///
/// Single quotes and a backslash at the end are refused although recent releases of Compose have an escape for the
/// former: older ones hand out the escape, and a shell that sources the file reads something else again.
pub fn quote(value: &str) -> Result<String, Refused> {
    let reason = if value.contains('\'') {
        "a single quote cannot stand in a .env value"
    } else if value.ends_with('\\') {
        "a backslash cannot end a .env value"
    } else if value.contains('\0') {
        "a NUL byte cannot stand in a .env value"
    } else if value.contains('\r') {
        "a carriage return cannot stand in a .env value"
    } else {
        return Ok(format!("'{value}'"));
    };
    Err(Refused { reason })
}

/// The names a text sets, in order and with repetitions (the last one wins), or why Compose would refuse the file.
pub fn names(text: &str) -> Result<Vec<Name>, Fault> {
    Ok(values(text)?.into_iter().map(|(name, _)| name).collect())
}

/// The names a text sets with what stands behind their `=`, still escaped: for telling whether a value is there.
/// What comes out may be a secret, to be dropped where it is read.
pub fn values(text: &str) -> Result<Vec<(Name, &str)>, Fault> {
    let mut values = Vec::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut line, mut counted) = (1, 0);
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(values);
        }
        if rest.starts_with('#') {
            rest = after_line(rest);
            continue;
        }
        let exported = rest.strip_prefix("export").filter(|rest| rest.starts_with(is_blank));
        rest = exported.unwrap_or(rest).trim_start_matches(is_blank);
        let offset = text.len() - rest.len();
        line += text[counted..offset].matches('\n').count();
        counted = offset;
        let end = rest.find(['=', ':', '\n']).unwrap_or(rest.len());
        let (name, tail) = rest.split_at(end);
        let name = name.trim_end();
        if let Some((at, c)) = name.char_indices().find(|(_, c)| !is_name(*c)) {
            return Err(Fault::new(offset + at, format!("{c:?} cannot stand in the name of a variable")));
        }
        let assigned = tail.starts_with(['=', ':']);
        if name.is_empty() {
            return Err(Fault::new(offset, "expected the name of a variable"));
        }
        let behind = if assigned { tail[1..].trim_start_matches(is_blank) } else { "" };
        let quote = behind.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let (value, after) = if assigned { value(text, behind)? } else { ("", tail) };
        values.push((Name { name: name.to_string(), line, assigned, quote }, value));
        rest = after;
    }
}

/// The value a text starts with and what follows it: quoted ones may span lines, others end with theirs.
fn value<'a>(text: &str, value: &'a str) -> Result<(&'a str, &'a str), Fault> {
    let Some(quote) = value.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        let after = after_line(value);
        let line = &value[..value.len() - after.len()];
        // A comment needs a blank before it, or nothing at all.
        let end = line.match_indices('#').map(|(i, _)| i).find(|i| line[..*i].ends_with(is_blank) || *i == 0);
        return Ok((line[..end.unwrap_or(line.len())].trim_end(), after));
    };
    let mut escaped = false;
    for (i, c) in value.char_indices().skip(1) {
        if c == quote && !escaped {
            // Compose starts afresh right behind the quote; only blanks and comments make sense there.
            return Ok((&value[1..i], &value[i + 1..]));
        }
        escaped = c == '\\' && !escaped;
    }
    Err(Fault::new(text.len() - value.len(), "the quoted value is not closed"))
}

fn after_line(text: &str) -> &str {
    text.find('\n').map_or("", |end| &text[end + 1..])
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() && c != '\n'
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dump(text: &str) -> String {
        match names(text) {
            Err(fault) => format!("error at {}: {fault}", fault.offset),
            Ok(names) => {
                let one = |n: &Name| format!("{}:{}{}", n.line, n.name, if n.assigned { "" } else { "?" });
                names.iter().map(one).collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn names_and_lines() {
        let table = [
            ("", ""),
            ("A=1\nB = 2\r\n\n# C=3\nD: 4", "1:A 2:B 5:D"),
            ("\u{feff}A=1", "1:A"),
            ("export A=1\nexport\tB=2\nexported=3\n", "1:A 2:B 3:exported"),
            ("A='x\nB=1\n'\nC=\"a\\\"\nD=1\"\nE=", "1:A 4:C 6:E"),
            ("A=p#x # y='\nB='a' # c\nHOME\nA=2", "1:A 2:B 3:HOME? 4:A"),
            ("A='it\\'s'\nB=1", "1:A 2:B"),
            ("A B=1", "error at 1: ' ' cannot stand in the name of a variable"),
            ("A=1\n+B=1", "error at 4: '+' cannot stand in the name of a variable"),
            ("=1", "error at 0: expected the name of a variable"),
            ("A=1\nB='x\n", "error at 6: the quoted value is not closed"),
        ];
        for (text, expected) in table {
            assert_eq!(dump(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_assigned() {
        let text = "A=p#x # y\nB='a #b' # c\nC= # d\nD=\nE\nF: \" g\"\nG=a b \r\n";
        let said: Vec<_> =
            values(text).unwrap().into_iter().map(|(n, v)| format!("{}={v}", n.name)).collect();
        assert_eq!(said, ["A=p#x", "B=a #b", "C=", "D=", "E=", "F= g", "G=a b"]);
    }

    #[test]
    fn quoting() {
        assert_eq!(quote("p$wo#x \"\\n").unwrap(), "'p$wo#x \"\\n'");
        assert_eq!(quote("a\nb").unwrap(), "'a\nb'");
        assert_eq!(quote("it's").unwrap_err().to_string(), "a single quote cannot stand in a .env value");
        assert!(["a\\", "a\0", "a\r\n"].iter().all(|value| quote(value).is_err()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn no_value_hides_or_adds_a_name(value in "[^']{0,10}|[\\\\a\n= #\"$]{0,8}") {
            if let Ok(quoted) = quote(&value) {
                let line = 2 + value.matches('\n').count();
                prop_assert_eq!(dump(&format!("A={quoted}\nB=1\n")), format!("1:A {line}:B"));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[A'\"=:\n# \\\\é\r-]{0,20}") {
            let _ = names(&text);
        }
    }
}
