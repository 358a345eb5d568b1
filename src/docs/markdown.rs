//! A document as Markdown: CommonMark with the tables of GitHub.
//!
//! Whatever a text holds, it reads as that text: what could start anything else is escaped.

use super::document::{Block, Document, Line, Span};

/// Where lines of text are broken.
const WIDTH: usize = 110;

/// The document as Markdown; `diagram` is Mermaid.
pub fn print(document: &Document, header: &str, diagram: &str) -> String {
    let mut out = Out::default();
    out.block(&format!("<!-- {header} -->"));
    out.block(&format!("# {}", escape(&document.title)));
    document.lead.iter().for_each(|b| out.push(b, diagram));
    let list: Vec<Line> =
        document.sections.iter().map(|s| Line::new().link(s.title, format!("#{}", s.id))).collect();
    out.push(&Block::List(list), diagram);
    for section in &document.sections {
        out.block(&format!("## {}", escape(section.title)));
        section.blocks.iter().for_each(|b| out.push(b, diagram));
    }
    out.0
}

#[derive(Default)]
struct Out(String);

impl Out {
    /// Adds a block, a blank line before it.
    fn block(&mut self, text: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn push(&mut self, block: &Block, diagram: &str) {
        match block {
            Block::Heading(line) => self.block(&format!("### {}", words(line, false).join(" "))),
            Block::Paragraph(line) => self.block(&wrapped(line, "", "")),
            Block::List(lines) => {
                let items: Vec<String> = lines.iter().map(|line| wrapped(line, "- ", "  ")).collect();
                self.block(&items.join("\n"));
            }
            Block::Table { head, rows } => {
                let head: Vec<String> = head.iter().map(|h| escape(h)).collect();
                self.table(&head, rows.iter().map(|row| row.iter().map(cell).collect()));
            }
            Block::Facts(facts) => {
                let rows = facts.iter().map(|(name, line)| vec![format!("**{}**", escape(name)), cell(line)]);
                self.table(&[String::new(), String::new()], rows);
            }
            Block::Commands(lines) => self.fence("sh", &lines.join("\n")),
            Block::Diagram => self.fence("mermaid", diagram.trim_end()),
        }
    }

    fn table(&mut self, head: &[String], rows: impl Iterator<Item = Vec<String>>) {
        let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
        let mut lines = vec![line(head), line(&vec!["---".to_string(); head.len()])];
        lines.extend(rows.map(|cells| line(&cells)));
        self.block(&lines.join("\n"));
    }

    /// Text letter by letter; the fence is longer than any run of backticks in it.
    fn fence(&mut self, language: &str, text: &str) {
        let fence = "`".repeat(longest_run(text).max(2) + 1);
        self.block(&format!("{fence}{language}\n{text}\n{fence}"));
    }
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

fn cell(line: &Line) -> String {
    words(line, true).join(" ")
}

/// The line broken into lines of [`WIDTH`]; the first begins with one text, the others with another.
fn wrapped(line: &Line, first: &str, rest: &str) -> String {
    let mut out = String::from(first);
    let mut width = first.len();
    let mut start = true;
    for word in words(line, false) {
        let length = word.chars().count();
        if !start && width + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(rest);
            (width, start) = (rest.len(), true);
        }
        if !start {
            out.push(' ');
            width += 1;
        }
        let word = if start { at_start(&word) } else { word };
        width += length;
        out.push_str(&word);
        start = false;
    }
    out
}

/// Words that are not broken: no blank in a span of code starts a line.
fn words(line: &Line, in_table: bool) -> Vec<String> {
    let mut list = vec![String::new()];
    let mut add = |text: &str, whole: bool| {
        let mut parts: Vec<&str> = if whole { vec![text] } else { text.split(' ').collect() };
        let first = parts.remove(0);
        if let Some(last) = list.last_mut() {
            last.push_str(first);
        }
        list.extend(parts.into_iter().map(str::to_string));
    };
    for span in &line.0 {
        match span {
            Span::Text(text) => add(&escape(text), false),
            Span::Code(text) => add(&code(text, in_table), true),
            Span::Strong(text) => add(&format!("**{}**", escape(text)), false),
            Span::Link { text, to } => add(&format!("[{}]({to})", escape(text)), true),
            Span::Status { word, .. } => add(&escape(word), false),
        }
    }
    list.retain(|word| !word.is_empty());
    list
}

/// A span of code; its fence is longer than any run of backticks in it. In a table a bar ends the cell, also there.
fn code(text: &str, in_table: bool) -> String {
    let run = longest_run(text);
    let fence = "`".repeat(run + 1);
    let blank = if run > 0 { " " } else { "" };
    let text = if in_table { text.replace('|', "\\|") } else { text.to_string() };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// Text as it is, wherever it stands in a line.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        let special = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '$' => true,
            // Inside a word it is itself.
            '_' => !(before.is_alphanumeric() && next.is_alphanumeric()),
            '&' => next.is_ascii_alphabetic() || next == '#',
            '#' => before == ' ',
            // Nothing becomes a link, or calls somebody, by itself.
            '@' => before == ' ',
            ':' => next == '/',
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}

/// A word that starts a line: it is no item of a list, heading or rule.
fn at_start(word: &str) -> String {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    if word.starts_with(['-', '+', '=']) {
        return format!("\\{word}");
    }
    if digits > 0 && word[digits..].starts_with(['.', ')']) {
        return format!("{}\\{}", &word[..digits], &word[digits..]);
    }
    word.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (text, written) in [
            ("a_b c", "a_b c"),
            ("_a_ *b*", "\\_a\\_ \\*b\\*"),
            ("<script>", "\\<script\\>"),
            ("a & b &amp;", "a & b \\&amp;"),
            ("[x](y) | `z`", "\\[x\\](y) \\| \\`z\\`"),
            ("https://a.example", "https\\://a.example"),
        ] {
            assert_eq!(escape(text), written);
        }
        assert_eq!(code("a`b|c", true), "`` a`b\\|c ``");
    }

    #[test]
    fn what_starts_a_line_starts_nothing_else() {
        for (text, written) in
            [("- a", "\\- a"), ("1. a", "1\\. a"), ("# a", "\\# a"), ("=== a", "\\=== a"), ("> a", "\\> a")]
        {
            assert_eq!(wrapped(&Line::from(text), "", ""), written);
        }
        let long = Line::from(format!("{} 2. and", "x".repeat(WIDTH - 2)));
        assert_eq!(wrapped(&long, "", "").lines().nth(1), Some("2\\. and"));
    }
}
