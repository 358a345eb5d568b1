//! Values that may be secrets, covered before lines of a manifest are shown: logs of a build are read by many.

use std::ops::Range;

use crate::scalar::SecretName;
use crate::secrecy::may_name_a_secret;

/// Covers the given ranges, what stands behind a key that says secret, and the passwords of URLs, each by as many
/// bytes.
pub(super) fn conceal(text: &mut String, known: &[Range<usize>]) {
    let mut ranges: Vec<Range<usize>> = known.to_vec();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        in_line(line, start, &mut ranges);
        start += line.len();
    }
    if ranges.is_empty() {
        return;
    }
    ranges.sort_by_key(|r| r.start);
    let mut out = String::with_capacity(text.len());
    let mut ranges = ranges.into_iter().peekable();
    let mut end = 0;
    for (at, c) in text.char_indices() {
        while let Some(range) = ranges.next_if(|r| r.start <= at) {
            end = end.max(range.end);
        }
        if c != '\n' && at < end {
            out.extend(std::iter::repeat_n('*', c.len_utf8()));
        } else {
            out.push(c);
        }
    }
    *text = out;
}

/// A value as it may be shown behind its key.
pub(super) fn concealed(key: &str, value: &str) -> String {
    let lead = format!("{key}: ");
    let mut text = format!("{lead}{value}");
    conceal(&mut text, &[]);
    text.split_off(lead.len().min(text.len()))
}

fn in_line(line: &str, start: usize, out: &mut Vec<Range<usize>>) {
    // What a proxy logs in with, behind the name of the header.
    const LOGIN: &str = "authorization";
    if let Some(i) = line.to_ascii_lowercase().find(LOGIN) {
        let rest = &line[i + LOGIN.len()..];
        let value = rest.trim_start_matches([' ', '"', '\'', ':', '=', '\t']);
        out.push(start + line.len() - value.len()..start + line.trim_end().len());
    }
    // A comment may hold what was there before.
    let mut from = 0;
    // Whether the line is inside the map of such a key.
    let mut inside = false;
    while let Some(i) = line.get(from..).and_then(|rest| rest.find([':', '='])) {
        let colon = from + i;
        from = colon + 1;
        let key = line[..colon].trim_end_matches(['"', '\'', ' ']);
        let key = key.rsplit([' ', '{', ',', '"', '\'', '\t']).next().unwrap_or(key).to_lowercase();
        if !inside && !may_name_a_secret(&key) || line[from..].starts_with("//") {
            continue;
        }
        let rest = &line[from..];
        let value = rest.trim_start();
        let begin = from + rest.len() - value.len();
        // What is quoted ends with its quote, a list with its bracket, and a plain value with its line or map.
        let length = match value.chars().next() {
            Some('{') => {
                // The block `secrets` holds descriptions.
                inside |= key != "secrets";
                continue;
            }
            Some('[') => value.find(']').map_or(value.trim_end().len(), |i| i + 1),
            None | Some('#') => continue,
            Some(quote @ ('"' | '\'')) => value[1..].find(quote).map_or(value.trim_end().len(), |i| i + 2),
            Some(_) => value.split([',', '}']).next().unwrap_or_default().trim_end().len(),
        };
        let value = &line[begin..begin + length];
        // The name of a secret is what should stand there.
        if SecretName::try_from(value.trim_matches(['"', '\'', ' ']).to_string()).is_err() {
            out.push(start + begin..start + begin + length);
        }
    }
    let mut from = 0;
    while let Some(i) = line.get(from..).and_then(|rest| rest.find("://")) {
        let account = from + i + 3;
        from = account;
        let end = line[account..].find([' ', '"', '\'', '\n']).map_or(line.len(), |i| account + i);
        if let Some(at) = line[account..end].rfind('@')
            && let Some(colon) = line[account..account + at].find(':')
        {
            out.push(start + account + colon + 1..start + account + at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_covered() {
        for (text, expected) in [
            ("password: hunter2 x # y\n", "password: *************\n"),
            ("  password: { secret: DB_PASSWORD }", "  password: { secret: DB_PASSWORD }"),
            ("  password: { secret: hunter2 }", "  password: { secret: ******* }"),
            ("A: { secret: 'hun,ter2', x: 1 }", "A: { secret: **********, x: 1 }"),
            ("DB_PASSWORD: é2\nnext: 1", "DB_PASSWORD: ***\nnext: 1"),
            ("db_password = \"a\\\"b\"", "db_password = ****b\""),
            ("url: https://u:hunter2@h/x", "url: https://u:*******@h/x"),
            ("url: https://h:8443/x", "url: https://h:8443/x"),
            ("secrets:\n  DB_PASSWORD: hunter2\n", "secrets:\n  DB_PASSWORD: *******\n"),
            ("secrets:\n  A: { description: x }\n", "secrets:\n  A: { description: x }\n"),
            ("password: [hunter2, x] # y", "password: ************ # y"),
            ("password: { value: hunter2 }", "password: { value: ******* }"),
            (
                "proxy_set_header Authorization \"Basic aHVudGVyMg==\";",
                "proxy_set_header Authorization \"********************",
            ),
            ("- SMTP_PASS=hunter2", "- SMTP_PASS=*******"),
            ("\"password\": \"hunter2\"}", "\"password\": *********}"),
        ] {
            let mut found = text.to_string();
            conceal(&mut found, &[]);
            assert_eq!(found, expected);
        }
        let mut found = "A: hunter2\nb".to_string();
        let known = 3..10;
        conceal(&mut found, std::slice::from_ref(&known));
        assert_eq!(found, "A: *******\nb");
    }
}
