//! What several test programs share: the repository's stacks, and the real programs that judge the output.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]
#![allow(dead_code, reason = "each test program uses its own part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use stackgen::compile::{Compiled, Input, compile};

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The first YAML of the README that holds a text.
pub fn readme_block(text: &str) -> String {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README");
    let mut blocks = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.find(|block| block.contains(text)).expect("a block").to_string()
}

/// Every stack of the repository: its name and manifest, by name. An overlay is a stack of its own, `NAME.ENV`.
pub fn stacks() -> Vec<(String, PathBuf)> {
    let files =
        |folder: &Path| std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path());
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let mut stacks: Vec<_> = files(&root().join("stacks"))
        .flat_map(|folder| files(&folder).map(|file| (name(&folder), file)).collect::<Vec<_>>())
        .filter_map(|(folder, file)| {
            let own = name(&file);
            let stem = own.strip_suffix(".yaml").or(own.strip_suffix(".toml"))?;
            let middle = stem.strip_prefix("stack")?;
            Some((format!("{folder}{middle}"), file))
        })
        .collect();
    stacks.sort();
    assert!(stacks.len() >= 5, "the stacks of the repository");
    stacks
}

/// Those of them that stand by themselves.
pub fn manifests() -> Vec<(String, PathBuf)> {
    stacks().into_iter().filter(|(_, path)| path.file_stem().is_some_and(|stem| stem == "stack")).collect()
}

/// A stack compiled, with nothing to complain about.
pub fn built(manifest: &Path) -> Compiled {
    let read = |path: &Path| (path.display().to_string(), std::fs::read_to_string(path).expect("a manifest"));
    let base = manifest.with_file_name("stack.yaml");
    let input = if manifest.file_stem().is_some_and(|stem| stem == "stack") {
        Input { manifest: read(manifest), ..Input::default() }
    } else {
        Input { manifest: read(&base), overlay: Some(read(manifest)), ..Input::default() }
    };
    let compiled = compile(input);
    assert!(!compiled.failed(), "{}: {:#?}", manifest.display(), compiled.findings);
    compiled
}

/// Writes what was built into a folder of its own, with a value for every secret in `.env`.
pub fn written(compiled: &Compiled) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for artifact in &compiled.artifacts {
        let path = folder.path().join(&artifact.path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, &artifact.text).expect("written");
    }
    let stack = compiled.stack.as_ref().expect("a stack");
    let env: String = stack.secrets.iter().map(|s| format!("{}='{}'\n", s.name, secret(&s.name))).collect();
    std::fs::write(folder.path().join(".env"), env).expect("written");
    folder
}

/// The value that tests give a secret: awkward on purpose.
pub fn secret(name: &str) -> String {
    format!("{name}-p@s$s:w/o r#d%\"")
}

/// Where `.ci/tools` installs.
pub fn tools() -> PathBuf {
    std::env::var_os("STACKGEN_TOOLS").map_or_else(|| root().join("target/tools"), PathBuf::from)
}

/// Whether namespaces can be made; without that the test says so and is skipped, but fails in CI.
pub fn root_user() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id");
    let root = id.stdout.starts_with(b"0");
    assert!(root || std::env::var_os("CI").is_none(), "this test needs root, for namespaces of its own");
    if !root {
        eprintln!("skipped: this test needs root, for namespaces of its own");
    }
    root
}

/// A program that `.ci/tools` installs, or else one on the path. Without it the test says so and is skipped, but
/// fails in CI.
pub fn program(name: &str) -> Option<PathBuf> {
    let own = tools().join("bin").join(name);
    if own.exists() {
        return Some(own);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.exists());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{name} is missing; `bash .ci/tools` installs it");
        eprintln!("skipped: {name} is missing; `bash .ci/tools` installs it");
    }
    found
}

/// Runs a program in a folder.
pub fn run(program: &Path, folder: &Path, args: &[&str]) -> Output {
    Command::new(program)
        .args(args)
        .current_dir(folder)
        // Colours and a user's own settings would change what is printed.
        .env("NO_COLOR", "1")
        .output()
        .unwrap_or_else(|e| panic!("{}: {e}", program.display()))
}

/// Everything a program printed.
pub fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a program that must be content.
pub fn content(program: &Path, folder: &Path, args: &[&str]) -> String {
    let output = run(program, folder, args);
    assert!(output.status.success(), "{} {args:?}\n{}", program.display(), printed(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
