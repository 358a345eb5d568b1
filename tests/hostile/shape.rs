//! What a file says, as seen by readers other than its writer: the same in shape, but for one value.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use stackgen::compile::Compiled;
use stackgen::emit::Artifact;
use stackgen::format::{dotenv, ini, nginx};

use crate::leaves::Leaf;

/// Structure and values: where each value stands, and what it is. Comments are places without a say.
type Shape = Vec<(String, String)>;

/// The files of the manifest as it is, and everything that real programs are asked about at the end.
pub struct Judge {
    base: BTreeMap<String, (Artifact, Shape)>,
    scripts: Mutex<BTreeSet<String>>,
    python: Mutex<BTreeSet<(String, String)>>,
}

impl Judge {
    pub fn new(compiled: &Compiled) -> Self {
        let shape = |a: &Artifact| shape(a).unwrap_or_else(|e| panic!("{}: {e}", a.path));
        let base = compiled.artifacts.iter().map(|a| (a.path.clone(), (a.clone(), shape(a)))).collect();
        Self { base, scripts: Mutex::default(), python: Mutex::default() }
    }

    /// Whether every file is as it was, but for the values of some leaves.
    pub fn same_shape(&self, compiled: &Compiled, leaves: &[&Leaf], text: &str) -> Result<(), String> {
        let before: Vec<&String> = self.base.keys().collect();
        let after: Vec<&String> = compiled.artifacts.iter().map(|a| &a.path).collect();
        if before != after && !leaves.iter().any(|l| l.is_key()) {
            return Err(format!("other files: {before:?} {after:?}"));
        }
        for artifact in &compiled.artifacts {
            let Some((old, expected)) = self.base.get(&artifact.path) else { continue };
            if old.text == artifact.text {
                continue;
            }
            // A chosen name makes another program; that it is one is what counts.
            let chosen = leaves.iter().any(|l| l.is_key());
            self.ask(if chosen { artifact } else { old }, artifact);
            let found = shape(artifact).map_err(|e| format!("{}: {e}", artifact.path))?;
            same(expected, &found, leaves, text).map_err(|e| format!("{}: {e}", artifact.path))?;
        }
        Ok(())
    }

    fn ask(&self, old: &Artifact, new: &Artifact) {
        if new.text.starts_with("#!/bin/sh") {
            self.scripts.lock().expect("no panic").insert(new.text.clone());
            let program = |text: &str| {
                let (_, rest) = text.split_once("<<'PYTHON'\n")?;
                Some(rest.split_once("\nPYTHON\n")?.0.to_string())
            };
            if let (Some(old), Some(new)) = (program(&old.text), program(&new.text)) {
                self.python.lock().expect("no panic").insert((old, new));
            }
        } else if new.path.ends_with(".py") {
            self.python.lock().expect("no panic").insert((old.text.clone(), new.text.clone()));
        }
    }

    /// What sh and Python say of the scripts that came by.
    pub fn programs(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(sh) = crate::common::program("sh") {
            for script in self.scripts.lock().expect("no panic").iter() {
                let child = Command::new(&sh).arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
                let mut child = child.expect("sh");
                child.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("written");
                let output = child.wait_with_output().expect("ended");
                if !output.status.success() {
                    faults.push(format!("sh -n: {}", String::from_utf8_lossy(&output.stderr)));
                }
            }
        }
        if let Some(python) = crate::common::program("python3") {
            // Everything but the constants must be the same tree.
            let script = "import ast, json, sys\n\
                def shape(text):\n \
                    tree = ast.parse(text)\n \
                    for node in ast.walk(tree):\n  \
                        if isinstance(node, ast.Constant) and isinstance(node.value, str): node.value = ''\n \
                    return ast.dump(tree)\n\
                for old, new in json.load(sys.stdin):\n \
                    try:\n  \
                        if shape(old) != shape(new): print('another program:', ascii(new)[:4000])\n \
                    except (SyntaxError, ValueError) as e: print(e, ascii(new)[:4000])\n";
            let pairs = serde_json::to_string(&*self.python.lock().expect("no panic")).expect("JSON");
            let child = Command::new(&python)
                .args(["-c", script])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn();
            let mut child = child.expect("python3");
            child.stdin.take().expect("a pipe").write_all(pairs.as_bytes()).expect("written");
            let output = child.wait_with_output().expect("ended");
            assert!(output.status.success(), "python3 failed");
            faults.extend(String::from_utf8_lossy(&output.stdout).lines().map(|l| format!("python: {l}")));
        }
        faults
    }
}

