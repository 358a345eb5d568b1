//! What is read from a server: right, complete, without a secret, and without a way to write.

#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;

#[path = "deployed/engine.rs"]
mod engine;
#[path = "deployed/hostile.rs"]
mod hostile;
#[path = "deployed/secrets.rs"]
mod secrets;
#[path = "deployed/ssh.rs"]
mod ssh;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use serde_json::Value as Json;
use stackgen::deployed::conceal::{Concealer, Declared};
use stackgen::deployed::source::Source;
use stackgen::deployed::{Deployed, FileEntry, firewall, read};
use stackgen::emit::Artifact;
use stackgen::finding::Step;
use stackgen::outline::{self, Outline, Value};

use engine::Engine;

/// Answers of a real engine, as `tests/deployed/record` writes them.
fn recorded(name: &str) -> BTreeMap<String, Json> {
    let path = common::root().join(format!("tests/deployed/{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

fn fixture(name: &str) -> String {
    std::fs::read_to_string(common::root().join("tests/deployed").join(name)).expect("a file")
}

fn source(name: impl AsRef<str>) -> Source {
    Source::parse(name.as_ref(), None).expect("a source")
}

/// A folder with files in it.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }
    folder
}

fn asked(sources: &[Source], declared: Option<&Declared>) -> Deployed {
    let deployed = read(sources, declared, &Concealer::with_key(&[1; 32]).expect("a key"));
    for reading in &deployed.sources {
        assert!(reading.faults.is_empty(), "{reading:#?}");
    }
    deployed
}

/// `path = value` of entries; of concealed ones the path only.
fn said(entries: &[FileEntry]) -> BTreeMap<String, String> {
    let value = |value: &Value| match value {
        Value::Plain(text) => text.clone(),
        Value::Concealed(_) => "(concealed)".into(),
    };
    entries.iter().map(|e| (e.path.join(" / "), value(&e.value))).collect()
}

/// What an outline says below a path.
fn below(outline: &Outline, at: &[&str]) -> BTreeMap<String, String> {
    let text = |step: &Step| match step {
        Step::Key(key) => key.clone(),
        Step::Index(i) => i.to_string(),
    };
    outline
        .entries
        .iter()
        .filter_map(|(path, entry)| {
            let steps: Vec<String> = path.0.iter().map(text).collect();
            let rest = steps.strip_prefix(at.iter().map(|s| s.to_string()).collect::<Vec<_>>().as_slice())?;
            let Value::Plain(value) = &entry.value else { panic!("{path}") };
            (!rest.is_empty()).then(|| (rest.join(" / "), value.clone()))
        })
        .collect()
}

/// Lines of what is different.
fn differences(
    what: &str,
    wanted: &BTreeMap<String, String>,
    found: &BTreeMap<String, String>,
) -> Vec<String> {
    let keys: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
    let differ = keys.into_iter().filter(|k| wanted.get(*k) != found.get(*k));
    differ.map(|k| format!("{what} {k}: wanted {:?}, found {:?}", wanted.get(k), found.get(k))).collect()
}

/// Everything a Compose file can say of a service is found again in the container that a real Compose made of it on a
/// real engine, in the same form.
#[test]
fn a_container_says_what_its_compose_file_says() {
    let text = fixture("everything.yml");
    let engine = Engine::new(recorded("everything"));
    let deploy = folder(&[("docker-compose.yml", &text), (".env", "PW='hun$ter2'\n")]);
    let outline = outline::read("docker-compose.yml", &text).expect("an outline");
    let declared = Declared::new(&[Artifact::file("docker-compose.yml", text.clone())]);
    let sources = [source(deploy.path().display().to_string()), source(engine.source())];
    let deployed = asked(&sources, Some(&declared));
    let found = deployed.engine.expect("an engine");
    let mut wrong = Vec::new();
    let mut compared = 0;
    for container in found.containers.iter().filter(|c| c.project.is_some()) {
        let service = container.service.as_deref().expect("a service");
        let mut wanted = below(&outline, &["services", service]);
        wanted.retain(|path, _| !is_unseen(path));
        compared += wanted.len();
        wrong.extend(differences(service, &wanted, &said(&container.entries)));
    }
    for network in &found.networks {
        let key = network.key.as_deref().expect("a key");
        let wanted = below(&outline, &["networks", key]);
        compared += wanted.len();
        wrong.extend(differences(key, &wanted, &said(&network.entries)));
    }
    for volume in found.volumes.iter().filter(|v| !v.anonymous) {
        let key = volume.key.as_deref().expect("a key");
        let wanted = below(&outline, &["volumes", key]);
        compared += wanted.len();
        wrong.extend(differences(key, &wanted, &said(&volume.entries)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 100, "{compared}");
    engine.asked();
}

/// The reference stack as it ran on a real engine, with a stranger beside it. Its Compose file is kept as it was then.
fn reference() -> (tempfile::TempDir, Declared, Engine) {
    let mut compiled = common::built(&common::root().join("stacks/odoo-erp-prod/stack.yaml"));
    let file =
        compiled.artifacts.iter_mut().find(|a| a.path == "docker-compose.yml").expect("a Compose file");
    file.text = fixture("reference.yml");
    (common::written(&compiled), Declared::new(&compiled.artifacts), Engine::new(recorded("reference")))
}

#[test]
fn the_reference_stack_is_as_it_was_declared() {
    let (deploy, declared, engine) = reference();
    let sources = [source(engine.source()), source(deploy.path().display().to_string())];
    let deployed = asked(&sources, Some(&declared));
    let outline = declared.outline("docker-compose.yml").expect("an outline");
    let found = deployed.engine.as_ref().expect("an engine");
    let files = deployed.files.as_ref().expect("files");
    let dotenv: BTreeMap<&str, &Value> =
        files[".env"].entries.iter().map(|e| (e.path[0].as_str(), &e.value)).collect();
    let (mut wrong, mut secrets) = (Vec::new(), 0);
    for container in found.containers.iter().filter(|c| c.project.is_some()) {
        let service = container.service.as_deref().expect("a service");
        let mut wanted = below(outline, &["services", service]);
        // One that has not started has no secrets yet.
        let started = container.state != "created";
        wanted.retain(|path, _| !is_unseen(path) && (started || !path.starts_with("secrets")));
        wrong.extend(differences(service, &wanted, &said(&container.entries)));
        for (name, fingerprint) in container.secrets.iter().flatten() {
            assert_eq!(*dotenv[name.as_str()], Value::Concealed(fingerprint.clone()), "{service} {name}");
            secrets += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(secrets, 7);
    let strays: Vec<_> = found.containers.iter().filter(|c| c.project.is_none()).collect();
    assert_eq!((strays.len(), strays[0].name.as_str()), (1, "stray"));
    assert_eq!(said(&strays[0].entries)["environment / CANARY"], "(concealed)");
    assert_eq!(said(&strays[0].entries)["ports / 9999:80/tcp"], "");
    for path in declared.paths() {
        let (file, artifact) = (&files[path], declared.outline(path).expect("an outline"));
        assert_eq!(file.hash.as_deref(), declared.hash(path), "{path}");
        assert_eq!(differences(path, &below(artifact, &[]), &said_of(file)), Vec::<String>::new());
    }
    assert_eq!(files[".env"].hash, None);
    engine.asked();
}

/// What a file says, without the entry that stands for the whole of a text.
fn said_of(file: &stackgen::deployed::File) -> BTreeMap<String, String> {
    let mut said = said(&file.entries);
    said.remove("");
    said
}

/// `.env` was changed after the container had started.
#[test]
fn another_value_than_that_of_the_container_shows() {
    let (deploy, declared, engine) = reference();
    let path = deploy.path().join(".env");
    let text = std::fs::read_to_string(&path).expect("read");
    let changed = text.replace("SUPABASE_JWT_SECRET-", "x-").replace("N8N_DB_PASSWORD-", "x-");
    std::fs::write(&path, changed).expect("written");
    let sources = [source(engine.source()), source(deploy.path().display().to_string())];
    let deployed = asked(&sources, Some(&declared));
    let containers = deployed.engine.expect("an engine").containers;
    let of = |service: &str| containers.iter().find(|c| c.service.as_deref() == Some(service)).expect("one");
    let variable =
        |service: &str, name: &str| said(&of(service).entries)[&format!("environment / {name}")].clone();
    assert_eq!(variable("auth", "JWT_SECRET"), "(concealed)");
    assert_eq!(variable("ocr", "OPENAI_API_KEY"), "${OPENAI_API_KEY:?see .env.example}");
    let files = deployed.files.expect("files");
    let dotenv =
        |name: &str| &files[".env"].entries.iter().find(|e| e.path[0] == name).expect("a name").value;
    let secrets = of("n8n").secrets.as_ref().expect("secrets");
    let same = |name: &str| *dotenv(name) == Value::Concealed(secrets[name].clone());
    assert!(!same("N8N_DB_PASSWORD") && same("N8N_ENCRYPTION_KEY"));
}

/// What leaves no trace in a container: what only Compose acts on, and what is looked at in another way.
fn is_unseen(path: &str) -> bool {
    let first = path.split(" / ").next().unwrap_or_default();
    matches!(first, "depends_on" | "build" | "profiles" | "scale")
        || path.contains(" / bind / ")
        || path == "deploy / replicas"
        // Compose copies it into the container when that starts, and this one has not been started.
        || path == "secrets / envsecret"
}

#[test]
fn what_a_build_writes_and_what_the_provider_lists_are_one_form() {
    let compiled = common::built(&common::root().join("stacks/odoo-erp-prod/stack.yaml"));
    let artifact = compiled.artifacts.iter().find(|a| a.path == "firewall/digitalocean.json").expect("one");
    let built = firewall::read(artifact.text.as_bytes()).expect("a firewall");
    let mut listed: Json = serde_json::from_str(&artifact.text).expect("JSON");
    listed["id"] = "bb4b2611-3d72-467b-8602-280330ecd65c".into();
    listed["status"] = "succeeded".into();
    let rules = listed["inbound_rules"].as_array_mut().expect("a list");
    rules.reverse();
    rules[0]["sources"]["tags"] = Json::Null;
    rules.push(
        serde_json::json!({ "protocol": "tcp", "ports": "5432", "sources": { "addresses": ["0.0.0.0/0"] } }),
    );
    let list = folder(&[("list.txt", &serde_json::json!([listed]).to_string())]);
    let name = format!("firewall:{}", list.path().join("list.txt").display());
    let found = asked(&[source(name)], None).firewalls.expect("firewalls");
    let more: Vec<_> = found[0].rules.iter().filter(|r| !built[0].rules.contains(r)).collect();
    assert_eq!(more, ["inbound tcp 5432 from 0.0.0.0/0"]);
    assert_eq!((&found[0].name, found[0].rules.len()), (&built[0].name, built[0].rules.len() + 1));
    assert!(built[0].rules.contains(&"inbound tcp 22 from ::/0".to_string()), "{:#?}", built[0].rules);
}

#[test]
fn certificates_as_openssl_reads_them() {
    let Some(openssl) = common::program("openssl") else { return };
    let live = folder(&[("archive/www/x", ""), ("live/www/x", ""), ("nginx/temporary/x", "")]);
    let make = |folder: &str, days: &str, names: &str| {
        let at = live.path().join(folder);
        let args =
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", days];
        let names =
            ["-subj", "/CN=odd, \"name\"", "-addext", names, "-keyout", "privkey1.pem", "-out", "cert1.pem"];
        common::content(&openssl, &at, &[&args[..], &names].concat());
    };
    make(
        "archive/www",
        "30",
        "subjectAltName=DNS:www.Example.com,DNS:*.example.com,IP:192.0.2.1,IP:2001:db8::1",
    );
    make("nginx/temporary", "1", "subjectAltName=DNS:erp.example.com");
    for name in ["cert", "privkey"] {
        let target = format!("../../archive/www/{name}1.pem");
        let link = live.path().join(format!("live/www/{name}.pem"));
        std::os::unix::fs::symlink(target, link).expect("a link");
    }
    // Whoever opened it would wait for ever.
    let key = live.path().join("nginx/temporary/privkey.pem");
    assert!(Command::new("mkfifo").arg(key).status().expect("runs").success());
    let sources = [source(format!("certificates:{}", live.path().display()))];
    let found = asked(&sources, None).certificates.expect("certificates");
    assert_eq!(found.keys().collect::<Vec<_>>(), ["live/www/cert.pem", "nginx/temporary/cert1.pem"]);
    let one = &found["live/www/cert.pem"];
    assert_eq!(one.names, ["*.example.com", "192.0.2.1", "2001:db8::1", "www.example.com"]);
    assert!(one.self_signed && one.issuer.contains("odd"), "{one:?}");
    let args = ["x509", "-in", "live/www/cert.pem", "-noout", "-fingerprint", "-sha256", "-checkend"];
    let said = common::content(&openssl, live.path(), &[&args[..], &["0"]].concat());
    let fingerprint = said.lines().next().and_then(|l| l.split_once('=')).expect("a fingerprint").1;
    assert_eq!(one.fingerprint, fingerprint.replace(':', "").to_lowercase());
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs()
            as i64;
    assert!((one.ends - now - 30 * 86_400).abs() < 600, "{}", one.ends);
    let of_live = [source(format!("certificates:{}", live.path().join("live").display()))];
    assert!(asked(&of_live, None).certificates.expect("some").contains_key("www/cert.pem"));
}

#[test]
fn a_snapshot_says_what_was_read() {
    let (deploy, _, engine) = reference();
    let path = deploy.path().display().to_string();
    let stack = common::root().join("stacks/odoo-erp-prod").display().to_string();
    let more = folder(&[("key", "0123456789abcdef")]);
    let at = |name: &str| more.path().join(name).display().to_string();
    let (key, first, second, engine_url) = (at("key"), at("first.json"), at("second.json"), engine.source());
    let args = |out: &str| -> Vec<String> {
        ["snapshot", &path, &engine_url, "--stack", &stack, "--fingerprint-key", &key, "-o", out]
            .map(String::from)
            .into()
    };
    let run = |args: Vec<String>| stackgen(&args.iter().map(String::as_str).collect::<Vec<_>>(), |_| {});
    let (one, two) = (run(args(&first)), run(args(&second)));
    assert_eq!((one.code, two.code), (Some(0), Some(0)), "{}", one.err);
    assert!(one.err.contains("37 files, 11 containers, 9 networks, 11 volumes"), "{}", one.err);
    let text = |path: &str| std::fs::read_to_string(path).expect("a snapshot");
    assert_eq!(text(&first), text(&second));
    let schema: Json = serde_json::from_str(&stackgen(&["schema", "snapshot"], |_| {}).out).expect("JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    let value: Json = serde_json::from_str(&text(&first)).expect("JSON");
    assert!(validator.is_valid(&value));
    // A snapshot is a source like what it was taken of.
    let again = stackgen(&["snapshot", &first], |_| {});
    let mut of_it: Json = serde_json::from_str(&again.out).expect("JSON");
    assert_eq!(of_it["sources"][1]["source"], format!("{first}: {path}"));
    of_it["sources"] = value["sources"].clone();
    assert_eq!(of_it, value);
    // Without the key nothing can be compared, and nothing is the same.
    let other = stackgen(&["snapshot", &path, "--stack", &stack], |_| {});
    assert!(other.out != text(&first));
    for (args, code, says) in [
        (vec!["snapshot"], 2, "SOURCE"),
        (vec!["snapshot", &path, &path], 2, "expected one directory"),
        (vec!["snapshot", &path, &first], 2, "a second directory"),
        (vec!["snapshot", "dokcer://"], 2, "did you mean `docker:`?"),
        (vec!["snapshot", &path, "--fingerprint-key", &path], 2, "cannot read"),
        (vec!["snapshot", &path, "--env", "x"], 2, "--stack"),
        (vec!["snapshot", "nowhere.json"], 2, "cannot read the snapshot"),
        (vec!["snapshot", "firewall:-"], 2, "found something else in line 1"),
    ] {
        let run = stackgen(&args, |_| {});
        assert_eq!(run.code, Some(code), "{args:?} {}", run.err);
        assert!(run.err.contains(says), "{args:?} {}", run.err);
    }
    std::fs::write(at("short"), "short").expect("written");
    let run = stackgen(&["snapshot", &path, "--fingerprint-key", &at("short")], |_| {});
    assert!(run.err.contains("expected a key of at least 16 bytes, found 5"), "{}", run.err);
    let run = stackgen(&["snapshot", "docker://"], |c| {
        c.env("DOCKER_HOST", format!("unix://{}", engine.socket.display()));
    });
    assert_eq!(run.code, Some(0), "{}", run.err);
}

/// A run of stackgen: how it ended and everything it printed.
struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

fn stackgen(args: &[&str], set: impl FnOnce(&mut Command)) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackgen"));
    command.args(args).env_remove("DOCKER_HOST").env("NO_COLOR", "1").stdin(Stdio::null());
    set(&mut command);
    let output = command.output().expect("runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    Run { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}
