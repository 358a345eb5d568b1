//! Reads INI text as Python's `RawConfigParser` does, which is what reads odoo.conf; says what one of its values can hold.

use super::{Fault, Refused, is_line_break};
use crate::text::{SourceId, Span};

/// A `[section]` with its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What stands between the brackets.
    pub name: String,
    /// The header line.
    pub span: Span,
    /// The options in the order they are written.
    pub entries: Vec<Entry>,
}

/// One option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key in lower case, as Python hands it out.
    pub key: String,
    /// The value: continuation lines joined by line breaks, nothing unquoted, nothing interpolated.
    pub value: String,
    /// From the key to the end of the value's last line.
    pub span: Span,
}

/// The sections of a text, or the first thing for which Python would refuse the whole file.
pub fn read(source: SourceId, text: &str) -> Result<Vec<Section>, Fault> {
    let mut sections: Vec<Section> = Vec::new();
    let mut current: Option<usize> = None;
    // Indentation of the option that deeper lines continue; none right after a header.
    let mut option_indent: Option<usize> = None;
    for (start, line) in lines(text) {
        let trimmed = line.trim_matches(is_space);
        if trimmed.is_empty() {
            // An empty line belongs to the value above it, in case the value goes on below.
            if let (Some(entry), Some(_)) = (last_entry(&mut sections, current), option_indent) {
                entry.value.push('\n');
            }
            continue;
        }
        // Only at the start of a line: `password = a;b#c` is all password.
        if trimmed.starts_with(['#', ';']) {
            continue;
        }
        let indent = line.chars().take_while(|c| is_space(*c)).count();
        let offset = start + (line.len() - line.trim_start_matches(is_space).len());
        let span = Span::new(source, offset, offset + trimmed.len());
        if let (Some(entry), Some(_)) =
            (last_entry(&mut sections, current), option_indent.filter(|i| indent > *i))
        {
            entry.value.push('\n');
            entry.value.push_str(trimmed);
            entry.span.end = span.end;
            continue;
        }
        option_indent = None;
        if let Some(name) = header(trimmed) {
            let known = sections.iter().position(|section| section.name == name);
            current = match known {
                // The one section Python lets a file open twice.
                Some(index) if name == "DEFAULT" => Some(index),
                Some(_) => return Err(Fault::new(offset, format!("section \"{name}\" is already there"))),
                None => {
                    sections.push(Section { name: name.to_string(), span, entries: Vec::new() });
                    Some(sections.len() - 1)
                }
            };
            continue;
        }
        let Some(section) = current.and_then(|index| sections.get_mut(index)) else {
            return Err(Fault::new(
                offset,
                "expected a section header such as \"[options]\" before the first option",
            ));
        };
        let Some((key, value)) = trimmed.split_once(['=', ':']) else {
            return Err(Fault::new(offset, format!("expected \"key = value\", found \"{trimmed}\"")));
        };
        let key = key.trim_end_matches(is_space).to_lowercase();
        if key.is_empty() {
            return Err(Fault::new(offset, "expected a key before the \"=\""));
        }
        if section.entries.iter().any(|entry| entry.key == key) {
            return Err(Fault::new(
                offset,
                format!("option \"{key}\" is already set in section \"{}\"", section.name),
            ));
        }
        section.entries.push(Entry { key, value: value.trim_start_matches(is_space).to_string(), span });
        option_indent = Some(indent);
    }
    for entry in sections.iter_mut().flat_map(|section| &mut section.entries) {
        entry.value.truncate(entry.value.trim_end_matches(is_space).len());
    }
    Ok(sections)
}

/// A value as it may stand after `key = `: returned as it is, because the syntax has no escapes and needs none.
pub fn value(text: &str) -> Result<&str, Refused> {
    if text.contains(is_line_break) {
        return Err(Refused { reason: "a line break cannot stand in odoo.conf" });
    }
    if text.contains('\0') {
        return Err(Refused { reason: "a NUL byte cannot stand in odoo.conf" });
    }
    if text.starts_with(is_space) || text.ends_with(is_space) {
        return Err(Refused { reason: "a blank at the start or end of a value is lost in odoo.conf" });
    }
    Ok(text)
}