/// The same places; every value as it was, or with a leaf's text in place of the old one.
fn same(expected: &Shape, found: &Shape, leaves: &[&Leaf], text: &str) -> Result<(), String> {
    // Raw text and chosen keys change the structure by their nature; that the file is still read is what counts.
    if leaves.iter().any(|l| l.raw() || l.is_key()) {
        return Ok(());
    }
    if expected.len() != found.len() {
        let had: BTreeSet<_> = expected.iter().map(|e| &e.0).collect();
        let more = found.iter().find(|f| !had.contains(&f.0)).or(found.last());
        return Err(format!("{} entries, then {}; {more:?}", expected.len(), found.len()));
    }
    for ((place, old), (now, new)) in expected.iter().zip(found) {
        if place != now {
            return Err(format!("expected {place}, found {now}"));
        }
        if old == new || place.ends_with('#') {
            continue;
        }
        if !leaves.iter().any(|leaf| explains(place, old, new, leaf, text)) {
            return Err(format!("{place}: {old:?} became {:?}", new.chars().take(300).collect::<String>()));
        }
    }
    Ok(())
}

fn explains(place: &str, old: &str, new: &str, leaf: &Leaf, text: &str) -> bool {
    let meant = leaf.meant(text);
    if old.replace(&leaf.old, &meant) == new {
        return true;
    }
    // A path is made relative to where it is used, or is absolute.
    let path = place.contains("source") || place.contains("/root[") || place.contains("context");
    path && new.ends_with(meant.trim_start_matches("./"))
        || old.match_indices(&leaf.old).any(|(i, _)| {
            let (before, after) = (&old[..i], &old[i + leaf.old.len()..]);
            new.strip_prefix(before).and_then(|n| n.strip_suffix(after)) == Some(meant.as_str())
        })
}

fn shape(artifact: &Artifact) -> Result<Shape, String> {
    let (path, text) = (artifact.path.as_str(), artifact.text.as_str());
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut out = Shape::new();
    match name {
        _ if text.starts_with("#!/bin/sh") || text.starts_with("#!/usr/bin/env bash") => {
            shell(text, &mut out)?
        }
        "docker-compose.yml" => {
            let value: serde_json::Value = serde_yaml::from_str(text).map_err(|e| e.to_string())?;
            values("", &value, &mut out);
            dollars(&mut out)?;
        }
        "nginx.conf" => {
            let directives = nginx::read(Default::default(), text).map_err(|e| format!("{e:?}"))?;
            push_directives("", &directives, &mut out);
        }
        "odoo.conf" => {
            for section in ini::read(Default::default(), text).map_err(|e| e.to_string())? {
                for entry in section.entries {
                    out.push((format!("{}.{}", section.name, entry.key), entry.value));
                }
            }
        }
        ".env.example" => {
            let names = dotenv::names(text).map_err(|e| e.to_string())?;
            out.extend(names.into_iter().map(|n| (format!("{} {}", n.name, n.assigned), String::new())));
            lines(text, &mut out);
        }
        // Python judges it.
        _ if name.ends_with(".py") => {}
        _ if name.ends_with(".json") => {
            values("", &serde_json::from_str(text).map_err(|e| e.to_string())?, &mut out);
        }
        _ if name.ends_with(".zone") => zone(text, &mut out)?,
        _ if name.ends_with(".md") => cells(text, &mut out),
        _ => lines(text, &mut out),
    }
    Ok(out)
}

