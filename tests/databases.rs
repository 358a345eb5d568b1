//! Database servers outside the stack: what is written for them beyond the goldens. `tests/systems/databases.py` runs it
//! on real servers.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;

use stackgen::compile::{Compiled, Input, compile};
use stackgen::emit::databases::emit;
use stackgen::stack::Login;

fn compiled(manifest: &str) -> Compiled {
    compile(Input { manifest: ("stack.yaml".into(), manifest.into()), ..Input::default() })
}

fn file<'a>(compiled: &'a Compiled, path: &str) -> &'a str {
    &compiled.artifacts.iter().find(|a| a.path == path).unwrap_or_else(|| panic!("{path}")).text
}

/// The findings of a rule: message and help.
fn found(compiled: &Compiled, rule: &str) -> Vec<(String, String)> {
    let of_rule = compiled.findings.iter().filter(|f| f.rule == rule);
    of_rule.map(|f| (f.message.clone(), f.help.clone().unwrap_or_default())).collect()
}

/// The files of a server that is watched, which `tests/systems/databases.py` runs too: `snapshots/databases`.
#[test]
fn a_role_that_watches() {
    let compiled = compiled(
        "stackgen: 1
name: odoo-erp-prod
host: { provider: digitalocean, compose: '2.40' }
databases:
  main:
    { provider: digitalocean, version: 16, host: private-db.example.com, port: 25060, ca: ./ca.crt, admin: doadmin,
      password: { secret: DB_PASSWORD } }
services:
  odoo: { kind: odoo, internal: true, database: main }
  n8n: { kind: n8n, internal: true, database: main }
  superset: { kind: superset, internal: true, database: main }
  reports:
    image: example.com/reports:1.0
    internal: true
    healthcheck: { command: [/reports, ready] }
    database: { server: main, name: My-Reports, user: My-Reports }
",
    );
    assert!(!compiled.failed(), "{:#?}", compiled.findings);
    let mut stack = compiled.stack.expect("a stack");
    stack.databases[0].monitor =
        Some(Login { user: "watcher".into(), password: "MONITOR_DB_PASSWORD".into() });
    let mut findings = Vec::new();
    let artifacts = emit(&stack, &mut findings);
    assert!(findings.is_empty(), "{findings:#?}");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(common::root().join("snapshots/databases"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for name in ["main.sql", "main.check.sql", "main.sh"] {
            let path = format!("databases/{name}");
            let artifact = artifacts.iter().find(|a| a.path == path).expect("a file");
            insta::assert_snapshot!(name, artifact.text);
        }
    });
}

/// A server of DigitalOcean, and these services.
fn managed(services: &str, more: &str) -> Compiled {
    compiled(&format!(
        "stackgen: 1
name: demo
host: {{ provider: digitalocean, compose: '2.40', address: 203.0.113.7 }}
databases:
  main: {{ provider: digitalocean, version: 16, host: private-demo-db-do-user-1-0.g.db.ondigitalocean.com, port: 25060,
    ca: ./ca.crt, admin: doadmin, password: {{ secret: DB_PASSWORD }}{more} }}
services:
{services}"
    ))
}

const REPORTS: &str = "  reports: { image: example.com/reports:1.0, internal: true, healthcheck: { command: [/ready] }, database: ";

#[test]
fn a_pool_is_what_clients_connect_by() {
    let services = format!(
        "  n8n: {{ kind: n8n, internal: true, database: {{ server: main, pool: session }} }}\n{REPORTS}{{ server: main, pool: \
         {{ mode: transaction, size: 12 }} }} }}\n"
    );
    let compiled = managed(&services, "");
    assert!(!compiled.failed(), "{:#?}", compiled.findings);
    let compose = file(&compiled, "docker-compose.yml");
    for line in ["DB_POSTGRESDB_PORT: \"25061\"", "DB_POSTGRESDB_DATABASE: n8n-pool", "PGPORT: \"25060\""] {
        assert!(compose.contains(line), "{line}\n{compose}");
    }
    let doctl = file(&compiled, "databases/doctl.sh");
    for line in ["n8n-pool n8n n8n session 4\n", "reports-pool reports reports transaction 12\n"] {
        assert!(doctl.contains(line), "{line}\n{doctl}");
    }
    // The role and its database keep their own names.
    let sql = file(&compiled, "databases/main.sql");
    for lines in [
        "\\set role n8n\n\\set database n8n\n\\set connections 9\n",
        "\\set role reports\n\\set database reports\n\\set connections 17\n",
    ] {
        assert!(sql.contains(lines), "{lines}\n{sql}");
    }
}

#[test]
fn a_transaction_pool_is_refused_where_nobody_knows() {
    for (kind, reason) in
        [("odoo", "wait with LISTEN"), ("n8n", "say that it works"), ("superset", "say that it works")]
    {
        let compiled = managed(
            &format!(
                "  app: {{ kind: {kind}, internal: true, database: {{ server: main, pool: transaction }} }}\n"
            ),
            "",
        );
        let found = found(&compiled, "pooler-mode-incompatible");
        assert!(matches!(found.as_slice(), [(message, _)] if message.contains(reason)), "{kind}: {found:?}");
        assert!(compiled.failed(), "{kind}");
    }
}