/// A key as it may stand before ` = `: lower case, since the reader would make it so.
pub fn key(text: &str) -> Result<&str, Refused> {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b);
    if text.is_empty() || !text.bytes().all(fine) {
        return Err(Refused {
            reason: "an option of odoo.conf is lower-case letters, digits, \"_\", \".\" and \"-\"",
        });
    }
    Ok(text)
}

/// The text between brackets at the start of a line, up to the last bracket; what follows is ignored, as Python does.
fn header(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('[')?;
    rest.rfind(']').filter(|end| *end > 0).and_then(|end| rest.get(..end))
}

fn last_entry(sections: &mut [Section], current: Option<usize>) -> Option<&mut Entry> {
    sections.get_mut(current?)?.entries.last_mut()
}

/// What Python's `str.strip` takes away: Unicode white space and four separators more.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

/// Lines with their offsets; like a Python text file, they end at `\n`, `\r\n` or a lone `\r`.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive(['\n', '\r'])
        .scan(0, |offset, line| {
            let start = *offset;
            *offset += line.len();
            Some((start, line))
        })
        // The `\n` of a `\r\n` has come out as a line of its own.
        .filter(|(start, line)| *line != "\n" || !text[..*start].ends_with('\r'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dump(text: &str) -> String {
        match read(SourceId::default(), text) {
            Err(fault) => format!("error at {}: {fault}", fault.offset),
            Ok(sections) => {
                let line = |s: &Section, e: &Entry| format!("{}.{}={:?}", s.name, e.key, e.value);
                sections
                    .iter()
                    .flat_map(|s| s.entries.iter().map(|e| line(s, e)))
                    .collect::<Vec<_>>()
                    .join(" ")
            }
        }
    }

    #[test]
    fn reads_as_python_does() {
        let table = [
            ("[options]\nWorkers: 5\ndb_name = x\n", "options.workers=\"5\" options.db_name=\"x\""),
            ("[options]\r\na = 1\r\nb = 2\rc=3", "options.a=\"1\" options.b=\"2\" options.c=\"3\""),
            ("[o]\nadmin_passwd = a%b;c#d$e ; no comment\n", "o.admin_passwd=\"a%b;c#d$e ; no comment\""),
            ("# x\n[o]\n ; y\na = \"q\"\n", "o.a=\"\\\"q\\\"\""),
            ("[o]\na = 1,\n  2,\n# note\n\n  3\n\nb =\n", "o.a=\"1,\\n2,\\n\\n3\" o.b=\"\""),
            ("[o]\n  a = 1\n  b = 2\n c = 3\n", "o.a=\"1\" o.b=\"2\" o.c=\"3\""),
            ("[o]\na = = x\nb = : y\nc==z\n", "o.a=\"= x\" o.b=\": y\" o.c=\"=z\""),
            ("[o]\n[p] junk\na=1\n", "p.a=\"1\""),
            ("[DEFAULT]\na=1\n[o]\n[DEFAULT]\nb=2\n", "DEFAULT.a=\"1\" DEFAULT.b=\"2\""),
            ("[o]\na=1\nA=2\n", "error at 8: option \"a\" is already set in section \"o\""),
            ("[o]\n[o]\n", "error at 4: section \"o\" is already there"),
            (" a=1\n", "error at 1: expected a section header such as \"[options]\" before the first option"),
            ("[o]\nalone\n", "error at 4: expected \"key = value\", found \"alone\""),
            ("[o]\n= 1\n", "error at 4: expected a key before the \"=\""),
            ("[o]\n[]\n", "error at 4: expected \"key = value\", found \"[]\""),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(dump(text), expected, "{text:?}");
        }
    }

    #[test]
    fn values_and_keys() {
        for fine in ["", "a%b;c#d$e", "False", "= x", "[a]", "# x", "a\tb", "é", "\"q\""] {
            assert_eq!(value(fine), Ok(fine));
        }
        let broken = "\n \r \x0b \x0c \x1c \x1d \x1e \u{85} \u{2028} \u{2029}";
        for c in broken.split(' ') {
            assert_eq!(
                value(&format!("a{c}b")).unwrap_err().to_string(),
                "a line break cannot stand in odoo.conf"
            );
        }
        for bad in ["a\0", " a", "a ", "\u{a0}a", "a\t", "\x1fa"] {
            assert!(value(bad).is_err(), "{bad:?}");
        }
        assert!(["db_name", "x.y-2"].iter().all(|k| key(k).is_ok()));
        assert!(["", "A", "a b", "#a", "[a]", "a=b", "a\n"].iter().all(|k| key(k).is_err()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn accepted_values_come_back(texts in prop::collection::vec("[^\n\r]{0,12}|[ a=:;#%\\[\\]\"]{0,6}", 1..5)) {
            let texts: Vec<_> = texts.iter().filter_map(|text| value(text).ok()).collect();
            let body: String = texts.iter().enumerate().map(|(i, text)| format!("k{i} = {text}\n")).collect();
            let sections = read(SourceId::default(), &format!("[options]\n{body}")).unwrap();
            prop_assert_eq!(sections[0].entries.iter().map(|e| e.value.as_str()).collect::<Vec<_>>(), texts);
        }
    }

    /// The parser of Odoo itself, over texts made of everything that means something to it.
    #[test]
    fn python_reads_the_same() {
        use proptest::strategy::ValueTree;
        use proptest::test_runner::TestRunner;

        let Some(python) = crate::format::tests::python("configparser") else { return };
        let line = "(\\[[ab]\\]|\\[DEFAULT\\]|[ \t]{0,2}[abAé#;=:\\[\\] ]{0,4}[=:]?[ab#;= \x1f\u{85}\u{2028}]{0,3})(\n|\r\n|\r)";
        let texts = prop::collection::vec(line, 0..7);
        let mut runner = TestRunner::deterministic();
        let texts: Vec<String> = (0..3000)
            .filter_map(|_| Some("[o]\n".to_string() + &texts.new_tree(&mut runner).ok()?.current().concat()))
            .collect();
        let ours: Vec<serde_json::Value> = texts
            .iter()
            .map(|text| match read(SourceId::default(), text) {
                Err(_) => serde_json::Value::Null,
                Ok(sections) => {
                    // Spans never lie outside the text or inside a character.
                    assert!(
                        sections.iter().flat_map(|s| &s.entries).all(|e| text.get(e.span.range()).is_some())
                    );
                    let entries = |s: &Section| {
                        s.entries.iter().map(|e| (e.key.clone(), e.value.clone().into())).collect()
                    };
                    sections.iter().map(|s| (s.name.clone(), serde_json::Value::Object(entries(s)))).collect()
                }
            })
            .collect();
        let script = "import configparser, json, os, sys\n\
            def read(text):\n \
                open(sys.argv[1] + '.ini', 'w', encoding='utf-8', newline='').write(text)\n \
                p = configparser.RawConfigParser()\n \
                try: p.read(sys.argv[1] + '.ini', encoding='utf-8')\n \
                except configparser.Error: return None\n \
                out = {s: dict(p._sections[s]) for s in p._sections}\n \
                if p._defaults or '[DEFAULT]' in text: out['DEFAULT'] = dict(p._defaults)\n \
                return out\n\
            print(json.dumps([read(t) for t in json.load(open(sys.argv[1], encoding='utf-8'))]))";
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("texts.json");
        std::fs::write(&path, serde_json::to_string(&texts).unwrap()).unwrap();
        let output = std::process::Command::new(python).args(["-c", script]).arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let theirs: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
        for ((text, ours), theirs) in texts.iter().zip(ours).zip(theirs) {
            // serde_json compares objects without their order.
            assert_eq!(ours, theirs, "{text:?}");
        }
    }
}
