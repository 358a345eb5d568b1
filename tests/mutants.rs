//! What would be a fault is found: known-good stacks, each with one thing made wrong, for every invariant.
//!
//! `cargo test --test mutants -- --nocapture` shows the table.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test may say so")]

mod common;

use std::collections::BTreeMap;

use serde_yaml::{Mapping, Value};
use stackgen::compile::{Input, check, check_foreign};
use stackgen::finding::Level;

/// Of all mutants this share must be killed, in percent.
const KILLED: usize = 98;

/// Changes one service in one way; nothing if it cannot be.
type Change = fn(&str, &Mapping) -> Vec<Mapping>;

/// An invariant: what it says, the rules that hold it, and how it is broken.
struct Invariant {
    name: &'static str,
    rules: &'static [&'static str],
    change: Change,
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// The service with these keys laid over it.
fn with(service: &Mapping, text: &str) -> Mapping {
    let mut new = service.clone();
    for (key, value) in yaml(text).as_mapping().expect("a map") {
        new.insert(key.clone(), value.clone());
    }
    new
}

/// The service with entries added to one of its maps.
fn within(service: &Mapping, key: &str, text: &str) -> Mapping {
    let mut map = service.get(key).and_then(Value::as_mapping).cloned().unwrap_or_default();
    for (k, v) in yaml(text).as_mapping().expect("a map") {
        map.insert(k.clone(), v.clone());
    }
    let mut new = service.clone();
    new.insert(key.into(), Value::Mapping(map));
    new
}

/// The service with an item added to one of its lists.
fn added(service: &Mapping, key: &str, item: &str) -> Mapping {
    let mut list = service.get(key).and_then(Value::as_sequence).cloned().unwrap_or_default();
    list.push(yaml(item));
    let mut new = service.clone();
    new.insert(key.into(), Value::Sequence(list));
    new
}

fn runs(service: &Mapping) -> bool {
    service.get("status").is_none() && text(service, "kind") != "static"
}

fn text<'a>(service: &'a Mapping, key: &str) -> &'a str {
    service.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn routed(service: &Mapping) -> bool {
    runs(service)
        && service.get("url").is_some()
        && service.get("serve").is_none()
        && service.get("nginx").is_none()
}

fn if_then(condition: bool, list: impl FnOnce() -> Vec<Mapping>) -> Vec<Mapping> {
    if condition { list() } else { Vec::new() }
}

