//! What a plain YAML scalar means, by YAML 1.2 and by the older readers that are still everywhere.

use super::tree::Kind;

/// The value of a plain scalar by the core schema of YAML 1.2.
pub(super) fn core(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" => return Kind::Bool(true),
        "false" | "False" | "FALSE" => return Kind::Bool(false),
        _ => {}
    }
    // Nearly every scalar is a word; no number starts like one.
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Kind::Str(text.into());
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let float = || text.parse().map_or_else(|_| Kind::Str(text.into()), Kind::Float);
    let radix = |digits: &str, radix: u32| {
        // More than 64 bits are a float here too, as with decimal digits.
        i64::from_str_radix(digits, radix).map_or_else(|_| Kind::Float(wide(digits, radix)), Kind::Int)
    };
    if digits(unsigned, 10) {
        return text.parse().map_or_else(|_| float(), Kind::Int);
    }
    for (prefix, base) in [("0o", 8), ("0x", 16)] {
        if let Some(rest) = text.strip_prefix(prefix).filter(|rest| digits(rest, base)) {
            return radix(rest, base);
        }
    }
    match unsigned {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => Kind::Float(f64::NEG_INFINITY),
        ".inf" | ".Inf" | ".INF" => Kind::Float(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if unsigned.len() == text.len() => Kind::Float(f64::NAN),
        _ if is_float(unsigned) => float(),
        _ => Kind::Str(text.into()),
    }
}

/// What a plain scalar is to YAML 1.2 and what else to YAML 1.1, when the two differ.
pub(super) fn ambiguous(text: &str) -> Option<(&'static str, &'static str)> {
    match text {
        "=" => return Some(("text", "a default value")),
        "y" | "Y" | "yes" | "Yes" | "YES" | "n" | "N" | "no" | "No" | "NO" | "on" | "On" | "ON" | "off"
        | "Off" | "OFF" => return Some(("text", "a boolean")),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned.len() > 1 && unsigned.starts_with('0') && digits(unsigned, 10) {
        let octal = digits(unsigned, 8);
        return Some(("a decimal number", if octal { "an octal one" } else { "text" }));
    }
    if text.strip_prefix("0o").is_some_and(|d| digits(d, 8)) {
        return Some(("an octal number", "text"));
    }
    if is_float(unsigned) && !digits(unsigned, 10) && !is_old_float(unsigned) {
        return Some(("a number", "text"));
    }
    if is_date(text) {
        return Some(("text", "a date"));
    }
    if unsigned.contains(':') && is_sexagesimal(unsigned) {
        return Some(("text", "a number to base 60"));
    }
    let binary = unsigned.strip_prefix("0b").is_some_and(|d| digits(&d.replace('_', ""), 2));
    if binary || (unsigned.contains('_') && is_grouped(unsigned)) {
        return Some(("text", "a number"));
    }
    None
}

fn digits(text: &str, radix: u32) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_digit(radix))
}

fn wide(digits: &str, radix: u32) -> f64 {
    digits.chars().filter_map(|c| c.to_digit(radix)).fold(0.0, |n, d| n * f64::from(radix) + f64::from(d))
}

/// `1.`, `.5`, `1.5`, `1e3`, `1.5E-3`: a number without sign by YAML 1.2.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let whole = |t: &str| t.chars().all(|c| c.is_ascii_digit());
    let mantissa = match mantissa.split_once('.') {
        Some((a, b)) => whole(a) && whole(b) && !(a.is_empty() && b.is_empty()),
        None => digits(mantissa, 10),
    };
    mantissa && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e), 10))
}

/// Whether YAML 1.1 takes a float of YAML 1.2 for one too: it wants a dot, and a sign in the exponent.
fn is_old_float(text: &str) -> bool {
    text.contains('.') && text.split_once(['e', 'E']).is_none_or(|(_, e)| e.starts_with(['+', '-']))
}

