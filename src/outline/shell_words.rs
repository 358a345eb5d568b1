//! The words of a command that is written as one text, split as Compose splits them.

/// The words; `None` for a quote that is not closed.
///
/// No shell is asked: quotes and backslashes are followed, and the text ends at the first operator outside quotes, as
/// in github.com/mattn/go-shellwords.
pub(super) fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let (mut quote, mut escaped) = (None, false);
    for c in text.chars() {
        if escaped {
            word.get_or_insert_default().push(c);
            escaped = false;
            continue;
        }
        match (c, quote) {
            ('\\', None | Some('"')) => {
                escaped = true;
                word.get_or_insert_default();
            }
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            (' ' | '\t' | '\r' | '\n', None) => words.extend(word.take()),
            (';' | '&' | '|' | '<' | '>', None) => break,
            _ => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() || escaped {
        return None;
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let table: [(&str, Option<&[&str]>); 6] = [
            ("npm  start", Some(&["npm", "start"])),
            ("sh -c 'a \"b' \"c d\" e\\ f ''", Some(&["sh", "-c", "a \"b", "c d", "e f", ""])),
            ("a; b", Some(&["a"])),
            ("", Some(&[])),
            ("'a", None),
            ("a\\", None),
        ];
        for (text, expected) in table {
            assert_eq!(split(text), expected.map(|w| w.iter().map(ToString::to_string).collect()), "{text}");
        }
    }
}
