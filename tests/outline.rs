//! What is written otherwise and means the same has the same outline; no text makes reading one fail but by a fault.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may say so")]

mod common;

use std::collections::BTreeMap;

use common::{built, stacks};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};
use stackgen::emit::Artifact;
use stackgen::format::nginx::{self, Directive};
use stackgen::outline::{Syntax, Value, read, syntax};

fn says(path: &str, text: &str) -> BTreeMap<String, Value> {
    let outline = read(path, text).unwrap_or_else(|fault| panic!("{path}: {fault}\n{text}"));
    outline.entries.into_iter().map(|(path, entry)| (path.to_string(), entry.value)).collect()
}

/// Every artifact of every stack.
fn artifacts() -> Vec<Artifact> {
    stacks().into_iter().flat_map(|(_, manifest)| built(&manifest).artifacts).collect()
}

#[test]
fn every_artifact_has_entries_with_lines_of_its_own() {
    for artifact in artifacts() {
        let outline =
            read(&artifact.path, &artifact.text).unwrap_or_else(|f| panic!("{}: {f}", artifact.path));
        let lines = artifact.text.lines().count() as u32;
        assert!(!outline.entries.is_empty() || artifact.text.is_empty(), "{}", artifact.path);
        assert!(outline.entries.values().all(|e| (1..=lines).contains(&e.line)), "{}", artifact.path);
        // A path is written so that no two look alike.
        assert_eq!(says(&artifact.path, &artifact.text).len(), outline.entries.len(), "{}", artifact.path);
    }
}

/// Shuffles, but keeps the order of items with one key among themselves.
fn shuffle<T, K: Eq + std::hash::Hash>(items: &mut [T], rng: &mut TestRng, key: impl Fn(&T) -> K) {
    let mut ranks: std::collections::HashMap<K, u32> = std::collections::HashMap::new();
    items.sort_by_cached_key(|item| *ranks.entry(key(item)).or_insert_with(|| rng.next_u32()));
}

fn shuffle_yaml(value: &mut serde_yaml::Value, key: &str, rng: &mut TestRng) {
    const SETS: [&str; 7] =
        ["volumes", "secrets", "networks", "ports", "cap_add", "cap_drop", "security_opt"];
    match value {
        serde_yaml::Value::Mapping(map) => {
            let mut entries: Vec<_> = std::mem::take(map).into_iter().collect();
            shuffle(&mut entries, rng, |(key, _)| key.clone());
            for (key, mut value) in entries {
                shuffle_yaml(&mut value, key.as_str().unwrap_or_default(), rng);
                map.insert(key, value);
            }
        }
        serde_yaml::Value::Sequence(items) => {
            items.iter_mut().for_each(|item| shuffle_yaml(item, "", rng));
            if SETS.contains(&key) {
                let mut numbered: Vec<_> = std::mem::take(items).into_iter().enumerate().collect();
                shuffle(&mut numbered, rng, |(i, _)| *i);
                items.extend(numbered.into_iter().map(|(_, item)| item));
            }
        }
        _ => {}
    }
}

fn shuffle_nginx(directives: &mut [Directive], rng: &mut TestRng) {
    shuffle(directives, rng, |d| match d.name.as_str() {
        "allow" | "deny" => "access".to_string(),
        "rewrite" | "if" | "return" | "set" | "break" => "rewrite".to_string(),
        // The first server of an address is its default, and the first expression that matches is taken.
        "server" => "server".to_string(),
        "location" if d.args.first().is_some_and(|a| a.starts_with('~')) => "regex".to_string(),
        name if name.starts_with('~') => "regex".to_string(),
        name => format!("{name} {:?}", d.args),
    });
    for directive in directives {
        directive.comments = vec!["moved".to_string()];
        if let Some(block) = &mut directive.block {
            shuffle_nginx(block, rng);
        }
    }
}

