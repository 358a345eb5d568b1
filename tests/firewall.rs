//! The firewall files: the form of what DigitalOcean takes, and the nftables rules tried out in namespaces.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on says so"
)]

mod common;

use std::path::Path;
use std::process::Command;

use common::{built, content, printed, program, run, stacks, written};
use serde_json::{Value as Json, json};
use stackgen::compile::{Compiled, Input, compile};

/// A stack with a site, and these lines under `firewall`.
fn stack(firewall: &str) -> Compiled {
    let text = format!(
        "stackgen: 1\nallow: [{{ rule: open-port-without-listener, reason: the test listens }}]\nname: edge_1\nhost: {{ provider: digitalocean, compose: '2.40' }}\nservices:\n  web:\n    \
         image: nginx:1.30\n    listen: 80\n    url: https://www.example.com\nfirewall:\n{firewall}"
    );
    let compiled = compile(Input { manifest: ("stack.yaml".into(), text), ..Input::default() });
    assert!(!compiled.failed(), "{:#?}", compiled.findings);
    compiled
}

/// Open to all, to one network of each family, to a foreign one, and over UDP; the second list overlaps itself.
const OPEN: &str = "  droplet_ids: [7]
  allow:
    - { port: 9000, from: [203.0.113.2, 203.0.113.0/28, '2001:db8::/64'], reason: 'metrics; for # friends' }
    - { port: 9001, from: [198.51.100.0/24], reason: elsewhere }
    - { port: 3478, protocol: udp, reason: calls }
";
const RESTRICTED: &str = "  outbound: [{ port: 443 }, { port: 53, protocol: udp, to: [192.0.2.0/24] }]\n";

fn text<'a>(compiled: &'a Compiled, path: &str) -> &'a str {
    let found = compiled.artifacts.iter().find(|a| a.path == path);
    &found.expect(path).text
}

#[test]
fn digitalocean_takes_the_same_rules() {
    let compiled = stack(OPEN);
    let body: Json = serde_json::from_str(text(&compiled, "firewall/digitalocean.json")).expect("JSON");
    let all = json!({ "addresses": ["0.0.0.0/0", "::/0"] });
    assert_eq!(
        body,
        json!({
            // No underscore: the API refuses it.
            "name": "edge-1",
            "inbound_rules": [
                { "protocol": "tcp", "ports": "22", "sources": all },
                { "protocol": "tcp", "ports": "80", "sources": all },
                { "protocol": "tcp", "ports": "443", "sources": all },
                { "protocol": "tcp", "ports": "9000",
                  "sources": { "addresses": ["203.0.113.0/28", "2001:db8::/64"] } },
                { "protocol": "tcp", "ports": "9001", "sources": { "addresses": ["198.51.100.0/24"] } },
                { "protocol": "udp", "ports": "3478", "sources": all },
                { "protocol": "icmp", "ports": "0", "sources": all },
            ],
            "outbound_rules": [
                { "protocol": "tcp", "ports": "0", "destinations": all },
                { "protocol": "udp", "ports": "0", "destinations": all },
                { "protocol": "icmp", "ports": "0", "destinations": all },
            ],
            "droplet_ids": [7],
            "tags": [],
        })
    );
    let restricted = stack(RESTRICTED);
    let body: Json = serde_json::from_str(text(&restricted, "firewall/digitalocean.json")).expect("JSON");
    let ports: Vec<_> = body["outbound_rules"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|r| format!("{}/{}", r["protocol"].as_str().expect("text"), r["ports"].as_str().expect("text")))
        .collect();
    assert_eq!(ports, ["tcp/53", "udp/67", "udp/547", "udp/123", "icmp/0", "tcp/443", "udp/53"]);
    assert_eq!(body["outbound_rules"][6]["destinations"]["addresses"], json!(["192.0.2.0/24"]));
}

#[test]
fn other_providers_get_no_digitalocean_files() {
    let text = "stackgen: 1\nname: x\nhost: { compose: '2.40' }\nservices: {}\n".to_string();
    let compiled = compile(Input { manifest: ("stack.yaml".into(), text), ..Input::default() });
    let paths: Vec<_> = compiled.artifacts.iter().map(|a| a.path.as_str()).collect();
    assert!(paths.contains(&"firewall/nftables.conf"), "{paths:?}");
    assert!(!paths.contains(&"firewall/doctl.sh"), "{paths:?}");
}

/// A doctl that knows one firewall and writes down what it is told to do.
const DOCTL: &str = r#"#!/bin/sh
case "$*" in
"compute firewall list"*) cat present ;;
*"--format DropletIDs") echo 11,12 ;;
*"--format Tags") echo web ;;
*) printf '%s\n' "$@" >done ;;
esac
"#;

