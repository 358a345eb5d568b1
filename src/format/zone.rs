//! Zone files of the DNS: texts as quoted strings. Source: RFC 1035, 5.1; RFC 7208, 3.3, for texts of several strings.

use std::fmt::Write;

/// Longest string, in bytes.
const LONGEST: usize = 255;

/// A text as quoted strings of at most 255 bytes, which whoever reads it puts together again.
pub fn strings(text: &str) -> String {
    let mut out = String::from("\"");
    for (i, byte) in text.bytes().enumerate() {
        if i > 0 && i % LONGEST == 0 {
            out.push_str("\" \"");
        }
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' '..=b'~' => out.push(char::from(byte)),
            // Writing to a String cannot fail.
            byte => {
                let _ = write!(out, "\\{byte:03}");
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::strings;

    #[test]
    fn nothing_ends_a_string_but_its_length() {
        assert_eq!(strings("v=spf1 ~all"), "\"v=spf1 ~all\"");
        assert_eq!(strings("a\"; b\\\n"), "\"a\\\"; b\\\\\\010\"");
        assert_eq!(strings("é"), "\"\\195\\169\"");
        let parts: Vec<String> =
            strings(&"x".repeat(600)).split(' ').map(|s| s.trim_matches('"').into()).collect();
        assert_eq!(parts.iter().map(String::len).collect::<Vec<_>>(), [255, 255, 90]);
    }
}
