//! Prints values as YAML that every reader takes for the same thing: YAML 1.1 (PyYAML), 1.2, and Go's mixture of both.

use std::fmt::Write;

use super::value::{Map, Value};
use super::{is_visible, push_comment, push_indent};

/// Where a flow list ends; prettier and yamllint draw the line here.
const WIDTH: usize = 80;
/// Readers give up looking for the `:` of a key after 1,024 characters; quotes and escapes count.
const LONGEST_KEY: usize = 1000;

/// A document in block style with comment lines at its top; no header when the text is empty.
pub fn print(value: &Value, header: &str) -> String {
    let mut out = String::new();
    if !header.is_empty() {
        push_comment(&mut out, 0, header);
        out.push('\n');
    }
    match value {
        Value::Map(map) if !map.is_empty() => push_map(&mut out, map, 0, false),
        Value::List(items) if !items.is_empty() => push_list(&mut out, items, 0, false),
        scalar => push_inline(&mut out, scalar, 0),
    }
    out
}

/// A document that is printed piece by piece, so that a long one is never held as values and as text at once.
#[derive(Debug, Default)]
pub struct Document(String);

impl Document {
    /// Starts with comment lines.
    pub fn new(header: &str) -> Self {
        let mut out = String::new();
        push_comment(&mut out, 0, header);
        Self(out)
    }

    /// Top-level entries, set off from what is above them.
    pub fn entries(&mut self, map: &Map) {
        if !map.is_empty() {
            self.0.push('\n');
            push_map(&mut self.0, map, 0, false);
        }
    }

    /// A top-level key whose map is made entry by entry: key, comment above it, value.
    pub fn each(&mut self, key: &str, entries: impl IntoIterator<Item = (String, String, Map)>) {
        self.0.push('\n');
        push_text(&mut self.0, key, false);
        self.0.push(':');
        for (key, note, map) in entries {
            // Ends the line of the key, and sets later entries off from one another.
            self.0.push('\n');
            let one = Map::new().note(note).set(key, map);
            push_map(&mut self.0, &one, 2, false);
        }
    }

    /// The text.
    pub fn finish(self) -> String {
        self.0
    }
}

/// The entries of a map; the first one continues the current line when it follows a dash.
fn push_map(out: &mut String, map: &Map, indent: usize, after_dash: bool) {
    for (i, (key, entry)) in map.iter().enumerate() {
        if i > 0 || !after_dash {
            if entry.gap && i > 0 {
                out.push('\n');
            }
            if let Some(note) = &entry.note {
                push_comment(out, indent, note);
            }
            push_indent(out, indent);
        }
        let start = out.len();
        push_text(out, key, false);
        if out.len() - start > LONGEST_KEY {
            out.insert_str(start, "? ");
            out.push('\n');
            push_indent(out, indent);
        }
        out.push(':');
        match &entry.value {
            Value::Map(map) if !map.is_empty() => {
                out.push('\n');
                push_map(out, map, indent + 2, false);
            }
            Value::List(items) if !items.is_empty() => {
                out.push('\n');
                push_list(out, items, indent + 2, false);
            }
            Value::Flow(items) if !fits(out, items) => {
                out.push('\n');
                push_list(out, items, indent + 2, false);
            }
            scalar => {
                out.push(' ');
                push_inline(out, scalar, indent);
            }
        }
    }
}

/// The items of a list, each behind its dash.
fn push_list(out: &mut String, items: &[Value], indent: usize, after_dash: bool) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 || !after_dash {
            if let Some(note) = first_note(item) {
                push_comment(out, indent, note);
            }
            push_indent(out, indent);
        }
        out.push_str("- ");
        match item {
            Value::Map(map) if !map.is_empty() => push_map(out, map, indent + 2, true),
            Value::List(items) if !items.is_empty() => push_list(out, items, indent + 2, true),
            Value::Flow(items) if !fits(out, items) => push_list(out, items, indent + 2, true),
            scalar => push_inline(out, scalar, indent),
        }
    }
}

/// The comment of an entry that shares its line with a dash: it can only stand above that dash.
fn first_note(item: &Value) -> Option<&str> {
    match item {
        Value::Map(map) => map.iter().next().and_then(|(_, entry)| entry.note.as_deref()),
        Value::List(items) => items.first().and_then(first_note),
        _ => None,
    }
}

/// What stands behind a key or dash on the same line, up to and with the line break.
fn push_inline(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Text(text) if is_literal(text) => push_literal(out, text, indent + 2),
        Value::Text(text) => push_text(out, text, false),
        Value::Flow(items) => push_flow(out, items),
        Value::List(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
        Value::Null | Value::Bool(_) | Value::Int(_) => push_native(out, value),
    }
    out.push('\n');
}

