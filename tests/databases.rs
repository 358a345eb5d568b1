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
