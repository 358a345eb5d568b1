//! Scripts and whatever else is lines: an entry for each line that says something, known by its text, and one for the
//! whole, at the empty path, which tells whether the order is the same.
//!
//! Blanks at the end of a line, empty lines and comments say nothing; `#!` and what stands in a here-document or a text
//! in triple quotes does. Blanks at the start count in Python only.

use std::collections::BTreeMap;

use super::hash::Hash;
use super::{Entries, Entry, Numbered};
use crate::finding::Path;

/// Reads a file line by line; its path says what a comment looks like.
pub(super) fn read(path: &str, text: &str) -> BTreeMap<Path, Entry> {
    let is_python = path.ends_with(".py");
    let is_nft = path.ends_with("nftables.conf");
    let mut out = Entries::default();
    let mut numbered = vec![Numbered::default()];
    let mut whole = Hash::default();
    // What ends the text in which a `#` is no comment.
    let mut until: Option<String> = None;
    // Blocks of nftables, which lines are known below: `table inet x`, `chain open`.
    let mut blocks = Path::default();
    for (line, number) in text.lines().zip(1u32..) {
        let line = line.trim_end();
        let bare = line.trim_start();
        if bare.is_empty() {
            continue;
        }
        match &until {
            Some(end) if is_python && bare.matches(end.as_str()).count() % 2 == 1 => until = None,
            Some(end) if bare == end => until = None,
            Some(_) => {}
            None => {
                let directive = number == 1 && (bare.starts_with("#!") || bare.starts_with("# syntax="));
                if bare.starts_with('#') && !directive {
                    continue;
                }
                until = if is_python { open_quote(bare) } else { here_document(bare) };
            }
        }
        whole = whole.add(bare);
        if is_nft && bare == "}" {
            blocks.0.pop();
            if numbered.len() > 1 {
                numbered.pop();
            }
            continue;
        }
        let known = if is_python { line } else { bare };
        let again = numbered.last_mut().map_or_else(String::new, |n| n.name(known.to_string()));
        out.set(blocks.join(again.as_str()), "", number);
        if let Some(head) = bare.strip_suffix('{').filter(|_| is_nft) {
            blocks = blocks.join(head.trim_end());
            numbered.push(Numbered::default());
        }
    }
    out.set(Path::default(), format!("{:016x}", whole.finish()), 1);
    out.0
}

/// The word that ends a here-document which starts on a line of a shell script.
fn here_document(line: &str) -> Option<String> {
    let rest = line.split_once("<<")?.1;
    let rest = rest.strip_prefix('-').unwrap_or(rest).trim_start().trim_start_matches(['\'', '"', '\\']);
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    Some(rest[..end].to_string())
        .filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

/// The quotes of a text that a line of Python leaves open.
fn open_quote(line: &str) -> Option<String> {
    ["\"\"\"", "'''"].into_iter().find(|q| line.matches(q).count() % 2 == 1).map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(path: &str, text: &str) -> Vec<String> {
        let mut lines: Vec<_> = read(path, text).into_iter().map(|(p, e)| (e.line, p)).collect();
        lines.sort();
        lines.into_iter().filter(|(_, p)| !p.0.is_empty()).map(|(line, p)| format!("{line} {p}")).collect()
    }

    #[test]
    fn lines_that_say_something() {
        assert_eq!(
            says("a.sh", "#!/bin/sh\r\n# x\n\n  a  \nb\na\n"),
            ["1 #!/bin/sh", "4 a", "5 b", "6 a #2"]
        );
        assert_eq!(
            says("a.sh", "cat <<'EOF'\n# kept\nEOF\n# gone\n"),
            ["1 cat <<'EOF'", "2 # kept", "3 EOF"]
        );
        assert_eq!(
            says("a.py", "if x:\n    y\n# z\n\"\"\"\n# kept\n\"\"\"\n"),
            ["1 if x:", "2     y", "4 \"\\\"\\\"\\\"\"", "5 # kept", "6 \"\\\"\\\"\\\" #2\""]
        );
        let nft = says(
            "firewall/nftables.conf",
            "#!/usr/sbin/nft -f\ntable inet x {\n\tchain a {\n\t\taccept\n\t}\n\tchain b {\n\t\taccept\n\t}\n}\n",
        );
        assert_eq!(
            nft,
            [
                "1 #!/usr/sbin/nft -f",
                "2 table inet x {",
                "3 table inet x.chain a {",
                "4 table inet x.chain a.accept",
                "6 table inet x.chain b {",
                "7 table inet x.chain b.accept"
            ]
        );
    }

    #[test]
    fn order_is_told_by_the_whole() {
        assert_ne!(read("a.sh", "a\nb\n"), read("a.sh", "b\na\n"));
        assert_eq!(read("a.sh", "a\nb\n")[&Path::default()], read("a.sh", "  a\n# x\nb")[&Path::default()]);
    }
}
