//! nginx itself, in every version that is promised, reads what is written for it; gixy looks for holes.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use common::{built, content, printed, program, root, run, stacks};
use stackgen::compile::{Input, compile};
use stackgen::emit::nginx;
use stackgen::finding::Level;
use stackgen::manifest::RunsIn;
use stackgen::stack::Stack;

/// Everything a manifest can ask of the proxy.
const EVERYTHING: &str = r##"
stackgen: 1
name: everything
host: { directory: /srv/everything }
proxy:
  edge: { name: balancer, addresses: [192.0.2.0/24, "2001:db8::/32"], header: X-Forwarded-For }
  hsts: { max_age: 365d, include_subdomains: true, preload: true }
  body_size: 20MiB
  headers: { Permissions-Policy: "camera=(), geolocation=()", Referrer-Policy: no-referrer }
  nginx: |
    # who asks too much
    map $http_x_api_key $known_key { default 0; "abc def" 1; }
certificates:
  email: a@example.com
  groups:
    other.example.com: { names: [other.example.com], certificate: "/etc/ssl/my-keys/other.pem", key: "/etc/ssl/my-keys/other.key" }
rate_limits:
  slow: { rate: 30r/m, burst: 0 }
  api: { rate: 10r/s, burst: 20, memory: 8KiB }
services:
  app:
    image: ghcr.io/example/app:1.0
    listen: 3000
    url: https://app.example.com
    aliases: [www.example.com, other.example.com]
    headers: { X-Frame-Options: DENY, Content-Security-Policy: "default-src 'self'; img-src \"x\\y\" #z" }
    body_size: 1GiB
    read_timeout: 100s
    nginx: |
      proxy_set_header X-Tenant "a b";
      location ~ \.php$ { return 404; }
    routes:
      - { path: /live, websocket: true }
      - { path: /live/long, websocket: true, read_timeout: 2h, buffering: false }
      - { path: "/odd(1)!~'x", exact: true, body_size: 512KiB }
      - { path: /old, redirect: "https://app.example.com/new" }
      - { path: /here, redirect: /there }
      - { path: /secret, deny: true }
      - { path: /admin, allow_from: [203.0.113.0/24, "2001:db8::1"] }
      - { path: /login, rate_limit: slow, exact: true }
      - { path: /api/, rate_limit: api, headers: { Cache-Control: no-store, x-frame-options: SAMEORIGIN } }
      - path: /raw
        expires: 1h
        nginx: |
          proxy_set_header Host raw.example.com;
          add_header X-Raw "$known_key" always;
    healthcheck: { http: /health, tool: curl }
  below:
    image: ghcr.io/example/below:1.0
    listen: 80
    url: https://app.example.com/below
    healthcheck: { http: /health, tool: curl }
  plain:
    image: ghcr.io/example/plain:1.0
    listen: 8080
    url: http://plain.example.com
    aliases: [plainer.example.com]
    healthcheck: { http: /health, tool: curl }
  later: { url: https://later.example.com, status: planned, image: "a/b:1", listen: 80 }
  files:
    kind: static
    url: https://files.example.com
    root: "./my files"
    routes: [{ path: /assets/, expires: 30d }, { path: /private/, deny: true }]
"##;

/// Versions of nginx by the name of their program, and what the model says of them.
const VERSIONS: [(&str, (u16, u16, u16)); 3] =
    [("nginx-1.22", (1, 22, 1)), ("nginx-1.26", (1, 26, 3)), ("nginx-1.30", (1, 30, 0))];

/// Every stack of the repository, and the one with everything.
fn all() -> Vec<(String, Stack)> {
    let text = ("everything.yaml".to_string(), EVERYTHING.to_string());
    let everything = compile(Input { manifest: text, ..Input::default() });
    let faults: Vec<_> = everything.findings.iter().filter(|f| f.level == Level::Error).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let stacks = stacks().into_iter().map(|(name, path)| (name, built(&path).stack.expect("a stack")));
    stacks.chain([("everything".into(), everything.stack.expect("a stack"))]).collect()
}

/// The configuration of a stack, as that version in that place gets it.
fn written(stack: &Stack, version: (u16, u16, u16), runs_in: RunsIn) -> String {
    let mut stack = stack.clone();
    if let Some(proxy) = &mut stack.proxy {
        (proxy.version, proxy.runs_in) = (version, runs_in);
        proxy.service = (runs_in == RunsIn::Container).then(|| "nginx".into());
    }
    let mut findings = Vec::new();
    let mut artifacts = nginx::emit(&stack, &mut findings);
    assert!(findings.is_empty(), "{findings:#?}");
    artifacts.remove(0).text
}

/// The same text for a folder of its own: nothing else changes than where the server's files and ports are, and that the
/// web application firewall, whose module these versions do not have, is left out; tests/systems/security.py has one.
fn moved(text: &str, folder: &Path) -> String {
    let here = folder.display();
    let of_waf =
        |line: &&str| !["load_module ", "modsecurity"].iter().any(|d| line.trim_start().starts_with(d));
    let text = text.lines().filter(of_waf).map(|line| format!("{line}\n")).collect::<String>();
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("    {kind}_temp_path {here}/{kind};\n"))
        .collect();
    let mut text = text.replace("http {\n", &format!("http {{\n{temp}"));
    // Only root may name a user, and only this one is everywhere.
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0);
    for user in ["user nginx;", "user www-data;"] {
        text = text.replace(user, if is_root { "user root;" } else { "" });
    }
    for (from, to) in [
        ("/etc/nginx/mime.types", "mime.types"),
        ("/etc/nginx/modules-enabled/", "modules/"),
        ("/etc/nginx/certificates/", "certificates/"),
        ("/etc/letsencrypt/live/", "certificates/"),
        ("/etc/ssl/", "certificates/"),
        ("/var/www/", "www/"),
        ("/run/nginx.pid", "nginx.pid"),
        ("/dev/stdout", "access.log"),
        ("/var/log/nginx/", ""),
    ] {
        text = text.replace(from, &format!("{here}/{to}"));
    }
    text.replace("error_log /dev/stderr", "error_log stderr")
        .replace("listen 80", "listen 28080")
        .replace("listen [::]:80", "listen [::]:28080")
        .replace("listen 443", "listen 28443")
        .replace("listen [::]:443", "listen [::]:28443")
}

