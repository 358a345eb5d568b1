//! A canary in every place a secret can be: it shows nowhere.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::engine::Engine;
use super::{folder, recorded, stackgen};

/// A password made of words, for places that hold values; what looks like a token, for those that hold names.
const WORD: &str = "hunter2canary";
const TOKEN: &str = "c4n4ry7f3b2a9c1d5e6f70";

fn check(what: &str, text: &str) {
    for canary in [WORD, TOKEN] {
        let at = text.find(canary);
        let around = at.map(|at| &text[at.saturating_sub(300)..(at + 100).min(text.len())]);
        assert!(at.is_none(), "{what}: {}", around.unwrap_or_default());
    }
}

/// Every text of a container that is about it, with canaries.
fn poisoned() -> BTreeMap<String, Json> {
    let mut answers = recorded("reference");
    let first = |answers: &BTreeMap<String, Json>| {
        let mut paths = answers.iter().filter(|(p, c)| {
            p.starts_with("/containers/")
                && p.ends_with("/json")
                && c["Config"]["Labels"]["com.docker.compose.service"] == "odoo"
        });
        paths.next().expect("a container").0.clone()
    };
    let path = first(&answers);
    let odoo = answers.get_mut(&path).expect("one");
    let config = &mut odoo["Config"];
    let env = config["Env"].as_array_mut().expect("a list");
    env.push(format!("PASSWORD={WORD}").into());
    env.push(format!("MODE={WORD}").into());
    env.push(format!("DATABASE_URL=postgres://u:{WORD}@db/x").into());
    env.push(format!("{TOKEN}=x").into());
    env.push(format!("{WORD} without a sign").into());
    config["Labels"]["a.b"] = WORD.into();
    config["Labels"][format!("traefik.{TOKEN}")] = "x".into();
    config["Cmd"] = json!(["serve", "--password", WORD, format!("--db=postgres://u:{WORD}@db/x")]);
    config["Entrypoint"] = json!(["sh", "-c", format!("TOKEN={WORD} exec x")]);
    config["Healthcheck"] =
        json!({ "Test": ["CMD-SHELL", format!("curl -u a:{WORD} http://x")], "Interval": 1_000_000_000 });
    config["Hostname"] = TOKEN.into();
    config["User"] = format!("u{TOKEN}").into();
    config["WorkingDir"] = format!("/srv/{TOKEN}").into();
    let host = &mut odoo["HostConfig"];
    host["LogConfig"] = json!({ "Type": "splunk", "Config": { "splunk-token": WORD, "splunk-url": format!("https://u:{WORD}@s") } });
    host["ExtraHosts"] = json!([format!("{TOKEN}:1.2.3.4")]);
    host["Tmpfs"] = json!({ "/t": format!("mode=1777,x={TOKEN}") });
    host["Annotations"] = json!({ "a": WORD });
    host["Sysctls"] = json!({ "kernel.x": TOKEN });
    host["SecurityOpt"] = json!([format!("apparmor={TOKEN}")]);
    odoo["NetworkSettings"]["Networks"][TOKEN] = json!({ "Aliases": [TOKEN], "DriverOpts": { "x": WORD } });
    odoo["State"]["Error"] = format!("exec failed: {WORD}").into();
    odoo["State"]["Health"] = json!({ "Status": "unhealthy", "Log": [{ "Output": WORD }] });
    odoo["Mounts"] = json!([
        { "Type": "bind", "Source": format!("/srv/{TOKEN}"), "Destination": format!("/x/{TOKEN}"), "RW": true },
        { "Type": "volume", "Name": format!("v-{TOKEN}"), "Source": "", "Destination": "/y", "RW": true },
    ]);
    odoo["Name"] = format!("/c-{TOKEN}").into();
    odoo["Id"] = format!("{TOKEN}!").into();
    let networks = answers.get_mut("/networks").expect("networks").as_array_mut().expect("a list");
    networks.push(json!({ "Name": format!("n-{TOKEN}"), "Driver": "overlay", "Options": { "secret": WORD, "encrypted": TOKEN }, "Labels": { "x": WORD } }));
    let volumes = answers.get_mut("/volumes").expect("volumes")["Volumes"].as_array_mut().expect("a list");
    let options = json!({ "type": "cifs", "o": format!("username=a,password={WORD}"), "device": format!("//u:{WORD}@nas/x") });
    volumes.push(json!({ "Name": format!("w-{TOKEN}"), "Driver": "local", "Options": options, "Labels": { "x": WORD } }));
    answers.insert("/version".into(), json!({ "Version": format!("28.5 {TOKEN}"), "ApiVersion": "1.51" }));
    answers
}

