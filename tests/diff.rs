//! What differs between a manifest and a server: found, classified, and nothing beside it.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;
#[path = "common/server.rs"]
mod server;

use stackgen::compile::{Compiled, Input, compile};
use stackgen::deployed::Deployed;
use stackgen::diff::{self, Diff};
use stackgen::render;

fn reference() -> String {
    std::fs::read_to_string(common::root().join("stacks/odoo-erp-prod/stack.yaml")).expect("the reference stack")
}

fn compiled(text: &str) -> Compiled {
    let compiled = compile(Input {
        manifest: ("stacks/odoo-erp-prod/stack.yaml".into(), text.into()),
        ..Input::default()
    });
    assert!(!compiled.failed(), "{:#?}", compiled.findings);
    compiled
}

/// A manifest against a server that another one was deployed to.
fn against(now: &Compiled, then: &Compiled, deployed: &Deployed) -> Diff {
    diff::diff(now, deployed, &server::built(then))
}

#[test]
fn nothing_differs_after_a_deploy() {
    for (name, manifest) in common::stacks() {
        let compiled = common::built(&manifest);
        let diff = against(&compiled, &compiled, &server::whole(&compiled));
        assert!(diff.changes.is_empty(), "{name}: {}", render::diff::text::diff(&compiled, &diff));
        assert!(diff.steps.is_empty() && diff.fates.is_empty(), "{name}: {:#?}", diff.steps);
    }
}

#[test]
fn look() {
    let then = compiled(&reference());
    let now = compiled(
        &reference()
            .replace("version: 2.40.7", "version: 2.41.0")
            .replace("name: superset-data,", "name: superset-data-2,"),
    );
    let mut texts = server::texts(&then);
    let compose = texts.get_mut("docker-compose.yml").expect("a file");
    *compose = compose.replace("memory: 3G", "memory: 4G");
    let conf = texts.get_mut("nginx/nginx.conf").expect("a file");
    *conf = conf.replace("server_tokens off;", "server_tokens on;");
    let mut deployed = server::folder(&texts, &then);
    deployed.engine = Some(server::engine(&then));
    let diff = against(&now, &then, &deployed);
    eprintln!("{}", render::diff::text::diff(&now, &diff));
    eprintln!("{}", render::diff::markdown::diff(&now, &diff));
    eprintln!("{}", render::diff::github::diff(&now, &diff));
}
