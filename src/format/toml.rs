//! TOML text as the same tree that YAML gives.

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue, Error};

use crate::finding::{Finding, Place};
use crate::text::{SourceId, Span};

use super::tree::{Entry, Kind, NodeId, Tree};
use super::{DEPTH_LIMIT, SMALLEST, offset, too_deep, unreadable, yaml::duplicate};

const RULE: &str = "schema-mismatch";

/// Most duplicate keys whose first place is looked up; each look-up reads the text again.
const LOOKED_UP: usize = 20;

/// Reads a TOML text.
///
/// Whole numbers beyond 64 bits become floats that keep their writing; dates are refused, for no manifest value is
/// one. `None` when there is no tree to go on with; every reason why is in `out` in the order of the text.
pub fn read(source: SourceId, text: &str, out: &mut Vec<Finding>) -> Option<Tree> {
    if let Some(finding) = unreadable(source, text).or_else(|| nesting(source, text)) {
        out.push(finding);
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut findings = Vec::new();
    let complete = faults(source, text, &errors, &mut findings);
    let mut builder = Builder { source, text, tree: Tree::default(), findings };
    let root = builder.table(table.get_ref(), Span::new(source, 0, text.trim_end().len()));
    let Builder { mut tree, mut findings, .. } = builder;
    if complete && table.get_ref().is_empty() {
        let place = Place::Text(Span::new(source, 0, 0));
        findings.push(Finding::error(RULE, place, "expected a map, found an empty file").help(
            SMALLEST.replace("stackgen: 1", "stackgen = 1").replace("name: my-stack", "name = \"my-stack\""),
        ));
        out.append(&mut findings);
        return None;
    }
    findings.sort_by_key(offset);
    out.append(&mut findings);
    tree.set_root(root);
    complete.then_some(tree)
}

/// Tells the faults; false when the tree is not the whole text.
///
/// One broken line makes the parser report many errors after it, so only the first syntax error is told. Duplicate
/// keys are no such errors: all are told that stand before it.
fn faults(source: SourceId, text: &str, errors: &[Error], out: &mut Vec<Finding>) -> bool {
    let is_duplicate =
        |e: &Error| e.message() == "duplicate key" || e.message().starts_with("cannot extend value");
    let start = |e: &Error| e.span().map_or(text.len(), |s| s.start);
    let broken = errors.iter().filter(|e| !is_duplicate(e)).min_by_key(|e| start(e));
    let limit = broken.map_or(text.len() + 1, start);
    let mut repeated_until = 0;
    let mut looked_up = 0;
    for error in errors.iter().filter(|e| is_duplicate(e) && start(e) < limit) {
        let at = start(error);
        // All keys below a header that comes twice come twice: one finding for them all.
        if at < repeated_until {
            continue;
        }
        let range = error.span().unwrap_or(at..at);
        let here = Span::new(source, range.start, range.end);
        let line = text.get(..at).map_or(0, |t| t.rfind('\n').map_or(0, |i| i + 1));
        let header = text.get(line..at).is_some_and(|t| t.trim_start().starts_with('['));
        if header {
            let rest = text.get(at..).unwrap_or_default();
            repeated_until = rest.find("\n[").map_or(text.len(), |i| at + i);
        }
        let written = text.get(range.clone()).unwrap_or_default();
        let first = if looked_up < LOOKED_UP { first_place(text, range) } else { None };
        looked_up += 1;
        out.push(match first {
            Some((key, first)) => duplicate(&key, here, Span::new(source, first.start, first.end)),
            None => Finding::error(
                "duplicate-key",
                Place::Text(here),
                format!("expected every key once, found `{written}` again"),
            )
            .help("keep one of the two"),
        });
    }
    let Some(error) = broken else { return true };
    let range = error.span().unwrap_or(text.len()..text.len());
    let (message, help) = explain(error.message(), text, range.start);
    let range = if range.is_empty() { before(text, range.start) } else { range };
    let place = Place::Text(Span::new(source, range.start, range.end));
    out.push(Finding::error(RULE, place, message).help(help));
    false
}

/// The key that a duplicate repeats, and where it is first written.
///
/// The parser does not say where. So the duplicate is renamed and the text read again: beside the new name stands
/// the first one.
fn first_place(text: &str, here: std::ops::Range<usize>) -> Option<(String, std::ops::Range<usize>)> {
    let key = match text.get(here.clone())? {
        quoted if quoted.starts_with(['"', '\'']) => {
            let (table, _) =
                DeTable::parse_recoverable(text.get(here.start..)?.split_inclusive(['=', '\n']).next()?);
            table
                .get_ref()
                .keys()
                .next()
                .map(|k| k.get_ref().to_string())
                .unwrap_or_else(|| quoted.trim_matches(['"', '\'']).to_string())
        }
        bare => bare.to_string(),
    };
    // No manifest has this key: its control character was refused before.
    const RENAMED: &str = "\u{7f}";
    let renamed = [text.get(..here.start)?, "\"\\u007f\"", text.get(here.end..)?].concat();
    let (table, _) = DeTable::parse_recoverable(&renamed);
    let mut tables = vec![table.get_ref()];
    let mut arrays = Vec::new();
    while let Some(table) = tables.pop() {
        if table.contains_key(RENAMED) {
            let first = table.keys().find(|k| *k.get_ref() == key)?.span();
            return (first.end <= here.start).then_some((key, first));
        }
        arrays.extend(table.values());
        while let Some(value) = arrays.pop() {
            match value.get_ref() {
                DeValue::Table(table) => tables.push(table),
                DeValue::Array(items) => arrays.extend(items.iter()),
                _ => {}
            }
        }
    }
    None
}

/// The text of the line up to a place, for faults that are the lack of something.
fn before(text: &str, at: usize) -> std::ops::Range<usize> {
    let line = text.get(..at).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
    at - line.trim_start().len()..at
}

/// The parser's words made a sentence of ours, and what to do.
fn explain(message: &str, text: &str, at: usize) -> (String, String) {
    let (fault, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let help = match fault {
        "string values must be quoted" => {
            let line = text.get(at..).and_then(|t| t.lines().next()).unwrap_or_default();
            let value = line.split(" #").next().unwrap_or_default().trim();
            format!("put the value in quotes: \"{value}\"")
        }
        "key with no value" | "missing value for key" => "write `key = value`".to_string(),
        "unexpected leading zero" => "write it without the zero, or in quotes".to_string(),
        _ if fault.starts_with("missing comma") => "write a comma, or close the bracket above".to_string(),
        _ if fault.contains("unclosed") || fault.contains("closing") => {
            "close the bracket or quote that is opened before".to_string()
        }
        _ => "check the quotes, brackets and `=` of this line".to_string(),
    };
    let message = match (fault, expected) {
        ("key with no value", _) => "expected `key = value`, found a key alone".to_string(),
        ("string values must be quoted", _) => "expected text in quotes, found text without".to_string(),
        (fault, "") => format!("expected TOML, found a fault: {fault}"),
        (fault, expected) => format!("expected {expected}: {fault}"),
    };
    (message, help)
}

/// Where a text first nests deeper than the limit.
///
/// Looked for before the parser is run, since it follows dotted keys to any depth.
fn nesting(source: SourceId, text: &str) -> Option<Finding> {
    let bytes = text.as_bytes();
    // How deep each open bracket stands, how deep the last header, and the dots of the key being read.
    let (mut open, mut header, mut dots): (Vec<usize>, usize, usize) = (Vec::new(), 0, 0);
    let (mut in_header, mut fresh) = (false, true);
    let mut i = 0;
    while let Some(byte) = bytes.get(i).copied() {
        let was_fresh = fresh;
        fresh = byte == b'\n' || (fresh && matches!(byte, b' ' | b'\t'));
        match byte {
            b'#' => {
                i += bytes.iter().skip(i).take_while(|b| **b != b'\n').count();
                continue;
            }
            b'"' | b'\'' => {
                i = past_string(bytes, i, byte);
                continue;
            }
            b'.' => dots += 1,
            b',' => dots = 0,
            b'\n' => {
                if in_header {
                    header = dots + 1;
                }
                (in_header, dots) = (false, 0);
            }
            b'[' if open.is_empty() && (was_fresh || in_header) => (in_header, header) = (true, 0),
            b'[' | b'{' => {
                open.push(open.last().copied().unwrap_or(header) + dots + 1);
                dots = 0;
            }
            b']' | b'}' if !in_header => {
                open.pop();
                dots = 0;
            }
            _ => {}
        }
        if open.last().copied().unwrap_or(header) + dots > DEPTH_LIMIT {
            return Some(too_deep(Span::new(source, i, i + 1)));
        }
        i += 1;
    }
    None
}

/// The byte behind a string that starts at `i`; a string without end is left after its quote, for the parser to tell.
fn past_string(bytes: &[u8], i: usize, quote: u8) -> usize {
    let triple = bytes.get(i..i + 3).is_some_and(|b| b.iter().all(|b| *b == quote));
    let mut at = if triple { i + 3 } else { i + 1 };
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == b'"' => at += 1,
            b'\n' if !triple => return at,
            b if *b == quote && !triple => return at + 1,
            b if *b == quote && bytes.get(at..at + 3).is_some_and(|b| b.iter().all(|b| *b == quote)) => {
                return at + 3;
            }
            _ => {}
        }
        at += 1;
    }
    i + 1
}

