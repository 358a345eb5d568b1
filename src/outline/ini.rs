//! INI files by section and key: odoo.conf as Python reads it, cli.ini of certbot, which has no sections, and units of
//! systemd.

use std::collections::BTreeMap;

use super::{Entries, Entry, Lines};
use crate::finding::Path;
use crate::format::{Fault, ini};
use crate::text::SourceId;

/// Stands for the section of a file without any; no file has one of this name.
const NONE: &str = "\u{0}";

/// Reads an INI file; its path says whose it is.
pub(super) fn read(path: &str, text: &str) -> Result<BTreeMap<Path, Entry>, Fault> {
    if path.ends_with(".service") || path.ends_with(".timer") {
        return Ok(unit(text));
    }
    let without = text.lines().map(str::trim_start).find(|l| !l.is_empty() && !l.starts_with(['#', ';']));
    let header =
        if without.is_some_and(|line| line.starts_with('[')) { String::new() } else { format!("[{NONE}]\n") };
    let whole = format!("{header}{text}");
    let sections = ini::read(SourceId::default(), &whole)
        .map_err(|fault| Fault::new(fault.offset.saturating_sub(header.len()), fault.message))?;
    let lines = Lines::new(text);
    let is_odoo = path.ends_with("odoo.conf");
    let mut out = Entries::default();
    for section in &sections {
        let parent = if section.name == NONE { Path::default() } else { Path(vec![(&section.name).into()]) };
        for entry in &section.entries {
            let value = if is_odoo { odoo(&entry.key, &entry.value) } else { entry.value.clone() };
            let offset = (entry.span.start as usize).saturating_sub(header.len());
            out.set(parent.join(&entry.key), value, lines.of(offset));
        }
    }
    Ok(out.0)
}

/// A value as Odoo takes it: `true` and `True` are one, and so are lists with and without blanks
/// (github.com/odoo/odoo, odoo/tools/config.py).
fn odoo(key: &str, value: &str) -> String {
    match value {
        "true" => "True".to_string(),
        "false" => "False".to_string(),
        _ if matches!(key, "addons_path" | "server_wide_modules") => {
            value.split(',').map(str::trim).collect::<Vec<_>>().join(",")
        }
        _ => value.to_string(),
    }
}

/// Keys of a unit whose values add up to one set.
const SETS: [&str; 10] = [
    "After",
    "Before",
    "Wants",
    "Requires",
    "PartOf",
    "Conflicts",
    "WantedBy",
    "RequiredBy",
    "ReadWritePaths",
    "Also",
];

/// A unit of systemd: keys keep their case and may be repeated, a backslash at its end goes on with the next line.
/// What systemd would not understand is left out, as systemd does.
fn unit(text: &str) -> BTreeMap<Path, Entry> {
    let mut all: Vec<(Path, String, u32)> = Vec::new();
    let mut section = String::new();
    let mut lines = text.lines().zip(1u32..);
    while let Some((line, number)) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_string();
            continue;
        }
        let mut whole = line.to_string();
        while whole.ends_with('\\') {
            whole.pop();
            let Some((next, _)) = lines.next() else { break };
            whole = format!("{} {}", whole.trim_end(), next.trim());
        }
        let Some((key, value)) = whole.split_once('=') else { continue };
        let (path, value) = (Path(vec![section.as_str().into(), key.trim_end().into()]), value.trim_start());
        match all.iter_mut().find(|(there, ..)| *there == path) {
            // An empty value takes back what was there.
            Some((_, there, _)) if value.is_empty() => there.clear(),
            Some((_, there, _)) => {
                let sign = if there.is_empty() { "" } else { "\n" };
                *there = format!("{there}{sign}{value}");
            }
            None => all.push((path, value.to_string(), number)),
        }
    }
    let mut out = Entries::default();
    for (path, value, line) in all {
        let is_set = SETS.iter().any(|key| path.0.last() == Some(&(*key).into()));
        let value = if is_set {
            let mut words: Vec<_> = value.split_whitespace().collect();
            words.sort_unstable();
            words.dedup();
            words.join(" ")
        } else {
            value
        };
        out.set(path, value, line);
    }
    out.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outline::Value;

    fn says(path: &str, text: &str) -> String {
        match read(path, text) {
            Err(fault) => format!("error at {}: {fault}", fault.offset),
            Ok(entries) => {
                let line = |(p, e): (&Path, &Entry)| match &e.value {
                    Value::Plain(value) => format!("{}:{p}={value:?}", e.line),
                    Value::Concealed(_) => unreachable!(),
                };
                entries.iter().map(line).collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn each_by_its_reader() {
        let table = [
            (
                "odoo.conf",
                "[options]\nWorkers=2\nlist_db =  false\n",
                "3:options.list_db=\"False\" 2:options.workers=\"2\"",
            ),
            ("odoo.conf", "# x\n[options]\naddons_path = /a, /b\n", "3:options.addons_path=\"/a,/b\""),
            ("cli.ini", "# x\n\nserver = s\nagree-tos = true\n", "4:agree-tos=\"true\" 3:server=\"s\""),
            ("cli.ini", "a = 1\na = 2\n", "error at 6: option \"a\" is already set in section \"\u{0}\""),
            (
                "a.service",
                "[Unit]\nAfter=b\nAfter=a b\n[Service]\nExecStart=/x \\\n  y\n",
                "5:Service.ExecStart=\"/x y\" 2:Unit.After=\"a b\"",
            ),
            ("a.timer", "[T]\nA=1\nA=\nA=2\nnonsense\nB=\\", "2:T.A=\"2\" 6:T.B=\"\""),
            ("odoo.conf", "", ""),
        ];
        for (path, text, expected) in table {
            assert_eq!(says(path, text), expected, "{path}: {text:?}");
        }
    }
}