const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "an upstream is a service on the proxy's network",
        rules: &["upstream-not-resolvable"],
        change: |_, s| {
            if_then(routed(s), || {
                ["no-such-service", "c95d05274029_app", "dbb"]
                    .map(|n| with(s, &format!("nginx: 'location /mutant/ {{ proxy_pass http://{n}:1; }}'")))
                    .into()
            })
        },
    },
    Invariant {
        name: "a route leads to a port that is listened on",
        rules: &["upstream-not-listening", "workers-without-websocket-route"],
        change: |_, s| {
            if_then(routed(s), || {
                ["/mutant", "/m2/"]
                    .map(|p| added(s, "routes", &format!("{{ path: {p}, port: 4711 }}")))
                    .into()
            })
        },
    },
    Invariant {
        name: "a running service has a route, or is internal",
        rules: &["unrouted-service", "schema-mismatch", "undefined-reference"],
        change: |_, s| {
            let keys = ["url", "routes", "aliases", "headers", "nginx", "serve"];
            if_then(routed(s), || {
                let mut bare = s.clone();
                keys.iter().for_each(|k| drop(bare.remove(*k)));
                // A port more does not make it reachable either.
                let mut listening = bare.clone();
                listening.insert("further_ports".into(), yaml("[4711]"));
                vec![bare, listening]
            })
        },
    },
    Invariant {
        name: "published ports are those the firewall opens",
        rules: &[
            "port-outside-firewall-policy",
            "published-on-all-interfaces",
            "edge-port-conflict",
            "host-port-collision",
        ],
        change: |_, s| {
            if_then(runs(s), || {
                [
                    "{ port: 4711, address: 0.0.0.0 }",
                    "{ port: 4711, address: 10.0.0.5 }",
                    "{ port: 4711, address: '::' }",
                ]
                .map(|p| added(s, "publish", p))
                .into()
            })
        },
    },
    Invariant {
        name: "the challenge path is nobody's",
        rules: &["acme-challenge-shadowed"],
        change: |_, s| {
            if_then(routed(s) && text(s, "url").starts_with("https"), || {
                vec![
                    added(s, "routes", "{ path: /.well-known/acme-challenge/, deny: true }"),
                    with(s, r"nginx: 'location ~ /\. { deny all; }'"),
                ]
            })
        },
    },
    Invariant {
        name: "images are pinned",
        rules: &["moving-image-tag"],
        change: |_, s| {
            if_then(runs(s) && s.get("build").is_none(), || {
                let key = if s.get("image").is_some() { "image: ghcr.io/example/app" } else { "version" };
                match key {
                    "version" => ["latest", "stable"].map(|t| with(s, &format!("version: {t}"))).into(),
                    _ => ["", ":latest", ":main"]
                        .map(|t| with(s, &format!("image: ghcr.io/example/app{t}")))
                        .into(),
                }
            })
        },
    },
    Invariant {
        name: "no secret is written out",
        // What nobody reads is no secret of anybody.
        rules: &["secret-literal", "placeholder-secret", "env-not-read-by-image"],
        change: |_, s| {
            if_then(runs(s), || {
                [
                    "API_TOKEN: 7f3a9c51d0e84b26",
                    "ADMIN_PASSWORD: changeme",
                    "MAIL_URL: smtp://u:hunter2hunter2@h",
                ]
                .map(|e| within(s, "env", &format!("{{ {} }}", e.replace(": ", ": \"") + "\"")))
                .into()
            })
        },
    },
    Invariant {
        name: "critical volumes are saved",
        rules: &["critical-volume-not-backed-up"],
        change: |_, s| {
            let mut list = Vec::new();
            if let Some(volumes) = s.get("volumes").and_then(Value::as_mapping) {
                for (key, volume) in volumes {
                    let mut new = volume.as_mapping().cloned().unwrap_or_default();
                    new.insert("backup".into(), "none".into());
                    new.insert("class".into(), "critical".into());
                    let mut all = volumes.clone();
                    all.insert(key.clone(), Value::Mapping(new));
                    let mut service = s.clone();
                    service.insert("volumes".into(), Value::Mapping(all));
                    list.push(service);
                }
            }
            if runs(s) {
                for class in ["critical", "important"] {
                    let extra =
                        format!("{{ mutant: {{ mount: /srv/mutant, class: {class}, backup: none }} }}");
                    list.push(within(s, "volumes", &extra));
                }
            }
            list
        },
    },
    Invariant {
        name: "the public address is the one that is routed",
        rules: &["public-url-mismatch", "env-value-invalid"],
        change: |_, s| {
            if_then(routed(s) && text(s, "kind") == "n8n", || {
                [
                    "N8N_EDITOR_BASE_URL: http://localhost:5678/",
                    "N8N_HOST: localhost",
                    "N8N_PROTOCOL: http",
                    "WEBHOOK_URL: https://old.example.net/",
                    "N8N_WEBHOOK_URL: http://other.example.net/",
                    "N8N_HOST: n8n.internal",
                ]
                .map(|e| within(s, "env", e))
                .into()
            })
        },
    },
    Invariant {
        name: "the proxy waits as long as the program",
        rules: &["proxy-timeout-too-short"],
        change: |_, s| {
            if_then(routed(s) && text(s, "kind") == "odoo", || {
                let mut list: Vec<Mapping> = ["1s", "10s", "30s", "60s", "90s", "2m", "3m", "5m"]
                    .map(|t| with(s, &format!("read_timeout: {t}")))
                    .into();
                list.push(with(&within(s, "settings", "limit_time_real: 3000"), "stop_grace: 1h"));
                list
            })
        },
    },
    Invariant {
        name: "the proxy takes what the program takes",
        rules: &["body-limit-mismatch"],
        change: |_, s| {
            if_then(routed(s) && text(s, "kind") == "n8n", || {
                ["1KiB", "1MiB", "2MiB", "4MiB", "8MiB", "15MiB"]
                    .map(|b| with(s, &format!("body_size: {b}")))
                    .into_iter()
                    .chain(["64", "256"].map(|n| within(s, "env", &format!("N8N_PAYLOAD_SIZE_MAX: {n}"))))
                    .collect()
            })
        },
    },
    Invariant {
        name: "a health check asks where the service listens",
        rules: &["healthcheck-wrong-target", "schema-mismatch"],
        change: |_, s| {
            let known = matches!(text(s, "kind"), "odoo" | "n8n" | "superset") || s.get("listen").is_some();
            if_then(runs(s) && known, || {
                ["port: 4711", "port: 1"]
                    .map(|p| with(s, &format!("healthcheck: {{ http: /health, tool: curl, {p} }}")))
                    .into()
            })
        },
    },
    Invariant {
        name: "what runs shows that it is well",
        rules: &["missing-healthcheck", "override-replaces-list"],
        change: |_, s| {
            if_then(runs(s), || {
                ["{ disable: true }", "{ test: [NONE] }"]
                    .map(|h| within(s, "compose", &format!("healthcheck: {h}")))
                    .into()
            })
        },
    },
    Invariant {
        name: "websockets are carried",
        rules: &["websocket-upgrade-missing", "workers-without-websocket-route"],
        change: |_, s| {
            if_then(routed(s), || {
                ["/socket.io/", "/api/ws", "/live/websocket"]
                    .map(|p| added(s, "routes", &format!("{{ path: {p}, websocket: false }}")))
                    .into()
            })
        },
    },
    Invariant {
        name: "a location of one's own keeps the headers",
        rules: &["proxy-headers-dropped"],
        change: |name, s| {
            if_then(routed(s), || {
                ["Upgrade $http_upgrade", "X-Mine 1"]
                    .map(|h| {
                        with(s, &format!("nginx: 'location /mutant/ {{ proxy_pass http://{name}; proxy_set_header {h}; }}'"))
                    })
                    .into()
            })
        },
    },
    Invariant {
        name: "security headers stay",
        rules: &["security-headers-dropped"],
        change: |name, s| {
            if_then(routed(s), || {
                ["X-A 1", "Cache-Control no-store", "Set-Cookie a=b"]
                    .map(|h| {
                        with(
                            s,
                            &format!(
                                "nginx: 'location /mutant/ {{ proxy_pass http://{name}; add_header {h}; }}'"
                            ),
                        )
                    })
                    .into()
            })
        },
    },
    Invariant {
        name: "TLS is modern",
        rules: &["weak-tls"],
        change: |_, s| {
            if_then(routed(s), || {
                ["ssl_protocols TLSv1 TLSv1.2;", "ssl_ciphers HIGH:!aNULL:!MD5;", "ssl_ciphers AES128-SHA;"]
                    .map(|d| with(s, &format!("nginx: '{d}'")))
                    .into()
            })
        },
    },
    Invariant {
        name: "variables are those the product reads",
        rules: &["env-not-read-by-image", "env-value-invalid", "env-overridden-by-config"],
        change: |_, s| {
            let list: &[&str] = match text(s, "kind") {
                "n8n" => {
                    &["N8N_PROXY_HOP: 1", "DB_POSTGRESDB_URL: x", "N8N_LOG_LEVEL: warning", "N8N_PORTT: 1"]
                }
                "odoo" => &["HOST: db", "ADMIN_PASSWD: x", "PGSSLMODE: yes", "HOSTT: db"],
                "superset" => &["SUPERSET_ENVV: production", "SUPERSET_PORT: eighty"],
                "postgres" => &["POSTGRES_MAX_CONNECTIONS: 5", "POSTGRES_PASSWRD: x"],
                _ => &[],
            };
            list.iter().map(|e| within(s, "env", e)).collect()
        },
    },
    Invariant {
        name: "odoo.conf holds what Odoo has",
        rules: &[
            "unknown-option",
            "deprecated-option",
            "setting-value-invalid",
            "unexpanded-variable",
            "inline-comment-in-value",
            "log-file-in-container",
            "addons-path-mismatch",
            "filestore-not-persistent",
            "dbfilter-mismatch",
            "proxy-mode-mismatch",
        ],
        change: |_, s| {
            if_then(text(s, "kind") == "odoo", || {
                [
                    "db_filter: x",
                    "longpolling_port: 8072",
                    "workers: auto",
                    "email_from: '${MAIL}'",
                    "limit_request: '8192 ; per worker'",
                    "logfile: /var/log/odoo/odoo.log",
                    "addons_path: /mnt/oca",
                    "data_dir: /srv/odoo",
                    "dbfilter: '^other$'",
                    "proxy_mode: 'False'",
                    "smtp_starttls: 'True'",
                    "limit_memory_hard: 2GB",
                    "list_db: 'no'",
                    "max_cron_threads: -1",
                    "xmlrpc_port: 8069",
                    "gevent_prt: 8072",
                    "log_level: verbose",
                ]
                .map(|e| within(s, "settings", e))
                .into()
            })
        },
    },
    Invariant {
        name: "nothing rules the server",
        rules: &["host-privilege", "sensitive-host-mount", "override-replaces-list"],
        change: |_, s| {
            if_then(runs(s), || {
                let mut list: Vec<Mapping> =
                    ["privileged: true", "network_mode: host", "pid: host", "cap_add: [SYS_ADMIN]"]
                        .map(|c| within(s, "compose", c))
                        .into();
                for path in ["/var/run/docker.sock", "/", "/etc"] {
                    list.push(added(s, "mounts", &format!("{{ source: {path}, target: /mutant }}")));
                }
                list
            })
        },
    },
    Invariant {
        name: "names are declared",
        rules: &["undefined-reference", "schema-mismatch"],
        change: |_, s| {
            if_then(runs(s), || {
                let mut list = vec![added(s, "depends_on", "no-such-service"), with(s, "kind: rediss")];
                if s.get("database").is_some() {
                    list.push(with(s, "database: no-such-server"));
                }
                list
            })
        },
    },
    Invariant {
        name: "container names are one's own",
        rules: &["container-name-blocks-replicas", "container-name-collision", "schema-mismatch"],
        change: |_, s| {
            if_then(runs(s) && text(s, "kind") != "postgres", || {
                vec![with(&within(s, "compose", "deploy: { replicas: 3 }"), "container_name: mutant")]
            })
        },
    },
    Invariant {
        name: "what is removed says when and why",
        rules: &["removed-without-date", "undefined-reference", "schema-mismatch"],
        change: |_, s| {
            if_then(runs(s), || ["status: removed", "{ status: removed, reason: gone }"].map(yaml_map).into())
        },
    },
    Invariant {
        name: "memory is there",
        rules: &["host-capacity-exceeded", "worker-memory-over-limit"],
        change: |_, s| {
            if_then(runs(s), || ["512GiB", "1024GiB"].map(|m| with(s, &format!("memory: {m}"))).into())
        },
    },
    Invariant {
        name: "a service may end what it has begun",
        rules: &["stop-grace-too-short"],
        change: |_, s| {
            if_then(text(s, "kind") == "odoo", || {
                ["1s", "2s", "5s", "10s", "20s", "30s", "1m", "90s", "2m", "5m"]
                    .map(|g| with(s, &format!("stop_grace: {g}")))
                    .into()
            })
        },
    },
];

