//! A server made up from what a build wrote: everything on it is as it should be until a test changes it.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may say so")]
#![allow(dead_code, reason = "each test program uses its own part")]

use std::collections::BTreeMap;

use stackgen::built;
use stackgen::compile::Compiled;
use stackgen::deployed::{
    Certificate, Container, Deployed, Engine, EngineNetwork, EngineVolume, File, FileEntry, Reading,
};
use stackgen::finding::{Path, Step};
use stackgen::outline::{self, Value};

/// When the files were written, and when the containers were made after that.
pub const WRITTEN: i64 = 1_700_000_000;
pub const STARTED: i64 = WRITTEN + 60;

/// A file with a text.
pub fn file(path: &str, text: &str, executable: bool) -> File {
    let read = outline::read(path, text);
    let fault = read.as_ref().err().map(ToString::to_string);
    let entries = read.map(|o| o.entries).unwrap_or_default();
    File {
        hash: Some(outline::hash(text.as_bytes())),
        modified: Some(WRITTEN),
        mode: Some(if executable { 0o755 } else { 0o644 }),
        syntax: outline::syntax(path),
        entries: entries.iter().map(|(p, e)| entry(&keys(p), e.value.clone(), e.line)).collect(),
        fault,
    }
}

pub fn keys(path: &Path) -> Vec<String> {
    path.0
        .iter()
        .map(|s| match s {
            Step::Key(key) => key.clone(),
            Step::Index(index) => index.to_string(),
        })
        .collect()
}

pub fn entry(path: &[String], value: Value, line: u32) -> FileEntry {
    FileEntry { path: path.to_vec(), value, line, implied: false }
}

/// The texts of the deploy directory after a build was deployed there.
pub fn texts(compiled: &Compiled) -> BTreeMap<String, String> {
    compiled.artifacts.iter().map(|a| (a.path.clone(), a.text.clone())).collect()
}

/// The deploy directory of those texts, and the lock of what `built` wrote.
pub fn folder(texts: &BTreeMap<String, String>, built: &Compiled) -> Deployed {
    let executable = |path: &str| built.artifacts.iter().any(|a| a.path == path && a.executable);
    Deployed {
        stackgen: 1,
        declared: true,
        sources: vec![Reading { source: "./server".into(), faults: Vec::new() }],
        files: Some(texts.iter().map(|(p, t)| (p.clone(), file(p, t, executable(p)))).collect()),
        lock: Some(lock(built)),
        ..Deployed::default()
    }
}

/// Keys of a service that leave no trace in a container.
const UNSEEN: [&str; 5] = ["build", "depends_on", "secrets", "configs", "profiles"];

