//! Every line of every artifact has a cause, and for the lines of `tests/origins.tsv` it is the right one.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may say so")]

mod common;

use common::{built, root, stacks};
use stackgen::compile::Compiled;
use stackgen::finding::{Document, Place};
use stackgen::origin::{Cause, cause, origin};
use stackgen::outline::read;

/// The cause as the tables have it: `manifest path < kind: path`, or the rule after a dash.
fn shown(cause: &Cause) -> String {
    let path = |place: &Place| match place {
        Place::At { path, document: Document::Kind(kind), .. } => format!("{kind}: {path}"),
        Place::At { path, .. } => path.to_string(),
        Place::Text(_) => String::new(),
    };
    let places: Vec<String> = cause.manifest.iter().chain(&cause.kind).map(path).collect();
    if places.is_empty() { format!("- {}", cause.rule) } else { places.join(" < ") }
}

/// Causes of the entries on a line.
fn on_line(compiled: &Compiled, file: &str, line: u32) -> Vec<String> {
    let stack = compiled.stack.as_ref().expect("a stack");
    let artifact = compiled.artifacts.iter().find(|a| a.path == file).expect("an artifact");
    let entries = read(file, &artifact.text).expect("an outline").entries;
    let there = entries.iter().filter(|(_, entry)| entry.line == line);
    there.map(|(path, _)| shown(&cause(compiled, &origin(stack, file, path).expect("an origin")))).collect()
}

/// The line with this text, after the first line with another one.
fn line(text: &str, after: &str, wanted: &str) -> Option<u32> {
    let mut lines = text.lines().zip(1u32..);
    if !after.is_empty() {
        lines.find(|(line, _)| line.trim() == after)?;
    }
    lines.find(|(line, _)| line.trim() == wanted).map(|(_, number)| number)
}

#[test]
fn lines_of_the_reference_stack_have_the_right_cause() {
    let compiled = built(&root().join("stacks/odoo-erp-prod/stack.yaml"));
    let table = std::fs::read_to_string(root().join("tests/origins.tsv")).expect("the table");
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for row in table.lines().filter(|row| !row.starts_with('#')) {
        let [file, after, text, expected] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let artifact = compiled.artifacts.iter().find(|a| a.path == file).expect("an artifact");
        let number =
            line(&artifact.text, after, text).unwrap_or_else(|| panic!("{file} has no {after:?} > {text:?}"));
        let found = on_line(&compiled, file, number);
        seen += 1;
        if !found.iter().any(|cause| cause == expected) {
            wrong.push(format!("{file}:{number}: {text}\n  expected {expected}\n  found    {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 80, "{seen}");
}

#[test]
fn every_entry_of_every_artifact_has_a_cause() {
    for (name, manifest) in stacks() {
        let compiled = built(&manifest);
        let stack = compiled.stack.as_ref().expect("a stack");
        for artifact in &compiled.artifacts {
            for path in read(&artifact.path, &artifact.text).expect("an outline").entries.keys() {
                let from = origin(stack, &artifact.path, path);
                let from = from.unwrap_or_else(|| panic!("{name}: {}: {path}", artifact.path));
                let cause = cause(&compiled, &from);
                assert!(
                    !cause.rule.is_empty() && !cause.rule.contains("no such"),
                    "{name}: {}: {path}",
                    artifact.path
                );
                // A place that is named can be shown.
                let places = cause.manifest.iter().chain(&cause.kind);
                assert!(
                    places.into_iter().all(|p| compiled.span(p).is_some()),
                    "{name}: {}: {path}",
                    artifact.path
                );
            }
        }
    }
}

/// A key that the manifest passes through is told as such.
#[test]
fn overrides_are_found() {
    let text = "stackgen: 1\nname: s\nservices:\n  a:\n    image: x:1\n    healthcheck: { command: [\"true\"] }\n    compose: { ulimits: { nofile: 9 }, cap_add: [CHOWN] }\n    hardening: { pids: 7 }\n    cpus: 1.5\n    publish: [{ port: 80, host_port: 8080 }]\n    depends_on: [b]\n  b: { image: \"y:1\", healthcheck: { command: [\"true\"] } }\n";
    let input =
        stackgen::compile::Input { manifest: ("stack.yaml".into(), text.into()), ..Default::default() };
    let compiled = stackgen::compile::compile(input);
    assert!(!compiled.failed(), "{:#?}", compiled.findings);
    let file = &compiled.artifacts.iter().find(|a| a.path == "docker-compose.yml").expect("a file").text;
    let table = [
        ("nofile: 9", "services.a.compose.ulimits.nofile"),
        ("- CHOWN", "services.a.compose.cap_add"),
        ("pids: 7", "services.a.hardening.pids"),
        ("cpus: \"1.5\"", "services.a.cpus"),
        ("- target: 80", "services.a.publish[0]"),
        ("b:", "services.a.depends_on[0]"),
    ];
    for (text, expected) in table {
        let number = line(file, "", text).unwrap_or_else(|| panic!("{text}\n{file}"));
        let found = on_line(&compiled, "docker-compose.yml", number);
        assert!(found.iter().any(|cause| cause == expected), "{text}: {found:?}");
    }
}
