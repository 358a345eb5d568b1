//! `.env.example`: complete, without a value, and an error for Compose until it is filled in.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on says so"
)]

mod common;

use common::{built, printed, program, run, stacks, written};
use stackgen::format::dotenv;

const FILE: &str = ".env.example";

#[test]
fn every_secret_is_there_and_empty() {
    for (name, manifest) in stacks() {
        let compiled = built(&manifest);
        let mut secrets: Vec<_> =
            compiled.stack.as_ref().expect("a stack").secrets.iter().map(|s| s.name.clone()).collect();
        secrets.sort();
        let Some(file) = compiled.artifacts.iter().find(|a| a.path == FILE) else {
            assert_eq!(secrets, [] as [String; 0], "{name}");
            continue;
        };
        let names: Vec<_> =
            dotenv::names(&file.text).expect("a .env file").into_iter().map(|n| n.name).collect();
        assert_eq!(names, secrets, "{name}");
        for line in file.text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
            assert!(line.ends_with('='), "{name}: {line}");
        }
        assert!(compiled.artifacts.iter().all(|a| a.path != ".env"), "{name}: .env is the operator's");
    }
}

#[test]
fn compose_refuses_the_example_as_it_is() {
    let Some(compose) = program("docker-compose-2.40") else { return };
    let (_, manifest) = stacks().into_iter().find(|(n, _)| n == "odoo-erp-prod").expect("the stack");
    let folder = written(&built(&manifest));
    let output =
        run(&compose, folder.path(), &["-f", "docker-compose.yml", "--env-file", FILE, "config", "-q"]);
    let said = printed(&output);
    assert!(!output.status.success() && said.contains("missing a value"), "{said}");
}
