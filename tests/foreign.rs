//! Directories without a manifest: read as Compose itself reads them, shown at their places, and safe to read.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use stackgen::compile::{Compiled, check_foreign};
use stackgen::render::{json, text};
use stackgen::stack::{MountSource, Stack};

fn files(root: &Path) -> BTreeMap<String, String> {
    let entries = walkdir::WalkDir::new(root).into_iter().map(|e| e.expect("an entry").into_path());
    entries
        .filter(|p| p.is_file())
        .map(|p| {
            let name = p.strip_prefix(root).expect("below").display().to_string();
            (name, std::fs::read_to_string(&p).expect("text"))
        })
        .collect()
}

fn project(files: &[(&str, &str)]) -> Compiled {
    let folder: BTreeMap<String, String> =
        files.iter().map(|(name, text)| ((*name).to_string(), (*text).to_string())).collect();
    check_foreign(&folder, "demo", false)
}

/// What both sides say of every service, as sorted text.
type Said = BTreeMap<String, BTreeMap<&'static str, BTreeSet<String>>>;

fn ours(stack: &Stack) -> Said {
    let mut said = Said::new();
    for s in &stack.services {
        let service = said.entry(s.name.clone()).or_default();
        let mut put = |key, values: Vec<String>| drop(service.insert(key, values.into_iter().collect()));
        put("image", vec![s.image.reference.clone()]);
        put("environment", s.env.iter().map(|e| e.name.clone()).collect());
        let ports =
            s.publish.iter().map(|p| format!("{:?} {} {} {:?}", p.address, p.host_port, p.port, p.protocol));
        put("ports", ports.collect());
        let name = |source: &MountSource| match source {
            MountSource::Volume(name) => name.clone(),
            MountSource::Host(path) | MountSource::Output(path) => {
                path.rsplit('/').next().unwrap_or_default().to_string()
            }
        };
        put(
            "volumes",
            s.mounts.iter().map(|m| format!("{} {} {}", name(&m.source), m.target, m.writable)).collect(),
        );
        put("command", s.command.clone());
        put("container_name", s.container_name.iter().cloned().collect());
        put("restart", vec![format!("{:?}", s.restart)]);
        put("depends_on", s.depends_on.iter().map(|d| format!("{} {:?}", d.service, d.condition)).collect());
        put("networks", s.networks.clone());
    }
    said
}

fn theirs(config: &Value) -> Said {
    let mut said = Said::new();
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_string);
    let keys = |v: &Value| v.as_object().map(|m| m.keys().cloned().collect()).unwrap_or_default();
    let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
    for (name, s) in config["services"].as_object().expect("services") {
        let service = said.entry(name.clone()).or_default();
        let mut put = |key, values: Vec<String>| drop(service.insert(key, values.into_iter().collect()));
        put("image", vec![text(&s["image"])]);
        put("environment", keys(&s["environment"]));
        let ports = list(&s["ports"]).into_iter().map(|p| {
            let address = p["host_ip"].as_str().map(str::to_string);
            let protocol = if p["protocol"] == "udp" { "Udp" } else { "Tcp" };
            format!("{address:?} {} {} {protocol}", text(&p["published"]), p["target"])
        });
        put("ports", ports.collect());
        let volumes = list(&s["volumes"]).into_iter().map(|v| {
            let source = text(&v["source"]);
            let source = source.rsplit('/').next().unwrap_or_default().to_string();
            format!("{source} {} {}", text(&v["target"]), v["read_only"] != true)
        });
        put("volumes", volumes.collect());
        put("command", list(&s["command"]).iter().map(text).collect());
        put("container_name", s["container_name"].as_str().map(str::to_string).into_iter().collect());
        let restart = match s["restart"].as_str() {
            Some("always") => "Always",
            Some("unless-stopped") => "UnlessStopped",
            _ => "Never",
        };
        put("restart", vec![restart.into()]);
        let depends = s["depends_on"].as_object().into_iter().flatten().map(|(name, d)| {
            let condition = if d["condition"] == "service_healthy" { "Healthy" } else { "Started" };
            format!("{name} {condition}")
        });
        put("depends_on", depends.collect());
        put("networks", keys(&s["networks"]));
    }
    said
}

