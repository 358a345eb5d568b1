//! The table of the rules in the documents is made from the rules, and none that was thought of is missing in it.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may say so")]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write;

use stackgen::rules::{Check, RULES, Rule, header};

/// One row of `docs/rules.tsv`.
struct Row {
    id: String,
    name: String,
    also: String,
    status: String,
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(common::root().join("docs/rules.tsv")).expect("the list");
    let lines = text.lines().filter(|l| !l.starts_with('#')).skip(1);
    lines
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let [id, name, also, status] = columns[..] else { panic!("expected four columns: {line}") };
            Row { id: id.into(), name: name.into(), also: also.into(), status: status.into() }
        })
        .collect()
}

/// Whether a rule mends what it finds, as its source says.
fn fix(rule: &Rule) -> &'static str {
    let has = |word: &str| rule.source.contains(word) || header(rule.source).contains(word);
    match (has("Fix::safe") || has("Fix, safe"), has("Fix::risky") || has("Fix, unsafe")) {
        (true, true) => "safe or unsafe",
        (true, false) => "safe",
        (false, true) => "unsafe",
        (false, false) => "no",
    }
}

/// Whether the examples of a rule are files that stackgen did not write.
fn only_foreign(rule: &Rule) -> bool {
    let page = header(rule.source);
    page.lines().any(|l| l.starts_with("```") && l.split(' ').count() == 3 && l.ends_with(" flagged"))
}

fn table() -> String {
    let mut text = String::from(
        "# Rules\n\nMade from the rules by `STACKGEN_BLESS=1 cargo test --test rule_table`. `stackgen explain ID` has the\nstory behind each. Where: M in what a manifest says, F in files that stackgen did not write. Levels in brackets are\nasked for only with `--pedantic`.\n\n| id | name | level | fix | where | status | other tools that find it |\n|---|---|---|---|---|---|---|\n",
    );
    for row in rows() {
        let rule = RULES.iter().find(|r| r.name == row.name);
        let Row { id, name, also, .. } = &row;
        let _ = match rule {
            Some(rule) => {
                let level = match rule.check {
                    Check::Asked(_) => format!("({})", rule.level),
                    _ => rule.level.to_string(),
                };
                // Only a manifest says which host it is for.
                let manifest = row.id.starts_with("LN") || matches!(rule.check, Check::Host(_));
                let place = match (only_foreign(rule), manifest) {
                    (true, _) => "F",
                    (_, true) => "M",
                    _ => "M, F",
                };
                writeln!(text, "| {id} | {name} | {level} | {} | {place} | own | {also} |", fix(rule))
            }
            None => writeln!(text, "| {id} | {name} | | | | {} | {also} |", row.status),
        };
    }
    text
}

#[test]
fn the_table_is_what_the_rules_make() {
    let path = common::root().join("docs/rules.md");
    let made = table();
    if std::env::var_os("STACKGEN_BLESS").is_some() {
        std::fs::write(&path, &made).expect("written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == made, "docs/rules.md is outdated; STACKGEN_BLESS=1 cargo test --test rule_table");
}

#[test]
fn every_rule_is_listed_and_what_is_none_says_why() {
    let rows = rows();
    let listed: BTreeSet<&str> = rows.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(listed.len(), rows.len(), "a name is listed twice");
    for rule in RULES {
        let row = rows.iter().find(|r| r.name == rule.name);
        let row = row.unwrap_or_else(|| panic!("{} is not in docs/rules.tsv", rule.name));
        assert_eq!(row.id, rule.id, "{}", rule.name);
    }
    for row in rows.iter().filter(|r| !RULES.iter().any(|rule| rule.name == r.name)) {
        let said = ["merged into ", "left out: ", "own: "].iter().any(|w| row.status.starts_with(w));
        assert!(said && row.status.len() > 20, "{}: expected a reason, found {:?}", row.name, row.status);
        if let Some(rest) = row.status.strip_prefix("merged into ") {
            let other: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
            assert!(RULES.iter().any(|r| r.name == other), "{}: there is no rule {other}", row.name);
        }
    }
}
