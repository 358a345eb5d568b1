//! Why a YAML text cannot be read, in words that say what to change.

use granit_parser::ErrorKind;

use crate::finding::{Finding, Place};
use crate::text::{SourceId, Span};

/// The finding for a syntax error at byte `at`; `last` is the last scalar before it, and whether that is a value.
pub(super) fn explain(
    source: SourceId,
    text: &str,
    kind: &ErrorKind,
    at: usize,
    (last, is_value): (Span, bool),
) -> Finding {
    let fault = Fault { text, at };
    let (start, end, message, help) = match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => fault.tab(),
        ErrorKind::UnexpectedCharacter { character } => {
            let found = if *character == '`' { "a backquote".to_string() } else { format!("`{character}`") };
            let message = format!("expected a value, found {found}, which no plain text may start with");
            fault.rest(message, |rest| format!("put the value in quotes: \"{rest}\""))
        }
        ErrorKind::MissingAnchorOrAliasName => {
            let found = fault.rest_of_line().chars().next().unwrap_or('*');
            let message =
                format!("expected a value, found `{found}`, which stands for an anchor or alias in YAML");
            fault.rest(message, |rest| format!("put the value in quotes: \"{rest}\""))
        }
        ErrorKind::MappingValueNotAllowed if last.start < last.end => fault.colon(last, is_value),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            let message = "expected a key with a colon, found text without one".to_string();
            fault.rest(message, |rest| {
                let word = rest.split_whitespace().next().unwrap_or_default();
                format!("write `{word}:`, or indent the line if it belongs to the text above")
            })
        }
        ErrorKind::ExpectedDocumentStart | ErrorKind::DirectiveDisallowed if text.starts_with('%') => {
            let first = text.lines().next().unwrap_or_default();
            let message = "expected a key, found `%`, which starts a directive in YAML".to_string();
            (0, first.len(), message, "put the key in quotes".to_string())
        }
        ErrorKind::ExpectedBlockMappingKey if fault.rest_of_line().starts_with('-') => fault
            .rest("expected a key, found a list item".to_string(), |_| {
                "indent all items of a list alike, and lists deeper than keys beside them".to_string()
            }),
        ErrorKind::ExpectedBlockMappingKey => fault.rest(
            "expected a key as far to the right as the keys above, found other text".to_string(),
            |_| "indent all keys of one map alike".to_string(),
        ),
        ErrorKind::ExpectedBlockSequenceEntry => {
            fault.rest("expected a list item, `- value`, found other text".to_string(), |_| {
                "a list holds items only; indent its keys below an item, or move them out of the list"
                    .to_string()
            })
        }
        ErrorKind::BlockSequenceEntryNotAllowed => {
            fault.rest("expected a value, found a list item".to_string(), |rest| {
                let item = rest.trim_start_matches('-').trim();
                format!("write the list below its key, or as `[{item}]`; quote the value if the dash is text")
            })
        }
        ErrorKind::UnclosedQuotedScalar => fault
            .rest("expected a closing quote, found the end of the text".to_string(), |_| {
                "close the quote that is opened here".to_string()
            }),
        ErrorKind::InvalidTrailingSingleQuotedScalar => fault.rest(
            "expected the end of the line after the closing quote, found more text".to_string(),
            |_| "write `''` for a quote inside single quotes".to_string(),
        ),
        ErrorKind::InvalidTrailingDoubleQuotedScalar => fault.rest(
            "expected the end of the line after the closing quote, found more text".to_string(),
            |_| "write `\\\"` for a quote inside double quotes, or quote the whole value".to_string(),
        ),
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidUnicodeEscape => fault
            .rest("expected an escape that YAML knows in double quotes, found another".to_string(), |_| {
                "write `\\\\` for a backslash, or use single quotes".to_string()
            }),
        ErrorKind::UnclosedFlowCollection { open } => {
            let close = if *open == '[' { ']' } else { '}' };
            let message = format!("expected a closing `{close}`, found the end of the text");
            (at, at + open.len_utf8(), message, format!("close the `{open}` that is opened here"))
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            let expected = if *open == '[' { ']' } else { '}' };
            let message = format!("expected `{expected}` to close `{open}`, found `{close}`");
            (at, at + close.len_utf8(), message, "close every bracket with its own kind".to_string())
        }
        ErrorKind::MisplacedFlowCollectionEnd => fault
            .rest("expected a value, found a closing bracket that nothing opens".to_string(), |rest| {
                format!("remove it, or put the value in quotes: \"{rest}\"")
            }),
        ErrorKind::InvalidColonPlacement | ErrorKind::FlowMappingValueAdjacentCollection => fault
            .rest("expected `,` or a closing bracket, found a key".to_string(), |_| {
                "close the `[` or `{` of the lines above, or write a comma between its entries".to_string()
            }),
        ErrorKind::InvalidBlockScalarHeader => fault
            .rest("expected the end of the line after `|` or `>`, found more text".to_string(), |rest| {
                format!("start the text on the next line, or put the value in quotes: \"{rest}\"")
            }),
        ErrorKind::UnexpectedEofBlockMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping
        | ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::ExpectedFlowSequenceSeparator
            if fault.rest_of_line().starts_with(',') =>
        {
            fault.rest("expected a value, found `,`".to_string(), |_| {
                "remove the comma, or put the value in quotes".to_string()
            })
        }
        other => {
            let message = format!("expected YAML, found a fault: {}", other.to_string().trim());
            fault.rest(message, |_| {
                "check the indentation, the colons and the quotes of this line".to_string()
            })
        }
    };
    Finding::error("schema-mismatch", Place::Text(Span::new(source, start, end)), message).help(help)
}

