//! Fixes: what they mend, and that they leave everything else as it stands.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use stackgen::compile::{Compiled, Input, compile};
use stackgen::fix::{Fixed, fix};
use stackgen::rules::{RULES, header};

const TODAY: &str = "2026-06-01";

fn input(name: &str, text: &str) -> Input {
    Input { manifest: (name.into(), text.into()), today: Some(TODAY.into()), ..Input::default() }
}

fn example(page: &str, title: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("```yaml {title}\n"))?;
    Some(rest.split_once("```")?.0.to_string())
}

fn show(compiled: &Compiled) -> String {
    compiled.findings.iter().map(|f| format!("  [{}] {}\n", f.rule, f.message)).collect()
}

/// Every rule whose page says that it has a fix has one for its own example, which is clean afterwards.
#[test]
fn what_a_page_says_of_fixes_is_so() {
    let (mut faults, mut count) = (Vec::new(), 0);
    for rule in RULES {
        let page = header(rule.source);
        let flagged = example(&page, "flagged").expect("an example");
        let found = compile(input("stack.yaml", &flagged));
        let fixes: Vec<_> = found.findings.iter().filter_map(|f| f.fix.as_ref()).collect();
        let said = page.lines().find_map(|l| l.strip_prefix("Fix, ")).map(|l| l.starts_with("safe: "));
        let has = (!fixes.is_empty()).then(|| fixes.iter().all(|f| f.safe));
        if said != has {
            let titles: Vec<_> = fixes.iter().map(|f| (&f.title, f.safe)).collect();
            faults.push(format!("{}: its page says {said:?}, its findings {titles:?}", rule.name));
        }
        if has.is_none() {
            continue;
        }
        count += 1;
        let Fixed { input, compiled, applied } = fix(input("stack.yaml", &flagged), true, |_| true);
        let left = compiled.findings.iter().filter(|f| f.rule == rule.name).count();
        if left > 0 || applied.is_empty() {
            faults.push(format!(
                "{}: left after {applied:?}:\n{}{}",
                rule.name,
                show(&compiled),
                input.manifest.1
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count >= 40, "only {count} rules have fixes");
}
