//! Other machines by a program that stands for ssh: the same is read, and only what is on the list is sent.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use stackgen::deployed::ssh::{DIAL, LOOK, READ};

use super::{Run, common, folder, reference, stackgen};

/// A `ssh` on the path, and what it was called with.
struct Ssh {
    folder: tempfile::TempDir,
}

impl Ssh {
    fn new() -> Self {
        let script = std::fs::read_to_string(common::root().join("tests/deployed/ssh.sh")).expect("a script");
        let folder = folder(&[("bin/ssh", &script)]);
        let ssh = folder.path().join("bin/ssh");
        assert!(std::process::Command::new("chmod").arg("+x").arg(ssh).status().expect("runs").success());
        Self { folder }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn run(&self, args: &[&str], docker: &Path) -> Run {
        stackgen(args, |command| {
            let path = std::env::var("PATH").expect("a path");
            command
                .env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()))
                .env("FAKE_SSH_LOG", self.log())
                .env("FAKE_SSH_RELAY", common::root().join("tests/deployed/relay.py"))
                .env("FAKE_DOCKER", docker);
        })
    }

    /// The commands for the other side, each from the list.
    fn sent(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let calls = log.split("\0\0").filter(|c| !c.is_empty());
        calls
            .map(|call| {
                let words: Vec<&str> = call.split('\0').collect();
                let (command, options) = words.split_last().expect("a command");
                let fixed = ["-T", "-a", "-x", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"];
                assert!(options.starts_with(&fixed), "{options:?}");
                let rest = &options[fixed.len()..];
                assert_eq!(rest, ["-o", "ClearAllForwardings=yes", "-l", "root", "-p", "2222", "--", "shop"]);
                let quoted = |script: &str| format!("exec sh -c '{}' sh ", script.replace('\'', r"'\''"));
                let known = *command == DIAL
                    || [LOOK, READ].iter().any(|script| {
                        let words = command.strip_prefix(&quoted(script));
                        words.is_some_and(|words| !words.contains([';', '|', '&', '>', '$', '`']))
                    });
                assert!(known, "not on the list: {command}");
                command.to_string()
            })
            .collect()
    }
}

#[test]
fn another_machine_says_the_same() {
    let (deploy, _, engine) = reference();
    std::fs::write(deploy.path().join("nginx/extra.conf"), "server_tokens on;").expect("written");
    std::fs::write(deploy.path().join("docker-compose.override.yml"), "services: {}\n").expect("written");
    let built = common::root().join("stacks/odoo-erp-prod");
    let (ssh, key) = (Ssh::new(), folder(&[("key", "0123456789abcdef")]));
    let key = key.path().join("key").display().to_string();
    let path = deploy.path().display().to_string();
    let stack = built.display().to_string();
    let common = ["--stack", &stack, "--fingerprint-key", &key];
    let (local, remote) = (engine.source(), format!("ssh://root@shop:2222{path}"));
    let here = stackgen(&[&["snapshot", &path, &local][..], &common].concat(), |_| {});
    let there = [&["snapshot", &remote, "docker+ssh://root@shop:2222"][..], &common].concat();
    let there = ssh.run(&there, &engine.socket);
    assert_eq!((here.code, there.code), (Some(0), Some(0)), "{}{}", here.err, there.err);
    let lines = |text: &str| {
        text.lines().filter(|l| !l.contains("\"source\"")).map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(lines(&here.out), lines(&there.out));
    assert!(here.out.contains("nginx/extra.conf") && here.out.contains("docker-compose.override.yml"));
    let sent = ssh.sent();
    assert_eq!(sent.len(), 3, "{sent:#?}");
    engine.asked();

    // Without the manifest the lock says which files there are.
    let built = stackgen(&["build", &stack, "-o", &path, "--force", "-q"], |_| {});
    assert_eq!(built.code, Some(0), "{}", built.err);
    let names = |run: &Run| -> BTreeSet<String> {
        let json: serde_json::Value = serde_json::from_str(&run.out).expect("JSON");
        json["files"].as_object().expect("files").keys().cloned().collect()
    };
    let here = stackgen(&["snapshot", &path], |_| {});
    let there = ssh.run(&["snapshot", &format!("ssh://root@shop:2222{path}")], &engine.socket);
    assert_eq!(names(&here), names(&there));
    assert!(names(&here).contains("odoo/odoo.conf"));
    ssh.sent();
}

#[test]
fn a_directory_is_one_word_whatever_its_name() {
    let ssh = Ssh::new();
    let odd = folder(&[("it's $(touch pwned) `x` & ; /docker-compose.yml", "services: {}\n")]);
    let path = odd.path().join("it's $(touch pwned) `x` & ; ");
    let run = ssh.run(&["snapshot", &format!("ssh://root@shop:2222{}", path.display())], Path::new(""));
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert!(run.out.contains("docker-compose.yml"));
    assert!(!path.join("pwned").exists() && !Path::new("pwned").exists());
}

#[test]
fn what_fails_there_is_told() {
    let ssh = Ssh::new();
    let run = ssh.run(&["snapshot", "ssh://root@shop:2222/nowhere/at/all"], Path::new(""));
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("/nowhere/at/all") && run.err.contains("ssh failed"), "{}", run.err);
    let run = ssh.run(&["snapshot", "docker+ssh://root@shop:2222"], Path::new("/nowhere.sock"));
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("ssh ended"), "{}", run.err);
    assert!(run.out.contains("\"faults\": ["));
    ssh.sent();
}

#[test]
fn every_command_is_shown() {
    let run = stackgen(
        &["snapshot", "--show-commands", "ssh://root@shop/opt/x", "docker+ssh://shop", "docker://"],
        |_| {},
    );
    assert_eq!(run.code, Some(0), "{}", run.err);
    for part in [
        "-exec tar -cf - {} +",
        "docker system dial-stdio",
        "GET /vVERSION/containers/ID/json",
        "BatchMode=yes",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
}
