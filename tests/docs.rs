//! What the documents say exists: every path and every command they name.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;

use std::process::Command;

const DOCUMENTS: [&str; 5] =
    ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/ci.md"];

fn read(name: &str) -> String {
    std::fs::read_to_string(common::root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Words in backquotes, outside of fenced blocks.
fn quoted(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut words = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            words.extend(line.split('`').skip(1).step_by(2).map(str::to_string));
        }
    }
    words
}

#[test]
fn every_path_in_the_documents_exists() {
    let mut seen = 0;
    for document in DOCUMENTS {
        let text = read(document);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_string);
        for word in quoted(&text).into_iter().chain(links) {
            let starts = [
                "src/",
                "templates/",
                "schemas/",
                "stacks/",
                "snapshots/",
                "tests/",
                ".ci/",
                "docs/",
                "benches/",
                "fuzz/",
            ];
            let path = word.split('#').next().unwrap_or_default();
            let named = starts.iter().any(|s| path.starts_with(s)) || path.ends_with(".md");
            // A name in capitals stands for any; an output folder is made by a build.
            if named
                && !path.contains("NAME")
                && !path.contains("/deploy")
                && !path.contains(char::is_whitespace)
                && !path.starts_with("http")
                && !path.contains('*')
            {
                assert!(common::root().join(path).exists(), "{document} names `{path}`, which is not there");
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "only {seen} paths");
}

#[test]
fn every_command_in_the_documents_exists() {
    let binary = env!("CARGO_BIN_EXE_stackgen");
    let help = Command::new(binary).arg("--help").output().expect("runs");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let mut seen = 0;
    for document in DOCUMENTS {
        let text = read(document);
        for line in text.lines().flat_map(|l| l.split("stackgen ").skip(1)) {
            let verb: String = line.chars().take_while(|c| c.is_ascii_lowercase()).collect();
            let known = ["build", "diff", "docs", "lint", "explain", "schema", "init", "completions", "man"];
            if known.contains(&verb.as_str()) {
                assert!(help.contains(&verb), "{document} names `stackgen {verb}`");
                let rest = line.strip_prefix(verb.as_str()).unwrap_or_default();
                for flag in rest
                    .split_whitespace()
                    .map(|w| w.trim_end_matches(['`', ',', '.', ')', ';']))
                    .filter(|w| w.starts_with("--"))
                {
                    let flag = flag.split('=').next().unwrap_or_default();
                    let said = Command::new(binary).args([&verb, "--help"]).output().expect("runs");
                    assert!(
                        String::from_utf8_lossy(&said.stdout).contains(flag),
                        "{document}: `stackgen {verb}` has no `{flag}`"
                    );
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 8, "only {seen} commands");
}

/// The manifest of the README is one: it builds, and nothing is found in it.
#[test]
fn the_manifest_of_the_readme_builds() {
    let manifest = common::readme_block("\nservices:");
    let input = stackgen::compile::Input {
        manifest: ("stack.yaml".into(), manifest),
        ..stackgen::compile::Input::default()
    };
    let compiled = stackgen::compile::compile(input);
    assert!(compiled.findings.is_empty(), "{:#?}", compiled.findings);
    assert!(compiled.artifacts.len() > 10);
}

/// The finding that the README shows is what is found.
#[test]
fn the_finding_of_the_readme_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = "stackgen: 1\nname: shop\ncertificates: { email: admin@example.com }\nservices:\n  n8n:\n    kind: n8n\n    url: https://n8n.example.com\n    database: db\n    env:\n      DB_POSTGRESDB_URL: \"{{ database.host }}\"\n  db: { kind: postgres }\n";
    std::fs::write(folder.path().join("stack.yaml"), manifest).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_stackgen"))
        .arg("lint")
        .current_dir(folder.path())
        .output()
        .expect("runs");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let words = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<_>>().join(" ");
    let readme = read("README.md");
    let shown = readme
        .split("$ stackgen lint\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("a finding");
    // How long lines are broken depends on the terminal.
    for line in shown.lines().map(words).filter(|l| !l.is_empty()) {
        assert!(words(&said).contains(&line), "no {line:?} in\n{said}");
    }
}

/// The policy of the README is one, and finds what it shows.
#[test]
fn the_policy_of_the_readme_counts() {
    let text = read("README.md");
    let policy = common::readme_block("severity:");
    let manifest = "stackgen: 1\nname: shop\nservices:\n  odoo:\n    kind: odoo\n    internal: true\n    database: db\n    memory: 1GiB\n    options: { workers: 0 }\n  db: { kind: postgres }\n";
    let compiled = stackgen::compile::compile(stackgen::compile::Input {
        manifest: ("stack.yaml".into(), manifest.into()),
        policy: Some(("stackgen-policy.yaml".into(), policy)),
        ..stackgen::compile::Input::default()
    });
    let said = stackgen::render::text::findings(&compiled);
    let plain = anstream::adapter::strip_str(&said).to_string();
    let shown =
        text.split("$ stackgen lint\n").nth(2).and_then(|rest| rest.split("```").next()).expect("a finding");
    assert_eq!(plain.trim(), shown.trim());
    assert_eq!(compiled.findings.len(), 1, "{plain}");
}

/// What the README shows of a pull request is what lint says of it.
#[test]
fn the_pull_request_of_the_readme_is_found() {
    if common::program("git").is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let stack = |name: &str, host: &str, service: &str, tag: &str| {
        let dir = folder.path().join("stacks").join(name);
        std::fs::create_dir_all(&dir).expect("a folder");
        let text = format!(
            "stackgen: 1\nname: {name}\nhost: {{ {host} }}\nservices:\n  {service}:\n    image: ghcr.io/example/{name}:{tag}\n    \
             publish: [8080]\n    healthcheck: {{ command: [/{name}, ready] }}\n"
        );
        std::fs::write(dir.join("stack.yaml"), text).expect("written");
    };
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
        let program = std::path::Path::new("git");
        common::content(program, folder.path(), &[&identity[..], args].concat());
    };
    git(&["init", "-q", "-b", "main"]);
    stack("shop", "address: 203.0.113.7", "front", "2.1");
    git(&["add", "."]);
    git(&["commit", "-qm", "shop"]);
    stack("wiki", "ssh: root@203.0.113.7", "pages", "latest");
    let text = read("README.md");
    for args in ["lint --since main", "lint --since main --format github"] {
        let shown = text
            .split(&format!("$ stackgen {args}\n"))
            .nth(1)
            .and_then(|rest| rest.split("```\n").next())
            .and_then(|rest| rest.split("$ stackgen").next())
            .unwrap_or_else(|| panic!("{args}"));
        let output = Command::new(env!("CARGO_BIN_EXE_stackgen"))
            .args(args.split(' '))
            .current_dir(folder.path())
            .env_remove("GITHUB_STEP_SUMMARY")
            .output()
            .expect("runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), shown, "{args}");
    }
}

/// The differences that the README shows are what is found.
#[test]
fn the_diff_of_the_readme_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = folder.path().join("stacks/odoo-erp-prod");
    std::fs::create_dir_all(&stack).expect("a folder");
    let manifest = read("stacks/odoo-erp-prod/stack.yaml");
    std::fs::write(stack.join("stack.yaml"), &manifest).expect("written");
    let run = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_stackgen"))
            .args(args)
            .current_dir(folder.path())
            .output()
            .expect("runs")
    };
    assert!(run(&["build", "stacks/odoo-erp-prod", "-o", "server"]).status.success());
    let odoo = folder.path().join("server/odoo/odoo.conf");
    let text = std::fs::read_to_string(&odoo).expect("a file").replace("list_db = False", "list_db = True");
    std::fs::write(&odoo, text).expect("written");
    let manifest =
        manifest.replace("version: 2.40.7", "version: 2.41.0").replace("name: n8n-data,", "name: n8n,");
    std::fs::write(stack.join("stack.yaml"), manifest).expect("written");
    let output = run(&["diff", "stacks/odoo-erp-prod", "--against", "server"]);
    let readme = read("README.md");
    let shown =
        readme.split("--against server\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a diff");
    assert_eq!(String::from_utf8_lossy(&output.stdout), shown);
    assert_eq!(output.status.code(), Some(1));
}
