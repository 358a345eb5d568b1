//! What differs between a manifest and a server: found, classified, and nothing beside it.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;
#[path = "diff/drifts.rs"]
mod drifts;
#[path = "diff/server.rs"]
mod server;

use stackgen::built::Built;
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

/// A manifest against a server.
fn against(now: &Compiled, deployed: &Deployed) -> Diff {
    let built = deployed.lock.as_deref().map(|text| Built::read(text).expect("a lock"));
    diff::diff(now, deployed, built.as_ref())
}

#[test]
fn nothing_differs_after_a_deploy() {
    for (name, manifest) in common::stacks() {
        let compiled = common::built(&manifest);
        let diff = against(&compiled, &server::whole(&compiled));
        assert!(diff.changes.is_empty(), "{name}: {}", render::diff::text::diff(&compiled, &diff));
        assert!(diff.steps.is_empty() && diff.fates.is_empty(), "{name}: {:#?}", diff.steps);
    }
}

/// `drift recreate service odoo` of each change, sorted.
fn told(diff: &Diff) -> String {
    let word = |v: &dyn erased::Shown| v.shown();
    let mut list: Vec<String> =
        diff.changes.iter().map(|c| format!("{} {} {}", word(&c.status), word(&c.consequence), c.subject)).collect();
    list.sort();
    list.dedup();
    list.join("; ")
}

/// Enumerations as they are written.
mod erased {
    pub trait Shown {
        fn shown(&self) -> String;
    }
    impl<T: serde::Serialize> Shown for T {
        fn shown(&self) -> String {
            serde_json::to_value(self).expect("a value").as_str().expect("a word").to_string()
        }
    }
}

#[test]
fn a_hundred_drifts_are_found_and_classified() {
    let compiled = compiled(&reference());
    let mut wrong = Vec::new();
    for (name, act, expected) in drifts::DRIFTS {
        let mut world = drifts::World::new(&compiled);
        act(&mut world);
        let diff = against(&compiled, &world.read());
        let found = told(&diff);
        if found != *expected {
            wrong.push(format!("{name}\n  expected {expected}\n  found    {found}"));
        }
        // Whoever drifted, not the manifest.
        assert!(diff.changes.iter().all(|c| !c.why.contains('\n')), "{name}");
    }
    assert!(drifts::DRIFTS.len() >= 100, "only {}", drifts::DRIFTS.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), drifts::DRIFTS.len(), wrong.join("\n"));
}