struct Builder<'a> {
    source: SourceId,
    text: &'a str,
    tree: Tree,
    findings: Vec<Finding>,
}

impl Builder<'_> {
    fn table(&mut self, table: &DeTable<'_>, span: Span) -> NodeId {
        let entries = table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref().as_ref().into(),
                key_span: self.span(key.span()),
                value: self.value(value),
            })
            .collect();
        self.tree.push(span, Kind::Map(entries))
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>) -> NodeId {
        let span = self.span(value.span());
        match value.get_ref() {
            DeValue::String(text) => self.tree.push(span, Kind::Str(text.as_ref().into())),
            DeValue::Boolean(value) => self.tree.push(span, Kind::Bool(*value)),
            DeValue::Integer(number) => {
                let kind = match i64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(value) => Kind::Int(value),
                    Err(_) => Kind::Float(number.as_str().parse().unwrap_or(f64::INFINITY)),
                };
                // Without the `_` between digits, which mean something to TOML only.
                self.tree.push_scalar(span, kind, &number.to_string())
            }
            DeValue::Float(number) => {
                let value = number.as_str().parse().unwrap_or(f64::NAN);
                self.tree.push_scalar(span, Kind::Float(value), number.as_str())
            }
            DeValue::Datetime(_) => {
                let written = self.text.get(value.span()).unwrap_or_default();
                let message = format!("expected text, a number, true or false, found the date `{written}`");
                let help = format!("write \"{written}\"");
                let kind = Kind::Str(written.into());
                self.findings.push(Finding::error(RULE, Place::Text(span), message).help(help));
                self.tree.push(span, kind)
            }
            DeValue::Array(items) => {
                let items = items.iter().map(|item| self.value(item)).collect();
                self.tree.push(span, Kind::Seq(items))
            }
            DeValue::Table(table) => self.table(table, span),
        }
    }

    fn span(&self, range: std::ops::Range<usize>) -> Span {
        Span::new(self.source, range.start, range.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Document, Path};
    use crate::format::decode::decode;
    use crate::format::tests::shown;
    use crate::format::yaml;
    use crate::text::Sources;
    use proptest::prelude::*;
    use serde_json::Value;

    fn read_all(text: &str) -> (Option<Tree>, Vec<String>, Vec<Finding>) {
        let mut sources = Sources::default();
        let id = sources.add("stack.toml", text);
        let mut out = Vec::new();
        let tree = read(id, text, &mut out);
        let mut lines = shown(&sources, &out);
        for (line, finding) in lines.iter_mut().zip(&out) {
            for related in &finding.related {
                let Place::Text(span) = related.place else { panic!() };
                *line += &format!(" (first {})", sources.get(span.source).position(span.start as usize));
            }
        }
        (tree, lines, out)
    }

    fn json(tree: &Tree) -> Value {
        decode(tree, tree.root(), Document::Manifest, Path::default(), &mut Vec::new()).unwrap()
    }

    #[test]
    fn faults() {
        for (text, expected) in [
            ("", &["1:1 error expected a map, found an empty file"][..]),
            ("# c\n", &["1:1 error expected a map, found an empty file"]),
            ("a = 1\nb = x\nc = \n", &["2:5 error expected text in quotes, found text without"]),
            ("a = 1\nb\n", &["2:1 error expected `key = value`, found a key alone"]),
            ("a = [1\nb = 2\n", &["2:1 error expected `,`: missing comma between array elements"]),
            (
                "a = 1\nb = 2026-01-13\nc = 10:30:00\n",
                &[
                    "2:5 error expected text, a number, true or false, found the date `2026-01-13`",
                    "3:5 error expected text, a number, true or false, found the date `10:30:00`",
                ],
            ),
            ("a = 1\na = 2\n", &["2:1 error expected every key once, found `a` again (first 1:1)"]),
            ("a = 1\n\"a\" = 2\n", &["2:1 error expected every key once, found `a` again (first 1:1)"]),
            (
                "a = 1\nb = {a = 1, a = 2}\na = 3\n",
                &[
                    "2:13 error expected every key once, found `a` again (first 2:6)",
                    "3:1 error expected every key once, found `a` again (first 1:1)",
                ],
            ),
            (
                "[a]\nx = 1\n[b]\nx = 1\n[a]\nx = 2\n[[c.d]]\ny=1\ny=2\n",
                &[
                    "5:2 error expected every key once, found `a` again (first 1:2)",
                    "9:1 error expected every key once, found `y` again (first 8:1)",
                ],
            ),
            (
                "a = 1\na = 2\nb = @\nc = 1\nc = 2\n",
                &[
                    "2:1 error expected every key once, found `a` again (first 1:1)",
                    "3:5 error expected text in quotes, found text without",
                ],
            ),
            ("a = \"\0\"\n", &["1:6 error expected printable text, found the control character U+0000"]),
        ] {
            assert_eq!(read_all(text).1, expected, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_found_without_recursion() {
        for deep in [
            format!("a = {}", "[".repeat(100_000)),
            format!("a = {}", "{a=".repeat(100_000)),
            format!("{}a = 1\n", "a.".repeat(100_000)),
            format!("[{}a]\n", "a.".repeat(100_000)),
            format!("x = 1\nx = {{{}a = 1}}\n", "a.".repeat(100_000)),
            format!("[[{}a]]\n", "'a'.".repeat(100_000)),
        ] {
            let (tree, lines, _) = read_all(&deep);
            assert!(tree.is_none());
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(
                lines[0].ends_with("error expected at most 64 levels of nesting, found more"),
                "{lines:?}"
            );
        }
        let flat = format!(
            "# {0}\na = '{0}' # {0}\nb = '''\n{0}'''\nc = [{1}]\n",
            "x.".repeat(100),
            "1.5, ".repeat(100)
        );
        assert_eq!(read_all(&flat).1, [""; 0]);
    }

    const TOML: &str = "\u{feff}# a stack\r
name = \"x\" # c\r
num = [0, -1, 0x1F, 1.50, 9223372036854775807, 1_000]\r
on = true\r
\"a.b\" = 'c'\r
[host.disk]\r
size = 5\r
[host]\r
cpus = 4\r
[[routes]]\r
path = '/'\r
x.y.z = {k = 1, l = [\r
 2,\r
]}\r
[[routes]]\r
text = '''\r
a\r
b'''\r
";
    const YAML: &str = "\
name: x
num: [0, -1, 0x1F, 1.50, 9223372036854775807, 1000]
'on': true
a.b: c
host:
  disk: {size: 5}
  cpus: 4
routes:
- path: /
  x:
    'y':
      z: {k: 1, l: [2]}
- text: |-
    a
    b
";

    #[test]
    fn toml_and_yaml_of_the_same_data_are_equal() {
        let (tree, lines, _) = read_all(TOML);
        assert_eq!(lines, [""; 0]);
        let mut out = Vec::new();
        let other = yaml::read(SourceId(0), YAML, &mut out).unwrap();
        assert!(out.is_empty(), "{out:?}");
        let tree = tree.unwrap();
        // Line ends in a text are kept as written.
        let text = serde_json::to_string(&json(&tree)).unwrap().replace("\\r\\n", "\\n");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json(&other));
        let raw = |t: &Tree, i: usize| {
            let list = t.get(t.root(), "num").unwrap().value;
            t.raw(t.items(list)[i]).unwrap().into_owned()
        };
        for i in 0..6 {
            assert_eq!(raw(&tree, i).to_lowercase(), raw(&other, i).to_lowercase());
        }
    }

    #[test]
    fn spans_cover_what_is_written() {
        let mut sources = Sources::default();
        let id = sources.add("stack.toml", TOML);
        let tree = read(id, TOML, &mut Vec::new()).unwrap();
        let at = |steps: &[&str]| {
            let found = tree.find(&Path(steps.iter().map(|s| (*s).into()).collect()));
            (found.key.map(|k| sources.slice(k)), sources.slice(found.value))
        };
        assert_eq!(at(&["name"]), (Some("name"), "\"x\""));
        assert_eq!(at(&["a.b"]), (Some("\"a.b\""), "'c'"));
        assert_eq!(at(&["host", "cpus"]), (Some("cpus"), "4"));
        assert_eq!(at(&["host"]).1, "[host]");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn any_text_is_read_or_refused(text in "([ab]|[ab] = |=|\\[|\\]|\\{|\\}|, |\\n|'|\"|'''|#|\\.|1|0x1|1_0|1979-05-27|true|é|\\\\u00|\\PC){0,40}") {
            let (tree, _, out) = read_all(&text);
            prop_assert!(tree.is_some() || !out.is_empty());
            for finding in &out {
                let Place::Text(span) = finding.place else { panic!() };
                prop_assert!(text.get(span.range()).is_some(), "{:?} in {:?}", finding, text);
            }
            if let Some(tree) = tree.filter(|_| out.is_empty()) {
                json(&tree);
            }
        }
    }
}
