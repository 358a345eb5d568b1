//! A document for people: headings, paragraphs, tables, lists and code. What it looks like is the writers' business.

use serde::Serialize;

use crate::format::is_visible;

/// A document.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// What comes before the first section.
    pub lead: Vec<Block>,
    /// The sections, in order.
    pub sections: Vec<Section>,
}

/// A part of a document with a heading.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section {
    /// Heading; one of ours, never a text of a manifest.
    pub title: &'static str,
    /// What links lead to: the heading in small letters with hyphens, as code hosts make it.
    pub id: String,
    /// What is in it.
    pub blocks: Vec<Block>,
}

/// A block of a section.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "block", content = "of")]
pub enum Block {
    /// A heading below the section's.
    Heading(Line),
    /// A paragraph.
    Paragraph(Line),
    /// A list.
    List(Vec<Line>),
    /// A table; each row has as many cells as the head.
    Table {
        /// Headings of the columns.
        head: Vec<&'static str>,
        /// Rows.
        rows: Vec<Vec<Line>>,
    },
    /// Names and what they are: a table of two columns without a head.
    Facts(Vec<(&'static str, Line)>),
    /// Commands of a shell, one a line.
    Commands(Vec<String>),
    /// The picture of the stack.
    Diagram,
}

/// Text with a little emphasis.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Line(pub Vec<Span>);

/// A piece of a [`Line`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "span", content = "of")]
pub enum Span {
    /// Text.
    Text(String),
    /// What is typed or printed letter by letter.
    Code(String),
    /// Text that stands out.
    Strong(String),
    /// A link.
    Link {
        /// What is read.
        text: String,
        /// Where it leads: http, https, or `#section`.
        to: String,
    },
    /// How something is, in a word.
    Status {
        /// `good`, `waiting`, `off` or `bad`.
        tone: &'static str,
        /// The word.
        word: String,
    },
}

impl Line {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds text.
    pub fn text(mut self, text: impl AsRef<str>) -> Self {
        if !text.as_ref().is_empty() {
            self.0.push(Span::Text(visible(text.as_ref())));
        }
        self
    }

    /// Adds something that is typed or printed letter by letter.
    pub fn code(mut self, text: impl AsRef<str>) -> Self {
        if !text.as_ref().trim().is_empty() {
            self.0.push(Span::Code(visible(text.as_ref().trim())));
        }
        self
    }

    /// Adds text that stands out.
    pub fn strong(mut self, text: impl AsRef<str>) -> Self {
        if !text.as_ref().trim().is_empty() {
            self.0.push(Span::Strong(visible(text.as_ref().trim())));
        }
        self
    }

    /// Adds a link; what is no address of the web stays text.
    pub fn link(mut self, text: impl AsRef<str>, to: impl AsRef<str>) -> Self {
        let (text, to) = (visible(text.as_ref()), visible(to.as_ref()));
        let web = ["https://", "http://", "#"].iter().any(|start| to.starts_with(start));
        let plain = to.chars().all(|c| c.is_ascii_graphic() && !"<>\"'`\\()".contains(c));
        self.0.push(if web && plain { Span::Link { text, to } } else { Span::Text(text) });
        self
    }

    /// Adds how something is.
    pub fn status(mut self, tone: &'static str, word: impl Into<String>) -> Self {
        self.0.push(Span::Status { tone, word: word.into() });
        self
    }

    /// Adds another line.
    pub fn then(mut self, other: Line) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Adds the items as code, with commas between.
    pub fn codes<T: AsRef<str>>(mut self, items: impl IntoIterator<Item = T>) -> Self {
        for (i, item) in items.into_iter().enumerate() {
            self = if i > 0 { self.text(", ") } else { self };
            self = self.code(item);
        }
        self
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::new().text(text)
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::new().text(text)
    }
}

/// A text of one line with nothing in it that hides: the document shows what manifests of others hold.
pub fn visible(text: &str) -> String {
    text.chars().map(|c| if is_visible(c) { c } else { ' ' }).collect()
}

impl Section {
    /// A section; one without anything in it is none.
    pub fn new(title: &'static str, blocks: Vec<Block>) -> Option<Self> {
        let id = title.to_lowercase().replace(' ', "-");
        (!blocks.is_empty()).then_some(Self { title, id, blocks })
    }
}

/// A paragraph.
pub fn paragraph(line: impl Into<Line>) -> Block {
    Block::Paragraph(line.into())
}

/// A table, unless it has no rows.
pub fn table(head: &[&'static str], rows: Vec<Vec<Line>>) -> Option<Block> {
    (!rows.is_empty()).then(|| Block::Table { head: head.to_vec(), rows })
}

/// Commands of a shell.
pub fn commands<T: Into<String>>(lines: impl IntoIterator<Item = T>) -> Block {
    Block::Commands(lines.into_iter().map(Into::into).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_web_only() {
        for to in ["javascript:alert(1)", "https://a\" onclick=x", "https://a)b", "data:text/html,x", "//a"] {
            assert_eq!(Line::new().link("x", to).0, [Span::Text("x".into())], "{to}");
        }
        assert!(matches!(Line::new().link("x", "https://a.example/b?c=d").0[..], [Span::Link { .. }]));
    }

    #[test]
    fn nothing_hides() {
        assert_eq!(visible("a\u{202e}b\nc\u{1b}"), "a b c ");
    }
}