fn push_native(out: &mut String, value: &Value) {
    match value {
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        // Writing to a string cannot fail.
        Value::Int(number) => _ = write!(out, "{number}"),
        _ => out.push_str("null"),
    }
}

fn push_flow(out: &mut String, items: &[Value]) {
    out.push('[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        match item {
            // Always quoted: in flow style commas and brackets mean something too, and a row of words looks even.
            Value::Text(text) => push_text(out, text, true),
            native => push_native(out, native),
        }
    }
    out.push(']');
}

/// Whether a list can stand on the current line: scalars only, and short enough.
fn fits(out: &str, items: &[Value]) -> bool {
    let mut line = String::new();
    items.iter().all(|item| !matches!(item, Value::List(_) | Value::Flow(_) | Value::Map(_))) && {
        push_flow(&mut line, items);
        let column = out.len() - out.rfind('\n').map_or(0, |end| end + 1);
        column + 1 + line.len() <= WIDTH
    }
}

/// A scalar in the first of plain, single-quoted (for texts full of `"`) and double-quoted style that is safe.
pub(super) fn push_text(out: &mut String, text: &str, quoted: bool) {
    if !quoted && is_plain(text) {
        out.push_str(text);
    } else if text.contains('"') && text.chars().all(|c| c != '\\' && is_visible(c)) {
        out.push('\'');
        for c in text.chars() {
            out.push_str(if c == '\'' { "'" } else { "" });
            out.push(c);
        }
        out.push('\'');
    } else {
        push_quoted(out, text);
    }
}

pub(super) fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_visible(c) => out.push(c),
            // Writing to a string cannot fail.
            c if c <= '\u{ffff}' => _ = write!(out, "\\u{:04x}", c as u32),
            c => _ = write!(out, "\\U{:08x}", c as u32),
        }
    }
    out.push('"');
}

/// Whether text can stand without quotes, behind a key as well as being one.
///
/// Narrower than any YAML grammar: a first character that starts nothing else, no word or number of YAML 1.1 or 1.2
/// (`no`, `22:22`, `1_000`, `2026-01-13`), nothing that looks like a comment or a key.
pub(super) fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(first) = text.chars().next() else { return false };
    if !(first.is_alphanumeric() || "/_.$".contains(first)) || matches!(bytes.last(), Some(b' ' | b':')) {
        return false;
    }
    let mut previous = '\0';
    for c in text.chars() {
        let safe = match c {
            ' ' => previous != ':' && previous != ' ',
            '#' => previous != ' ',
            '_' | '-' | '.' | '/' | '+' | '@' | '%' | '=' | '~' | '^' | ',' | ':' | ';' => true,
            '(' | ')' | '$' | '{' | '}' | '*' | '?' | '!' | '&' | '|' | '<' | '>' => true,
            c => c.is_ascii_alphanumeric() || !c.is_ascii() && c.is_alphanumeric() && is_visible(c),
        };
        if !safe {
            return false;
        }
        previous = c;
    }
    if first.is_ascii_digit() || first == '.' {
        // A letter that no number, date or infinity is written with. `22:22` is 1342 in YAML 1.1, so no colons at all;
        // `...` ends a document.
        let not_a_number = |b: &u8| b"ghjklmqrsuvwy/@".contains(&b.to_ascii_lowercase());
        return bytes.iter().any(not_a_number) && !text.contains(':') && !text.starts_with("...");
    }
    // Some readers of YAML 1.1 take `e8` for a number with no digits before its exponent.
    if text.strip_prefix(['e', 'E']).is_some_and(|rest| rest.bytes().all(|b| b"0123456789+-".contains(&b))) {
        return false;
    }
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    text.len() > 5 || !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether text can stand as a literal block: several lines, none with anything a reader or editor would change.
fn is_literal(text: &str) -> bool {
    // One line break at the end, or none: more than that would need an indicator people overlook.
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !body.ends_with('\n')
        // The first line decides the indentation, so it must not start with any.
        && !body.starts_with(['\n', ' ', '\t'])
        && body.split('\n').all(|line| {
            !line.starts_with('\t')
                && !line.ends_with([' ', '\t'])
                && line.chars().all(|c| c == '\t' || is_visible(c))
        })
}

