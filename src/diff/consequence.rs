//! What a change of a file costs when it is deployed: tables per file format, and what Docker Compose does.
//!
//! Compose makes a container anew when the hash of its service differs, and hashes everything a service says but a few
//! keys. Source: docker/compose, pkg/compose/hash.go, convergence.go and create.go, 2.40; `tests/engine` holds this
//! against a real engine.

use crate::emit::compose::FILE;
use crate::finding::Path;
use crate::manifest::Class;
use crate::outline::Value;
use crate::stack::{Role, Service};

use super::compare::Delta;
use super::view::{View, key, plain};
use super::{Consequence, Do, Fate, Status, Subject, SubjectKind, What};

/// What a change costs.
#[derive(Debug, Clone)]
pub(super) struct Impact {
    pub subject: Subject,
    pub consequence: Consequence,
    pub why: String,
    pub command: Option<Do>,
    pub fates: Vec<(String, Fate)>,
}

impl Impact {
    pub fn new(subject: Subject, consequence: Consequence, why: impl Into<String>) -> Self {
        Self { subject, consequence, why: why.into(), command: None, fates: Vec::new() }
    }

    pub fn by(mut self, todo: Do) -> Self {
        self.command = Some(todo);
        self
    }

    fn fates<'n>(mut self, services: impl IntoIterator<Item = &'n str>, fate: Fate) -> Self {
        self.fates.extend(services.into_iter().map(|s| (s.to_string(), fate)));
        self
    }
}

/// Keys of a service that are not hashed, and what becomes of a change of them.
const NOT_HASHED: &[(&str, &str)] = &[
    ("depends_on", "only the order of starting; Compose replaces no container for it"),
    ("pull_policy", "counts at the next pull; Compose replaces no container for it"),
    ("profiles", "only which services are started; Compose replaces no container for it"),
];

/// Keys by which one service lives in another's container, which then may not be replaced without it.
const SHARED: &[&str] = &["network_mode", "ipc", "pid", "volumes_from"];

/// A change of the Compose file.
pub(super) fn compose(view: &View, delta: &Delta, status: Status) -> Impact {
    let name = key(&delta.path, 1).unwrap_or_default();
    match (key(&delta.path, 0), delta.path.0.len()) {
        (Some("name"), _) => project(view),
        (Some("services"), 2) => whole_service(view, name, delta.what),
        (Some("services"), _) => service(view, name, delta, status),
        (Some("volumes"), _) => volume(view, name, delta),
        (Some("networks"), _) => network(view, name, delta),
        (Some("secrets" | "configs"), _) => secret(view, name, delta),
        _ => Impact::new(
            Subject::new(SubjectKind::File, FILE),
            Consequence::Nothing,
            "Compose keeps nothing of it",
        ),
    }
}

/// Another project is another set of containers, networks and volumes; the old ones run on and are in the way.
fn project(view: &View) -> Impact {
    let subject = Subject::new(SubjectKind::Project, view.stack.project.clone());
    let services = view.stack.services.iter().map(|s| s.name.as_str());
    let keeps = view.stack.volumes.iter().any(|v| matches!(v.class, Class::Critical | Class::Important));
    let (consequence, end) = if keeps {
        (Consequence::DataLoss, ", and the new ones do not find what those keep")
    } else {
        (Consequence::Outage, "")
    };
    let why = format!(
        "to Compose another project is another set of containers and networks: the old ones run on beside it, in the \
         way of its ports and names{end}"
    );
    Impact::new(subject, consequence, why).by(Do::Up).fates(services, Fate::Created)
}

fn whole_service(view: &View, name: &str, what: What) -> Impact {
    let subject = Subject::new(SubjectKind::Service, name);
    if is_tool(view, name) {
        return tool(subject);
    }
    if what == What::Added {
        let known = view.service(name);
        let open = known.is_some_and(|s| s.publish.iter().any(|p| !p.loopback()) && s.role != Role::Proxy);
        let (consequence, why) = if open {
            (Consequence::Exposure, "a new container, with ports published on every address")
        } else {
            (Consequence::Nothing, "a new container; nothing else notices")
        };
        return Impact::new(subject, consequence, why).by(Do::Up).fates([name], Fate::Created);
    }
    // Whatever it was called, Compose knows the container by its labels.
    let container = format!("$(docker compose ps -aq {})", super::steps::word(name));
    Impact::new(
        subject,
        Consequence::Restart,
        "Compose lets the container of a service that is gone run on; it is stopped by hand, which ends the service",
    )
    .by(Do::Remove(format!("docker rm -f {container}")))
    .fates([name], Fate::Orphaned)
}

fn is_tool(view: &View, name: &str) -> bool {
    view.service(name).is_some_and(|s| s.role == Role::Tool)
}

/// A service that has no container until it is asked for.
fn tool(subject: Subject) -> Impact {
    Impact::new(
        subject,
        Consequence::Nothing,
        "it runs only when it is asked to; the next time it is as the file says",
    )
}