/// Files of a deploy directory that somebody put secrets into.
fn files() -> Vec<(&'static str, String)> {
    vec![
        (
            ".env",
            format!(
                "DB_PASSWORD={WORD}\nexport B=\"{WORD}\"\nMODE='{WORD}'\n# {WORD}\n{TOKEN}=x\nREF=${{DB_PASSWORD}}x\n"
            ),
        ),
        (
            "docker-compose.yml",
            format!(
                "# {WORD}\nname: deploy\nx-secret: {WORD}\nservices:\n  odoo:\n    image: odoo:18.0\n    build: {{ context: 'https://u:{WORD}@git/x', args: {{ PIP_TOKEN: {WORD} }} }}\n    command: serve --password {WORD}\n    entrypoint: ['sh', '-c', '{WORD}']\n    environment: {{ PASSWORD: {WORD}, MODE: '{WORD}', URL: 'redis://:{WORD}@r', D: '${{D:-{WORD}}}' }}\n    labels: ['a={WORD}', 'b.{TOKEN}=1']\n    healthcheck: {{ test: 'curl -u a:{WORD} x' }}\n    logging: {{ driver: splunk, options: {{ splunk-token: {WORD} }} }}\n    secrets: [a]\n    annotations: {{ a: {WORD} }}\n    post_start: [{{ command: 'x {WORD}', environment: ['A={WORD}'] }}]\n    ulimit: {WORD}\n  {TOKEN}: {{ image: 'x/{TOKEN}' }}\nsecrets:\n  a: {{ content: {WORD} }}\nconfigs:\n  b: {{ content: '{WORD}' }}\nvolumes:\n  v: {{ driver_opts: {{ type: cifs, o: 'password={WORD}', device: '//u:{WORD}@nas/x' }}, labels: {{ x: {WORD} }} }}\n"
            ),
        ),
        (
            "docker-compose.override.yml",
            format!("services:\n  odoo:\n    environment:\n      - PASSWORD={WORD}\n      - {WORD} {WORD}\n"),
        ),
        ("compose.broken.yml", format!("a: [{WORD}\n{WORD}")),
        (
            "nginx/nginx.conf",
            format!(
                "# {WORD}\nenv TOKEN={WORD};\nhttp {{\n  map $http_authorization $ok {{ default 0; \"Bearer {WORD}\" 1; }}\n  server {{\n    listen 80;\n    server_name a.example.com;\n    set $token {WORD};\n    secure_link_md5 \"$uri {WORD}\";\n    proxy_set_header Authorization \"Basic {WORD}\";\n    proxy_set_header X-Api-Key {WORD};\n    add_header X-Debug {WORD};\n    if ($http_x = {WORD}) {{ return 200 {WORD}; }}\n    location /hook/{TOKEN} {{ proxy_pass http://u:{WORD}@odoo:8069/?token={WORD}; }}\n    location / {{ return 302 https://x/?key={WORD}; rewrite ^/{WORD}$ /x; sub_filter a {WORD}; auth_basic \"{WORD}\"; }}\n  }}\n}}\n"
            ),
        ),
        ("nginx/broken.conf", format!("a {WORD} {{")),
        (&*format!("nginx/{TOKEN}.conf").leak(), WORD.to_string()),
        (
            "odoo/odoo.conf",
            format!(
                "[options]\nadmin_passwd = {WORD}\ndb_password = {WORD}\nsmtp_password = {WORD}\ndb_host = postgres://u:{WORD}@db\nown_option = {WORD}\n; {WORD}\nworkers = 2\n"
            ),
        ),
        ("odoo/start.sh", format!("#!/bin/sh\n# {WORD}\nexport TOKEN={WORD}\nmysql -p{WORD}\n")),
        ("superset/superset_config.py", format!("SECRET_KEY = '{WORD}'\n\"\"\"\n{WORD}\n\"\"\"\n")),
        ("superset/Dockerfile", format!("FROM x\nENV A={WORD}\nRUN curl -H 'Authorization: {WORD}' x\n")),
        (
            "certbot/cli.ini",
            format!("email = a@example.com\neab-hmac-key = {WORD}\ndns-token = {WORD}\n{WORD}\n"),
        ),
        ("certbot/x.service", format!("[Service]\nEnvironment=TOKEN={WORD}\nExecStart=/x {WORD}\n")),
        (
            "firewall/digitalocean.json",
            format!(
                "{{\"name\": \"{TOKEN}\", \"token\": \"x{TOKEN}\", \"inbound_rules\": [{{\"protocol\": \"{TOKEN}\"}}]}}"
            ),
        ),
        (
            "firewall/nftables.conf",
            format!("table x {{\n  chain y {{\n    accept comment \"{WORD}\"\n  }}\n}}\n"),
        ),
        ("other/x.json", format!("{{\"password\": \"{WORD}\", \"{TOKEN}\": 1}}")),
        ("stackgen.lock", lock()),
    ]
}

