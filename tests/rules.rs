//! Every rule's header is run: what it flags is flagged by it alone, what it accepts is clean.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use stackgen::baseline::Baseline;
use stackgen::compile::{Compiled, Input, compile};
use stackgen::finding::{Finding, Level};
use stackgen::rules::{Check, RULES, find, header};

/// The day on which the examples are tried.
const TODAY: &str = "2026-06-01";

/// Runs an example: a manifest, or files by name.
fn run_files(files: &[(String, String)], pedantic: bool) -> Compiled {
    if let [(name, text)] = files
        && name.is_empty()
    {
        return asked(text, pedantic);
    }
    let folder: BTreeMap<String, String> = files.iter().cloned().collect();
    stackgen::compile::check_foreign(&folder, "demo", pedantic)
}

fn run(manifest: &str) -> Compiled {
    asked(manifest, false)
}

fn asked(manifest: &str, pedantic: bool) -> Compiled {
    let input = Input {
        manifest: ("stack.yaml".into(), manifest.into()),
        pedantic,
        today: Some(TODAY.into()),
        ..Input::default()
    };
    // Also writes the files: some faults show only there.
    compile(input)
}

fn show(findings: &[Finding]) -> String {
    let line = |f: &Finding| format!("  {} [{}] {}", f.level, f.rule, f.message);
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What is found in an example: one stack, or two on one host, or one with a baseline.
fn found(page: &str, title: &str, pedantic: bool) -> Option<Vec<Finding>> {
    let one = |title: &str| {
        let files = examples(page, title);
        (!files.is_empty()).then_some(files)
    };
    let mut stacks = vec![run_files(&one(title)?, pedantic)];
    stacks.extend(one(&format!("{title} beside")).map(|other| run_files(&other, pedantic)));
    stacks.iter_mut().for_each(Compiled::settle);
    stackgen::host::check(&mut stacks, Some(TODAY));
    if let Some(list) = one(&format!("{title} baseline")) {
        let mut list = Baseline::parse("lint.yaml", &list[0].1);
        list.apply("stack.yaml", &mut stacks[0]);
        stacks.push(list.stale(|_, _| true));
    }
    for compiled in &stacks {
        let places =
            compiled.findings.iter().flat_map(|f| f.related.iter().map(|r| &r.place).chain([&f.place]));
        assert!(places.clone().all(|p| compiled.span(p).is_some()), "{}", show(&compiled.findings));
    }
    Some(stacks.into_iter().flat_map(|c| c.findings).collect())
}

/// The fenced blocks of that title with the names of their files; a manifest has none.
fn examples(page: &str, title: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for block in page.split("\n```").skip(1).step_by(2) {
        let (info, text) = block.split_once('\n').unwrap_or((block, ""));
        let Some(rest) = info.trim_end().strip_suffix(title) else { continue };
        // The language, and the name of a file that stackgen did not write.
        match rest.split_whitespace().collect::<Vec<_>>().as_slice() {
            [_] => found.push((String::new(), format!("{text}\n"))),
            [_, name] => found.push(((*name).to_string(), format!("{text}\n"))),
            _ => {}
        }
    }
    found
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

fn source_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn every_example_does_what_it_says() {
    let mut faults = Vec::new();
    for rule in RULES {
        let page = header(rule.source);
        let pedantic = matches!(rule.check, Check::Asked(_));
        let (Some(flagged), Some(accepted)) =
            (found(&page, "flagged", pedantic), found(&page, "accepted", pedantic))
        else {
            faults.push(format!("{}: expected a block `yaml flagged` and one `yaml accepted`", rule.name));
            continue;
        };
        let found = flagged;
        let own = found.iter().filter(|f| f.rule == rule.name).count();
        if own == 0 || own != found.len() {
            faults.push(format!("{} flagged: expected its own findings only:\n{}", rule.name, show(&found)));
        }
        if let Some(worst) = found.iter().map(|f| f.level).min()
            && worst < rule.level
        {
            faults.push(format!("{}: found {worst}, but its level is {}", rule.name, rule.level));
        }
        let found = accepted;
        if !found.is_empty() {
            faults.push(format!("{} accepted: expected nothing, found:\n{}", rule.name, show(&found)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn pages_begin_with_one_sentence() {
    for rule in RULES {
        let page = header(rule.source);
        let first = page.split("\n\n").next().unwrap_or_default();
        assert!(first.ends_with('.') && first.len() > 20, "{}: {first}", rule.name);
        assert!(!page.contains("#[") && !page.contains("pub(super)"), "{}: {page}", rule.name);
    }
}

#[test]
fn every_file_is_a_rule() {
    let files: BTreeSet<String> = sources(&source_dir().join("rules"))
        .iter()
        .map(|p| p.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|n| !["mod", "common", "allowances", "claims", "elsewhere"].contains(&n.as_str()))
        .collect();
    let rules: BTreeSet<String> = RULES.iter().map(|r| r.name.replace('-', "_")).collect();
    assert_eq!(files, rules);
    assert!(RULES.is_sorted_by(|a, b| a.id < b.id), "ids are in order and each once");
    let names: BTreeSet<_> = RULES.iter().map(|r| r.name).collect();
    assert_eq!(names.len(), RULES.len());
    let files: BTreeSet<_> = RULES.iter().map(|r| r.source).collect();
    assert_eq!(files.len(), RULES.len());
}

#[test]
fn every_name_that_a_finding_carries_is_a_rule() {
    let mut names = BTreeMap::new();
    for path in sources(&source_dir()) {
        let text = std::fs::read_to_string(&path).unwrap();
        for call in ["Finding::error(", "Finding::warning(", "Finding::info(", "const RULE: &str = "] {
            for (_, rest) in text.match_indices(call).map(|(i, _)| text.split_at(i + call.len())) {
                if let Some(name) = rest.trim_start().strip_prefix('"').and_then(|r| r.split('"').next()) {
                    names.insert(name.to_string(), path.clone());
                }
            }
        }
    }
    assert!(names.len() > 50, "{names:?}");
    let unknown: Vec<_> = names.iter().filter(|(name, _)| !RULES.iter().any(|r| r.name == **name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn rules_are_found_by_id_and_name() {
    assert_eq!(find("nx001").map(|r| r.name), Some("upstream-not-listening"));
    assert_eq!(find("upstream-not-listening").map(|r| r.id), Some("NX001"));
    assert!(find("nothing").is_none());
}

#[test]
fn the_stacks_of_this_repository_are_clean() {
    let stacks = Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks");
    let mut seen = 0;
    for entry in std::fs::read_dir(stacks).unwrap() {
        let dir = entry.unwrap().path();
        for name in ["stack.yaml", "stack.toml"] {
            let path = dir.join(name);
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let input = Input {
                manifest: (path.display().to_string(), text),
                today: Some(TODAY.into()),
                ..Input::default()
            };
            let found = compile(input).findings;
            let bad: Vec<_> = found.iter().filter(|f| f.level < Level::Info).cloned().collect();
            assert!(bad.is_empty(), "{}:\n{}", path.display(), show(&bad));
            println!("{}:\n{}", path.display(), show(&found));
            seen += 1;
        }
    }
    assert!(seen >= 5);
}

const MOVING: &str = "stackgen: 1\nname: demo\nservices:\n  redis: { kind: redis, image: \"redis:alpine\" }\n  cache: { kind: redis, image: \"redis:alpine\" }\n";

fn rules_of(manifest: &str) -> Vec<&'static str> {
    let mut rules: Vec<_> = run(manifest).findings.iter().map(|f| f.rule).collect();
    rules.sort_unstable();
    rules
}

#[test]
fn what_is_accepted_is_not_found() {
    let with = |allow: &str| format!("{MOVING}allow:\n  - {{ {allow}, reason: our mirror pins it }}\n");
    assert_eq!(rules_of(MOVING), ["moving-image-tag", "moving-image-tag"]);
    assert_eq!(rules_of(&with("rule: moving-image-tag")), Vec::<&str>::new());
    assert_eq!(rules_of(&with("rule: CO001")), Vec::<&str>::new());
    // A path accepts what lies at it and below, and `services.red` is not `services.redis`.
    assert_eq!(rules_of(&with("rule: CO001, at: services.redis")), ["moving-image-tag"]);
    assert_eq!(rules_of(&with("rule: CO001, at: services.redis.image")), ["moving-image-tag"]);
    assert_eq!(rules_of(&with("rule: CO001, at: services")), Vec::<&str>::new());
    let three = ["moving-image-tag", "moving-image-tag", "unused-suppression"];
    assert_eq!(rules_of(&with("rule: CO001, at: services.red")), three);
    assert_eq!(rules_of(&with("rule: CO001, at: \"services..\"")), three);
    assert_eq!(rules_of(&with("rule: CO001, until: \"2026-06-01\"")), Vec::<&str>::new());
    let expired = ["moving-image-tag", "moving-image-tag", "suppression-expired"];
    assert_eq!(rules_of(&with("rule: CO001, until: \"2026-05-31\"")), expired);
    assert_eq!(rules_of(&with("rule: schema-mismatch")), three);
}

/// Manifests without their first two lines, and the rules that find something in them.
const FORMS: &[(&str, &[&str])] = &[
    (
        r#"
proxy:
  nginx: |
    upstream pool { server app:8000; server 127.0.0.1:9; }
    include /etc/nginx/extra.conf;
services:
  app:
    image: ghcr.io/example/app:1.4.2
    container_name: app-prod
    listen: 8000
    url: https://app.example.com
    healthcheck: { http: /health, tool: curl }
    nginx: |
      return 301 https://elsewhere;
      location /a { proxy_pass http://c95d05274029_app:80; proxy_set_header Host $host; }
      location /b { proxy_pass http://app-prod:8000; }
      location /c { proxy_pass http://pool; }
      location /e { proxy_pass http://$arg_h; }
      location /f { proxy_pass https://other.example.org/; }
      location ~ /\. { deny all; }
      ssl_protocols TLSv1 TLSv1.2;
    routes: [{ path: /broken, nginx: "proxy_read_timeout 3s; }" }]
"#,
        &[
            "acme-challenge-shadowed",
            "proxy-headers-dropped",
            "unsafe-raw-snippet",
            "upstream-not-resolvable",
            "weak-tls",
        ],
    ),
    (
        r#"
services:
  app:
    image: ghcr.io/example/app:1.0
    listen: 8000
    healthcheck: { http: /health, tool: curl }
    compose:
      ports: ["8069:8069", "127.0.0.1:1:2", { target: 3, published: "3" }, 9, "[::1]:7:7"]
      network_mode: host
      volumes: ["/:/host:ro", { type: bind, source: /etc, target: /x }, "data:/data"]
      environment: ["TOKEN=abcdef", "X=1"]
      image: foo:latest
      healthcheck: { disable: true }
      x-note: hi
"#,
        &[
            "host-privilege",
            "missing-healthcheck",
            "moving-image-tag",
            "published-on-all-interfaces",
            "secret-literal",
            "sensitive-host-mount",
        ],
    ),
    (
        r#"
proxy: { runs_in: host, hsts: { include_subdomains: true, preload: true, max_age: 200d } }
services:
  a:
    image: r/a:1
    listen: 80
    url: https://a.example.com
    healthcheck: { http: /health, tool: curl, port: 81 }
    nginx: |
      location /x { proxy_pass http://127.0.0.1:9999; }
      location /y { proxy_pass http://a:80; }
  b:
    image: r/b:1
    listen: 8000
    url: http://sub.a.example.com
    healthcheck: { http: /h, tool: curl }
"#,
        &["edge-port-conflict", "healthcheck-wrong-target", "hsts-unsafe", "upstream-not-resolvable"],
    ),
    (
        r#"
services:
  db: { kind: postgres }
  two:
    image: r/a:1
    database: db
    healthcheck: { command: [x] }
    env:
      MAX_TOKENS: 4096
      SECRET_FILE: /x
      PUBLIC_KEY: abcdefgh
      TOKEN: "{{ database.password }}"
      PW: "postgres://u:{{ database.password }}@db/x"
      U: "http://h:80/a@b"
"#,
        &[],
    ),
    (
        r#"
proxy: { compose: { ports: ["80:80", "443:443", "443:443/udp"] } }
firewall: { allow: [{ port: 443, protocol: udp, reason: HTTP/3 }] }
services: { s: { kind: static, url: "https://a.example.com", root: /srv/www } }
"#,
        &[],
    ),
    (
        r#"
proxy: { compose: { ports: ["8443:443"] } }
services: { s: { kind: static, url: "https://a.example.com", root: /srv/www } }
"#,
        &["port-outside-firewall-policy", "required-port-closed"],
    ),
];

#[test]
fn other_forms_are_found_too() {
    for (manifest, expected) in FORMS {
        let compiled = run(&format!("stackgen: 1\nname: demo{manifest}"));
        let mut rules: Vec<_> = compiled.findings.iter().map(|f| f.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        assert_eq!(rules, *expected, "{manifest}\n{}", show(&compiled.findings));
    }
}

#[test]
fn errors_can_be_accepted_but_not_those_of_reading() {
    let socket = "stackgen: 1\nname: demo\nservices:\n  redis: { kind: redis, mounts: [{ source: /var/run/docker.sock, target: /s }] }\n";
    assert_eq!(rules_of(socket), ["sensitive-host-mount"]);
    let allowed = format!(
        "{socket}allow: [{{ rule: sensitive-host-mount, at: services.redis.mounts, reason: it is a test }}]\n"
    );
    let compiled = run(&allowed);
    assert!(compiled.findings.is_empty() && !compiled.artifacts.is_empty(), "{}", show(&compiled.findings));
    let broken = "stackgen: 1\nname: demo\nservices: { redis: { kind: rediss } }\nallow: [{ rule: undefined-reference, reason: it is a test }]\n";
    assert_eq!(rules_of(broken), ["undefined-reference"]);
}

#[test]
fn a_secret_is_never_shown() {
    let manifest = "stackgen: 1\nname: demo\nservices:\n  app:\n    image: x/app:1.0\n    healthcheck: { command: [x] }\n    env: { DB_PASSWORD: hunter2hunter2, DATABASE_URL: \"postgres://u:hunter2hunter2@db/x\" }\n    compose: { environment: { A_TOKEN: hunter2hunter2 } }\n  odoo:\n    kind: odoo\n    internal: true\n    database: db\n    settings: { admin_passwd: hunter2hunter2 }\n  db: { kind: postgres }\n";
    let found = run(manifest).findings;
    assert_eq!(found.iter().filter(|f| f.rule == "secret-literal").count(), 4, "{}", show(&found));
    assert!(!format!("{found:?}").contains("hunter2"));
}

#[test]
fn many_services_are_checked_in_no_time() {
    let mut text = "stackgen: 1\nname: demo\nservices:\n".to_string();
    // The rules themselves are linear; resolving takes the time of this test.
    let count = std::env::var("STACKGEN_MANY").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000);
    for i in 0..count {
        let after = if i > 0 { format!(", depends_on: [s{}]", i - 1) } else { String::new() };
        text += &format!(
            "  s{i}: {{ image: \"ghcr.io/example/app:1.4.2\", listen: 8000, url: \"https://s{i}.example.com\", healthcheck: {{ http: /health, tool: curl }}{after} }}\n"
        );
    }
    let input = Input { manifest: ("stack.yaml".into(), text), ..Input::default() };
    let compiled = stackgen::compile::check(input);
    let stack = compiled.stack.unwrap();
    let start = std::time::Instant::now();
    let found = stackgen::rules::check(&stack, false);
    let took = start.elapsed();
    println!("{} services, {} findings, {took:?}", stack.services.len(), found.len());
    let mut slow: Vec<_> = RULES
        .iter()
        .filter_map(|rule| match rule.check {
            Check::Stack(check) => {
                let start = std::time::Instant::now();
                check(&stack, &mut Vec::new());
                Some((start.elapsed(), rule.name))
            }
            Check::Asked(_) | Check::Host(_) | Check::Earlier => None,
        })
        .collect();
    slow.sort_unstable();
    println!("{:?}", slow.iter().rev().take(5).collect::<Vec<_>>());
    assert!(took.as_secs() < 10, "{took:?}");
}

#[test]
fn a_port_is_published_on_an_address_and_not_on_a_network() {
    let manifest = "stackgen: 1\nname: demo\nservices:\n  app:\n    image: ghcr.io/example/app:1.4.2\n    listen: 8000\n    internal: true\n    healthcheck: { http: /health, tool: curl }\n    publish: [{ port: 8000, address: 10.0.0.0/8 }]\n";
    let found = run(manifest).findings;
    assert!(
        found.iter().any(|f| f.rule == "schema-mismatch" && f.message.contains("10.0.0.0/8")),
        "{found:#?}"
    );
    let loopback = run(&manifest.replace("10.0.0.0/8", "127.0.0.2")).findings;
    assert!(loopback.is_empty(), "{loopback:#?}");
}

#[test]
fn what_is_not_written_says_where_it_comes_from() {
    let labels = |manifest: &str| -> Vec<String> {
        run(&format!("stackgen: 1\nname: demo\n{manifest}")).findings.into_iter().map(|f| f.label).collect()
    };
    let odoo = "services:\n  odoo:\n    kind: odoo\n    internal: true\n    database: db\n";
    let db = "  db: { kind: postgres }\n";
    for (manifest, expected) in [
        (
            format!("{odoo}    stop_grace: 5s\n{db}"),
            "`settings.limit_time_real` is not written here: from kind odoo",
        ),
        (
            "databases:\n  main: { host: db.example.com, ca: ./ca.crt, admin: odoo }\n".to_string()
                + &odoo.replace(": db", ": main"),
            "`user` is not written here: the default",
        ),
        (
            format!("{odoo}    options: {{ addons: [./a], database_manager: true }}\n{db}")
                .replace("internal: true", "url: https://a.example.com"),
            "",
        ),
        (
            format!("{odoo}    settings: {{ http_port: 8070 }}\n{db}"),
            "`healthcheck` is not written here: from kind odoo",
        ),
    ] {
        assert_eq!(labels(&manifest), [expected], "{manifest}");
    }
}
