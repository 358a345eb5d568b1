//! Annotations of a GitHub workflow, and the summary of its step.

use std::fmt::Write;

use super::run::{Item, Run, counts, named, told};
use super::text::Tally;
use super::{clean, count};
use crate::finding::Level;

/// Annotations of each level that GitHub shows of one step; of the rest it says nothing.
const SHOWN: usize = 10;

/// GitHub drops a summary of more than 1 MiB.
const LONGEST: usize = 1_000_000;

const LEVELS: [(Level, &str); 3] =
    [(Level::Error, "error"), (Level::Warning, "warning"), (Level::Info, "notice")];

/// One workflow command for each finding that will be shown, the worst first.
pub fn annotations(run: &Run) -> String {
    let items = run.items();
    let mut out = String::new();
    // What could not be seen may be worse than what was.
    for failure in run.failures.iter().take(SHOWN) {
        let _ = writeln!(out, "::error title=stackgen lint::{}", data(&failure.message));
    }
    let mut left = run.failures.len().saturating_sub(SHOWN);
    // Writing to a String cannot fail.
    for (level, command) in LEVELS {
        let most = if level == Level::Error { SHOWN.saturating_sub(run.failures.len()) } else { SHOWN };
        let all: Vec<_> = items.iter().filter(|i| i.finding.level == level).collect();
        left += all.len().saturating_sub(most);
        for item in all.into_iter().take(most) {
            let Item { at, finding, id, .. } = item;
            let _ = write!(
                out,
                "::{command} file={},line={}",
                property(&run.below_root(&at.path)),
                at.start.line
            );
            // Columns count only within one line.
            if at.end.line == at.start.line {
                let end = at.end.column.max(at.start.column);
                let _ = write!(out, ",endLine={},col={},endColumn={end}", at.end.line, at.start.column);
            } else {
                let _ = write!(out, ",endLine={}", at.end.line);
            }
            let _ = writeln!(out, ",title={}::{}", property(&named(id, finding.rule)), data(&told(finding)));
        }
    }
    if left > 0 {
        let _ = writeln!(
            out,
            "GitHub shows {SHOWN} annotations of a level; {left} more are in the summary of this step"
        );
    }
    out
}

/// The text of a workflow command.
pub(super) fn data(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| clean(line).replace('%', "%25")).collect();
    lines.join("%0A")
}

/// The value of a property of a workflow command.
pub(super) fn property(text: &str) -> String {
    clean(text).replace('%', "%25").replace(':', "%3A").replace(',', "%2C")
}

/// The run as Markdown.
pub fn summary(run: &Run) -> String {
    let mut tally = Tally::default();
    run.stacks.iter().for_each(|c| tally.add(&c.findings));
    let words = tally.words();
    let mut out =
        format!("## stackgen lint: {}\n\n", if words.is_empty() { "nothing found" } else { &words });
    for failure in run.failures {
        let _ = writeln!(out, "- **could not be seen**: {}", escaped(&failure.message));
    }
    if !run.failures.is_empty() {
        out.push('\n');
    }
    if words.is_empty() {
        return out;
    }
    out.push_str("| level | rule | found |\n|---|---|--:|\n");
    for (level, id, rule, number) in counts(run.stacks) {
        let _ = writeln!(out, "| {level} | {} | {number} |", named(id, rule));
    }
    out.push_str("\n| where | rule | what |\n|---|---|---|\n");
    let mut items = run.items();
    items.sort_by_key(|item| item.finding.level);
    for (i, item) in items.iter().enumerate() {
        if out.len() > LONGEST {
            let _ = writeln!(out, "\nand {} more", count(items.len() - i, "finding"));
            break;
        }
        let Item { at, finding, id, .. } = item;
        let what = told(finding).split('\n').map(escaped).collect::<Vec<_>>().join("<br>");
        let place = escaped(&format!("{}:{}", run.below_root(&at.path), at.start.line));
        let _ = writeln!(out, "| {place} | {} {} | {what} |", finding.level, named(id, finding.rule));
    }
    out.push_str("\n`stackgen explain RULE` has the story behind each.\n");
    out
}

/// Text that Markdown shows as it is, also in the cell of a table.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in clean(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Nobody is to be called by the name of a file.
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '|' | '#' | '!' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_is_a_command() {
        assert_eq!(property("a,b:c%\n::error::x"), "a%2Cb%3Ac%25\\n%3A%3Aerror%3A%3Ax");
        assert_eq!(data("50%\n::error::x\r"), "50%25%0A::error::x\\r");
        assert_eq!(escaped("a|b`c<i>@x"), "a\\|b\\`c&lt;i&gt;&#64;x");
    }
}