/// Words and texts of each line of a zone file; strings beside one another are one text.
fn zone(text: &str, out: &mut Shape) -> Result<(), String> {
    for (i, line) in text.split('\n').enumerate() {
        let (mut words, mut texts) = (String::new(), Vec::new());
        let mut bytes = line.bytes().peekable();
        while let Some(b) = bytes.next() {
            match b {
                b';' => break,
                b'"' => loop {
                    match bytes.next().ok_or("a string is not closed")? {
                        b'"' => break,
                        b'\\' if bytes.peek().is_some_and(u8::is_ascii_digit) => {
                            let digits: Vec<u8> = bytes.by_ref().take(3).collect();
                            let number = String::from_utf8_lossy(&digits).parse::<u8>();
                            texts.push(number.map_err(|e| e.to_string())?);
                        }
                        b'\\' => texts.extend(bytes.next()),
                        b => texts.push(b),
                    }
                },
                b => words.push(char::from(b)),
            }
        }
        let words: Vec<&str> = words.split_whitespace().collect();
        for (k, word) in words.iter().enumerate() {
            out.push((format!("line {i} of {} word {k}", words.len()), (*word).to_string()));
        }
        out.push((format!("line {i} text"), String::from_utf8_lossy(&texts).into_owned()));
    }
    Ok(())
}

/// How many cells each line of a table has.
fn cells(text: &str, out: &mut Shape) {
    for (i, line) in text.split('\n').enumerate() {
        let mut bars = 0;
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => drop(chars.next()),
                '|' => bars += 1,
                _ => {}
            }
        }
        out.push((format!("line {i} with {bars} bars"), String::new()));
    }
}

fn values(path: &str, value: &serde_json::Value, out: &mut Shape) {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            out.push((format!("{path}{{{}}}", map.len()), String::new()));
            map.iter().for_each(|(key, inner)| values(&format!("{path}.{key:?}"), inner, out));
        }
        Value::Array(items) => {
            out.push((format!("{path}[{}]", items.len()), String::new()));
            items.iter().enumerate().for_each(|(i, item)| values(&format!("{path}[{i}]"), item, out));
        }
        Value::String(text) => out.push((path.to_string(), text.clone())),
        other => out.push((format!("{path}={other}"), String::new())),
    }
}

/// What Compose makes of the texts: `$$` is a dollar, and what it fills in are secrets and nothing else.
fn dollars(out: &mut Shape) -> Result<(), String> {
    for (place, text) in out {
        // Labels are passed through as they are.
        if place.contains("\"labels\"") || place.contains("stop_signal") {
            continue;
        }
        let mut plain = String::new();
        let mut rest = text.as_str();
        while let Some(i) = rest.find('$') {
            plain.push_str(&rest[..i]);
            rest = &rest[i + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                plain.push('$');
                rest = after;
                continue;
            }
            let inside = rest.strip_prefix('{').and_then(|r| r.split_once(":?see .env.example}"));
            let Some((name, after)) = inside.filter(|(n, _)| {
                n.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            }) else {
                return Err(format!("{place}: Compose would fill in {text:?}"));
            };
            plain.push_str(&format!("\u{1}{name}\u{1}"));
            rest = after;
        }
        plain.push_str(rest);
        *text = plain;
    }
    Ok(())
}

fn push_directives(path: &str, directives: &[nginx::Directive], out: &mut Shape) {
    for (i, directive) in directives.iter().enumerate() {
        let here = format!("{path}/{}[{i}]({})", directive.name, directive.args.len());
        for (k, arg) in directive.args.iter().enumerate() {
            // A variable is structure: its value comes from a request.
            let variables: Vec<&str> = arg.split('$').skip(1).collect();
            out.push((format!("{here} {k} {}", variables.len()), arg.clone()));
        }
        out.push((format!("{here} {}", directive.comments.len() + directive.after.len()), String::new()));
        if let Some(block) = &directive.block {
            push_directives(&format!("{here}{{{}}}", block.len()), block, out);
        }
    }
}

