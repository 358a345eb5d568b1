//! A running nginx answers the whole routing table of the reference stack, from the built file as it is.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;

use std::process::Command;

/// nginx in versions whose syntax differs.
const NGINX: [&str; 3] = ["nginx-1.22", "nginx-1.26", "nginx-1.30"];

#[test]
fn every_route_is_answered_as_documented() {
    if !common::root_user() {
        return;
    }
    for name in NGINX {
        let Some(nginx) = common::program(name) else { continue };
        let manifest = common::root().join("stacks/odoo-erp-prod/stack.yaml");
        let text = std::fs::read_to_string(&manifest).expect("a manifest");
        // The syntax follows the version in the manifest.
        let version = name.trim_start_matches("nginx-");
        let text = text.replace("version: 1.30.0-alpine", &format!("version: {version}.0-alpine"));
        let input = stackgen::compile::Input { manifest: ("stack.yaml".into(), text), ..Default::default() };
        let compiled = stackgen::compile::compile(input);
        assert!(!compiled.failed(), "{:#?}", compiled.findings);
        let folder = common::written(&compiled);
        let script = common::root().join("tests/programs/routing.sh");
        let output = Command::new("unshare")
            .args([
                "--net",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "timeout",
                "-s",
                "KILL",
                "150",
            ])
            .arg("bash")
            .arg(&script)
            .arg(common::tools())
            .arg(&nginx)
            .arg(folder.path())
            .output()
            .expect("unshare");
        let said = common::printed(&output);
        assert!(output.status.success(), "{name}\n{said}");
        let checks = said.lines().filter(|l| l.starts_with("ok ")).count();
        assert!(checks > 90, "{name}: only {checks} checks\n{said}");
        assert!(!said.contains("FAIL"), "{name}\n{said}");
    }
}
