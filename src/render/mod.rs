//! What people and programs are shown: findings and differences, in the formats of both. Makes texts; prints nothing.
//!
//! Texts hold ANSI colours; whoever prints them strips those where no terminal is.

mod conceal;
pub mod diff;
pub mod difference;
pub mod github;
pub mod gitlab;
pub mod json;
pub mod oneline;
pub mod run;
pub mod sarif;
mod snippet;
pub mod text;

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};

use crate::finding::Level;
use crate::format::is_visible;

/// The colour of a level, as compilers have it.
pub fn style(level: Level) -> Style {
    let color = match level {
        Level::Error => AnsiColor::Red,
        Level::Warning => AnsiColor::Yellow,
        Level::Info => AnsiColor::Cyan,
    };
    Style::new().bold().fg_color(Some(color.into()))
}

/// The colour of help.
pub const HELP: Style = Style::new().bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Cyan)));

/// What stands out without being good or bad.
pub const BOLD: Style = Style::new().bold();

/// Text from outside on one line: nothing in it can move the cursor, set a colour or reverse the line.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_visible) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_visible(c) { out.push(c) } else { out.extend(c.escape_default()) }
    }
    Cow::Owned(out)
}

/// Text from outside with its offsets as they were: what is not visible is replaced by as many bytes.
fn same_length(text: &str) -> Cow<'_, str> {
    let mut chars = text.char_indices().peekable();
    let mut out = String::new();
    let mut copied = 0;
    while let Some((i, c)) = chars.next() {
        let line_end = c == '\n' || c == '\r' && chars.peek().is_some_and(|(_, next)| *next == '\n');
        if is_visible(c) || c == '\t' || line_end {
            continue;
        }
        out.push_str(text.get(copied..i).unwrap_or_default());
        out.push(match c.len_utf8() {
            1 => '?',
            2 => '¿',
            3 => '\u{25a1}',
            _ => '\u{1f79c}',
        });
        copied = i + c.len_utf8();
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

/// `1 error`, `3 errors`.
pub fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_raw() {
        assert_eq!(clean("plain ä"), "plain ä");
        assert_eq!(clean("a\u{1b}[31mb\nc\u{202e}\u{85}"), "a\\u{1b}[31mb\\nc\\u{202e}\\u{85}");
        let text = "a\u{1b}[31m\r\nb\rc\u{85}\u{202e}\u{e0041}\t";
        let shown = same_length(text);
        assert_eq!(shown, "a?[31m\r\nb?c¿\u{25a1}\u{1f79c}\t");
        assert_eq!(shown.len(), text.len());
    }
}