/// The engine on which the Compose file of a build was brought up.
pub fn engine(compiled: &Compiled) -> Engine {
    let Some(artifact) = compiled.artifacts.iter().find(|a| a.path == "docker-compose.yml") else {
        return Engine::default();
    };
    let stack = compiled.stack.as_ref().expect("a stack");
    let outline = outline::read(&artifact.path, &artifact.text).expect("an outline");
    let below = |part: &str, name: &str| -> Vec<FileEntry> {
        let at = [Step::from(part), Step::from(name)];
        outline
            .entries
            .iter()
            .filter(|(p, _)| p.0.starts_with(&at))
            .map(|(p, e)| entry(&keys(p)[2..], e.value.clone(), 0))
            .collect()
    };
    let all = stack.services.iter().flat_map(|s| (1..=s.replicas).map(move |n| (s, n)));
    let containers = all.map(|(s, number)| {
        let job = s.role == stackgen::stack::Role::Job;
        let entries = below("services", &s.name)
            .into_iter()
            .filter(|e| {
                !UNSEEN.contains(&e.path[0].as_str()) && (e.path[0] != "deploy" || e.path[1] == "resources")
            })
            .filter(|e| e.path.get(2).is_none_or(|k| k != "bind"))
            .collect();
        Container {
            id: format!("id-of-{}-{number}", s.name),
            name: s
                .container_name
                .clone()
                .unwrap_or_else(|| format!("{}-{}-{number}", stack.project, s.name)),
            project: Some(stack.project.clone()),
            service: Some(s.name.clone()),
            config_hash: Some("hash".into()),
            image: s.image.reference.clone(),
            image_id: "sha256:aaaa".into(),
            reference_id: Some("sha256:aaaa".into()),
            state: if job { "exited" } else { "running" }.into(),
            exit_code: job.then_some(0),
            created: Some(STARTED),
            started: Some(STARTED),
            entries,
            ..Container::default()
        }
    });
    let of = |uses: &dyn Fn(&stackgen::stack::Service) -> bool| -> Vec<String> {
        let users = stack.services.iter().filter(|s| uses(s));
        let all = users.flat_map(|s| (1..=s.replicas).map(move |n| (s, n)));
        all.map(|(s, n)| {
            s.container_name.clone().unwrap_or_else(|| format!("{}-{}-{n}", stack.project, s.name))
        })
        .collect()
    };
    Engine {
        version: "28.0.0".into(),
        containers: containers.collect(),
        networks: stack
            .networks
            .iter()
            .map(|n| EngineNetwork {
                name: n.name.clone(),
                project: Some(stack.project.clone()),
                key: Some(n.key.clone()),
                config_hash: Some("hash".into()),
                entries: below("networks", &n.key),
                containers: of(&|s| s.networks.contains(&n.key)),
            })
            .collect(),
        volumes: stack
            .volumes
            .iter()
            .map(|v| EngineVolume {
                name: v.name.clone(),
                project: Some(stack.project.clone()),
                key: Some(v.key.clone()),
                config_hash: Some("hash".into()),
                anonymous: false,
                entries: below("volumes", &v.key),
                containers: of(&|s| {
                    s.mounts.iter().any(|m| m.source == stackgen::stack::MountSource::Volume(v.key.clone()))
                }),
            })
            .collect(),
    }
}

/// The certificates that a stack asks for, as they lie on the server.
pub fn certificates(compiled: &Compiled) -> BTreeMap<String, Certificate> {
    let stack = compiled.stack.as_ref().expect("a stack");
    stack
        .certificates
        .iter()
        .map(|c| {
            let path = match &c.files {
                Some((file, _)) => file.clone(),
                None => format!("/etc/letsencrypt/live/{}/fullchain.pem", c.name),
            };
            let certificate = Certificate {
                names: c.names.clone(),
                issuer: "CN=E7,O=Let's Encrypt,C=US".into(),
                self_signed: false,
                ends: STARTED + 60 * 86_400,
                fingerprint: "00".repeat(32),
            };
            (path, certificate)
        })
        .collect()
}

/// Everything there is to be read of a server.
pub fn whole(compiled: &Compiled) -> Deployed {
    let mut deployed = folder(&texts(compiled), compiled);
    deployed.engine = Some(engine(compiled));
    deployed.certificates = Some(certificates(compiled));
    deployed.now = Some(STARTED + 3600);
    deployed
}

/// The lock that a build writes.
pub fn lock(compiled: &Compiled) -> String {
    let digest = |a: &stackgen::emit::Artifact| {
        let read = outline::read(&a.path, &a.text).expect("an outline");
        (a.path.clone(), built::digest(&read))
    };
    let hash = |a: &stackgen::emit::Artifact| (a.path.clone(), outline::hash(a.text.as_bytes()));
    serde_json::json!({
        "stackgen": 1,
        "stack": compiled.stack.as_ref().expect("a stack").name,
        "files": compiled.artifacts.iter().map(hash).collect::<BTreeMap<_, _>>(),
        "entries": {
            "version": built::VERSION,
            "files": compiled.artifacts.iter().map(digest).collect::<BTreeMap<_, _>>(),
        },
    })
    .to_string()
}
