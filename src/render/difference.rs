//! The difference between a file that was edited and what a build would write.

use std::fmt::Write;
use std::ops::Range;

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};

use super::clean;
use super::conceal::conceal;

/// Most lines of one difference; a file that differs everywhere is better read whole.
const MOST: usize = 60;

/// Unchanged lines around a change.
const CONTEXT: usize = 2;

/// Lines that only one side has, with a little around them; `-` is on disk, `+` would be written.
pub fn unified(there: &[u8], new: &str) -> String {
    let Ok(there) = std::str::from_utf8(there) else {
        return "    what is on disk is no text\n".to_string();
    };
    let diff = TextDiff::from_lines(there, new);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(CONTEXT) {
        if let Some(first) = group.first() {
            lines.push(('@', format!("@@ line {} @@", first.old_range().start + 1)));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            lines.push((sign, change.value().trim_end_matches('\n').to_string()));
        }
    }
    let color = |c: AnsiColor| Style::new().fg_color(Some(c.into()));
    let mut out = String::new();
    for (sign, line) in lines.iter().take(MOST) {
        let style = match sign {
            '-' => color(AnsiColor::Red),
            '+' => color(AnsiColor::Green),
            '@' => color(AnsiColor::Cyan),
            _ => Style::new(),
        };
        let sign = if *sign == '@' { String::new() } else { sign.to_string() };
        let line = line.split('\t').map(clean).collect::<Vec<_>>().join("    ");
        let _ = writeln!(out, "    {style}{sign}{line}{style:#}");
    }
    if lines.len() > MOST {
        let _ = writeln!(out, "    ... and {} more lines", lines.len() - MOST);
    }
    if lines.is_empty() {
        out.push_str("    the text is the same, but not its line ends\n");
    }
    out
}

/// A text, and the ranges of it that are not shown.
type Concealed<'a> = (&'a str, &'a [Range<usize>]);

/// What a fix changes in a file, as `patch` and `git apply` read it, but that what may be a secret is covered.
pub fn patch(path: &str, old: Concealed<'_>, new: Concealed<'_>) -> String {
    let shown = |(text, secrets): Concealed<'_>| {
        let mut text = text.to_string();
        conceal(&mut text, secrets);
        text
    };
    let (old, new) = (shown(old), shown(new));
    let path = clean(path);
    let text = TextDiff::from_lines(&old, &new)
        .unified_diff()
        .context_radius(3)
        .header(&format!("a/{path}"), &format!("b/{path}"))
        .to_string();
    let color = |c: AnsiColor| Style::new().fg_color(Some(c.into()));
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let style = match line.as_bytes() {
            [b'-', b'-', b'-', ..] | [b'+', b'+', b'+', ..] => Style::new().bold(),
            [b'-', ..] => color(AnsiColor::Red),
            [b'+', ..] => color(AnsiColor::Green),
            [b'@', ..] => color(AnsiColor::Cyan),
            _ => Style::new(),
        };
        let line = line.trim_end_matches('\n');
        let (line, end) = line.strip_suffix('\r').map_or((line, ""), |line| (line, "\r"));
        let line = line.split('\t').map(clean).collect::<Vec<_>>().join("\t");
        let _ = writeln!(out, "{style}{line}{style:#}{end}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(there: &[u8], new: &str) -> String {
        anstream::adapter::strip_str(&unified(there, new)).to_string()
    }

    #[test]
    fn only_what_differs_is_shown() {
        let old = "a\nb\nc\nd\ne\nf\n";
        assert_eq!(
            plain(old.as_bytes(), "a\nb\nc\nd\nE\nf\n"),
            "    @@ line 3 @@\n     c\n     d\n    -e\n    +E\n     f\n"
        );
        assert!(plain(b"\xff", "a").contains("no text"));
        assert_eq!(plain(b"a\x1b[2J\n", ""), "    @@ line 1 @@\n    -a\\u{1b}[2J\n");
        assert!(plain(b"", &"x\n".repeat(500)).ends_with("... and 441 more lines\n"));
    }
}
