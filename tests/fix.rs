//! Fixes: what they mend, and that they leave everything else as it stands.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use std::collections::BTreeSet;

use proptest::prelude::*;
use stackgen::compile::{Compiled, Input, compile};
use stackgen::finding::{Change, Finding, Path, Place, Step};
use stackgen::fix::{Fixed, fix};
use stackgen::format::data::Data;
use stackgen::format::edit::{apply, make};
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
        let said = page.lines().find_map(|l| l.strip_prefix("Fix, ")).map(|l| l.starts_with("safe: "));
        let Some(flagged) = example(&page, "flagged") else {
            assert_eq!(said, None, "{}: only what is found in manifests has a fix", rule.name);
            continue;
        };
        let found = compile(input("stack.yaml", &flagged));
        let fixes: Vec<_> = found.findings.iter().filter_map(|f| f.fix.as_ref()).collect();
        let has = (!fixes.is_empty()).then(|| fixes.iter().all(|f| f.safe));
        if said != has {
            let titles: Vec<_> = fixes.iter().map(|f| (&f.title, f.safe)).collect();
            faults.push(format!("{}: its page says {said:?}, its findings {titles:?}", rule.name));
        }
        if has.is_none() {
            continue;
        }
        count += 1;
        let Fixed { input, compiled, applied } = fix(input("stack.yaml", &flagged), true, |_, _| true);
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
        let new = make(name, &text, &tree, Path(path.to_vec()), change)
            .and_then(|made| apply(name, &text, &tree, &[&made]));
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
    for (_, path) in common::manifests() {
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
        let wanted = |_: &Compiled, f: &Finding| numbers.get(&f.message).is_some_and(|i| mask >> (i % 64) & 1 == 1);
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
        let fixed = fix(input(&name, &text), true, |_, _| true);
        assert!(fixed.applied.len() >= 4, "{:?} {text}", fixed.applied);
        assert!(
            fixed.compiled.findings.iter().all(|f| f.fix.is_none()),
            "{}\n{}",
            show(&fixed.compiled),
            fixed.input.manifest.1
        );
        let again = fix(fixed.input.clone(), true, |_, _| true);
        assert!(again.applied.is_empty() && again.input.manifest == fixed.input.manifest);
    }
}

#[test]
fn safe_fixes_alone_are_made_by_default() {
    let text = "stackgen: 1\nname: demo # x\nservices:\n  n8n:\n    kind: n8n\n    internal: true\n    version: latest\n    env:\n      # why\n      N8N_PROXY_HOP: 1\nallow:\n  - { rule: weak-tls, reason: it was once so }\n";
    let fixed = fix(input("stack.yaml", text), false, |_, _| true);
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
    let fixed = fix(both.clone(), true, |_, _| true);
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
    let fixed = fix(input("stack.yaml", text), true, |_, _| true);
    assert_eq!(fixed.input.manifest.1, text, "{}", show(&fixed.compiled));
    // One anchor, two users: the fix of one would be one of the other.
    let text = "stackgen: 1\nname: demo\nservices:\n  a: &a { kind: redis, stop_grase: 5s }\n  b: *a\n";
    let fixed = fix(input("stack.yaml", text), true, |_, _| true);
    assert_eq!(fixed.input.manifest.1, text, "{}", show(&fixed.compiled));
}

