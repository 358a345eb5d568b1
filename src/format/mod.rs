//! One syntax per file: text to tree and tree to text, knowing nothing of stacks.

pub mod data;
pub mod decode;
mod decode_error;
mod decode_serde;
pub mod dotenv;
pub mod edit;
pub mod ini;
pub mod merge;
pub mod nginx;
pub mod shell;
pub mod toml;
pub mod tree;
pub mod value;
pub mod yaml;
mod yaml_faults;
pub mod yaml_print;
mod yaml_scalars;
pub mod zone;

use std::fmt;

use crate::finding::{Finding, Place};
use crate::text::{SourceId, Span};

use tree::Tree;

/// Deepest nesting a document may have; a manifest needs about ten, and every walk of a tree may recurse this far.
pub const DEPTH_LIMIT: usize = 64;

/// The smallest text that is a manifest, told to whoever starts from an empty file.
const SMALLEST: &str = "the smallest manifest is the two lines `stackgen: 1` and `name: my-stack`";

/// Reads a text in the language its file name ends in, TOML for `.toml` and YAML for all else.
///
/// `None` when there is no tree to go on with; every reason why is in `out`.
pub fn read(path: &str, source: SourceId, text: &str, out: &mut Vec<Finding>) -> Option<Tree> {
    if path.to_ascii_lowercase().ends_with(".toml") {
        toml::read(source, text, out)
    } else {
        yaml::read(source, text, out)
    }
}

/// Bytes as text.
///
/// # Errors
///
/// Bytes that are not UTF-8 come back as the text with U+FFFD in their place, so that there is something to
/// show, and the finding at the first of them.
pub fn decode_utf8(source: SourceId, bytes: Vec<u8>) -> Result<String, Box<(String, Finding)>> {
    let error = match String::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    let (offset, bytes) = (error.utf8_error().valid_up_to(), error.as_bytes());
    let line = bytes.iter().take(offset).filter(|b| **b == b'\n').count() + 1;
    let byte = bytes.get(offset).copied().unwrap_or_default();
    let place = Place::Text(Span::new(source, offset, offset + char::REPLACEMENT_CHARACTER.len_utf8()));
    let help = match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "the file is UTF-16; save it as UTF-8",
        _ => "save the file as UTF-8",
    };
    let message =
        format!("expected UTF-8 text, found the byte 0x{byte:02X} at offset {offset}, in line {line}");
    let finding = Finding::error("schema-mismatch", place, message).help(help);
    Err(Box::new((String::from_utf8_lossy(bytes).into_owned(), finding)))
}

/// The finding that a text nests too deep, at the bracket or key that is one too many.
fn too_deep(span: Span) -> Finding {
    let message = format!("expected at most {DEPTH_LIMIT} levels of nesting, found more");
    Finding::error("schema-mismatch", Place::Text(span), message).help("flatten this part of the document")
}

/// What keeps a text from being read at all: its size, or characters no editor shows.
fn unreadable(source: SourceId, text: &str) -> Option<Finding> {
    if u32::try_from(text.len()).is_err() {
        let place = Place::Text(Span::new(source, 0, 0));
        return Some(Finding::error(
            "schema-mismatch",
            place,
            "expected a text of at most 4 GiB, found more",
        ));
    }
    let bytes = text.as_bytes();
    let hidden = |i: usize, b: u8| match b {
        b'\t' | b'\n' | b'\r' => false,
        0..=0x1F | 0x7F => true,
        // U+0080 to U+009F but for U+0085, which is a line break of old.
        0xC2 => matches!(bytes.get(i + 1), Some(0x80..=0x84 | 0x86..=0x9F)),
        _ => false,
    };
    let mut found = bytes.iter().enumerate().filter(|(i, b)| hidden(*i, **b)).map(|(i, _)| i);
    let at = found.next()?;
    let character = text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or_default();
    let code = u32::from(character);
    let more = match found.count() {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let place = Place::Text(Span::new(source, at, at + character.len_utf8()));
    let message = format!("expected printable text, found the control character U+{code:04X}{more}");
    let help = format!("remove it, or write `\\u{code:04x}` inside double quotes");
    Some(Finding::error("schema-mismatch", place, message).help(help))
}

/// Where a finding of a reader stands, to sort by.
fn offset(finding: &Finding) -> u32 {
    match finding.place {
        Place::Text(span) => span.start,
        Place::At { .. } => u32::MAX,
    }
}

/// A text that a syntax has no way to write: the caller says which value it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Why, as a lower-case sentence without a full stop: "a line break cannot stand in odoo.conf".
    pub reason: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)
    }
}

impl std::error::Error for Refused {}