/// A key of a service that both sides have.
fn service(view: &View, name: &str, delta: &Delta, status: Status) -> Impact {
    let subject = Subject::new(SubjectKind::Service, name);
    if is_tool(view, name) {
        return tool(subject);
    }
    let keys: Vec<&str> = (2..delta.path.0.len()).filter_map(|i| key(&delta.path, i)).collect();
    if let Some((_, why)) = NOT_HASHED.iter().find(|(k, _)| keys.first() == Some(k)) {
        return Impact::new(subject, Consequence::Nothing, *why).by(Do::Up);
    }
    match keys.as_slice() {
        ["build", ..] => {
            return Impact::new(
                subject,
                Consequence::Recreate,
                "not part of what Compose compares: the image is built anew first, and then another one",
            )
            .by(Do::Build(vec![name.into()]));
        }
        ["scale"] | ["deploy", "replicas"] => {
            return Impact::new(
                subject,
                Consequence::Restart,
                "containers are added or taken away; the others stay",
            )
            .by(Do::Up)
            .fates([name], Fate::Scaled);
        }
        _ => {}
    }
    let (consequence, why) = if let Some(why) = other_data(view, delta, &keys, status) {
        (Consequence::DataLoss, why)
    } else if keys.first() == Some(&"ports") && opens(delta) {
        (Consequence::Exposure, "the port is published on every address of the server".into())
    } else if keys.first() == Some(&"ports") && status.drift() && is_open(delta) {
        (Consequence::Exposure, "a port is published that should not be".into())
    } else {
        (
            Consequence::Recreate,
            format!("`{}` is part of what Compose compares", keys.first().unwrap_or(&"it")),
        )
    };
    let mut impact = Impact::new(subject, consequence, why).by(Do::Up).fates([name], Fate::Recreated);
    impact.fates.extend(view.guests(name).iter().map(|guest| ((*guest).to_string(), Fate::Recreated)));
    impact
}

/// Whether one is stopped and started with the other: Compose does so with what shares a namespace, not with what only
/// shares volumes. Seen on a real engine by `tests/engine/oracle.py`.
pub(super) fn restarts_with(guest: &Service, host: &str) -> bool {
    let keys = SHARED.iter().filter(|key| **key != "volumes_from");
    let mut named = keys.filter_map(|key| guest.overrides.get(*key)?.as_str()?.strip_prefix("service:"));
    named.any(|name| name == host)
}

/// Services in whose containers one lives.
pub(super) fn lives_in(service: &Service) -> Vec<&str> {
    let mut hosts = Vec::new();
    for key in SHARED {
        let Some(value) = service.overrides.get(*key) else { continue };
        let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for text in list.iter().filter_map(serde_json::Value::as_str) {
            let named = if *key == "volumes_from" { Some(text) } else { text.strip_prefix("service:") };
            hosts.extend(named.and_then(|n| n.split(':').next()));
        }
    }
    hosts
}

/// Whether a published port can be reached from outside, and could not before.
fn opens(delta: &Delta) -> bool {
    let loopback = |path: &Path, value: &Value| {
        let text = format!("{path} {}", plain(value).unwrap_or_default());
        text.contains("127.") || text.contains("::1")
    };
    let is_address = |path: &Path| path.0.last().is_some_and(|s| *s == crate::finding::Step::from("host_ip"));
    match delta.what {
        What::Added => {
            !delta.parts.iter().any(|(p, _, after)| after.as_ref().is_some_and(|v| loopback(p, v)))
        }
        What::Removed => delta
            .parts
            .iter()
            .all(|(p, before, _)| is_address(p) && before.as_ref().is_some_and(|v| loopback(p, v))),
        _ => delta.parts.iter().any(|(p, before, after)| {
            before.as_ref().is_some_and(|v| loopback(p, v)) && !after.as_ref().is_some_and(|v| loopback(p, v))
        }),
    }
}

/// Whether the server publishes a port on every address that the manifest does not.
fn is_open(delta: &Delta) -> bool {
    let open = |path: &Path| !path.to_string().contains("127.") && !path.to_string().contains("[::1]");
    delta.what == What::Removed && delta.parts.iter().any(|(p, ..)| open(p))
}

/// Whether a service keeps its data elsewhere after the change, or is given another database.
fn other_data(view: &View, delta: &Delta, keys: &[&str], status: Status) -> Option<String> {
    if let ["volumes", target, ..] = keys {
        let volumes = |side: fn(&super::compare::Part) -> Option<&Value>| {
            delta.parts.iter().filter_map(side).filter_map(plain).map(str::to_string).collect::<Vec<_>>()
        };
        let (before, after) = (volumes(|p| p.1.as_ref()), volumes(|p| p.2.as_ref()));
        // A folder of the server has a slash in it, and stays where it is.
        let lost = before.iter().find(|b| is_volume_name(b) && !after.contains(b))?;
        let source = delta.parts.iter().any(|(p, ..)| {
            p.0.last().is_none_or(|s| {
                *s != crate::finding::Step::from("type") && *s != crate::finding::Step::from("read_only")
            })
        });
        // What the manifest has retired may go; what somebody has mounted since then was not meant by it.
        let retired = view.volume(lost).is_some_and(|v| v.class == Class::Deprecated);
        return (source && (view.is_precious(lost) || retired && status == Status::Drift))
            .then(|| format!("the service no longer sees the volume `{lost}` at {target}"));
    }
    if let ["environment", name] = keys
        && delta.what == What::Changed
        && is_database(view, key(&delta.path, 1)?, name, delta)
    {
        return Some("the service starts on another database; what is in the old one stays there".into());
    }
    None
}

