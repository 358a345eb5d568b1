//! The marked lines of one source, drawn by miette.
//!
//! miette's own sources search for lines from the start of the text each time; ours knows where they are.

use std::borrow::Cow;
use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};

use crate::finding::Level;
use crate::text::Source;

/// Longest line that is shown whole, and most bytes of a longer one that are shown before and after a mark.
const LONG: usize = 240;
const AROUND: usize = 60;

/// A text as it is shown.
pub(super) struct Shown<'a> {
    source: &'a Source,
    /// The path on one line.
    path: Cow<'a, str>,
    /// The text with nothing in it that a terminal obeys; every byte offset is that of the source.
    text: String,
}

/// A range of a [`Shown`] and what stands there.
pub(super) struct Mark {
    pub(super) range: std::ops::Range<usize>,
    pub(super) label: String,
    pub(super) primary: bool,
}

impl<'a> Shown<'a> {
    /// `secrets` are ranges that are not shown.
    pub(super) fn new(source: &'a Source, secrets: &[std::ops::Range<usize>]) -> Self {
        let mut text = super::same_length(&source.text).into_owned();
        super::conceal::conceal(&mut text, secrets);
        Self { source, path: super::clean(&source.path), text }
    }

    /// The bytes of a line, from 1, without its end.
    fn line(&self, line: usize) -> std::ops::Range<usize> {
        let start = self.source.line_start(line);
        let end =
            if line < self.source.line_count() { self.source.line_start(line + 1) } else { self.text.len() };
        let text = self.text.get(start..end).unwrap_or_default();
        start..start + text.trim_end_matches(['\n', '\r']).len()
    }

    fn is_long(&self, line: usize) -> bool {
        self.line(line).len() > LONG
    }

    /// The start or end of a character at or before an offset.
    fn floor(&self, offset: usize) -> usize {
        (0..=offset.min(self.text.len())).rev().find(|i| self.text.is_char_boundary(*i)).unwrap_or(0)
    }

    /// A range as it is marked: its first line only, for the rest says no more about where it is.
    fn marked(&self, range: &std::ops::Range<usize>) -> std::ops::Range<usize> {
        let start = self.floor(range.start);
        let line = self.line(self.source.position(start).line);
        let mut end = self.floor(range.end.max(start));
        if end > line.end {
            let text = self.text.get(start..line.end).unwrap_or_default();
            end = start + text.trim_end().len();
        }
        if end - start > LONG { start..self.floor(start + AROUND) } else { start..end }
    }

    /// Draws the lines around the marks.
    pub(super) fn draw(&self, level: Level, marks: &[Mark]) -> String {
        let mut labels: Vec<(std::ops::Range<usize>, &Mark)> =
            marks.iter().map(|m| (self.marked(&m.range), m)).collect();
        labels.sort_by_key(|(range, mark)| (range.start, !mark.primary));
        // Of a line too long to show, only the part around one mark is shown.
        if let Some(i) = labels.iter().position(|(_, m)| m.primary)
            && labels.iter().any(|(r, _)| self.is_long(self.source.position(r.start).line))
        {
            labels = vec![labels.swap_remove(i)];
        }
        let styles = ThemeStyles::ansi();
        let color = match level {
            Level::Error => styles.error,
            Level::Warning => styles.warning,
            Level::Info => styles.advice,
        };
        let highlights = labels.iter().map(|(_, m)| if m.primary { color } else { styles.help }).collect();
        let theme = GraphicalTheme {
            characters: ThemeCharacters::unicode(),
            styles: ThemeStyles { highlights, link: Default::default(), ..styles },
        };
        let report = Report { shown: self, labels };
        let mut out = String::new();
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_wrap_lines(false)
            .with_links(false)
            .with_context_lines(1)
            .tab_width(2)
            .without_syntax_highlighting();
        // Writing to a String cannot fail; without a snippet the finding still has its place in words.
        let _ = handler.render_report(&mut out, &report);
        // The first line is miette's header, which is empty: ours stands above.
        out.split_once('\n').map(|(_, snippet)| snippet.to_string()).unwrap_or_default()
    }
}

/// What miette wants a snippet to be part of.
struct Report<'a> {
    shown: &'a Shown<'a>,
    labels: Vec<(std::ops::Range<usize>, &'a Mark)>,
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Report")
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Report<'_> {}

impl Diagnostic for Report<'_> {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.shown)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().map(|(range, mark)| {
            let label = Some(super::clean(&mark.label).into_owned()).filter(|l| !l.is_empty());
            if mark.primary {
                LabeledSpan::new_primary_with_span(label, range.clone())
            } else {
                LabeledSpan::new_with_span(label, range.clone())
            }
        })))
    }
}

impl SourceCode for Shown<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let position = self.source.position(span.offset());
        let last = self.source.position(span.offset() + span.len()).line;
        let mut first = position.line;
        let mut end = last;
        let (start, stop) = if self.is_long(first) {
            // A window of the line alone.
            let line = self.line(first);
            let start = self.floor(span.offset().saturating_sub(AROUND)).max(line.start);
            (start, self.floor(span.offset() + span.len() + AROUND).min(line.end))
        } else {
            for _ in 0..before {
                if first > 1 && !self.is_long(first - 1) {
                    first -= 1;
                }
            }
            for _ in 0..after {
                if end < self.source.line_count() && !self.is_long(end + 1) {
                    end += 1;
                }
            }
            (self.source.line_start(first), self.line(end).end)
        };
        let text = self.text.get(start..stop).ok_or(MietteError::OutOfBounds)?;
        let name = self.path.clone().into_owned();
        let window = SourceSpan::from(start..stop);
        Ok(Box::new(MietteSpanContents::new_named(
            name,
            text.as_bytes(),
            window,
            first - 1,
            position.column - 1,
            // How many lines the window has: with those of the text miette would join marks that are far apart.
            end - first,
        )))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::Sources;

    /// Offset and length of each mark.
    fn drawn(text: &str, places: &[(usize, usize)]) -> String {
        let mut sources = Sources::default();
        let id = sources.add("a\u{1b}.yaml", text);
        let marks: Vec<_> = places
            .iter()
            .enumerate()
            .map(|(i, (at, length))| Mark {
                range: *at..at + length,
                label: format!("l{i}\u{7}"),
                primary: i == 0,
            })
            .collect();
        let out = Shown::new(sources.get(id), &[]).draw(Level::Error, &marks);
        anstream::adapter::strip_str(&out).to_string()
    }

    #[test]
    fn a_mark_of_many_lines_ends_with_the_first() {
        let text = "a:\n  b: 1\n  c: 2\nd: 3\n";
        let out = drawn(text, &[(5, 13)]);
        assert_eq!(out.matches('\n').count(), 7, "{out}");
        assert!(out.contains("a\\u{1b}.yaml:2:3"), "{out}");
    }

    proptest! {
        #[test]
        fn any_text_can_be_marked_anywhere(
            text in "([a-c äé漢🚀\u{1b}\u{85}\u{202e}\t\r\n]|\r\n|x{100}){0,40}",
            places in prop::collection::vec((0..600usize, 0..300usize), 1..4),
        ) {
            let out = drawn(&text, &places);
            prop_assert!(out.contains("a\\u{1b}.yaml:"), "{out:?}");
            prop_assert!(out.chars().all(|c| c == '\n' || crate::format::is_visible(c)), "{out:?}");
        }
    }
}