#[test]
fn doctl_creates_updates_and_refuses() {
    let folder = written(&stack(RESTRICTED));
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).expect("a folder");
    std::fs::write(bin.join("doctl"), DOCTL).expect("written");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let call = |present: &str, args: &[&str]| {
        std::fs::write(folder.path().join("present"), present).expect("written");
        let _ = std::fs::remove_file(folder.path().join("done"));
        let output = Command::new("sh")
            .args(["-c", "chmod +x bin/doctl; exec sh firewall/doctl.sh \"$@\"", "sh"])
            .args(args)
            .current_dir(folder.path())
            .env("PATH", &path)
            .output()
            .expect("sh");
        let done = std::fs::read_to_string(folder.path().join("done")).unwrap_or_default();
        (output.status.code(), printed(&output), done)
    };
    let (code, said, done) = call("", &["--dry-run"]);
    assert_eq!((code, done.as_str()), (Some(0), ""), "{said}");
    assert!(said.contains("create edge-1") && said.contains("nothing was changed"), "{said}");

    let (code, said, done) = call("1a-2b other\n", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(done.starts_with("compute\nfirewall\ncreate\n--name\nedge-1\n--inbound-rules\n"), "{done}");
    assert!(done.contains("\nprotocol:tcp,ports:22,address:0.0.0.0/0,address:::/0 protocol:tcp,ports:80"));
    assert!(said.contains("it protects nothing yet"), "{said}");

    // Updating without droplets in the manifest keeps those that are there.
    let (code, said, done) = call("1a-2b other\n3c-4d edge-1\n", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(done.contains("\nupdate\n3c-4d\n") && done.contains("\n--droplet-ids\n11,12\n"), "{done}");
    assert!(done.ends_with("--tag-names\nweb\n"), "{done}");

    let (code, said, done) = call("1a-2b edge-1\n3c-4d edge-1\n", &[]);
    assert_eq!((code, done.as_str()), (Some(1), ""), "{said}");

    let script = folder.path().join("firewall/doctl.sh");
    let without = std::fs::read_to_string(&script).expect("read").replace("ports:22,", "ports:2200,");
    std::fs::write(&script, without).expect("written");
    let (code, said, done) = call("", &[]);
    assert_eq!((code, done.as_str()), (Some(1), ""), "{said}");
    assert!(said.contains("refused"), "{said}");
}

/// Every stack of the repository, and those of this file.
fn outputs() -> Vec<tempfile::TempDir> {
    let repository = stacks().into_iter().map(|(_, manifest)| built(&manifest));
    repository.chain([stack(OPEN), stack(RESTRICTED)]).map(|compiled| written(&compiled)).collect()
}

#[test]
fn shells_read_the_scripts() {
    let Some(shellcheck) = program("shellcheck") else { return };
    for folder in outputs() {
        for script in ["firewall/apply.sh", "firewall/doctl.sh"] {
            if folder.path().join(script).exists() {
                content(&shellcheck, folder.path(), &["-s", "sh", script]);
            }
        }
    }
}

/// Whether namespaces can be made; in CI they must.
fn namespaces() -> bool {
    let made = Command::new("unshare").args(["--net", "--mount", "true"]).output();
    let able = made.is_ok_and(|o| o.status.success());
    if !able {
        assert!(std::env::var_os("CI").is_none(), "namespaces cannot be made here");
    }
    able
}

#[test]
fn nft_accepts_every_file() {
    let Some(nft) = program("nft") else { return };
    if !namespaces() {
        eprintln!("skipped: namespaces cannot be made here");
        return;
    }
    for folder in outputs() {
        let nft = nft.display().to_string();
        content(Path::new("unshare"), folder.path(), &["--net", &nft, "-c", "-f", "firewall/nftables.conf"]);
    }
}

#[test]
fn only_what_is_listed_answers() {
    let (Some(nft), Some(_), Some(_)) = (program("nft"), program("ip"), program("python3")) else { return };
    if !namespaces() {
        eprintln!("skipped: namespaces cannot be made here");
        return;
    }
    let (open, restricted) = (written(&stack(OPEN)), written(&stack(RESTRICTED_WITH_OPEN)));
    let script = common::root().join("tests/programs/firewall.sh");
    let path = format!(
        "{}:{}:/usr/sbin:/sbin",
        nft.parent().expect("a folder").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let output = Command::new("bash")
        .arg(script)
        .args([open.path().join("firewall"), restricted.path().join("firewall")])
        .env("PATH", path)
        .output()
        .expect("bash");
    let said = printed(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.matches("\nok ").count() > 25 && !said.contains("FAIL"), "{said}");
}

/// As `OPEN`, with outbound restricted.
const RESTRICTED_WITH_OPEN: &str = "  allow:
    - { port: 9000, from: [203.0.113.2, '2001:db8::/64'], reason: metrics }
    - { port: 3478, protocol: udp, reason: calls }
  outbound: [{ port: 443 }, { port: 53, protocol: udp }]
";

#[test]
fn systemd_accepts_the_unit() {
    let Some(analyze) = program("systemd-analyze") else { return };
    let folder = written(&stack(OPEN));
    let output = run(&analyze, folder.path(), &["verify", "./firewall/stackgen-firewall.service"]);
    // It also looks whether the program is there, which it need not be on this machine.
    let said = printed(&output);
    assert!(said.lines().all(|l| l.contains("is not executable")), "{said}");
}
