//! Fixes: what they mend, and that they leave everything else as it stands.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use std::collections::BTreeSet;

use proptest::prelude::*;
use stackgen::compile::{Compiled, Input, compile};
use stackgen::finding::{Change, Finding, Path, Place, Step};
use stackgen::fix::{Fixed, fix};
use stackgen::format::data::Data;
use stackgen::format::edit::{apply, splices};
use stackgen::format::read;
use stackgen::rules::{RULES, header};
use stackgen::text::SourceId;

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

/// Leaves that differ between two texts, as paths; of a list that differs in length only the list.
fn differences(name: &str, old: &str, new: &str) -> Vec<Path> {
    let data = |text: &str| {
        let tree = read(name, SourceId::default(), text, &mut Vec::new()).expect("a tree");
        Data::of(&tree, tree.root())
    };
    fn walk(old: &Data, new: &Data, at: &Path, out: &mut Vec<Path>) {
        match (old, new) {
            (Data::Map(a), Data::Map(b)) => {
                let keys: BTreeSet<_> = a.keys().chain(b.keys()).collect();
                for key in keys {
                    match (a.get(key), b.get(key)) {
                        (Some(a), Some(b)) => walk(a, b, &at.join(key), out),
                        _ => out.push(at.join(key)),
                    }
                }
            }
            (Data::Seq(a), Data::Seq(b)) if a.len() == b.len() => {
                a.iter().zip(b).enumerate().for_each(|(i, (a, b))| walk(a, b, &at.join(i), out));
            }
            (a, b) if a == b => {}
            _ => out.push(at.clone()),
        }
    }
    let mut out = Vec::new();
    walk(&data(old), &data(new), &Path::default(), &mut out);
    out
}

/// Faults put into the stacks of this repository: a value at a path, set or renamed as a fix would.
fn faulty(name: &str, text: &str) -> String {
    let change = |text: String, path: &[Step], change: Change| -> String {
        let tree = read(name, SourceId::default(), &text, &mut Vec::new()).expect("a tree");
        let path = Path(path.to_vec());
        let new = splices(name, &text, &tree, &path, &change)
            .and_then(|s| apply(name, &text, &tree, &[(&path, &change, s.as_slice())]));
        new.unwrap_or(text)
    };
    let tree = read(name, SourceId::default(), text, &mut Vec::new()).expect("a tree");
    let key = |k: &str| Step::from(k);
    let mut out = text.to_string();
    for entry in tree.get(tree.root(), "services").map(|e| tree.entries(e.value)).unwrap_or_default() {
        let service = |rest: &[&str]| -> Vec<Step> {
            [key("services"), key(&entry.key)].into_iter().chain(rest.iter().map(|k| key(k))).collect()
        };
        let kind = tree.get(entry.value, "kind").and_then(|e| tree.raw(e.value)).unwrap_or_default();
        let set = |value: serde_json::Value| Change::Set(value);
        match &*kind {
            "n8n" => {
                out = change(out, &service(&["env", "N8N_PROXY_HOP"]), set(1.into()));
                out = change(out, &service(&["env", "N8N_LOG_LEVEL"]), set("warning".into()));
                out = change(out, &service(&["version"]), set("latest".into()));
            }
            "odoo" => {
                out = change(out, &service(&["settings", "longpolling_port"]), set(8073.into()));
                out = change(out, &service(&["settings", "logfile"]), set("/var/log/o.log".into()));
                out = change(out, &service(&["settings", "limit_memory_hard"]), set("2GB".into()));
            }
            "redis" | "postgres" => {
                out = change(out, &service(&["compose", "lables"]), set(serde_json::json!({ "a": "b" })));
            }
            _ => {}
        }
    }
    for rule in ["moving-image-tag", "NX001", "weak-tls"] {
        let entry = serde_json::json!({ "rule": rule, "at": "services.nothing", "reason": "it was once so" });
        out = change(out, &[key("allow")], Change::Append(entry));
    }
    change(out, &[key("rate_limits"), key("spare"), key("rate")], Change::Set("1r/s".into()))
}