/// A self-signed pair, made once.
fn certificate(folder: &Path, openssl: &Path) {
    let args = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=test -out c.pem -keyout k.pem";
    content(openssl, folder, &args.split(' ').collect::<Vec<_>>());
}

/// Puts the pair wherever the configuration looks for one.
fn place_certificates(text: &str, folder: &Path) {
    for line in text.lines().map(str::trim) {
        for (directive, pair) in [("ssl_certificate ", "c.pem"), ("ssl_certificate_key ", "k.pem")] {
            if let Some(path) = line.strip_prefix(directive) {
                let path = Path::new(path.trim_end_matches(';').trim_matches('"'));
                std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
                std::fs::copy(folder.join(pair), path).expect("copied");
            }
        }
    }
}

#[test]
fn every_version_accepts_its_file_without_a_warning() {
    let Some(openssl) = program("openssl") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::write(here.join("mime.types"), "types { text/html html; application/json json; }")
        .expect("written");
    certificate(here, &openssl);
    for (name, version) in VERSIONS {
        let Some(nginx) = program(name) else { continue };
        for (stack, model) in all() {
            for runs_in in [RunsIn::Container, RunsIn::Host] {
                let text = moved(&written(&model, version, runs_in), here);
                place_certificates(&text, here);
                std::fs::write(here.join("nginx.conf"), &text).expect("written");
                let conf = here.join("nginx.conf").display().to_string();
                let output = run(&nginx, here, &["-t", "-p", &here.display().to_string(), "-c", &conf]);
                let said = printed(&output);
                let clean = output.status.success() && !said.contains("[warn]") && !said.contains("[alert]");
                assert!(clean, "{name}, {stack}, {runs_in:?}\n{said}\n{text}");
            }
        }
    }
}

/// What gixy finds is mended, but for one thing: it objects to `proxy_buffering off` wherever it stands, and here it
/// stands where the manifest asks for a stream.
#[test]
fn gixy_finds_nothing() {
    let Some(gixy) = program("gixy") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for (_, version) in VERSIONS {
        for (name, stack) in all().into_iter().filter(|(n, _)| n != "everything") {
            let place = if name == "cloudflare-host" { RunsIn::Host } else { RunsIn::Container };
            std::fs::write(folder.path().join("nginx.conf"), written(&stack, version, place))
                .expect("written");
            let args = ["--disable-includes", "--skips", "proxy_buffering_off", "-f", "text", "nginx.conf"];
            let output = run(&gixy, folder.path(), &args);
            assert!(output.status.success(), "{name}\n{}", printed(&output));
        }
    }
}

/// A large host: written in no time, and read by nginx without complaint about its tables.
#[test]
fn ten_thousand_sites() {
    let mut stack = built(&root().join("stacks/minimal/stack.yaml")).stack.expect("a stack");
    let template = stack.sites.remove(0);
    for i in 0..10_000 {
        let mut site = template.clone();
        site.host = format!("customer-number-{i}.shops.example.com");
        stack.sites.push(site);
    }
    let start = std::time::Instant::now();
    let text = written(&stack, (1, 30, 0), RunsIn::Container);
    println!("{} sites, {} bytes in {:?}", stack.sites.len(), text.len(), start.elapsed());
    let (Some(openssl), Some(nginx)) = (program("openssl"), program("nginx-1.30")) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::write(here.join("mime.types"), "types { text/html html; }").expect("written");
    certificate(here, &openssl);
    let text = moved(&text, here);
    place_certificates(&text, here);
    std::fs::write(here.join("nginx.conf"), &text).expect("written");
    let conf = here.join("nginx.conf").display().to_string();
    let output = run(&nginx, here, &["-t", "-p", &here.display().to_string(), "-c", &conf]);
    let said = printed(&output);
    assert!(output.status.success() && !said.contains("[warn]"), "{said}");
}