fn push_literal(out: &mut String, text: &str, indent: usize) {
    out.push_str(if text.ends_with('\n') { "|" } else { "|-" });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            push_indent(out, indent);
            out.push_str(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::value::{flow, list, map};
    use proptest::prelude::*;

    #[test]
    fn layout() {
        let web = Map::new()
            .note("pinned:\nsee the release notes")
            .set("image", "odoo:18.0")
            .set("ports", ["127.0.0.1:8069:8069"])
            .set(
                "environment",
                Map::new().set("A", "yes").set("B", "${DB_PASSWORD:?missing}").set("C", "a: b"),
            )
            .set("healthcheck", map([("test", flow(["CMD", "curl", "-f"])), ("retries", 3.into())]))
            .set("command", "set -e\n\n  odoo \\\n    --stop\n")
            .gap()
            .set("volumes", [Map::new().note("data").set("type", "volume").set("read_only", false)])
            .set("nested", list([list(["a", "b"]), flow([1, 2]), list::<Value>([])]))
            .set("labels", Map::new())
            .set("json", r#"{"it's": 1}"#)
            .set("cut", "a\nb")
            .set("none", Value::Null);
        let value = Value::from(Map::new().set("services", Map::new().set("web", web)));
        let expected = r##"# Generated.
#
# Do not edit.

services:
  web:
    # pinned:
    # see the release notes
    image: odoo:18.0
    ports:
      - "127.0.0.1:8069:8069"
    environment:
      A: "yes"
      B: ${DB_PASSWORD:?missing}
      C: "a: b"
    healthcheck:
      test: ["CMD", "curl", "-f"]
      retries: 3
    command: |
      set -e

        odoo \
          --stop

    volumes:
      # data
      - type: volume
        read_only: false
    nested:
      - - a
        - b
      - [1, 2]
      - []
    labels: {}
    json: '{"it''s": 1}'
    cut: |-
      a
      b
    none: null
"##;
        assert_eq!(print(&value, "Generated.\n\nDo not edit."), expected);
        assert_eq!(read(expected), serde_json::to_value(&value).unwrap());
        let wide = print(&map([("test", flow(["x".repeat(70), "y".into()]))]), "");
        assert_eq!(wide, format!("test:\n  - {}\n  - \"y\"\n", "x".repeat(70)));
    }

    #[test]
    fn plain_or_quoted() {
        let plain = "a /etc/x ./x ../addons odoo:18.0 512m 8GiB 30s 16-alpine 5432/tcp http://a.b/c?d=e#f ${A:-b} $$x a,b é \
                     .env none n8n yesterday trueish redis:7 a{b}c a*b";
        for text in plain.split_whitespace() {
            assert!(is_plain(text), "{text}");
        }
        for text in nasty() {
            assert!(!is_plain(&text), "{text:?}");
        }
    }

    fn nasty() -> Vec<String> {
        let words = "null Null NULL ~ true True TRUE tRue false yes Yes YES no No NO on On ON off OFF y Y n N .inf -.inf \
            +.INF .nan .NaN << = 0 1 -1 +1 0777 0o17 0x1F 0b101 1_000 0_7 1__0 1.10 1. .5 1e3 1E+3 -1e-3 1.5e5 12e03 22:22 \
            190:20:30 1:2 1:2:3.5 2026-01-13 2026-1-3 2026-01-13T10:00:00Z 10:00 0. 0x 0b 0o 18.0 1.2.3 127.0.0.1:80 a: :a - \
            -a --- ... ? ?a ! !a & &a * *a | > % @a ` # #a ' '' \" a\"b [ ] { } [a] {a} {a:b} , a'b \\ \\n a\\b 0x1p-2 \
            :: ... .... e8 E-12";
        let texts = [
            "",
            " ",
            "a ",
            " a",
            "a  b",
            "a: b",
            "a #b",
            "a\tb",
            "\t",
            "--- a",
            "... a",
            "...\n",
            "a:\nb",
            "\n",
            "\n\n",
            "a\n",
            "a\n\n",
            "\na\nb",
            "a\n b\n",
            " a\nb",
            "a \nb",
            "a\n\tb",
            "a\r\nb",
            "a\rb",
            "\u{85}",
            "a\u{85}b",
            "\u{2028}",
            "\u{2029}x",
            "\u{feff}",
            "\u{feff}a",
            "\0",
            "\x01",
            "\x1b[0m",
            "\x7f",
            "\u{80}",
            "\u{a0}",
            "\u{200b}",
            "\u{202e}",
            "\u{fffe}",
            "\u{ffff}",
            "\u{10ffff}",
            "\u{1f600}",
            "- a\n- b\n",
            "# a\n# b",
            "a\n---\nb\n",
            "%YAML 1.1",
            "key: |",
            "? a",
            "2026-01-13 10:00:00",
            "0 3 * * *",
            "é: ü",
            "a\n\n\nb\n",
            "\u{fffd}",
            "\u{e000}",
            "'\"'",
            "\"\\\"",
            "[a, b]",
            "!!str a",
            "a\n...\nb",
            "a\nb\n\n",
        ];
        words.split_whitespace().chain(texts).map(str::to_string).collect()
    }

    fn read(text: &str) -> serde_json::Value {
        serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// Every text in every position: value, item, flow item, key, beside a comment made of itself.
    fn everywhere(texts: &[String]) -> Value {
        let keys: Map = texts.iter().map(|text| (text.clone(), text)).collect();
        let noted = texts.iter().fold(Map::new(), |map, text| {
            let key = format!("k{}", map.len());
            map.gap().note(text.clone()).set(key, Map::new().note(text.clone()).set(text.clone(), text))
        });
        let each = texts.iter().map(|text| list([list([text]), flow([text]), map([(text.clone(), text)])]));
        Value::from(
            Map::new()
                .set("keys", keys)
                .set("flow", flow(texts))
                .set("items", list(texts))
                .set("each", list(each))
                .set("noted", noted),
        )
    }

    fn text() -> impl Strategy<Value = String> {
        let odd = "[-:#?!&*|>%@`'\"\\[\\]{},~=<.+_0-9 \nabefnoxyNTZ\t\\\\]{0,9}";
        prop_oneof![
            odd,
            "[0-9a-fxo_.:eET+-]{1,8}",
            ".{0,6}",
            any::<String>(),
            "[a-z]{300,1200}",
            "( ?[a-z:#-]{1,3}\n?){1,6}"
        ]
    }

    #[test]
    fn nasty_texts_read_back() {
        let value = everywhere(&nasty());
        assert_eq!(read(&print(&value, &nasty().concat())), serde_json::to_value(&value).unwrap());
        for text in nasty() {
            assert_eq!(read(&print(&text.clone().into(), "")), serde_json::Value::from(text));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn random_texts_read_back(texts in prop::collection::vec(text(), 1..4)) {
            let value = everywhere(&texts);
            prop_assert_eq!(read(&print(&value, &texts[0])), serde_json::to_value(&value).unwrap());
        }
    }

    /// PyYAML reads YAML 1.1, as docker-compose v1 and Ansible do: the other opinion on what is a boolean.
    #[test]
    fn pyyaml_reads_the_same() {
        use proptest::strategy::ValueTree;
        use proptest::test_runner::TestRunner;

        let Some(python) = crate::format::tests::python("yaml") else { return };
        let mut runner = TestRunner::deterministic();
        let mut texts = nasty();
        texts.extend((0..2000).filter_map(|_| Some(text().new_tree(&mut runner).ok()?.current())));
        let value = everywhere(&texts);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("all.yaml");
        std::fs::write(&path, print(&value, &texts.concat())).unwrap();
        let script = "import json, sys, yaml\n\
            print(json.dumps(yaml.load(open(sys.argv[1], encoding='utf-8', newline=''), getattr(yaml, 'CSafeLoader', yaml.SafeLoader))))";
        let output = std::process::Command::new(python).args(["-c", script]).arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let back: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(back, serde_json::to_value(&value).unwrap());
    }

    #[test]
    fn ten_thousand_services_print_quickly() {
        let service = |i: usize| {
            let environment: Map =
                (0..12).map(|k| (format!("SETTING_{k}"), format!("postgres://db-{k}:5432/x{i}"))).collect();
            Map::new()
                .set("image", format!("registry.example.com/team/service-{i}:1.4.{i}"))
                .set("restart", "unless-stopped")
                .set("environment", environment)
                .set("ports", [format!("127.0.0.1:{i}:8080")])
                .set(
                    "healthcheck",
                    map([("test", flow(["CMD", "curl", "-f", "http://localhost/"])), ("retries", 3.into())]),
                )
                .set("volumes", ["data:/var/lib/data", "/etc/localtime:/etc/localtime:ro"])
        };
        let value =
            map([("services", (0..10_000).map(|i| (format!("service-{i}"), service(i))).collect::<Map>())]);
        let start = std::time::Instant::now();
        let text = print(&value, "");
        let took = start.elapsed();
        eprintln!("{} lines, {} bytes in {took:?}", text.lines().count(), text.len());
        // Tens of milliseconds when optimised; the bound only catches something quadratic.
        assert!(took.as_secs() < 10, "{took:?}");
    }
}
