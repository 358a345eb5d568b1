//! The real programs judge what is written for every stack of the repository.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;

use std::collections::BTreeMap;

use common::{built, content, printed, program, run, secret, stacks, written};
use serde_json::Value as Json;
use stackgen::compile::Compiled;
use stackgen::emit::compose;

/// Every stack with its output in a folder.
fn outputs() -> Vec<(String, Compiled, tempfile::TempDir)> {
    let build = |(name, manifest): (String, std::path::PathBuf)| {
        let compiled = built(&manifest);
        let folder = written(&compiled);
        (name, compiled, folder)
    };
    stacks().into_iter().map(build).collect()
}

/// The oldest and the newest Compose that are promised.
const COMPOSE: [&str; 2] = ["docker-compose-2.26", "docker-compose-2.40"];

#[test]
fn compose_accepts_every_file() {
    for version in COMPOSE {
        let Some(program) = program(version) else { continue };
        for (_, _, folder) in outputs() {
            content(&program, folder.path(), &["-f", compose::FILE, "--profile", "tools", "config", "-q"]);
        }
    }
}

#[test]
fn compose_refuses_a_missing_secret_by_name() {
    let Some(program) = program(COMPOSE[1]) else { return };
    let (_, compiled, folder) =
        outputs().into_iter().find(|(n, ..)| n == "odoo-erp-prod").expect("the stack");
    std::fs::write(folder.path().join(".env"), "").expect("written");
    let output = run(&program, folder.path(), &["-f", compose::FILE, "config", "-q"]);
    assert!(!output.status.success());
    let said = printed(&output);
    let stack = compiled.stack.expect("a stack");
    assert!(stack.secrets.iter().any(|s| said.contains(&s.name)), "{said}");
}

/// What Compose makes of the file, and what a YAML 1.1 reader makes of it, mean the same environment.
#[test]
fn yaml_1_1_and_compose_read_the_same_values() {
    let (Some(compose_bin), Some(python)) = (program(COMPOSE[1]), program("python")) else { return };
    let reader = common::root().join("tests/programs/read_yaml.py");
    for (name, compiled, folder) in outputs() {
        let by_compose = content(
            &compose_bin,
            folder.path(),
            &["-f", compose::FILE, "--profile", "*", "config", "--format", "json"],
        );
        let by_compose: Json = serde_json::from_str(&by_compose).expect("JSON");
        let by_python = content(&python, folder.path(), &[&reader.display().to_string(), compose::FILE]);
        let by_python: Json = serde_json::from_str(&by_python).expect("JSON");
        let stack = compiled.stack.expect("a stack");
        for service in &stack.services {
            let wanted: BTreeMap<&str, String> = service
                .env
                .iter()
                .map(|e| {
                    let mut text = String::new();
                    for piece in &e.value.0 {
                        match piece {
                            stackgen::stack::Piece::Literal(literal) => text.push_str(literal),
                            stackgen::stack::Piece::Secret(name) => text.push_str(&secret(name)),
                            stackgen::stack::Piece::SecretFile(name) => {
                                text.push_str(&stackgen::stack::secret_path(name));
                            }
                        }
                    }
                    (e.name.as_str(), text)
                })
                .collect();
            for (variable, value) in wanted {
                let at = format!("/services/{}/environment/{variable}", service.name);
                // Compose prints a dollar sign doubled, as it wants to read it again.
                let seen = by_compose.pointer(&at).and_then(Json::as_str).map(|t| t.replace("$$", "$"));
                assert_eq!(seen.as_deref(), Some(value.as_str()), "{name}: {at}");
                let seen = by_python.pointer(&at).and_then(Json::as_str).unwrap_or_default();
                let filled = stack.secrets.iter().fold(seen.replace("$$", "\u{0}"), |text, s| {
                    text.replace(&format!("${{{}:?see .env.example}}", s.name), &secret(&s.name))
                });
                assert_eq!(filled.replace('\u{0}', "$"), value, "{name}: {at}");
            }
        }
    }
}

/// Findings of other linters that are accepted: linter, rule, reason. One that no longer occurs must go.
fn accepted() -> BTreeMap<(String, String), String> {
    let text = std::fs::read_to_string(common::root().join("tests/programs/accepted.tsv")).expect("a table");
    let row = |line: &str| {
        let mut columns = line.splitn(3, '\t').map(str::to_string);
        let mut next = || columns.next().unwrap_or_default();
        ((next(), next()), next())
    };
    text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).map(row).collect()
}

/// Compares what a linter found with what is accepted.
fn judge(linter: &str, found: &BTreeMap<String, String>) {
    let accepted = accepted();
    for (rule, example) in found {
        let reason = accepted.get(&(linter.to_string(), rule.clone()));
        assert!(reason.is_some_and(|r| !r.is_empty()), "{linter} finds {rule}: {example}");
    }
    for (by, rule) in accepted.keys().filter(|(by, _)| by == linter) {
        assert!(found.contains_key(rule), "{by} no longer finds {rule}: remove it from accepted.tsv");
    }
}