/// The first thing a reader could not read, for texts that have no source of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The byte at which it shows.
    pub offset: usize,
    /// What is wrong, lower case, no full stop.
    pub message: String,
}

impl Fault {
    pub(crate) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// Whether a character looks like itself in a file: no control, no line break, nothing invisible or reordering.
///
/// A fixed list and not the standard library's tables, which grow with Unicode: the same input must give the same
/// bytes whatever compiler built us.
pub(crate) fn is_visible(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\0'..='\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{180e}' => false,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' => false,
        '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' => false,
        // Language tags, private use and whatever ends a plane.
        _ => c < '\u{e0000}' && (c as u32) & 0xfffe != 0xfffe,
    }
}

/// Whether any reader we write for ends a line at this character.
pub(crate) fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Writes `# ` comment lines; nothing in the text can end a comment early or hide in it.
pub(crate) fn push_comment(out: &mut String, indent: usize, text: &str) {
    for line in text.replace("\r\n", "\n").split(is_line_break) {
        push_indent(out, indent);
        out.push('#');
        let line = line.trim_end();
        if !line.is_empty() {
            out.push(' ');
        }
        out.extend(line.chars().map(|c| if is_visible(c) { c } else { '?' }));
        out.push('\n');
    }
}

/// Writes spaces.
pub(crate) fn push_indent(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::text::Sources;
    use std::process::{Command, Stdio};

    /// `line:column level message` of each finding, all in one text.
    pub(crate) fn shown(sources: &Sources, findings: &[Finding]) -> Vec<String> {
        findings
            .iter()
            .map(|f| match f.place {
                Place::Text(span) => {
                    let source = sources.get(span.source);
                    format!("{} {} {}", source.position(span.start as usize), f.level, f.message)
                }
                Place::At { .. } => format!("{:?} {} {}", f.place, f.level, f.message),
            })
            .collect()
    }

    #[test]
    fn bytes_that_are_no_text_are_placed() {
        let id = SourceId(0);
        assert_eq!(decode_utf8(id, b"a: b".to_vec()).unwrap(), "a: b");
        let error = decode_utf8(id, b"a: 1\nb: caf\xE9 \n".to_vec()).unwrap_err();
        assert_eq!(error.0, "a: 1\nb: caf\u{FFFD} \n");
        assert_eq!(error.1.message, "expected UTF-8 text, found the byte 0xE9 at offset 11, in line 2");
        assert_eq!(error.1.place, Place::Text(Span::new(id, 11, 14)));
        let utf16 = decode_utf8(id, b"\xFF\xFEa\0".to_vec()).unwrap_err();
        assert_eq!(utf16.1.help.as_deref(), Some("the file is UTF-16; save it as UTF-8"));
    }

    #[test]
    fn control_characters_are_placed() {
        let mut sources = Sources::default();
        let text = "a: ä\0\u{85}\nb: \u{1b}[0m\t\r\n";
        let id = sources.add("x.yaml", text);
        let finding = unreadable(id, text).unwrap();
        assert_eq!(
            shown(&sources, &[finding]),
            ["1:5 error expected printable text, found the control character U+0000 and 1 more"]
        );
        assert!(unreadable(id, "a: \u{85} ä\r\n").is_none());
    }

    /// A Python that has a module, to ask for a second opinion; without one the test says so and is skipped, but not
    /// in CI.
    pub(crate) fn python(module: &str) -> Option<String> {
        let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/");
        let pythons = [format!("{tools}py/bin/python"), format!("{tools}bin/python"), "python3".to_string()];
        let found = pythons.into_iter().find(|python| {
            let probe =
                Command::new(python).args(["-c", &format!("import {module}")]).stderr(Stdio::null()).status();
            probe.is_ok_and(|status| status.success())
        });
        if found.is_none() {
            assert!(std::env::var_os("CI").is_none(), "no python3 with the module {module}");
            eprintln!("skipped: no python3 with the module {module}");
        }
        found
    }

    #[test]
    fn comments_cannot_break_out() {
        let mut out = String::new();
        push_comment(&mut out, 2, "a\nb\r\nc\rd\u{2028}e\u{85}f\x1b[0m\u{202e} \n\n");
        assert_eq!(out, "  # a\n  # b\n  # c\n  # d\n  # e\n  # f?[0m?\n  #\n  #\n");
    }

    #[test]
    fn visible_means_visible() {
        assert!("aé漢字😀~".chars().all(is_visible));
        let hidden = "\0\t\n\x7f\u{80}\u{a0}\u{ad}\u{200b}\u{202e}\u{2066}\u{feff}\u{fffe}\u{1ffff}\u{e0041}\u{10ffff}";
        assert!(!hidden.chars().any(is_visible));
    }
}