fn texts() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for (_, path) in common::stacks() {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a text");
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        if name.ends_with(".yaml") {
            texts.push((name.clone(), faulty(&name, &windows)));
        }
        texts.push((name.clone(), faulty(&name, &text)));
    }
    texts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whichever fixes are made, nothing changes but what they are about, and no comment goes that has its own line.
    #[test]
    fn any_fixes_leave_the_rest_as_it_is(which in any::<usize>(), mask in any::<u64>()) {
        let texts = texts();
        let (name, text) = &texts[which % texts.len()];
        let found = compile(input(name, text));
        let edits: Vec<_> = found.findings.iter().filter_map(|f| f.fix.as_ref()).flat_map(|f| &f.edits).collect();
        prop_assert!(edits.len() >= 3, "{}", show(&found));
        let numbers: std::collections::HashMap<String, usize> =
            found.findings.iter().enumerate().map(|(i, f)| (f.message.clone(), i)).collect();
        let wanted = |f: &Finding| numbers.get(&f.message).is_some_and(|i| mask >> (i % 64) & 1 == 1);
        let fixed = fix(input(name, text), true, wanted);
        let new = &fixed.input.manifest.1;
        for path in differences(name, text, new) {
            let meant = |place: &Place| match place {
                Place::At { path: p, .. } => {
                    // A renamed key is beside the old one, and with its last entry a map goes.
                    let above = &p.0[..p.0.len() - 1];
                    path.0.starts_with(above) || p.0.starts_with(&path.0)
                }
                Place::Text(_) => true,
            };
            prop_assert!(edits.iter().any(|e| meant(&e.place)), "{path}:\n{new}");
        }
        let comments = |text: &str| -> Vec<String> {
            text.lines().map(str::trim).filter(|l| l.starts_with('#')).map(str::to_string).collect()
        };
        prop_assert_eq!(comments(text), comments(new));
        let crlf = |text: &str| (text.matches("\r\n").count(), text.matches('\n').count());
        let (windows, all) = crlf(new);
        prop_assert!(windows == 0 || windows == all);
        prop_assert_eq!(text.starts_with('\u{feff}'), new.starts_with('\u{feff}'));
        if mask == u64::MAX {
            prop_assert!(fixed.compiled.findings.iter().all(|f| f.fix.is_none()), "{}", show(&fixed.compiled));
        }
    }
}

#[test]
fn all_fixes_leave_no_fixable_finding() {
    for (name, text) in texts() {
        let fixed = fix(input(&name, &text), true, |_| true);
        assert!(fixed.applied.len() >= 4, "{:?} {text}", fixed.applied);
        assert!(
            fixed.compiled.findings.iter().all(|f| f.fix.is_none()),
            "{}\n{}",
            show(&fixed.compiled),
            fixed.input.manifest.1
        );
        let again = fix(fixed.input.clone(), true, |_| true);
        assert!(again.applied.is_empty() && again.input.manifest == fixed.input.manifest);
    }
}

#[test]
fn safe_fixes_alone_are_made_by_default() {
    let text = "stackgen: 1\nname: demo # x\nservices:\n  n8n:\n    kind: n8n\n    internal: true\n    version: latest\n    env:\n      # why\n      N8N_PROXY_HOP: 1\nallow:\n  - { rule: weak-tls, reason: it was once so }\n";
    let fixed = fix(input("stack.yaml", text), false, |_| true);
    let titles: Vec<_> = fixed.applied.iter().map(|a| (a.line, a.title.as_str())).collect();
    assert_eq!(
        titles,
        [(10, "rename `N8N_PROXY_HOP` to `N8N_PROXY_HOPS`"), (12, "remove this entry of `allow`")]
    );
    let expected =
        text.replace("HOP:", "HOPS:").replace("allow:\n  - { rule: weak-tls, reason: it was once so }\n", "");
    assert_eq!(fixed.input.manifest.1, expected);
}

#[test]
fn an_overlay_is_mended_where_it_says_so() {
    let mut both = input(
        "stack.yaml",
        "stackgen: 1\nname: demo\nservices:\n  n8n: { kind: n8n, internal: true, env: { A_B: x } }\nallow: [{ rule: CO013, reason: our own node reads it }]\n",
    );
    both.overlay = Some((
        "stack.prod.yaml".into(),
        "services:\n  n8n:\n    version: latest\n    env: { N8N_LOG_LEVEL: warning }\n".into(),
    ));
    let fixed = fix(both.clone(), true, |_| true);
    assert_eq!(fixed.input.manifest, both.manifest);
    assert_eq!(
        fixed.input.overlay.expect("an overlay").1,
        "services:\n  n8n:\n    env: { N8N_LOG_LEVEL: warn }\n"
    );
}

#[test]
fn fixes_that_break_something_are_not_made() {
    // A number in quotes is no number: the port would be none.
    let text = "stackgen: 1\nname: demo\nservices:\n  app: { image: \"x/app:1.0\", listen: 0080, internal: true, healthcheck: { command: [x] } }\n";
    let fixed = fix(input("stack.yaml", text), true, |_| true);
    assert_eq!(fixed.input.manifest.1, text, "{}", show(&fixed.compiled));
    // One anchor, two users: the fix of one would be one of the other.
    let text = "stackgen: 1\nname: demo\nservices:\n  a: &a { kind: redis, stop_grase: 5s }\n  b: *a\n";
    let fixed = fix(input("stack.yaml", text), true, |_| true);
    assert_eq!(fixed.input.manifest.1, text, "{}", show(&fixed.compiled));
}