/// A lock that names all of them, so that all are read.
fn lock() -> String {
    let names = [
        "docker-compose.yml",
        "nginx/nginx.conf",
        "nginx/broken.conf",
        "odoo/odoo.conf",
        "odoo/start.sh",
        "superset/superset_config.py",
        "superset/Dockerfile",
        "certbot/cli.ini",
        "certbot/x.service",
        "firewall/digitalocean.json",
        "firewall/nftables.conf",
        "other/x.json",
    ];
    let files: BTreeMap<&str, String> = names.iter().map(|n| (*n, format!("sha256:{:064}", 0))).collect();
    json!({ "stackgen": 1, "stack": "x", "files": files }).to_string()
}

#[test]
fn no_canary_shows_anywhere() {
    let engine = Engine::new(poisoned());
    let files = files();
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let deploy = folder(&files);
    let listing = json!([{
        "name": format!("fw-{TOKEN}"), "tags": [TOKEN], "droplet_ids": [1],
        "inbound_rules": [{ "protocol": "tcp", "ports": "22", "sources": { "addresses": [TOKEN], "tags": [TOKEN], "load_balancer_uids": [TOKEN] } }],
        "outbound_rules": [], "token": WORD,
    }]);
    let broken = format!("[{{\"name\": {WORD}");
    let key = format!("-----BEGIN PRIVATE KEY-----\n{WORD}\n-----END PRIVATE KEY-----\n");
    let bad = format!("-----BEGIN CERTIFICATE-----\n{WORD}\n-----END CERTIFICATE-----\n");
    let more = folder(&[
        ("firewalls.json", &listing.to_string()),
        ("broken.txt", &broken),
        ("certificates/a/privkey.pem", &key),
        ("certificates/a/fullchain.pem", &format!("{key}{bad}")),
        ("certificates/b/cert.pem", &key),
        ("snapshot.json", &format!("{{\"stackgen\": 1, \"sources\": [{{\"source\": {WORD}")),
    ]);
    let at = |name: &str| more.path().join(name).display().to_string();
    let stack = super::common::root().join("stacks/odoo-erp-prod").display().to_string();
    let sources = [
        deploy.path().display().to_string(),
        engine.source(),
        format!("firewall:{}", at("firewalls.json")),
        format!("firewall:{}", at("broken.txt")),
        format!("certificates:{}", at("certificates")),
        at("snapshot.json"),
    ];
    for stack in [&[][..], &["--stack", stack.as_str()]] {
        let mut args = vec!["snapshot"];
        args.extend(sources.iter().map(String::as_str));
        args.extend(stack);
        let run = stackgen(&args, |_| {});
        check("output", &run.out);
        check("errors", &run.err);
        assert_eq!(run.code, Some(2), "{}", run.err);
        let json: Json = serde_json::from_str(&run.out).expect("JSON");
        // It was all read.
        for name in
            ["docker-compose.yml", "nginx/nginx.conf", "odoo/odoo.conf", "superset/superset_config.py"]
        {
            assert!(json["files"][name]["entries"].as_array().is_some_and(|e| e.len() > 1), "{name}");
        }
        assert!(
            run.out.matches("\"concealed\"").count() > 80,
            "{}",
            run.out.matches("\"concealed\"").count()
        );
        let fault = json["files"]["compose.broken.yml"]["fault"].as_str().unwrap_or_default();
        assert!(fault.starts_with("expected a Compose file, found something else in line "), "{fault}");
    }
    for source in [
        format!("ssh://u:{WORD}@host/x"),
        format!("https://u:{WORD}@host"),
        format!("docker+ssh://u:{WORD}@h"),
    ] {
        let run = stackgen(&["snapshot", &source], |_| {});
        check("errors", &format!("{}{}", run.out, run.err));
        assert_eq!(run.code, Some(2));
    }
    engine.asked();
}
