//! What the documents say exists: every path and every command they name.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;

use std::process::Command;

const DOCUMENTS: [&str; 4] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];

fn read(name: &str) -> String {
    std::fs::read_to_string(common::root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Words in backquotes, outside of fenced blocks.
fn quoted(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut words = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            words.extend(line.split('`').skip(1).step_by(2).map(str::to_string));
        }
    }
    words
}

#[test]
fn every_path_in_the_documents_exists() {
    let mut seen = 0;
    for document in DOCUMENTS {
        let text = read(document);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_string);
        for word in quoted(&text).into_iter().chain(links) {
            let starts = [
                "src/",
                "templates/",
                "schemas/",
                "stacks/",
                "snapshots/",
                "tests/",
                ".ci/",
                "docs/",
                "benches/",
                "fuzz/",
            ];
            let path = word.split('#').next().unwrap_or_default();
            let named = starts.iter().any(|s| path.starts_with(s)) || path.ends_with(".md");
            // A name in capitals stands for any.
            if named
                && !path.contains("NAME")
                && !path.contains(char::is_whitespace)
                && !path.starts_with("http")
                && !path.contains('*')
            {
                assert!(common::root().join(path).exists(), "{document} names `{path}`, which is not there");
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "only {seen} paths");
}

#[test]
fn every_command_in_the_documents_exists() {
    let binary = env!("CARGO_BIN_EXE_stackgen");
    let help = Command::new(binary).arg("--help").output().expect("runs");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let mut seen = 0;
    for document in DOCUMENTS {
        let text = read(document);
        for line in text.lines().flat_map(|l| l.split("stackgen ").skip(1)) {
            let verb: String = line.chars().take_while(|c| c.is_ascii_lowercase()).collect();
            let known = ["build", "lint", "explain", "schema", "init", "completions", "man"];
            if known.contains(&verb.as_str()) {
                assert!(help.contains(&verb), "{document} names `stackgen {verb}`");
                let rest = line.strip_prefix(verb.as_str()).unwrap_or_default();
                for flag in rest
                    .split_whitespace()
                    .map(|w| w.trim_end_matches(['`', ',', '.', ')', ';']))
                    .filter(|w| w.starts_with("--"))
                {
                    let flag = flag.split('=').next().unwrap_or_default();
                    let said = Command::new(binary).args([&verb, "--help"]).output().expect("runs");
                    assert!(
                        String::from_utf8_lossy(&said.stdout).contains(flag),
                        "{document}: `stackgen {verb}` has no `{flag}`"
                    );
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 8, "only {seen} commands");
}
