//! The certbot files: what the programs that read them say, and one whole life of a certificate against a real issuer.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on says so"
)]

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::{content, printed, program, run, written};
use stackgen::compile::{Compiled, Input, compile};

/// Two active names and a planned one; `more` are further lines of the manifest.
fn stack(more: &str) -> Compiled {
    let text = format!(
        "stackgen: 1
name: edge
host: {{ directory: /srv/edge, compose: '2.40' }}
{more}
services:
  www: {{ image: 'nginx:1.30', listen: 3000, url: 'https://www.example.com' }}
  erp: {{ image: 'nginx:1.30', listen: 3001, url: 'https://erp.example.com' }}
  chat: {{ status: planned, image: 'nginx:1.30', listen: 80, url: 'https://chat.example.com' }}
"
    );
    let compiled = compile(Input { manifest: ("stack.yaml".into(), text), ..Input::default() });
    assert!(!compiled.failed(), "{:#?}", compiled.findings);
    compiled
}

const MAIL: &str = "certificates: { name: www.example.com, email: ops@example.com }";
const HOST: &str =
    "proxy: { runs_in: host, version: 1.22.1 }\ncertificates: { issuer: letsencrypt-staging, key: rsa }";

fn paths(compiled: &Compiled) -> Vec<&str> {
    compiled.artifacts.iter().map(|a| a.path.as_str()).filter(|p| p.starts_with("certbot/")).collect()
}

fn text<'a>(compiled: &'a Compiled, path: &str) -> &'a str {
    let found = compiled.artifacts.iter().find(|a| a.path == path);
    &found.expect(path).text
}

/// The lines that are not comments.
fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).collect()
}

#[test]
fn a_container_gets_list_options_and_script() {
    let compiled = stack(MAIL);
    assert_eq!(paths(&compiled), ["certbot/certificates.sh", "certbot/certificates.txt", "certbot/cli.ini"]);
    assert_eq!(
        lines(text(&compiled, "certbot/certificates.txt")),
        [
            "www.example.com needed www.example.com erp.example.com",
            "chat.example.com planned chat.example.com"
        ]
    );
    assert_eq!(
        lines(text(&compiled, "certbot/cli.ini")),
        [
            "server = https://acme-v02.api.letsencrypt.org/directory",
            "email = ops@example.com",
            "no-eff-email = true",
            "agree-tos = true",
            "non-interactive = true",
            "authenticator = webroot",
            "webroot-path = /var/www/acme",
            "key-type = ecdsa",
            "elliptic-curve = secp256r1",
            "deploy-hook = /bin/sh /etc/stackgen/certificates.sh deploy",
            "max-log-backups = 30",
        ]
    );
}

#[test]
fn a_host_gets_units_as_well() {
    let compiled = stack(HOST);
    assert_eq!(paths(&compiled).len(), 5, "{:?}", paths(&compiled));
    let options = lines(text(&compiled, "certbot/cli.ini"));
    assert!(options.contains(&"server = https://acme-staging-v02.api.letsencrypt.org/directory"));
    assert!(options.contains(&"register-unsafely-without-email = true"));
    assert!(options.contains(&"rsa-key-size = 2048"));
    assert!(
        options.contains(&"deploy-hook = /bin/sh /srv/edge/certbot/certificates.sh deploy"),
        "{options:?}"
    );
    let unit = lines(text(&compiled, "certbot/stackgen-certificates.service"));
    assert!(unit.contains(&"ExecStart=/bin/sh /srv/edge/certbot/certificates.sh renew"), "{unit:?}");
    // The same script for both: it finds its files beside itself.
    let script = "certbot/certificates.sh";
    assert_eq!(text(&compiled, script), text(&stack(MAIL), script));
}

#[test]
fn certificates_of_ones_own_are_nobodys_to_get() {
    let names = "www.example.com, erp.example.com, chat.example.com";
    let own = format!(
        "certificates: {{ groups: {{ www.example.com: {{ names: [{names}], certificate: /etc/ssl/all.pem, key: /etc/ssl/all.key }} }} }}"
    );
    assert_eq!(paths(&stack(&own)), [] as [&str; 0]);
}

#[test]
fn shells_read_the_script() {
    let folder = written(&stack(MAIL));
    let script = "certbot/certificates.sh";
    if let Some(shellcheck) = program("shellcheck") {
        content(&shellcheck, folder.path(), &["-s", "sh", script]);
    }
    content(&PathBuf::from("sh"), folder.path(), &["-n", script]);
    if let Some(busybox) = program("busybox") {
        content(&busybox, folder.path(), &["sh", "-n", script]);
    }
}

#[test]
fn certbot_reads_the_options() {
    let Some(certbot) = program("certbot") else { return };
    for manifest in [MAIL, HOST] {
        let folder = written(&stack(manifest));
        let ini = folder.path().join("certbot/cli.ini");
        // certbot insists that the challenge directory exists, which it does on the server.
        let options = std::fs::read_to_string(&ini).expect("read");
        let here = folder.path().display();
        std::fs::write(&ini, options.replace("/var/www/acme", &here.to_string())).expect("written");
        let args = ["certificates", "--config", "certbot/cli.ini", "--config-dir", "c", "--work-dir", "w"];
        let said = content(&certbot, folder.path(), &[&args[..], &["--logs-dir", "l"]].concat());
        assert!(said.contains("No certificates found"), "{said}");
        // The check can fail.
        std::fs::write(&ini, options + "no-such-option = 1\n").expect("written");
        assert!(!run(&certbot, folder.path(), &args).status.success());
    }
}

#[test]
fn systemd_accepts_the_units() {
    let Some(analyze) = program("systemd-analyze") else { return };
    let folder = written(&stack(HOST));
    let units = ["certbot/stackgen-certificates.service", "certbot/stackgen-certificates.timer"];
    let said = printed(&run(&analyze, folder.path(), &["verify", units[0], units[1]]));
    assert_eq!(said, "");
}

/// From the first start to renewals that fail: Pebble issues, certbot asks, nginx serves. About 25 seconds.
#[test]
fn a_certificate_lives() {
    let names = ["certbot", "pebble", "pebble-challtestsrv", "nginx-1.22", "openssl", "curl", "ip"];
    let programs: Vec<_> = names.iter().filter_map(|n| program(n)).collect();
    if programs.len() < names.len() {
        return;
    }
    if !Command::new("unshare").args(["--net", "--mount", "true"]).output().is_ok_and(|o| o.status.success())
    {
        assert!(std::env::var_os("CI").is_none(), "namespaces cannot be made here");
        eprintln!("skipped: namespaces cannot be made here");
        return;
    }
    let mut path: Vec<_> = programs.iter().filter_map(|p| p.parent()).map(PathBuf::from).collect();
    path.extend(program("busybox").and_then(|p| p.parent().map(PathBuf::from)));
    path.extend(["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from));
    let folder = written(&stack(MAIL));
    let output = Command::new("bash")
        .arg(common::root().join("tests/programs/certbot.sh"))
        .arg(folder.path().join("certbot"))
        .env("PATH", std::env::join_paths(path).expect("a path"))
        .env("NGINX", &programs[3])
        .output()
        .expect("bash");
    let said = printed(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.matches("\nok ").count() > 35 && !said.contains("FAIL"), "{said}");
}