#[test]
fn compose_linters_find_nothing_unexpected() {
    if let Some(yamllint) = program("yamllint") {
        // A line may be as long as a command is; a document start is no use in a file of one document.
        let config = "{extends: default, rules: {document-start: disable, line-length: disable}}";
        for (_, _, folder) in outputs() {
            let said = content(&yamllint, folder.path(), &["-s", "-d", config, compose::FILE]);
            assert_eq!(said, "");
        }
    }
    if let Some(dclint) = program("dclint") {
        let mut found = BTreeMap::new();
        for (name, _, folder) in outputs() {
            let output = run(&dclint, folder.path(), &["-f", "json", compose::FILE]);
            let report: Json = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|e| panic!("{e}: {}", printed(&output)));
            for message in
                report.as_array().into_iter().flatten().filter_map(|f| f["messages"].as_array()).flatten()
            {
                let rule = message["rule"].as_str().unwrap_or("?").to_string();
                found.insert(rule, format!("{name}: {}", message["message"]));
            }
        }
        judge("dclint", &found);
    }
    if let Some(lint) = program("compose-lint") {
        let mut found = BTreeMap::new();
        for (name, _, folder) in outputs() {
            let output = run(&lint, folder.path(), &["--format", "json", "--fail-on", "low", compose::FILE]);
            let report: Json = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|e| panic!("{e}: {}", printed(&output)));
            let list = report.as_array().or_else(|| report["findings"].as_array());
            for finding in list.into_iter().flatten() {
                let rule =
                    finding["rule_id"].as_str().or(finding["rule"].as_str()).unwrap_or("?").to_string();
                found.insert(rule, format!("{name}: {finding}"));
            }
        }
        judge("compose-lint", &found);
    }
}

#[test]
fn shellcheck_accepts_every_script() {
    let Some(shellcheck) = program("shellcheck") else { return };
    let mut scripts = 0;
    for (_, compiled, folder) in outputs() {
        for artifact in compiled.artifacts.iter().filter(|a| a.executable) {
            content(&shellcheck, folder.path(), &["-x", &artifact.path]);
            scripts += 1;
        }
    }
    assert!(scripts >= 5, "only {scripts} scripts");
}

/// `superset_config.py` is imported by a real Python that has the secrets, and means what the stack says.
#[test]
fn superset_config_is_python_that_says_the_right_thing() {
    let Some(python) = program("python") else { return };
    let (_, _, folder) = outputs().into_iter().find(|(n, ..)| n == "odoo-erp-prod").expect("the stack");
    let probe = common::root().join("tests/programs/import_superset_config.py");
    content(&python, folder.path(), &["-m", "py_compile", "superset/superset_config.py"]);
    let said = content(
        &python,
        folder.path(),
        &[&probe.display().to_string(), "superset/superset_config.py", ".env"],
    );
    let config: Json = serde_json::from_str(&said).expect("JSON");
    assert_eq!(config["SECRET_KEY"], secret("SUPERSET_SECRET_KEY"));
    assert_eq!(
        config["url"],
        serde_json::json!({
            "scheme": "postgresql+psycopg2",
            "user": "superset",
            "password": secret("SUPERSET_DB_PASSWORD"),
            "host": "private-odoo-db-sgp1-do-user-27714628-0.g.db.ondigitalocean.com",
            "port": 25060,
            "path": "/superset",
            "query": "sslmode=require",
        })
    );
    assert_eq!(
        (&config["ENABLE_PROXY_FIX"], &config["SESSION_COOKIE_SECURE"]),
        (&Json::Bool(true), &Json::Bool(true))
    );
}

/// odoo.conf holds only options Odoo 18 has, each of its type, by a reader that does as Odoo's does.
#[test]
fn odoo_conf_is_read_as_meant() {
    let Some(python) = program("python") else { return };
    let check = common::root().join("tests/programs/check_odoo_conf.py");
    let table = common::root().join("templates/kinds/odoo.settings.tsv");
    let mut files = 0;
    for (_, compiled, folder) in outputs() {
        for artifact in compiled.artifacts.iter().filter(|a| a.path.ends_with("/odoo.conf")) {
            let args = [check.to_str().unwrap_or(""), &artifact.path, table.to_str().unwrap_or("")];
            let read: BTreeMap<String, Json> =
                serde_json::from_str(&content(&python, folder.path(), &args)).expect("JSON");
            let stack = compiled.stack.as_ref().expect("a stack");
            let service =
                stack.services.iter().find(|s| artifact.path.starts_with(&s.name)).expect("its service");
            for setting in service.settings.iter().flat_map(|g| &g.settings) {
                assert!(read.contains_key(&setting.name), "{} did not arrive", setting.name);
            }
            assert_eq!(read["list_db"], Json::Bool(false));
            assert!(!artifact.text.contains("${"), "Odoo expands nothing");
            files += 1;
        }
    }
    assert!(files >= 2, "only {files} files");
}

/// No file of any stack holds the value of a secret; there is none anywhere to hold.
#[test]
fn no_file_holds_a_default_password() {
    for (name, compiled, _) in outputs() {
        for artifact in &compiled.artifacts {
            for word in ["change_me", "changeme", "admin_passwd = admin"] {
                assert!(!artifact.text.contains(word), "{name}/{}", artifact.path);
            }
        }
    }
}
