//! The program as people run it: exit status, output, and what it does to a disk.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test fails by a panic")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_stackgen");

const MINIMAL: &str = "\
stackgen: 1
name: shop
certificates: { email: admin@example.com }
services:
  app: { image: \"ghcr.io/example/app:1.0\", listen: 8000, url: https://app.example.com, healthcheck: { http: /health, tool: curl } }
  db: { kind: postgres }
";

/// What a run gave.
#[derive(Debug)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    #[track_caller]
    fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Self {
        assert!(
            self.out.contains(text) || self.err.contains(text),
            "no {text:?} in:\n{}{}",
            self.out,
            self.err
        );
        self
    }

    #[track_caller]
    fn says_not(self, text: &str) -> Self {
        assert!(
            !self.out.contains(text) && !self.err.contains(text),
            "{text:?} in:\n{}{}",
            self.out,
            self.err
        );
        self
    }
}

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(args).current_dir(dir).stdin(Stdio::null());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(name);
    }
    command
}

fn stackgen(dir: &Path, args: &[&str]) -> Run {
    run(&mut command(dir, args))
}

fn run(command: &mut Command) -> Run {
    let output = command.output().expect("runs");
    Run {
        code: output.status.code().expect("not killed"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// A folder with files in it.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        write(dir.path(), path, text);
    }
    dir
}

fn write(dir: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("written");
}

fn read(dir: &Path, path: &str) -> String {
    fs::read_to_string(dir.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every file below a folder with its bytes and the time it was changed.
fn state(dir: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let mut files: Vec<_> = walkdir::WalkDir::new(dir)
        .into_iter()
        .map(|e| e.expect("an entry"))
        .filter(|e| e.file_type().is_file())
        .map(|e| {
            let time = e.metadata().expect("metadata").modified().expect("a time");
            (e.path().to_path_buf(), fs::read(e.path()).expect("bytes"), time)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn building_twice_changes_nothing() {
    let dir = folder(&[("stack.yaml", MINIMAL)]);
    let first = stackgen(dir.path(), &["build"]).code(0).says("created deploy/docker-compose.yml");
    assert_eq!(first.out, "", "the summary is no result");
    assert!(read(dir.path(), "deploy/stackgen.lock").contains("\"docker-compose.yml\": \"sha256:"));
    let before = state(dir.path());
    stackgen(dir.path(), &["build"]).code(0).says("up to date");
    assert_eq!(state(dir.path()), before, "neither bytes nor times change");
    stackgen(dir.path(), &["build", "--check"]).code(0);
    stackgen(dir.path(), &["build", "--quiet"]).code(0).says_not("up to date");
    let other = folder(&[("stack.yaml", MINIMAL)]);
    stackgen(other.path(), &["build"]).code(0);
    for (path, bytes, _) in before {
        let path = path.strip_prefix(dir.path()).expect("below");
        assert_eq!(fs::read(other.path().join(path)).expect("bytes"), bytes, "{}", path.display());
    }
}

#[cfg(unix)]
#[test]
fn scripts_can_be_run_and_nothing_else() {
    use std::os::unix::fs::PermissionsExt;
    let dir = folder(&[("stack.yaml", MINIMAL)]);
    let mode =
        |path: &str| fs::metadata(dir.path().join(path)).expect("metadata").permissions().mode() & 0o777;
    stackgen(dir.path(), &["build"]).code(0);
    assert_eq!(mode("deploy/db/roles.sh"), 0o755);
    assert_eq!(mode("deploy/docker-compose.yml"), 0o644);
    // A checkout on another system lost it.
    fs::set_permissions(dir.path().join("deploy/db/roles.sh"), fs::Permissions::from_mode(0o644))
        .expect("set");
    stackgen(dir.path(), &["build", "--check"]).code(1).says("outdated deploy/db/roles.sh");
    stackgen(dir.path(), &["build"]).code(0).says("updated deploy/db/roles.sh");
    assert_eq!(mode("deploy/db/roles.sh"), 0o755);
}

#[test]
fn a_file_edited_by_hand_is_shown_and_kept() {
    let dir = folder(&[("stack.yaml", MINIMAL)]);
    stackgen(dir.path(), &["build"]).code(0);
    let file = "deploy/docker-compose.yml";
    let built = read(dir.path(), file);
    write(dir.path(), file, built.replacen("8000", "8001", 1));
    // The manifest moved too: nothing of it may be written.
    write(dir.path(), "stack.yaml", MINIMAL.replace("  db: { kind: postgres }\n", ""));
    let before = state(dir.path());
    let refused = stackgen(dir.path(), &["build"])
        .code(1)
        .says("deploy/docker-compose.yml was edited since the last build")
        .says("--force");
    assert!(refused.err.contains("    -") && refused.err.contains("    +"), "{}", refused.err);
    stackgen(dir.path(), &["build", "--check"])
        .code(1)
        .says("edited deploy/docker-compose.yml")
        .says("extra deploy/db/roles.sh");
    assert_eq!(state(dir.path()), before);
    stackgen(dir.path(), &["build", "--force"]).code(0).says("updated").says("removed deploy/db/roles.sh");
    assert!(!dir.path().join("deploy/db").exists(), "the empty folder goes too");
    assert!(!read(dir.path(), file).contains("8001"));
}

#[test]
fn a_file_that_is_not_ours_is_kept() {
    let dir = folder(&[
        ("stack.yaml", MINIMAL),
        ("deploy/docker-compose.yml", "services: {}\n"),
        ("deploy/.env", "A=1\n"),
    ]);
    stackgen(dir.path(), &["build"]).code(1).says("was not written by stackgen").says("-services: {}");
    stackgen(dir.path(), &["build", "--check"]).code(1).says("foreign deploy/docker-compose.yml");
    assert!(!dir.path().join("deploy/db").exists(), "all or nothing");
    stackgen(dir.path(), &["build", "--force"]).code(0);
    assert_eq!(read(dir.path(), "deploy/.env"), "A=1\n");
}

#[test]
fn a_build_that_was_cut_off_is_finished() {
    let dir = folder(&[("stack.yaml", MINIMAL)]);
    stackgen(dir.path(), &["build"]).code(0);
    let new = MINIMAL.replace("8000", "9000");
    write(dir.path(), "stack.yaml", &new);
    // As if the new file had been put in place, but not the lock; and with a file in progress left over.
    let full = folder(&[("stack.yaml", &new)]);
    stackgen(full.path(), &["build"]).code(0);
    let deploy = full.path().join("deploy");
    for (path, bytes, _) in state(&deploy).iter().filter(|(path, ..)| !path.ends_with("stackgen.lock")) {
        let path = path.strip_prefix(full.path()).expect("below");
        write(dir.path(), path.to_str().expect("text"), bytes);
    }
    write(dir.path(), "deploy/.stackgen-x1y2z3", "half");
    stackgen(dir.path(), &["build", "--check"]).code(1).says("outdated deploy/stackgen.lock");
    stackgen(dir.path(), &["build"]).code(0);
    stackgen(dir.path(), &["build", "--check"]).code(0);
    assert!(!dir.path().join("deploy/.stackgen-x1y2z3").exists());
}

#[test]
fn a_service_that_is_gone_takes_its_files_along() {
    let dir = folder(&[("stack.yaml", MINIMAL)]);
    stackgen(dir.path(), &["build"]).code(0);
    write(dir.path(), "deploy/db/mine.txt", "mine");
    write(dir.path(), "stack.yaml", MINIMAL.replace("  db: { kind: postgres }\n", ""));
    stackgen(dir.path(), &["build", "--check"]).code(1).says("extra deploy/db/roles.sh");
    stackgen(dir.path(), &["build"]).code(0).says("removed deploy/db/roles.sh");
    assert_eq!(read(dir.path(), "deploy/db/mine.txt"), "mine");
    assert!(!dir.path().join("deploy/db/roles.sh").exists());
}

#[test]
fn an_edited_file_that_is_no_longer_written_is_never_deleted() {
    let dir = folder(&[("stack.yaml", MINIMAL)]);
    stackgen(dir.path(), &["build"]).code(0);
    write(dir.path(), "deploy/db/roles.sh", "mine");
    write(dir.path(), "stack.yaml", MINIMAL.replace("  db: { kind: postgres }\n", ""));
    stackgen(dir.path(), &["build"]).code(1).says("deploy/db/roles.sh was edited, and is no longer written");
    stackgen(dir.path(), &["build", "--force"]).code(0).says("kept deploy/db/roles.sh");
    assert_eq!(read(dir.path(), "deploy/db/roles.sh"), "mine");
    stackgen(dir.path(), &["build"]).code(0).says_not("kept");
}

#[test]
fn the_output_of_another_stack_is_not_replaced() {
    let dir = folder(&[("a/stack.yaml", MINIMAL), ("b/stack.yaml", &MINIMAL.replace("shop", "other"))]);
    stackgen(dir.path(), &["build", "a", "-o", "out"]).code(0);
    stackgen(dir.path(), &["build", "b", "-o", "out"])
        .code(1)
        .says("out holds the output of `shop`, not of `other`");
    stackgen(dir.path(), &["build", "b", "-o", "out", "--force"]).code(0);
}

#[test]
fn check_writes_nothing() {
    let dir = folder(&[("stack.yaml", MINIMAL)]);
    let check = stackgen(dir.path(), &["build", "--check"]).code(1).says("next `stackgen build` writes them");
    assert!(check.out.contains("missing deploy/docker-compose.yml"), "{}", check.out);
    assert!(!dir.path().join("deploy").exists());
    stackgen(dir.path(), &["build", "--check", "--force"]).code(2);
}

#[test]
fn a_lock_that_is_none_is_told() {
    let dir = folder(&[("stack.yaml", MINIMAL)]);
    stackgen(dir.path(), &["build"]).code(0);
    for lock in [
        "<<<<<<< HEAD",
        "{}",
        "{\"stackgen\": 2, \"stack\": \"shop\", \"files\": {}}",
        // Else the file would be deleted as one that is no longer written.
        "{\"stackgen\": 1, \"stack\": \"shop\", \"files\": {\"../stack.yaml\": \"sha256:00\"}}",
        "{\"stackgen\": 1, \"stack\": \"shop\", \"files\": {\"/etc/passwd\": \"sha256:00\"}}",
    ] {
        write(dir.path(), "deploy/stackgen.lock", lock);
        stackgen(dir.path(), &["build"]).code(2).says("expected a lock file of stackgen").says("--force");
    }
    write(dir.path(), "deploy/stackgen.lock", b"\xff");
    stackgen(dir.path(), &["build"]).code(2).says("no text");
    stackgen(dir.path(), &["build", "--force"]).code(0);
    stackgen(dir.path(), &["build", "--check"]).code(0);
}

#[cfg(unix)]
#[test]
fn no_link_leads_out_of_the_output_folder() {
    use std::os::unix::fs::symlink;
    let dir = folder(&[("stack.yaml", MINIMAL), ("outside/roles.sh", "mine")]);
    fs::create_dir(dir.path().join("deploy")).expect("a folder");
    symlink("../outside", dir.path().join("deploy/db")).expect("a link");
    for args in [vec!["build"], vec!["build", "--force"], vec!["build", "--check"]] {
        stackgen(dir.path(), &args).code(2).says("deploy/db is a link that leads out of the output folder");
    }
    fs::remove_file(dir.path().join("deploy/db")).expect("removed");
    fs::create_dir(dir.path().join("deploy/db")).expect("a folder");
    symlink("../../outside/roles.sh", dir.path().join("deploy/db/roles.sh")).expect("a link");
    stackgen(dir.path(), &["build", "--force"]).code(2).says("link");
    symlink("/nowhere", dir.path().join("deploy/docker-compose.yml")).expect("a link");
    stackgen(dir.path(), &["build", "--force"]).code(2).says("link");
    assert_eq!(read(dir.path(), "outside/roles.sh"), "mine");
    // The output folder itself may be one.
    symlink("outside", dir.path().join("linked")).expect("a link");
    stackgen(dir.path(), &["build", "-o", "linked/new"]).code(0);
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let dir = folder(&[("stack.yaml", MINIMAL), ("file", "")]);
    stackgen(dir.path(), &["build", "-o", "file/out"])
        .code(2)
        .says("expected a folder, found something else: file")
        .says("-o DIR");
    stackgen(dir.path(), &["build", "-o", "/proc/none/x"]).code(2);
    fs::create_dir_all(dir.path().join("deploy/db/roles.sh")).expect("a folder");
    stackgen(dir.path(), &["build"])
        .code(2)
        .says("expected a file, found something else: deploy/db/roles.sh");
    let left: Vec<_> = state(&dir.path().join("deploy"));
    assert!(left.is_empty(), "{left:?}");
}

/// In a name space of its own, where a tiny disk can be mounted.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_changes_nothing() {
    let dir = folder(&[("stack.yaml", MINIMAL), ("disk/x", "")]);
    let script = r#"
        mount -t tmpfs -o size=512k none disk || exit 77
        "$1" build -o disk/out 2>/dev/null || exit 78
        cp disk/out/docker-compose.yml before
        sed -i s/8000/9000/ stack.yaml
        dd if=/dev/zero of=disk/fill bs=1k count=1000 2>/dev/null
        "$1" build -o disk/out
        code=$?
        cmp before disk/out/docker-compose.yml || exit 79
        find disk -name '.stackgen-*'
        exit "$code"
    "#;
    let mut unshare = Command::new("unshare");
    unshare.args(["-rm", "sh", "-c", script, "sh", BINARY]).current_dir(dir.path());
    let Ok(output) = unshare.output() else {
        eprintln!("skipped: unshare is missing");
        return;
    };
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(77) || err.starts_with("unshare: ") {
        eprintln!("skipped: this system mounts nothing for us: {err}");
        return;
    }
    assert_eq!((output.status.code(), &*out), (Some(2), ""), "{err}");
    assert!(err.contains("cannot write disk/out/deploy.sh: no space left on device"), "{err}");
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let dir = folder(&[("stack.yaml", MINIMAL), ("locked/x", "")]);
    fs::set_permissions(dir.path().join("locked"), fs::Permissions::from_mode(0o555)).expect("set");
    let refused = fs::write(dir.path().join("locked/probe"), "").is_err();
    // Root may write anywhere.
    if refused {
        stackgen(dir.path(), &["build", "-o", "locked"])
            .code(2)
            .says("cannot write")
            .says("permission denied");
        stackgen(dir.path(), &["build", "-o", "locked/a/b"]).code(2).says("cannot make the folder locked/a");
    }
    fs::set_permissions(dir.path().join("locked"), fs::Permissions::from_mode(0o755)).expect("set");
}

#[test]
fn builds_at_once_take_turns() {
    let dir = folder(&[("stack.yaml", MINIMAL)]);
    let runs: Vec<_> = (0..6)
        .map(|_| command(dir.path(), &["build"]).stderr(Stdio::piped()).spawn().expect("runs"))
        .collect();
    for run in runs {
        let output = run.wait_with_output().expect("ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    stackgen(dir.path(), &["build", "--check"]).code(0);
    assert!(state(dir.path()).iter().all(|(p, ..)| !p.display().to_string().contains("/.stackgen-")));
}

#[test]
fn errors_write_nothing() {
    let dir = folder(&[("stack.yaml", &MINIMAL.replace("listen", "lissten"))]);
    let run = stackgen(dir.path(), &["build"])
        .code(1)
        .says("unknown-key")
        .says("stack.yaml:5:")
        .says("nothing was written");
    assert_eq!(run.out, "");
    assert!(!dir.path().join("deploy").exists());
}

#[test]
fn stacks_are_found() {
    let dir = folder(&[("readme", "")]);
    stackgen(dir.path(), &["build"]).code(2).says("stackgen init");
    write(dir.path(), "stacks/one/stack.yaml", MINIMAL);
    stackgen(dir.path(), &["build", "--check"]).code(1).says("stacks/one/deploy/docker-compose.yml");
    write(dir.path(), "stacks/two/stack.toml", "stackgen = 1\nname = \"two\"\n");
    stackgen(dir.path(), &["build"]).code(2).says("name the one you mean: stacks/one or stacks/two");
    stackgen(dir.path(), &["build", "one"]).code(2).says("did you mean `stacks/one`?");
    stackgen(dir.path(), &["build", "stacks"]).code(2).says("found no stack.yaml or stack.toml");
    stackgen(dir.path(), &["build", "readme"]).code(2).says("expected a manifest");
    stackgen(dir.path(), &["build", "stacks/one/stack.yaml", "-o", "x/y"])
        .code(0)
        .says("created x/y/docker-compose.yml");
    let absolute = dir.path().canonicalize().expect("a path").join("stacks/one");
    stackgen(dir.path(), &["build", absolute.to_str().expect("text")])
        .code(0)
        .says("created stacks/one/deploy/");
    write(dir.path(), "stacks/one/stack.toml", "");
    stackgen(dir.path(), &["build", "stacks/one"]).code(2).says("found stack.yaml and stack.toml");
    write(dir.path(), "yml/stack.yml", MINIMAL);
    stackgen(dir.path(), &["build", "yml"]).code(2).says("rename stack.yml to stack.yaml");
    let inside = dir.path().join("stacks/two");
    stackgen(&inside, &["build", "--check"]).says_not("stacks/two");
}

#[test]
fn overlays_are_found() {
    let dir = folder(&[
        ("stack.yaml", MINIMAL),
        ("stack.staging.yaml", "services: { app: { memory: 640MiB } }\n"),
        ("stack.broken.yaml", "services: { app: { lissten: 1 } }\nremove: [services.nope]\n"),
        ("stack.twice.yaml", "{}\n"),
        ("stack.twice.toml", ""),
    ]);
    stackgen(dir.path(), &["build", "--env", "staging"]).code(0);
    stackgen(dir.path(), &["build", "--check"]).code(1);
    stackgen(dir.path(), &["build", "--check", "--env", "staging"]).code(0);
    stackgen(dir.path(), &["build", "--env", "stagin"]).code(2).says("did you mean `--env staging`?");
    stackgen(dir.path(), &["build", "--env", "none-such"])
        .code(2)
        .says("known: `--env broken`, `--env staging`, `--env twice`");
    stackgen(dir.path(), &["build", "--env", "../x"]).code(2);
    stackgen(dir.path(), &["build", "--env", "twice"])
        .code(2)
        .says("found stack.twice.yaml and stack.twice.toml");
    stackgen(dir.path(), &["build", "stack.staging.yaml"]).code(2).says("`stack.yaml --env staging`");
    stackgen(dir.path(), &["lint", "--env", "broken"])
        .code(1)
        .says("stack.broken.yaml:1:")
        .says("stack.broken.yaml:2:");
    stackgen(dir.path(), &["lint", "--env", "nope"]).code(2);
}

#[test]
fn texts_that_are_none_are_findings() {
    let deep = format!("a: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let texts: [(&str, &[u8], &str); 6] = [
        ("not UTF-8", b"stackgen: 1\nname: \xe9\n", "expected UTF-8 text"),
        ("UTF-16", b"\xff\xfes\0t\0", "UTF-16"),
        ("empty", b"", "smallest manifest"),
        ("deep", deep.as_bytes(), "at most 64 levels"),
        ("control", b"stackgen: 1\nname: a\x1b[31m\n", "control character U+001B"),
        ("scalar", b"hello\n", "expected a map"),
    ];
    for (name, bytes, says) in texts {
        let dir = folder(&[]);
        write(dir.path(), "stack.yaml", bytes);
        let lint = stackgen(dir.path(), &["lint"]).code(1).says(says).says("stack.yaml:");
        assert!(!lint.out.contains('\u{1b}'), "{name}: {:?}", lint.out);
        assert!(lint.out.len() < 2000, "{name}: {}", lint.out);
        stackgen(dir.path(), &["build"]).code(1);
        let json = stackgen(dir.path(), &["lint", "--format", "json"]).code(1);
        let json: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
        assert!(json.as_array().is_some_and(|a| !a.is_empty()), "{name}");
    }
}

#[test]
fn lint_finds_every_stack() {
    let dir = folder(&[
        ("a/stack.yaml", &MINIMAL.replace("  db: { kind: postgres }\n", "")),
        ("b/c/stack.toml", "stackgen = 1\nname = \"b\"\nnmae = 1\n"),
        ("target/stack.yaml", "x"),
        (".hidden/stack.yaml", "x"),
        ("node_modules/x/stack.yaml", "x"),
        ("out/stack.yaml", "x"),
        ("out/stackgen.lock", "{}"),
    ]);
    stackgen(dir.path(), &["lint"])
        .code(1)
        .says("b/c/stack.toml:3:1")
        .says("1 error")
        .says_not("target")
        .says_not("out/");
    stackgen(dir.path(), &["lint", "a"]).code(0).says("nothing found in 1 stack");
    stackgen(dir.path(), &["lint", "a", "./a/stack.yaml", "a"]).code(0).says("nothing found in 1 stack");
    let quiet = stackgen(dir.path(), &["lint", "-q", "a"]).code(0);
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
    // What could be seen is shown, and that not all could be.
    stackgen(dir.path(), &["lint", "b", "nope"]).code(2).says("unknown-key").says("cannot read nope");
    stackgen(dir.path(), &["lint", "out"]).code(1);
    stackgen(&dir.path().join("a"), &["lint", "../b"]).code(1).says("../b/c/stack.toml:3:1");
    let empty = folder(&[]);
    stackgen(empty.path(), &["lint"]).code(2).says("found neither stack.yaml, stack.toml nor a Compose file");
    let json = stackgen(empty.path(), &["lint", "--format", "json"]).code(2);
    assert_eq!(json.out, "[]\n");
}

#[test]
fn lint_reads_files_that_have_no_manifest() {
    let dir = folder(&[
        ("legacy/compose.yaml", "services:\n  db:\n    image: postgres:latest\n"),
        ("own/stack.yaml", MINIMAL),
        ("own/docker-compose.yml", "services: { x: { image: 'a/b' } }\n"),
        ("web/conf.d/a.conf", "server { listen 443 ssl; ssl_protocols TLSv1; }\n"),
    ]);
    let run = stackgen(dir.path(), &["lint"]).code(1).says("legacy/compose.yaml:3:").says("moving-image-tag");
    // What is beside a manifest is its own affair, and what could not be seen is said apart.
    run.says_not("own/docker-compose.yml").says("note: legacy: no nginx configuration found: ");
    stackgen(dir.path(), &["lint", "web"]).code(1).says("weak-tls").says("web/conf.d/a.conf:1:");
    let json = stackgen(dir.path(), &["lint", "legacy", "--format", "json"]).code(1);
    assert!(json.out.starts_with('[') && json.out.contains("\"moving-image-tag\""), "{}", json.out);
    let pedantic = stackgen(dir.path(), &["lint", "legacy", "--pedantic"]).code(1);
    pedantic.says("missing-hardening").says("image-not-digest-pinned");
    assert_eq!(stackgen(dir.path(), &["lint", "-q", "legacy"]).code(1).err, "");
}

#[test]
fn kinds_beside_a_manifest_count() {
    let kind = "kind: mine\ntitle: My own\nimage: ghcr.io/me/mine\nversion: 1.0.0\nservice: { listen: 80, no_healthcheck: none }\n";
    let dir = folder(&[
        ("stack.yaml", "stackgen: 1\nname: a\nservices: { m: { kind: mine } }\n"),
        ("kinds/mine.yaml", kind),
        ("kinds/README.md", "not a kind"),
    ]);
    stackgen(dir.path(), &["build"]).code(0);
    assert!(read(dir.path(), "deploy/docker-compose.yml").contains("ghcr.io/me/mine:1.0.0"));
    stackgen(dir.path(), &["explain", "mine"]).code(0).says("My own");
    write(dir.path(), "kinds/mine.yaml", kind.replace("listen", "lissten"));
    stackgen(dir.path(), &["lint"]).code(1).says("kinds/mine.yaml:5:");
    write(dir.path(), "kinds/mine.yaml", b"\xff");
    stackgen(dir.path(), &["lint"]).code(1).says("kinds/mine.yaml:1:1").says("expected UTF-8 text");
}

#[test]
fn json_is_what_its_schema_says() {
    let dir = folder(&[(
        "stack.yaml",
        "stackgen: 1\nname: a\nservices:\n  ä: { imge: \"x\\e[0m\" }\n  b: { listen: 0 }\n",
    )]);
    let run = stackgen(dir.path(), &["lint", "--format", "json", "--color", "always"]).code(1);
    let value: serde_json::Value = serde_json::from_str(&run.out).expect("JSON");
    let schema: serde_json::Value =
        serde_json::from_str(&stackgen(dir.path(), &["schema", "findings"]).out).expect("JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    assert!(validator.is_valid(&value), "{value:#}");
    let last = value.as_array().and_then(|a| a.last()).expect("a finding");
    assert_eq!(
        (&last["rule"], &last["path"], &last["line"], &last["column"], &last["end_column"], &last["place"]),
        (
            &"schema-mismatch".into(),
            &"stack.yaml".into(),
            &5.into(),
            &16.into(),
            &17.into(),
            &"services.b.listen".into()
        )
    );
    assert!(!run.out.contains('\u{1b}'));
}

#[test]
fn colours_are_as_asked() {
    let dir = folder(&[("stack.yaml", "stackgen: 1\nname: A\n")]);
    let has = |args: &[&str], env: &[(&str, &str)]| {
        let mut command = command(dir.path(), args);
        command.envs(env.iter().copied());
        let run = run(&mut command);
        format!("{}{}", run.out, run.err).contains('\u{1b}')
    };
    assert!(!has(&["lint"], &[]), "a pipe is no terminal");
    assert!(has(&["lint", "--color", "always"], &[]));
    assert!(has(&["lint", "--color", "always"], &[("NO_COLOR", "1")]), "the flag is more explicit");
    assert!(has(&["lint"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!has(&["lint"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!has(&["lint", "--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    for args in [vec!["--help"], vec!["lint", "--nope"], vec!["nope"]] {
        assert!(!has(&args, &[("NO_COLOR", "1")]), "{args:?}");
        assert!(has(&[&["--color", "always"], args.as_slice()].concat(), &[]), "{args:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let dir = folder(&[("stack.yaml", "stackgen: 1\nname: A\n")]);
    for args in [
        vec!["schema"],
        vec!["explain", "n8n"],
        vec!["completions", "bash"],
        vec!["man"],
        vec!["lint"],
        vec!["--help"],
    ] {
        let mut child =
            command(dir.path(), &args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        // The pipe is closed before anything is written to it, or while it is.
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("ends");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
        assert!(output.status.code().is_some_and(|c| c < 2), "{args:?} {:?}", output.status);
    }
    if Path::new("/dev/full").exists() {
        let full = fs::File::options().write(true).open("/dev/full").expect("opens");
        let run = run(command(dir.path(), &["schema"]).stdout(full)).code(2);
        assert!(run.err.contains("cannot print: no space left"), "{}", run.err);
    }
}

#[test]
fn every_help_has_examples_and_a_status() {
    let dir = folder(&[]);
    stackgen(dir.path(), &["--version"]).code(0).says(concat!("stackgen ", env!("CARGO_PKG_VERSION")));
    stackgen(dir.path(), &["--help"]).code(0).says("Examples:").says("Exit status:");
    for verb in ["build", "docs", "lint", "snapshot", "explain", "schema", "init", "completions", "man"] {
        let long = stackgen(dir.path(), &[verb, "--help"])
            .code(0)
            .says("Examples:")
            .says(&format!("stackgen {verb}"));
        assert!(long.out.lines().all(|l| l.chars().count() <= 120), "{verb}: {}", long.out);
        stackgen(dir.path(), &["man", verb]).code(0).says(".TH");
    }
    stackgen(dir.path(), &[]).code(2).says("Usage:");
    stackgen(dir.path(), &["biuld"]).code(2).says("build");
    stackgen(dir.path(), &["man", "biuld"]).code(2).says("did you mean `build`?");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        stackgen(dir.path(), &["completions", shell]).code(0).says("stackgen");
    }
}

#[test]
fn everything_can_be_explained() {
    let dir = folder(&[]);
    for (name, _) in stackgen::kinds::built_in() {
        let title = format!("{name}: ");
        assert!(stackgen(dir.path(), &["explain", name]).code(0).out.starts_with(&title), "{name}");
    }
    for target in stackgen::emit::TARGETS {
        stackgen(dir.path(), &["explain", target.name]).code(0).says(target.about);
    }
    for rule in stackgen::rules::RULES {
        stackgen(dir.path(), &["explain", rule.name]).code(0).says(rule.id);
        stackgen(dir.path(), &["explain", &rule.id.to_lowercase()]).code(0).says(rule.name);
    }
    for (path, says) in [
        ("name", "Name of the stack."),
        ("services", "Keys of each"),
        ("services.odoo.routes", "list of maps"),
        ("services.odoo.routes[0].path", "a path that starts with /"),
        ("services.odoo.routes.path", "a path that starts with /"),
        ("services.a.healthcheck", "text or map"),
        ("services.a.healthcheck.tool", "curl, wget, node or python"),
        ("databases.main.sslmode", "Encrypted, issuer and host name verified."),
        ("services.a.options.x", "anything"),
    ] {
        stackgen(dir.path(), &["explain", path]).code(0).says(says);
    }
    for (topic, says) in [
        ("srvices", "did you mean `services`?"),
        ("oddo", "did you mean `odoo`?"),
        ("services.a.rutes", "did you mean `routes`?"),
        ("name.x", "`name` has no keys"),
        ("name[0]", "expected a list before `[`"),
        ("what\u{1b}", "the manifest: "),
        ("", "targets: "),
    ] {
        let run = stackgen(dir.path(), &["explain", topic]).code(2).says(says);
        assert!(!run.err.contains('\u{1b}'), "{topic:?}");
    }
}

#[test]
fn what_init_writes_builds() {
    let dir = folder(&[]);
    stackgen(
        dir.path(),
        &[
            "init",
            "all",
            "--domain",
            "example.com",
            "odoo",
            "n8n",
            "superset",
            "redis",
            "static",
            "container",
        ],
    )
    .code(0)
    .says("wrote all/stack.yaml")
    .says("stackgen build all");
    let text = read(dir.path(), "all/stack.yaml");
    assert!(text.contains("  postgres:\n    kind: postgres\n"), "{text}");
    stackgen(dir.path(), &["build", "all"]).code(0);
    for (name, text) in stackgen::kinds::built_in() {
        let args = ["init", name, "--domain", "example.com", name];
        if ["proxy", "acme", "roles", "monitoring", "backup"]
            .iter()
            .any(|own| text.contains(&format!("used_as: {own}")))
        {
            stackgen(dir.path(), &args).code(2).says("expected a kind of service");
            continue;
        }
        stackgen(dir.path(), &args).code(0);
        stackgen(dir.path(), &["build", name]).code(0);
        stackgen(dir.path(), &["lint", name]).code(0);
    }
    stackgen(dir.path(), &["init", "all", "--domain", "example.com"])
        .code(2)
        .says("all/stack.yaml is there already");
    stackgen(dir.path(), &["init", "x", "--domain", "example"]).code(2).says("--domain example.com");
    stackgen(dir.path(), &["init", "x", "--domain", "example.com", "odo"])
        .code(2)
        .says("did you mean `odoo`?");
    stackgen(dir.path(), &["init", "x", "--domain", "example.com", "n8n", "n8n"]).code(2).says("twice");
    stackgen(dir.path(), &["init", "x"]).code(2).says("--domain");
    assert!(!dir.path().join("x").exists());
    let odd = dir.path().join("My Shop!");
    fs::create_dir(&odd).expect("a folder");
    stackgen(&odd, &["init", "--domain", "example.com"]).code(0).says("next: read it, then `stackgen build`");
    assert!(read(&odd, "stack.yaml").contains("\nname: my-shop\n"));
    stackgen(&odd, &["build"]).code(0);
}

/// How typical faults look: `snapshots/findings/NAME.snap`. `cargo insta review` shows what changed.
#[test]
fn findings_read_well() {
    let head =
        "stackgen: 1\nname: shop\nservices:\n  web:\n    image: ghcr.io/example/web:1.0\n    listen: 8000\n";
    let cases: [(&str, String); 15] = [
        ("unknown-key", format!("{head}    helthcheck: /health\n")),
        ("wrong-type", format!("{head}    memory: 512\n")),
        ("wrong-choice", format!("{head}    status: activ\n")),
        ("null", format!("{head}    env:\n      TOKEN:\n")),
        ("missing-key", format!("{head}    routes:\n      - websocket: true\n")),
        ("duplicate-key", format!("{head}    user: node\n    listen: 8001\n")),
        ("syntax", format!("{head}    env: {{ A: [1, 2 }}\n")),
        ("tab", format!("{head}\tuser: node\n")),
        ("undefined-database", format!("{head}    database: mian\ndatabases:\n  main: {{ host: db.example.com }}\n")),
        ("undefined-secret-text", format!("{head}    env: {{ A: \"{{{{ secrets.TOKN }}}}\" }}\n")),
        ("several", format!("{head}    url: http//x\n    memory: 1g\n    stop_grace: 10\n")),
        ("unknown-kind", "stackgen: 1\nname: shop\nservices:\n  erp: { kind: odo, url: https://erp.example.com }\n".into()),
("wide-characters", "stackgen: 1\nname: shop\ntitle: \"日本語 🚀 ok\"\nservices: { \"日本\": { image: x }, web: { imäge: y } }\n".into()),
        ("long-line", format!("stackgen: 1\nname: shop\nnotes: [\"{}\", 5, \"{}\"]\n", "x".repeat(3000), "y".repeat(3000))),
        ("terminal", format!("{head}    \"bad\\e[31m\\u202Ekey\": 1\n")),
    ];
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(common::root().join("snapshots/findings"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, text) in &cases {
            let dir = folder(&[("stack.yaml", text)]);
            let run = stackgen(dir.path(), &["lint"]).code(1);
            insta::assert_snapshot!(*name, run.out);
        }
    });
}

#[test]
fn a_thousand_findings_in_a_long_file_are_fast() {
    let mut text = "stackgen: 1\nname: a\nservices:\n".to_string();
    for i in 0..20_000 {
        text.push_str(&format!(
            "  s{i}: {{ image: x, reason: {} }}\n",
            if i % 20 == 0 { "yes" } else { "x" }
        ));
    }
    // Keeps the rules out of it, which are not what is measured here.
    text.push_str("unknown: 1\n");
    let dir = folder(&[("stack.yaml", &text)]);
    let start = std::time::Instant::now();
    let run = stackgen(dir.path(), &["lint"]);
    assert!(run.out.matches("ambiguous-scalar").count() >= 1000, "{}", run.out.len());
    // Seconds where each finding searches the text from its start; this leaves room for a slow machine.
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
