//! Where people use lint: the action, the workflow to copy, the hooks and the snippets of docs/ci.md, each run or judged.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test fails by a panic")]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_yaml::Value;

const BLUE: &str = "\
stackgen: 1
name: blue
services:
  cache: { kind: redis, image: \"redis:alpine\" }
";

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("written");
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()))
}

fn yaml(name: &str) -> Value {
    serde_yaml::from_str(&read(common::root().join(name))).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The script of a step, by the step's name.
fn script(steps: &Value, name: &str) -> String {
    let steps = steps.as_sequence().expect("steps");
    let step = steps.iter().find(|s| s["name"].as_str() == Some(name)).unwrap_or_else(|| panic!("{name}"));
    let script = step["run"].as_str().expect("a script");
    assert!(!script.contains("${{"), "{name}: an expression in a script is run as a part of it");
    script.to_string()
}

/// The path with our program first.
fn path(more: &[&Path]) -> std::ffi::OsString {
    let own = Path::new(env!("CARGO_BIN_EXE_stackgen")).parent().expect("a folder");
    let old = std::env::var_os("PATH").unwrap_or_default();
    let all =
        more.iter().map(|p| p.to_path_buf()).chain([own.to_path_buf()]).chain(std::env::split_paths(&old));
    std::env::join_paths(all).expect("a path")
}

/// Runs a script as a step does.
fn step(dir: &Path, script: &str, vars: &[(&str, &str)]) -> Output {
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]).current_dir(dir);
    command.env("PATH", path(&[])).env("GIT_CONFIG_GLOBAL", "/dev/null").env_remove("GITHUB_STEP_SUMMARY");
    for name in ["PATHS", "SINCE", "BASELINE", "ENVIRONMENT", "SARIF"] {
        command.env(name, "");
    }
    command.envs(vars.iter().copied()).output().expect("bash")
}

fn git(dir: &Path, args: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git");
    assert!(output.status.success(), "{args:?}: {}", common::printed(&output));
}

/// A repository with one stack on main.
fn repository() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path(), "stacks/a b/stack.yaml", BLUE);
    git(dir.path(), &["init", "-q", "-b", "main"]);
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "-qm", "first"]);
    dir
}

#[test]
fn the_action_does_what_it_says() {
    let dir = repository();
    let lint = script(&yaml("action.yml")["runs"]["steps"], "Lint");
    let summary = dir.path().join("summary.md");
    let summary = summary.to_str().expect("text");
    let output = step(
        dir.path(),
        &lint,
        &[("PATHS", "stacks/a b\n"), ("SARIF", "out file.sarif"), ("GITHUB_STEP_SUMMARY", summary)],
    );
    assert_eq!(output.status.code(), Some(1), "{}", common::printed(&output));
    assert!(common::printed(&output).contains("::warning file=stacks/a b/stack.yaml,line=4"));
    assert!(read(dir.path().join("out file.sarif")).contains("stacks/a%20b/stack.yaml"));
    assert!(read(summary).contains("1 warning"));
    let output = step(dir.path(), &lint, &[("PATHS", ".\n"), ("SINCE", "main")]);
    assert_eq!(output.status.code(), Some(0), "{}", common::printed(&output));
    // An input is a word and never a part of the script or an option.
    let output = step(dir.path(), &lint, &[("PATHS", "--help\n"), ("ENVIRONMENT", "$(touch evil)")]);
    assert_eq!(output.status.code(), Some(2), "{}", common::printed(&output));
    assert!(!dir.path().join("evil").exists());
    // One that is there already is not built again.
    let build = script(&yaml("action.yml")["runs"]["steps"], "Build stackgen");
    assert!(step(dir.path(), &build, &[]).status.success());
}

/// The base builds, the branch moves a port: the comment shows the change.
#[test]
fn the_workflow_comments_on_what_a_deploy_changes() {
    let dir = repository();
    git(dir.path(), &["switch", "-qc", "branch"]);
    let jobs = &yaml("docs/pull-request.yml")["jobs"];
    let compare = script(&jobs["deploys"]["steps"], "Compare with what the base builds");
    let run = |image: &str| {
        write(dir.path(), "stacks/a b/stack.yaml", &BLUE.replace("redis:alpine", image));
        let temp = tempfile::tempdir().expect("a folder");
        let at = temp.path().to_str().expect("text").to_string();
        let output = step(dir.path(), &compare, &[("BASE", "main"), ("RUNNER_TEMP", &at)]);
        assert!(output.status.success(), "{}", common::printed(&output));
        git(dir.path(), &["worktree", "prune"]);
        read(temp.path().join("comment.md"))
    };
    let comment = run("redis:7.2");
    assert!(comment.contains("`image`: `redis:alpine` → `redis:7.2`"), "{comment}");
    assert!(!comment.contains("sha256:"));
    assert_eq!(run("redis:alpine"), "Deploying this changes nothing on a server.\n");
    let check = script(&jobs["build"]["steps"], "Are the files up to date?");
    assert_eq!(step(dir.path(), &check, &[]).status.code(), Some(1));
    let build = Command::new(env!("CARGO_BIN_EXE_stackgen"))
        .args(["build", "stacks/a b"])
        .current_dir(dir.path())
        .output()
        .expect("runs");
    assert!(build.status.success());
    let output = step(dir.path(), &check, &[]);
    assert!(output.status.success(), "{}", common::printed(&output));
}

/// Blocks of a language in docs/ci.md.
fn blocks(language: &str) -> Vec<String> {
    let text = read(common::root().join("docs/ci.md"));
    let fence = format!("```{language}\n");
    let parts = text.split(&fence).skip(1);
    parts.filter_map(|rest| rest.split("```").next().map(str::to_string)).collect()
}