/// Lines, for syntaxes where nothing but a line break ends anything.
fn lines(text: &str, out: &mut Shape) {
    for (i, line) in text.split('\n').enumerate() {
        let comment = line.trim_start().starts_with(['#', ';']);
        let indent = line.len() - line.trim_start().len();
        out.push((format!("line {i} {indent}{}", if comment { "#" } else { "" }), line.to_string()));
    }
}

/// Tokens of a shell script: words with their quotes taken away, operators, and whether a word can expand.
fn shell(text: &str, out: &mut Shape) -> Result<(), String> {
    let mut chars = text.chars().peekable();
    let mut word: Option<(String, String)> = None;
    let mut heredocs: Vec<String> = Vec::new();
    let mut wants_heredoc = false;
    let flush = |word: &mut Option<(String, String)>,
                 out: &mut Shape,
                 heredocs: &mut Vec<String>,
                 wants: &mut bool| {
        if let Some((plain, marks)) = word.take() {
            if std::mem::take(wants) {
                heredocs.push(plain.trim_start_matches('-').to_string());
            }
            out.push((format!("word {marks}"), plain));
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                let (plain, _) = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('\'') => break,
                        Some(c) => plain.push(c),
                        None => return Err("a single quote is not closed".into()),
                    }
                }
            }
            '"' => {
                let (plain, marks) = word.get_or_insert_default();
                let mut depth = 0;
                loop {
                    match chars.next() {
                        Some('"') if depth == 0 => break,
                        Some('\\') => plain.push(chars.next().unwrap_or('\\')),
                        Some(c) => {
                            if c == '$' || c == '`' {
                                marks.push(c);
                            }
                            // Quotes inside `$( )` are its own.
                            if c == '(' && plain.ends_with('$') {
                                depth += 1;
                            } else if c == ')' && depth > 0 {
                                depth -= 1;
                            }
                            plain.push(c);
                        }
                        None => return Err("a double quote is not closed".into()),
                    }
                }
            }
            '\\' => {
                let (plain, _) = word.get_or_insert_default();
                plain.extend(chars.next().filter(|c| *c != '\n'));
            }
            '#' if word.is_none() => {
                while chars.peek().is_some_and(|c| *c != '\n') {
                    chars.next();
                }
                out.push(("#".into(), String::new()));
            }
            '\n' => {
                flush(&mut word, out, &mut heredocs, &mut wants_heredoc);
                out.push(("newline".into(), String::new()));
                for end in heredocs.drain(..) {
                    let mut body = 0;
                    loop {
                        let mut line = String::new();
                        let mut ended = true;
                        for c in chars.by_ref() {
                            if c == '\n' {
                                ended = false;
                                break;
                            }
                            line.push(c);
                        }
                        if line == end {
                            break;
                        }
                        if ended {
                            return Err("a here-document is not closed".into());
                        }
                        out.push((format!("heredoc {body}#"), line));
                        body += 1;
                    }
                }
            }
            ' ' | '\t' => flush(&mut word, out, &mut heredocs, &mut wants_heredoc),
            '<' if chars.peek() == Some(&'<') => {
                flush(&mut word, out, &mut heredocs, &mut wants_heredoc);
                chars.next();
                // A third one: the word itself is what is read.
                wants_heredoc = chars.next_if_eq(&'<').is_none();
                out.push(("<<".into(), String::new()));
            }
            ';' | '&' | '|' | '(' | ')' | '<' | '>' => {
                flush(&mut word, out, &mut heredocs, &mut wants_heredoc);
                out.push((c.to_string(), String::new()));
            }
            '$' | '`' => {
                let (plain, marks) = word.get_or_insert_default();
                marks.push(c);
                plain.push(c);
            }
            c => word.get_or_insert_default().0.push(c),
        }
    }
    flush(&mut word, out, &mut heredocs, &mut wants_heredoc);
    Ok(())
}