fn lint(folder: &std::path::Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_stackgen"))
        .arg("lint")
        .args(args)
        .current_dir(folder)
        .output()
        .expect("runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

const FAULTY: &str = "\
stackgen: 1
name: demo
services:
  n8n:
    kind: n8n
    internal: true
    version: latest   # for now
    env:
      N8N_PROXY_HOP: 1
      API_TOKEN: canary-value-1
      OLD: 2026-01-13
";

#[test]
fn lint_mends_what_it_is_asked_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = folder.path().join("stack.yaml");
    let text = || std::fs::read_to_string(&manifest).expect("a text");
    std::fs::write(&manifest, FAULTY).expect("written");

    let (status, out, _) = lint(folder.path(), &[]);
    assert_eq!(status, Some(1));
    assert!(out.contains("  fix: rename `N8N_PROXY_HOP` to `N8N_PROXY_HOPS` (--fix)\n"), "{out}");
    assert!(
        out.contains("  fix: remove `version`: that of kind n8n follows (--fix --unsafe-fixes)\n"),
        "{out}"
    );
    assert!(out.contains("2 fixable with `stackgen lint --fix`, 2 more with `--unsafe-fixes`"), "{out}");

    let (status, out, _) = lint(folder.path(), &["--diff"]);
    assert_eq!((status, text()), (Some(1), FAULTY.to_string()));
    assert!(out.starts_with("--- a/stack.yaml\n+++ b/stack.yaml\n@@ -"), "{out}");
    assert!(out.contains("-      N8N_PROXY_HOP: 1\n+      N8N_PROXY_HOPS: 1\n"), "{out}");
    assert!(!out.contains("canary"), "{out}");
    let (status, out, _) = lint(folder.path(), &["--diff", "--unsafe-fixes"]);
    assert_eq!((status, text()), (Some(1), FAULTY.to_string()));
    assert!(out.contains("-    version: latest   # for now\n") && !out.contains("canary"), "{out}");

    let (status, out, said) = lint(folder.path(), &["--fix"]);
    let safe = FAULTY.replace("HOP:", "HOPS:").replace("2026-01-13", "\"2026-01-13\"");
    assert_eq!((status, text()), (Some(1), safe), "{out}{said}");
    assert!(
        said.contains("     fixed stack.yaml:9 CO013: rename `N8N_PROXY_HOP` to `N8N_PROXY_HOPS`"),
        "{said}"
    );
    assert!(!out.contains("env-not-read-by-image: expected") && out.contains("moving-image-tag"), "{out}");
    let (status, out, said) = lint(folder.path(), &["--diff"]);
    assert_eq!((status, out.as_str(), said.as_str()), (Some(0), "", ""));

    let (_, out, said) = lint(folder.path(), &["--fix", "--unsafe-fixes", "--format", "json"]);
    assert!(
        text().contains("API_TOKEN: { secret: API_TOKEN }\n") && !text().contains("version"),
        "{out}{said}"
    );
    assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{out}");
    assert!(!format!("{out}{said}").contains("canary"));
    let (status, _, said) = lint(folder.path(), &["--unsafe-fixes"]);
    assert!(status == Some(2) && said.contains("--fix"), "{said}");
}

#[test]
fn json_carries_the_edits_and_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let with = FAULTY.to_string()
        + "  odoo:\n    kind: odoo\n    internal: true\n    database: db\n    settings: { admin_passwd: \"canary-value-2 ; x\" }\n  db: { kind: postgres }\n";
    std::fs::write(folder.path().join("stack.yaml"), with).expect("written");
    let (_, out, _) = lint(folder.path(), &["--format", "json"]);
    assert!(!out.contains("canary") && !out.contains("0x_ca"), "{out}");
    let found: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let fix = |rule: &str| {
        let all = found.as_array().expect("a list");
        all.iter().find(|f| f["rule"] == rule).map(|f| f["fix"].clone()).unwrap_or_default()
    };
    let edit = &fix("moving-image-tag")["edits"][0];
    assert_eq!(
        (edit["change"].as_str(), edit["place"].as_str()),
        (Some("remove"), Some("services.n8n.version"))
    );
    assert_eq!((edit["line"].as_u64(), fix("moving-image-tag")["safe"].as_bool()), (Some(7), Some(false)));
    let edit = &fix("ambiguous-scalar")["edits"][0];
    assert_eq!((edit["change"].as_str(), edit["value"].as_str()), (Some("set"), Some("2026-01-13")));
    let schema = stackgen::commands::schema::findings();
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    assert!(validator.is_valid(&found), "{:?}", validator.iter_errors(&found).next().map(|e| e.to_string()));
}

#[cfg(unix)]
#[test]
fn a_file_keeps_its_mode_and_a_link_stays_one() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().expect("a folder");
    let (real, link) = (folder.path().join("real.yaml"), folder.path().join("stack.yaml"));
    std::fs::write(&real, FAULTY).expect("written");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    symlink("real.yaml", &link).expect("a link");
    lint(folder.path(), &["--fix"]);
    assert!(std::fs::read_to_string(&real).expect("a text").contains("HOPS"));
    assert!(std::fs::symlink_metadata(&link).expect("a link").is_symlink());
    assert_eq!(std::fs::metadata(&real).expect("a file").permissions().mode() & 0o777, 0o600);
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
