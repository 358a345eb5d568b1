//! Source texts, byte spans in them, and the nearest known word to a mistyped one.

use std::borrow::Cow;
use std::fmt;

/// Which of the [`Sources`] a span lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SourceId(pub u16);

/// A half-open range of bytes in one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    /// The text the range lies in.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span from byte offsets; texts are limited to 4 GiB by the reader.
    pub fn new(source: SourceId, start: usize, end: usize) -> Self {
        Self { source, start: start as u32, end: end.max(start) as u32 }
    }

    /// The bytes as a range for slicing.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// One input text and the path it is shown under.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path as the caller would write it.
    pub path: String,
    /// The whole text.
    pub text: String,
    lines: Vec<u32>,
}

/// A position counted from one, in lines and Unicode characters, as editors and CI annotations count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl Source {
    fn new(path: String, text: String) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i as u32 + 1)).collect();
        Self { path, text, lines }
    }

    /// Where a byte offset lies; an offset past the end is the end.
    pub fn position(&self, offset: usize) -> Position {
        let offset = self.floor(offset);
        let line = self.lines.partition_point(|start| *start as usize <= offset).max(1);
        let start = self.lines[line - 1] as usize;
        Position { line, column: self.text[start..offset].chars().count() + 1 }
    }

    /// The column of a byte offset in UTF-16 code units, from 1.
    pub fn utf16_column(&self, offset: usize) -> usize {
        let offset = self.floor(offset);
        let start = self.line_start(self.position(offset).line);
        self.text[start..offset].chars().map(char::len_utf16).sum::<usize>() + 1
    }

    /// The byte at which a line (from 1) starts; the end of the text for a line past the last.
    pub fn line_start(&self, line: usize) -> usize {
        self.lines.get(line.saturating_sub(1)).map_or(self.text.len(), |start| *start as usize)
    }

    /// How many lines the text has.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// All texts of one run: the manifest, its overlay, the kinds beside it.
#[derive(Debug, Clone, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Keeps a text and returns its id.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<String>) -> SourceId {
        self.0.push(Source::new(path.into(), text.into()));
        SourceId((self.0.len() - 1) as u16)
    }

    /// The text with this id.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.0[id.0 as usize]
    }

    /// The text below a span, clipped to the source.
    pub fn slice(&self, span: Span) -> &str {
        let source = self.get(span.source);
        &source.text[source.floor(span.start as usize)..source.floor(span.end as usize)]
    }

    /// Empties every other text; the ids stay.
    pub fn keep(&mut self, wanted: impl IntoIterator<Item = SourceId>) {
        let wanted: std::collections::HashSet<_> = wanted.into_iter().collect();
        for (i, source) in self.0.iter_mut().enumerate() {
            if !wanted.contains(&SourceId(i as u16)) {
                *source = Source::new(std::mem::take(&mut source.path), String::new());
            }
        }
    }

    /// All texts with their ids, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.0.iter().enumerate().map(|(i, s)| (SourceId(i as u16), s))
    }
}

/// The known word a mistyped one was probably meant to be, if one is near enough to say so.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(&lower, &k.to_lowercase()), k))
        .filter(|(distance, k)| *distance <= (word.chars().count().max(k.chars().count()) / 3).max(1))
        .min_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(b.1)))
        .map(|(_, k)| k)
}

/// Whether a word is one slip away from one known word and from no other: then that is what was meant.
pub fn is_slip<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> bool {
    let lower = word.to_lowercase();
    let near = |k: &&str| strsim::damerau_levenshtein(&lower, &k.to_lowercase()) <= 1;
    // Of few letters one more or less makes another word.
    lower.chars().count() >= 4 && known.into_iter().filter(near).count() == 1
}

/// A text in backquotes: shortened, control characters made visible, and without the password of a URL.
///
/// Whatever quotes a text somebody wrote goes through here: the finding ends in terminals and in logs.
pub fn shown(text: &str) -> String {
    let text = without_password(text);
    let mut short: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    format!("`{}`", short.replace("\\\"", "\"").replace("\\'", "'"))
}

/// Most characters of anything that is told.
const LONGEST: usize = 2000;

/// A text that a terminal shows as it is: on one line, nothing invisible, nothing that reorders what is around it, and
/// not more than anybody reads.
pub fn harmless(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if !text.contains(odd) {
        return text;
    }
    text.chars().map(|c| if odd(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// The system's words without its number, in lower case like all messages.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// `scheme://user:password@host` and `user:password@host` with the password left out.
fn without_password(text: &str) -> Cow<'_, str> {
    let start = text.find("://").map_or(0, |i| i + 3);
    let Some((account, host)) = text[start..].rsplit_once('@') else { return text.into() };
    match account.split_once(':') {
        // `odoo:18.0@sha256:...` is an image.
        Some((user, _)) if !host.starts_with("sha256:") => {
            format!("{}{user}:…@{host}", &text[..start]).into()
        }
        _ => text.into(),
    }
}

/// `a`, `a or b`, `a, b or c`: a list of choices as prose.
pub fn one_of<'a>(choices: impl IntoIterator<Item = &'a str>) -> String {
    let choices: Vec<_> = choices.into_iter().collect();
    match choices.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_string(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let mut sources = Sources::default();
        let id = sources.add("a", "ä: 1\nb: 2\n");
        let source = sources.get(id);
        assert_eq!(source.position(0).to_string(), "1:1");
        assert_eq!(source.position(2).to_string(), "1:2");
        assert_eq!(source.position(6).to_string(), "2:1");
        assert_eq!(source.position(999).to_string(), "3:1");
        assert_eq!(sources.slice(Span::new(id, 1, 2)), "ä", "a span inside a character is widened to it");
    }

    #[test]
    fn what_is_shown_is_harmless() {
        for (text, expected) in [
            ("it's \"a\" $b", "`it's \"a\" $b`"),
            ("a\n\x1b[31m\u{202e}", "`a\\n\\u{1b}[31m\\u{202e}`"),
            ("postgres://u:hunter2@db/x", "`postgres://u:…@db/x`"),
            ("u:hun@ter2@db", "`u:…@db`"),
            ("root@db", "`root@db`"),
            ("odoo:18.0@sha256:12", "`odoo:18.0@sha256:12`"),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert_eq!(shown(&"x".repeat(61)), format!("`{}…`", "x".repeat(60)));
    }

    #[test]
    fn nearest_word_needs_to_be_near() {
        assert_eq!(nearest("helthcheck", ["healthcheck", "hostname"]), Some("healthcheck"));
        assert_eq!(nearest("DB_POSTGRESDB_URL", ["DB_POSTGRESDB_USER", "TZ"]), Some("DB_POSTGRESDB_USER"));
        assert_eq!(nearest("zzz", ["healthcheck"]), None);
        assert_eq!(one_of(["a", "b", "c"]), "a, b or c");
    }
}
