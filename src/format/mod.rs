//! One syntax per file: text to tree and tree to text, knowing nothing of stacks.

pub mod dotenv;
pub mod ini;
pub mod nginx;
pub mod shell;
pub mod value;
pub mod yaml_print;

use std::fmt;

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
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

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