#[test]
fn projects_are_merged_as_compose_merges_them() {
    let root = common::root().join("tests/foreign");
    let mut folders = vec![root.join("good")];
    folders.extend(["overrides", "extends", "files"].map(|n| root.join("projects").join(n)));
    for version in ["docker-compose-2.26", "docker-compose-2.40"] {
        let Some(compose) = common::program(version) else { continue };
        for folder in &folders {
            let copy = tempfile::tempdir().expect("a folder");
            for (name, text) in files(folder) {
                let path = copy.path().join(name);
                std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
                std::fs::write(path, text).expect("written");
            }
            let mut command = std::process::Command::new(&compose);
            command.args(["config", "--format", "json"]).current_dir(copy.path());
            // What `:?` asks for.
            for name in ["ODOO_DB_PASSWORD", "N8N_DB_PASSWORD", "N8N_ENCRYPTION_KEY"] {
                command.env(name, "x");
            }
            let output = command.output().expect("runs");
            assert!(output.status.success(), "{}: {}", folder.display(), common::printed(&output));
            let config: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            let read = check_foreign(&files(folder), "demo", false);
            let stack = read.stack.unwrap_or_else(|| panic!("{}: {:#?}", folder.display(), read.findings));
            assert_eq!(ours(&stack), theirs(&config), "{} by {version}", folder.display());
            assert_eq!(Value::from(stack.project), config["name"], "{}", folder.display());
        }
    }
}

#[test]
fn a_finding_points_into_the_file_that_says_it() {
    let compiled = project(&[
        ("compose.yaml", "services:\n  app:\n    image: ghcr.io/example/app:1.2\n"),
        ("compose.override.yaml", "services:\n  app:\n    image: ghcr.io/example/app:latest\n"),
        ("nginx/conf.d/a.conf", "server {\n  listen 443 ssl;\n  ssl_protocols TLSv1;\n}\n"),
        ("nginx/nginx.conf", "http {\n  include conf.d/*.conf;\n}\n"),
        ("odoo.conf", "[options]\n"),
    ]);
    let place = |rule: &str| {
        let all = json::findings(&compiled);
        let found = all
            .iter()
            .find(|f| f.rule == rule)
            .unwrap_or_else(|| panic!("no {rule}: {:#?}", compiled.findings));
        (found.at.path.clone().unwrap_or_default(), found.at.line.unwrap_or_default())
    };
    assert_eq!(place("moving-image-tag"), ("compose.override.yaml".into(), 3));
    assert_eq!(place("weak-tls"), ("nginx/conf.d/a.conf".into(), 3));
    assert!(text::findings(&compiled).contains("ssl_protocols TLSv1;"));
}

#[test]
fn what_is_not_there_is_not_made_up() {
    let compiled = project(&[("compose.yaml", "services:\n  app:\n    image: ghcr.io/example/app:1.2\n")]);
    let rules: BTreeSet<&str> = compiled.findings.iter().map(|f| f.rule).collect();
    assert_eq!(rules, BTreeSet::from(["no-log-rotation", "no-memory-limit", "no-restart-policy"]));
    assert!(
        compiled.unseen.iter().any(|l| l.starts_with("no nginx configuration found: ")),
        "{:?}",
        compiled.unseen
    );
    // What only the server knows is not guessed at.
    let unknown = "services:\n  app:\n    image: \"${IMAGE}\"\n    restart: \"${RESTART}\"\n    mem_limit: \"${LIMIT}\"\n    ports: [\"${PORT}:80\"]\n    logging: { driver: \"${DRIVER}\" }\n    volumes: [\"${DATA}:/data\"]\n    container_name: \"${NAME}\"\n";
    let compiled = project(&[("compose.yaml", unknown)]);
    assert!(compiled.findings.is_empty(), "{:#?}", compiled.findings);
}