/// The same text written otherwise.
fn rewritten(artifact: &Artifact, rng: &mut TestRng) -> Option<String> {
    let text = &artifact.text;
    let shuffled_lines = |text: &str, rng: &mut TestRng| {
        let mut lines: Vec<_> =
            text.lines().filter(|l| !l.is_empty() && !l.starts_with(['#', ';'])).enumerate().collect();
        let header = lines.iter().take_while(|(_, l)| l.starts_with('[')).count();
        shuffle(&mut lines[header..], rng, |(i, _)| *i);
        lines.into_iter().map(|(_, l)| format!("{l}  \r\n# moved\r\n")).collect::<String>()
    };
    Some(match syntax(&artifact.path) {
        Syntax::Compose => {
            let mut value: serde_yaml::Value = serde_yaml::from_str(text).expect("YAML");
            shuffle_yaml(&mut value, "", rng);
            if rng.next_u32().is_multiple_of(2) {
                serde_json::to_string(&value).expect("JSON")
            } else {
                serde_yaml::to_string(&value).expect("YAML")
            }
        }
        Syntax::Nginx => {
            let mut directives = nginx::read_snippet(text).expect("nginx");
            shuffle_nginx(&mut directives, rng);
            nginx::print(&directives)
        }
        Syntax::Json => serde_json::from_str::<serde_json::Value>(text).expect("JSON").to_string(),
        Syntax::Dotenv => shuffled_lines(text, rng),
        Syntax::Ini
            if text.matches("\n[").count() == usize::from(!text.starts_with('['))
                || !text.contains("\n[") =>
        {
            shuffled_lines(text, rng)
        }
        Syntax::Text if !artifact.path.ends_with(".py") => text.replace('\n', "  \r\n\n"),
        _ => return None,
    })
}

#[test]
fn what_is_written_otherwise_is_the_same() {
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut seen = 0;
    for artifact in artifacts() {
        let before = says(&artifact.path, &artifact.text);
        for _ in 0..20 {
            let Some(text) = rewritten(&artifact, &mut rng) else { continue };
            seen += 1;
            let after = says(&artifact.path, &text);
            let differ = |a: &BTreeMap<String, Value>, b: &BTreeMap<String, Value>| {
                a.iter()
                    .filter(|(k, v)| b.get(*k) != Some(v))
                    .map(|(k, v)| format!("{k} = {v:?}\n"))
                    .collect::<String>()
            };
            assert!(
                before == after,
                "{}\n{}---\n{}",
                artifact.path,
                differ(&before, &after),
                differ(&after, &before)
            );
        }
    }
    assert!(seen > 1000, "{seen}");
}

/// A character more or less anywhere in a value is a difference.
#[test]
fn every_line_counts() {
    for artifact in artifacts() {
        let before = says(&artifact.path, &artifact.text);
        let lines: Vec<&str> = artifact.text.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            let bare = line.trim_start();
            // Files are long, and many a line is like the other.
            let step = if syntax(&artifact.path) == Syntax::Text { 20 } else { 1 + lines.len() / 60 };
            let skipped = i % step != 0;
            if skipped || bare.is_empty() || bare.starts_with(['#', ';']) {
                continue;
            }
            let mut without = lines.clone();
            without.remove(i);
            let Ok(after) = read(&artifact.path, &without.join("\n")) else { continue };
            let after: BTreeMap<_, _> =
                after.entries.into_iter().map(|(p, e)| (p.to_string(), e.value)).collect();
            // A default that is written out may go.
            let defaults = [
                "protocol: tcp",
                "worker_connections 512",
                "name: ",
                "create_host_path: false",
                "_timeout 60s;",
                "_timeout 1m;",
                "[]",
            ];
            assert!(
                before != after || defaults.iter().any(|d| bare.contains(d)),
                "{}:{}: {line}",
                artifact.path,
                i + 1
            );
        }
    }
}

const FILES: [&str; 8] = [
    "docker-compose.yml",
    "nginx/nginx.conf",
    "odoo/odoo.conf",
    "certbot/cli.ini",
    "a.service",
    "a.json",
    ".env",
    "a.sh",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_text_is_read_or_refused(text in "[-a:{}\\[\\]\"'$\n #;=/,.0-9~&*<|\\\\]{0,40}") {
        for file in FILES {
            let _ = read(file, &text);
        }
    }

    #[test]
    fn any_service_is_read_or_refused(
        key in prop::sample::select(vec!["ports", "volumes", "networks", "environment", "command", "build", "depends_on", "devices", "healthcheck", "secrets", "tmpfs", "extra_hosts", "deploy", "links", "gpus", "logging", "labels"]),
        value in "[-a:{}\\[\\]\"'$ ,0-9/.~=]{0,24}",
    ) {
        let _ = read("compose.yml", &format!("services:\n  a:\n    {key}: {value}\nvolumes: {value}\n"));
    }

    #[test]
    fn any_directive_is_read_or_refused(
        name in prop::sample::select(vec!["listen", "server_name", "location", "if", "map", "error_page", "limit_req", "expires", "client_max_body_size", "include", "server"]),
        value in "[a:{}\"'$ ,0-9/.~=;*]{0,24}",
    ) {
        let _ = read("nginx/nginx.conf", &format!("http {{ server {{ {name} {value}; }} {name} {value} {{ }} }}"));
    }
}