fn yaml_map(text: &str) -> Mapping {
    yaml(text).as_mapping().cloned().expect("a map")
}

/// The rules that find something, with everything above a note.
fn rules_of(text: String) -> Vec<&'static str> {
    let input = Input { manifest: ("stack.yaml".into(), text), ..Input::default() };
    check(input).findings.iter().filter(|f| f.level < Level::Info).map(|f| f.rule).collect()
}

fn tell(table: &BTreeMap<&str, (usize, usize)>, survivors: &[String]) {
    let (mut made, mut killed) = (0, 0);
    println!("{:<55} mutants killed", "invariant");
    for (name, (m, k)) in table {
        println!("{name:<55} {m:>7} {k:>6}");
        made += m;
        killed += k;
    }
    println!("{:<55} {made:>7} {killed:>6}\n{}", "all", survivors.join("\n"));
    assert!(killed * 100 >= made * KILLED, "{killed} of {made} killed; alive are:\n{}", survivors.join("\n"));
}

#[test]
fn mutants_of_manifests_are_killed() {
    let mut table = BTreeMap::new();
    let mut survivors = Vec::new();
    let manifest = common::readme_block("\nservices:");
    let mut stacks = vec![(std::path::PathBuf::from("README.md"), manifest)];
    for (_, path) in
        common::manifests().into_iter().filter(|(_, p)| p.extension().is_some_and(|e| e == "yaml"))
    {
        let text = std::fs::read_to_string(&path).expect("a manifest");
        stacks.push((path, text));
    }
    for (path, text) in stacks {
        let good = yaml(&text);
        // What a mutant adds must be new: the stacks themselves are clean, but for what a server of theirs lacks.
        let before = rules_of(text);
        assert!(before.is_empty(), "{}: {before:?}", path.display());
        let services = good["services"].as_mapping().expect("services").clone();
        for invariant in INVARIANTS {
            for (name, service) in &services {
                let (Some(name), Some(service)) = (name.as_str(), service.as_mapping()) else { continue };
                for (i, mutant) in (invariant.change)(name, service).into_iter().enumerate() {
                    let mut stack = good.clone();
                    // Enough for all of it to count: without a size of the server nothing exceeds it.
                    if stack["host"].get("memory").is_none() && invariant.name == "memory is there" {
                        stack["host"]["memory"] = "64GiB".into();
                    }
                    stack["services"][name] = Value::Mapping(mutant);
                    let text = serde_yaml::to_string(&stack).expect("YAML");
                    let found = rules_of(text);
                    let count = table.entry(invariant.name).or_insert((0, 0));
                    count.0 += 1;
                    if found.iter().any(|r| invariant.rules.contains(r)) {
                        count.1 += 1;
                    } else {
                        survivors.push(format!(
                            "{} {name} {} #{i}: {found:?}",
                            path.display(),
                            invariant.name
                        ));
                    }
                }
            }
        }
    }
    tell(&table, &survivors);
}