#[test]
fn no_value_of_a_secret_is_shown() {
    const VALUE: &str = "hunter2hunter2";
    let compiled = project(&[
        (
            "compose.yaml",
            "services:\n  db:\n    image: postgres:17\n    command: [\"-c\", \"x=${DB_PASSWORD}\"]\n    environment:\n      - POSTGRES_PASSWORD=hunter2hunter2\n      - SMTP_PASS=hunter2hunter2\n      - URL=postgres://u:hunter2hunter2@db/x\n      - TOKEN=${TOKEN:-hunter2hunter2}\n  odoo:\n    image: odoo:18.0\n    volumes: [\"./odoo.conf:/etc/odoo/odoo.conf\"]\n",
        ),
        (".env", "DB_PASSWORD=hunter2hunter2\nURL=smtp://u:hunter2hunter2@h\n"),
        (
            "odoo.conf",
            "[options]\nadmin_passwd = hunter2hunter2\ndb_password = hunter2hunter2\nsmtp_password = hunter2hunter2 ; x\n",
        ),
        (
            "nginx.conf",
            "http { server { location / { proxy_set_header Authorization \"Basic hunter2hunter2\"; proxy_pass http://$host; } } }\n",
        ),
    ]);
    assert!(compiled.findings.len() > 8, "{:#?}", compiled.findings);
    assert!(!format!("{:?}", compiled.findings).contains(VALUE), "{:#?}", compiled.findings);
    assert!(!json::print(&json::findings(&compiled)).contains(VALUE));
    let shown = text::findings(&compiled);
    assert!(!shown.contains(VALUE), "{shown}");
}

/// A set-up as they grow over the years, with the faults that real ones have.
#[test]
fn what_has_grown_is_seen_through() {
    let compiled = check_foreign(&files(&common::root().join("tests/foreign/grown")), "deploy", false);
    let found: BTreeSet<&str> = compiled.findings.iter().map(|f| f.rule).collect();
    let expected: BTreeSet<&str> = include!("foreign_grown.in").into();
    let missing: Vec<_> = expected.difference(&found).collect();
    let more: Vec<_> = found.difference(&expected).collect();
    assert!(missing.is_empty() && more.is_empty(), "not found: {missing:?}; not expected: {more:?}");
}

#[test]
fn hostile_files_are_read_or_refused() {
    let deep = "a: ".repeat(3) + &"[".repeat(5000);
    let wide: String = (0..3000).map(|i| format!("  s{i}: {{ extends: s{} }}\n", i + 1)).collect();
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c]\nservices: { x: { image: a, ports: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d] } }\n";
    let nested = format!("http {{ {} }}", "location / { ".repeat(4000));
    let cases: &[&[(&str, &str)]] = &[
        &[("compose.yaml", &deep)],
        &[("compose.yaml", &format!("services:\n{wide}"))],
        &[("compose.yaml", bomb)],
        &[("compose.yaml", "services: { a: { extends: b }, b: { extends: a } }")],
        &[("compose.yaml", "include: [compose.yaml]\nservices: {}")],
        &[("compose.yaml", "include: [../../etc/passwd, /etc/passwd, a.yaml]\nservices: {}")],
        &[("compose.yaml", "services: [1, 2]")],
        &[(
            "compose.yaml",
            "services: { a: [], b: 1, c: ~, d: { image: [], ports: {}, environment: 3, volumes: x, build: [] } }",
        )],
        &[(
            "compose.yaml",
            "services: { a: { image: '${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A}}}}}}}}}}' } }",
        )],
        &[("compose.yaml", "services: { a: { image: x/y:1, ports: ['1-65535:1-65535'] } }")],
        &[("compose.yaml", "")],
        &[("compose.yaml", "\u{0}")],
        &[("nginx.conf", "http { include nginx.conf; include *.conf; }")],
        &[("nginx.conf", &nested)],
        &[
            ("nginx.conf", &format!("http {{ {} }}", "include a.conf;".repeat(50))),
            ("a.conf", &"include b.conf;".repeat(50)),
            ("b.conf", &"include c.conf;".repeat(50)),
            ("c.conf", &"gzip on;".repeat(500)),
        ],
        &[(
            "nginx.conf",
            "http { server { listen; server_name; location { } return; add_header; proxy_pass; } upstream {} }",
        )],
        &[("odoo.conf", "[options]\nx")],
        &[("odoo.conf", "[options]\n[options]\na = b\n=c")],
        &[
            ("compose.yaml", "services: { a: { image: odoo:18.0, volumes: ['.:/etc/odoo'] } }"),
            ("odoo.conf", "[options]\nworkers = \u{1F600}\n= \n"),
        ],
    ];
    for case in cases {
        let start = std::time::Instant::now();
        let compiled = project(case);
        let _ = (text::findings(&compiled), json::findings(&compiled));
        assert!(start.elapsed().as_secs() < 20, "{:?} took {:?}", case.first().map(|c| c.0), start.elapsed());
    }
}