fn is_volume_name(text: &str) -> bool {
    !text.is_empty()
        && !matches!(text, "volume" | "bind" | "tmpfs" | "true" | "false")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Names of settings that say which database is used, as the products we know spell them.
const DATABASE_KEYS: &[&str] =
    &["database", "db_name", "dbname", "postgres_db", "db_database", "pgdatabase", "mysql_database"];

/// Whether a setting says which database a service uses.
pub(super) fn is_database(view: &View, service: &str, name: &str, delta: &Delta) -> bool {
    let name = name.to_ascii_lowercase();
    let named = DATABASE_KEYS.iter().any(|k| name == *k || name.ends_with(&format!("_{k}")));
    let after = delta.after.as_ref().and_then(|e| plain(&e.value));
    let known = view
        .service(service)
        .and_then(|s| s.database.as_ref())
        .is_some_and(|d| after == Some(d.name.as_str()) && !name.contains("user") && !name.contains("role"));
    // A user is often called like the database.
    named || known && name.contains("db")
}

/// A volume of the stack.
fn volume(view: &View, name: &str, delta: &Delta) -> Impact {
    let subject = Subject::new(SubjectKind::Volume, name);
    let users = view.mounting(name);
    let precious = view.is_precious(name);
    let loss = if precious { Consequence::DataLoss } else { Consequence::Recreate };
    let what = match view.volume(name).map(|v| v.class) {
        Some(Class::Critical) => "critical data",
        Some(Class::Important) => "important data",
        Some(Class::Cache) => "what can be made again",
        Some(Class::Deprecated) => "data that is kept",
        None => "data that the manifest says nothing of",
    };
    let last = key(&delta.path, delta.path.0.len() - 1).unwrap_or_default();
    match delta.what {
        What::Added if delta.path.0.len() == 2 => {
            Impact::new(subject, Consequence::Nothing, "a new, empty volume").by(Do::Up)
        }
        What::Removed if delta.path.0.len() == 2 => Impact::new(
            subject,
            Consequence::DataLoss,
            "it stays on the server, but nothing mounts it any more, and nothing says that it matters",
        ),
        _ if last == "name" || last == "external" => Impact::new(
            subject,
            loss,
            format!("another name is another, empty volume; the old one stays behind with {what}"),
        )
        .by(Do::Up)
        .fates(users.iter().copied(), Fate::Recreated),
        _ => Impact::new(
            subject,
            loss,
            format!("Compose asks whether to remove the volume and make it anew; with it goes {what}"),
        )
        .by(Do::Up)
        .fates(users.iter().copied(), Fate::Recreated),
    }
}

/// A network of the stack.
fn network(view: &View, name: &str, delta: &Delta) -> Impact {
    let subject = Subject::new(SubjectKind::Network, name);
    let whole = delta.path.0.len() == 2;
    let attached = view.attached(name);
    match delta.what {
        What::Added if whole => Impact::new(subject, Consequence::Nothing, "a new network").by(Do::Up),
        What::Removed if whole => Impact::new(subject, Consequence::Nothing, "it stays on the server, empty")
            .by(Do::Remove("docker network prune".into())),
        _ if key(&delta.path, 2) == Some("name") => Impact::new(
            subject,
            Consequence::Outage,
            "another name is another network: every container on it is replaced",
        )
        .by(Do::Up)
        .fates(attached.iter().copied(), Fate::Recreated),
        _ => Impact::new(
            subject,
            Consequence::Outage,
            "Compose stops everything on the network, removes it and makes it anew",
        )
        .by(Do::Up)
        .fates(attached.iter().copied(), Fate::Restarted),
    }
}

/// A file that Compose puts into containers; its content is not hashed, where it comes from is not either.
fn secret(view: &View, name: &str, delta: &Delta) -> Impact {
    let subject = Subject::new(SubjectKind::Secret, name);
    let users: Vec<&str> = view
        .stack
        .services
        .iter()
        .filter(|s| s.secret_files.iter().any(|f| f == name))
        .map(|s| s.name.as_str())
        .collect();
    if users.is_empty() || delta.what == What::Removed && delta.path.0.len() == 2 {
        return Impact::new(subject, Consequence::Nothing, "no service of the manifest is given it");
    }
    Impact::new(
        subject,
        Consequence::Recreate,
        "a container keeps the value it was made with, and Compose does not compare it",
    )
    .by(Do::Recreate(users.into_iter().map(str::to_string).collect()))
}