#[test]
fn the_schemas_of_the_hosts_take_what_we_offer() {
    let Some(program) = common::program("check-jsonschema") else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let gitlab = blocks("yaml").into_iter().find(|b| b.contains("codequality")).expect("a block");
    write(dir.path(), ".gitlab-ci.yml", &gitlab);
    let root = common::root();
    for (schema, file) in [
        ("vendor.github-actions", root.join("action.yml")),
        ("vendor.github-workflows", root.join("docs/pull-request.yml")),
        ("vendor.github-workflows", root.join(".github/workflows/ci.yml")),
        ("vendor.gitlab-ci", dir.path().join(".gitlab-ci.yml")),
    ] {
        common::content(&program, root, &["--builtin-schema", schema, file.to_str().expect("text")]);
    }
}

#[test]
fn the_snippets_name_what_there_is() {
    let inputs = yaml("action.yml")["inputs"].as_mapping().expect("inputs").clone();
    let uses = blocks("yaml").into_iter().find(|b| b.starts_with("- uses:")).expect("a block");
    let workflow = yaml("docs/pull-request.yml");
    let snippet: Value = serde_yaml::from_str(&uses).expect("YAML");
    let step = workflow["jobs"]["lint"]["steps"][1].clone();
    assert_eq!(snippet[0], step, "the snippet is the step of the workflow");
    for key in step["with"].as_mapping().expect("inputs").keys() {
        assert!(inputs.contains_key(key), "{key:?}");
    }
    let hooks = yaml(".pre-commit-hooks.yaml");
    let ids: Vec<_> = hooks.as_sequence().expect("hooks").iter().filter_map(|h| h["id"].as_str()).collect();
    assert_eq!(ids, ["stackgen-lint", "stackgen-lint-system"]);
    let policy = blocks("yaml").into_iter().find(|b| b.contains("severity:")).expect("a block");
    let mut sources = stackgen::text::Sources::default();
    let id = sources.add("stackgen-policy.yaml", policy);
    let mut findings = Vec::new();
    stackgen::policy::Policy::read(id, &sources, &mut findings);
    assert!(findings.is_empty(), "{findings:#?}");
}

/// Scripts of the action and the workflow, as shellcheck sees them.
#[test]
fn the_scripts_are_clean() {
    let Some(program) = common::program("shellcheck") else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let action = yaml("action.yml");
    let workflow = yaml("docs/pull-request.yml");
    let jobs = workflow["jobs"].as_mapping().expect("jobs").values().map(|job| &job["steps"]);
    let mut seen = 0;
    for steps in jobs.chain([&action["runs"]["steps"]]) {
        for script in steps.as_sequence().expect("steps").iter().filter_map(|s| s["run"].as_str()) {
            write(dir.path(), "step.sh", &format!("#!/bin/bash\nset -eo pipefail\n{script}"));
            common::content(&program, dir.path(), &["step.sh"]);
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen}");
}

#[test]
fn pre_commit_runs_the_hook() {
    let Some(program) = common::program("pre-commit") else { return };
    let home = tempfile::tempdir().expect("a folder");
    let hooks = tempfile::tempdir().expect("a folder");
    write(hooks.path(), ".pre-commit-hooks.yaml", &read(common::root().join(".pre-commit-hooks.yaml")));
    git(hooks.path(), &["init", "-q"]);
    git(hooks.path(), &["add", "."]);
    git(hooks.path(), &["commit", "-qm", "hooks"]);
    let head =
        Command::new("git").args(["rev-parse", "HEAD"]).current_dir(hooks.path()).output().expect("git");
    let dir = repository();
    let config = format!(
        "repos:\n  - repo: {}\n    rev: {}\n    hooks: [{{ id: stackgen-lint-system }}]\n",
        hooks.path().display(),
        String::from_utf8_lossy(&head.stdout).trim()
    );
    write(dir.path(), ".pre-commit-config.yaml", &config);
    let run = |files: &[&str]| {
        let args = [&["run", "--color", "never", "--files"], files].concat();
        let output = Command::new(&program)
            .args(&args)
            .current_dir(dir.path())
            .env("PATH", path(&[]))
            .env("PRE_COMMIT_HOME", home.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("pre-commit");
        (output.status.success(), common::printed(&output))
    };
    write(dir.path(), "notes.txt", "x");
    let (fine, said) = run(&["notes.txt"]);
    assert!(fine && said.contains("Skipped"), "{said}");
    let (fine, said) = run(&["stacks/a b/stack.yaml"]);
    assert!(!fine && said.contains("warning[CO001]"), "{said}");
    write(dir.path(), "stacks/a b/stack.yaml", &BLUE.replace(":alpine", ":7.2"));
    let (fine, said) = run(&["stacks/a b/stack.yaml"]);
    assert!(fine && said.contains("Passed"), "{said}");
}

/// Where the pattern of the hooks matches, and where not.
#[test]
fn the_hook_runs_for_what_lint_reads() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    for hook in hooks.as_sequence().expect("hooks") {
        let files = regex::Regex::new(hook["files"].as_str().expect("a pattern")).expect("a pattern");
        for path in [
            "stack.yaml",
            "a/stack.toml",
            "a/stack.prod.yaml",
            "stackgen-policy.yaml",
            "a/compose.yaml",
            "docker-compose.prod.yml",
            "nginx/conf.d/a.conf",
            ".env.example",
            "a/kinds/x.yaml",
            "kinds/x/y.j2",
        ] {
            assert!(files.is_match(path), "{path}");
        }
        for path in ["mystack.yaml", "stack.yml", "stack.json", "a/mykinds/x"] {
            assert!(!files.is_match(path), "{path}");
        }
    }
}