/// Start, end, message, help.
type Explained = (usize, usize, String, String);

struct Fault<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Fault<'a> {
    fn rest_of_line(&self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        rest.lines().next().unwrap_or_default().trim_end()
    }

    /// The place is from the fault to the end of its line, or to a comment.
    fn rest(&self, message: String, help: impl Fn(&str) -> String) -> Explained {
        let line = self.rest_of_line();
        let rest = line.find(" #").map_or(line, |i| line.get(..i).unwrap_or(line)).trim_end();
        let rest = if rest.len() > 60 { "..." } else { rest };
        (self.at, self.at + line.len(), message, help(rest))
    }

    /// The tab itself, which the parser places one further on.
    fn tab(&self) -> Explained {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.rfind('\n').map_or(0, |i| i + 1);
        // Behind blanks the parser is still at the end of a line before.
        let tab = self.text.get(line..).and_then(|rest| rest.find('\t')).map(|i| line + i);
        let help = "indent with spaces; YAML allows no tabs there".to_string();
        let (start, end) = tab.map_or((self.at, self.at), |tab| (tab, tab + 1));
        (start, end, "expected spaces for indentation, found a tab".to_string(), help)
    }

    /// A colon where no key can be: the cause lies in the text just before it.
    fn colon(&self, last: Span, is_value: bool) -> Explained {
        let (start, end) = (last.start as usize, last.end as usize);
        let scalar = self.text.get(start..end).unwrap_or_default();
        let first = scalar.lines().next().unwrap_or_default().trim_end();
        if first.len() == scalar.len() {
            // `url: a: b`.
            let line = self.text.get(start..).and_then(|t| t.lines().next()).unwrap_or_default().trim_end();
            let value = line.find(" #").map_or(line, |i| line.get(..i).unwrap_or(line)).trim_end();
            let quote = if value.contains('"') { '\'' } else { '"' };
            let help = format!("put the value in quotes: {quote}{value}{quote}");
            return (
                start,
                start + value.len(),
                "expected one value, found a second `: ` in it".to_string(),
                help,
            );
        }
        if is_value {
            // `kind: odoo` and a deeper key on the next line.
            let line = self.text.get(..self.at).map_or(0, |t| t.rfind('\n').map_or(0, |i| i + 1));
            let key = self.text.get(line..self.at).unwrap_or_default();
            let indent = key.len() - key.trim_start().len();
            let message =
                format!("expected a key at the indentation of the line above, found `{}` deeper", key.trim());
            let help = "indent it as the key above, or remove the value it seems to belong to".to_string();
            return (line + indent, self.at, message, help);
        }
        match first.find(':') {
            Some(colon) => {
                let (key, value) = first.split_at(colon);
                let value = value.trim_start_matches(':');
                let message = "expected a space after the colon, found none".to_string();
                (start, start + first.len(), message, format!("write `{key}: {value}`"))
            }
            None => {
                let message = format!("expected a key with a colon, found `{first}` without one");
                (start, start + first.len(), message, format!("write `{first}:`"))
            }
        }
    }
}