#[test]
fn a_pool_is_known_of_digitalocean_only() {
    let compiled = compiled(
        "stackgen: 1
name: demo
databases:
  main: { host: db.example.com, ca: ./ca.crt }
services:
  n8n: { kind: n8n, internal: true, database: { server: main, pool: session } }
",
    );
    let found = found(&compiled, "schema-mismatch");
    assert!(
        matches!(found.as_slice(), [(message, _)] if message.contains("provider: digitalocean")),
        "{found:?}"
    );
}

#[test]
fn the_budget_says_who_takes_what() {
    let services = format!(
        "  n8n: {{ kind: n8n, internal: true, database: main }}\n{REPORTS}{{ server: main, pool: {{ mode: session, size: 30 }} }} }}\n"
    );
    let fits = managed(&services, ", connections: 37");
    assert_eq!(found(&fits, "connection-budget-exceeded"), []);
    let over = managed(&services, ", connections: 36");
    let found = found(&over, "connection-budget-exceeded");
    let [(message, help)] = found.as_slice() else { panic!("{found:?}") };
    let sum = "expected at most 36 connections to `main`, found 37 = pool reports-pool 30 + n8n 4 + administration 3";
    assert_eq!(message, sum);
    assert!(
        help.starts_with("1 too many: give `pool reports-pool`, which takes the most, fewer workers"),
        "{help}"
    );
}

/// Without an administrator nobody can be told what to do, and nothing is written.
#[test]
fn nothing_is_written_without_an_administrator() {
    let compiled = compiled(
        "stackgen: 1
name: demo
databases:
  main: { provider: digitalocean, host: db.example.com, ca: ./ca.crt }
services:
  n8n: { kind: n8n, internal: true, database: main }
",
    );
    assert!(!compiled.failed(), "{:#?}", compiled.findings);
    assert!(!compiled.artifacts.iter().any(|a| a.path.starts_with("databases/")));
    assert!(!file(&compiled, "docker-compose.yml").contains("roles"));
}

/// A service that logs in as the administrator must not take its rights away.
#[test]
fn the_administrator_stays_one() {
    let services = "  n8n: { kind: n8n, internal: true, database: { server: main, user: doadmin } }\n";
    let alone = managed(services, "");
    assert!(!alone.failed(), "{:#?}", alone.findings);
    assert!(!alone.artifacts.iter().any(|a| a.path == "databases/main.sql"));
    let beside = managed(&format!("{services}{REPORTS}main }}\n"), "");
    let sql = file(&beside, "databases/main.sql");
    assert!(sql.contains("\\set role reports") && !sql.contains("doadmin"), "{sql}");
}

/// A doctl that answers from a table and notes what it is asked to change.
const DOCTL: &str = r#"#!/bin/sh
case "$1 $2 $3" in
'databases list --no-header') printf '%s\n' '0a-1 other-db' '0a-2 demo-db' ;;
'compute droplet list') printf '%s\n' '41 198.51.100.9' '42 203.0.113.7' ;;
'databases firewalls list') printf '%s\n' 'tag office' ;;
'databases pool list') printf '%s\n' 'n8n-pool session 3' ;;
'databases firewalls append' | 'databases pool '*) printf '%s\n' "$*" >>"$CALLS" ;;
*) exit 9 ;;
esac
"#;

#[cfg(unix)]
#[test]
fn the_provider_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let services = format!(
        "  n8n: {{ kind: n8n, internal: true, database: {{ server: main, pool: session }} }}\n{REPORTS}{{ server: main, pool: \
         {{ mode: transaction, size: 12 }} }} }}\n"
    );
    let compiled = managed(&services, "");
    let folder = common::written(&compiled);
    let doctl = folder.path().join("doctl");
    std::fs::write(&doctl, DOCTL).expect("written");
    std::fs::set_permissions(&doctl, std::fs::Permissions::from_mode(0o755)).expect("executable");
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").expect("PATH"));
    let calls = folder.path().join("calls");
    let run = |arguments: &[&str]| {
        let _ = std::fs::remove_file(&calls);
        let done = std::process::Command::new("sh")
            .arg(folder.path().join("databases/doctl.sh"))
            .args(arguments)
            .env("PATH", &path)
            .env("CALLS", &calls)
            .output()
            .expect("sh");
        let text =
            String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        (done.status.code(), text, std::fs::read_to_string(&calls).unwrap_or_default())
    };
    let (code, text, changed) = run(&["--dry-run", "trusted-sources"]);
    assert_eq!((code, changed.as_str()), (Some(0), ""), "{text}");
    assert!(text.contains("would run: doctl databases firewalls append 0a-2 --rule droplet:42"), "{text}");
    let (code, text, changed) = run(&["trusted-sources"]);
    assert_eq!(
        (code, changed.as_str()),
        (Some(0), "databases firewalls append 0a-2 --rule droplet:42\n"),
        "{text}"
    );
    assert!(text.contains("main: tag:office is let in too"), "{text}");
    let (code, text, changed) = run(&["pools"]);
    assert_eq!(code, Some(0), "{text}");
    let wanted = [
        "databases pool update 0a-2 n8n-pool --db n8n --user n8n --mode session --size 4",
        "databases pool create 0a-2 reports-pool --db reports --user reports --mode transaction --size 12",
    ];
    assert_eq!(changed.lines().collect::<Vec<_>>(), wanted, "{text}");
    assert_eq!(run(&["nonsense"]).0, Some(2));
}