/// What is made wrong in the files that stackgen did not write: the rule, the file, a text, and what takes its place.
/// Every occurrence of the text is one mutant.
const FOREIGN: &[(&str, &str, &str, &str)] = &include!("mutants_foreign.in");

fn good() -> BTreeMap<String, String> {
    let root = common::root().join("tests/foreign/good");
    let mut files = BTreeMap::new();
    for entry in walkdir::WalkDir::new(&root) {
        let path = entry.expect("an entry").into_path();
        if path.is_file() {
            let name = path.strip_prefix(&root).expect("below").display().to_string();
            files.insert(name, std::fs::read_to_string(&path).expect("text"));
        }
    }
    files
}

fn foreign_rules(files: &BTreeMap<String, String>) -> Vec<String> {
    let compiled = check_foreign(files, "shop", false);
    compiled.findings.iter().map(|f| format!("{}: {}", f.rule, f.message)).collect()
}

#[test]
fn nothing_is_found_in_a_good_directory() {
    let found = foreign_rules(&good());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn mutants_of_foreign_files_are_killed() {
    let good = good();
    let mut table = BTreeMap::new();
    let mut survivors = Vec::new();
    for (rule, file, from, to) in FOREIGN {
        let text = good.get(*file).unwrap_or_else(|| panic!("no {file}"));
        assert!(from.is_empty() || text.contains(from), "{file} has no `{from}`");
        // An empty text stands for the end of the file.
        let places: Vec<usize> = match *from {
            "" => vec![text.len()],
            from => text.match_indices(from).map(|(i, _)| i).collect(),
        };
        for at in places {
            let mut files = good.clone();
            let mut mutant = text.clone();
            mutant.replace_range(at..at + from.len(), to);
            files.insert((*file).to_string(), mutant);
            let found = foreign_rules(&files);
            let count = table.entry(*rule).or_insert((0, 0));
            count.0 += 1;
            if found.iter().any(|f| f.starts_with(&format!("{rule}:"))) {
                count.1 += 1;
            } else {
                survivors.push(format!("{rule} {file} `{from}` at {at}: {found:?}"));
            }
        }
    }
    tell(&table, &survivors);
}