/// `22:22`, `190:20:30.15`: groups of at most two digits below 60 after the first.
fn is_sexagesimal(text: &str) -> bool {
    let (text, fraction) = text.split_once('.').map_or((text, None), |(t, f)| (t, Some(f)));
    let mut groups = text.split(':');
    let first = groups.next().unwrap_or_default().replace('_', "");
    digits(&first, 10)
        && (fraction.is_some() || !first.starts_with('0'))
        && fraction.is_none_or(|f| f.chars().all(|c| c.is_ascii_digit() || c == '_'))
        && groups.all(|g| digits(g, 10) && g.len() <= 2 && g.parse().is_ok_and(|n: u8| n < 60))
}

/// `2026-01-13`, `2026-1-3 10:00:00`, `2026-01-13T10:00:00Z`.
fn is_date(text: &str) -> bool {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let parts: Vec<_> = date.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let short = |part: &str| digits(part, 10) && (part.len() == 2 || (time.is_some() && part.len() == 1));
    digits(year, 10)
        && year.len() == 4
        && short(month)
        && short(day)
        && time.is_none_or(|t| {
            let t = t.trim_start();
            let clock: Vec<_> = t.split(':').take(3).collect();
            matches!(clock.as_slice(), [h, m, s] if digits(h, 10) && digits(m, 10) && s.starts_with(|c: char| c.is_ascii_digit()))
        })
}

/// `1_000`, `0x_FF`, `1_000.5`: digits with underscores among them.
fn is_grouped(text: &str) -> bool {
    let bare = text.replace('_', "");
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    match bare.strip_prefix("0x") {
        Some(hex) => digits(hex, 16),
        None => digits(&bare, 10) || (is_float(&bare) && is_old_float(&bare)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_schema() {
        let shown = |text| match core(text) {
            Kind::Float(f) if f.is_nan() => "nan".to_string(),
            kind => format!("{kind:?}"),
        };
        for (text, expected) in [
            ("", "Null"),
            ("NULL", "Null"),
            ("nULL", "Str(\"nULL\")"),
            ("True", "Bool(true)"),
            ("yes", "Str(\"yes\")"),
            ("0755", "Int(755)"),
            ("0o17", "Int(15)"),
            ("-0x1F", "Str(\"-0x1F\")"),
            ("0x1F", "Int(31)"),
            ("0xFFFFFFFFFFFFFFFFF", "Float(2.9514790517935283e20)"),
            ("-12", "Int(-12)"),
            ("+12", "Int(12)"),
            ("9223372036854775807", "Int(9223372036854775807)"),
            ("9223372036854775808", "Float(9.223372036854776e18)"),
            ("1.10", "Float(1.1)"),
            ("1.", "Float(1.0)"),
            (".5", "Float(0.5)"),
            (".", "Str(\".\")"),
            ("-", "Str(\"-\")"),
            ("1e3", "Float(1000.0)"),
            ("1.2.3", "Str(\"1.2.3\")"),
            ("-.inf", "Float(-inf)"),
            ("+.INF", "Float(inf)"),
            (".NaN", "nan"),
            ("-.nan", "Str(\"-.nan\")"),
            ("inf", "Str(\"inf\")"),
            ("1_000", "Str(\"1_000\")"),
            ("１", "Str(\"１\")"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn scalars_that_two_readers_read_differently() {
        for text in [
            "yes",
            "No",
            "ON",
            "off",
            "y",
            "N",
            "=",
            "0755",
            "-07",
            "08",
            "0o14",
            "22:22",
            "190:20:30",
            "-1:30",
            "1:30.5",
            "0:30.5",
            "1_000",
            "0x_FF",
            "0b101",
            "1_0.5",
            "1e3",
            "12e45",
            "1.5e3",
            "2026-01-13",
            "2026-1-3 10:00:00",
            "2026-01-13T10:00:00Z",
        ] {
            assert!(ambiguous(text).is_some(), "{text}");
        }
        for text in [
            "yEs",
            "true",
            "0",
            "10",
            "5432:5432",
            "80:80",
            "127.0.0.1:80",
            "22:61",
            "03:30",
            "1.10",
            "1.5e+3",
            "0x1F",
            ".5",
            "2026-1-3",
            "2026-13",
            "1.2.3",
            "_1",
            "a:b",
            "v1",
            "10.0.0.0/8",
            "30s",
            ".inf",
            "-",
            "2026-01-13-a",
            "::1",
            "1:",
        ] {
            assert!(ambiguous(text).is_none(), "{text}");
        }
    }
}
