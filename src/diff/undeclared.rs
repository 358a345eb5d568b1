//! What is on a server and nobody declared: containers, networks, volumes and files.
//!
//! It is shown, and never proposed for deletion when it may hold data.

use std::collections::{BTreeMap, HashSet};

use crate::deployed::Container;
use crate::emit::compose::FILE;
use crate::finding::{Path, Step};
use crate::outline::{Entry, Value};
use crate::stack::MountSource;
use crate::write::LOCK;

use super::compare::Delta;
use super::consequence::Impact;
use super::files::{DOTENV, change, whole};
use super::steps::word;
use super::view::{View, is_leftover, plain, without_prefix};
use super::{Change, Consequence, Do, Status, Subject, SubjectKind, What};

/// Files that Compose reads by itself. Source: compose-go, cli/options.go, DefaultFileNames and
/// DefaultOverrideFileNames.
const BY_ITSELF: &[(&str, &str)] = &[
    ("compose.yaml", "Compose reads it instead of docker-compose.yml"),
    ("compose.yml", "Compose reads it instead of docker-compose.yml"),
    ("docker-compose.yaml", "Compose may read it instead of docker-compose.yml"),
    ("compose.override.yaml", "Compose lays it over docker-compose.yml by itself"),
    ("compose.override.yml", "Compose lays it over docker-compose.yml by itself"),
    ("docker-compose.override.yaml", "Compose lays it over docker-compose.yml by itself"),
    ("docker-compose.override.yml", "Compose lays it over docker-compose.yml by itself"),
];

pub(super) fn find(view: &View, changes: &mut Vec<Change>) {
    files(view, changes);
    // What runs under the name that the project had is what the change of the name is about.
    let name = Path(vec![Step::from("name")]);
    if changes.iter().any(|c| c.file.as_deref() == Some(FILE) && c.path == name) {
        return;
    }
    containers(view, changes);
    networks(view, changes);
    volumes(view, changes);
}

/// A change that is nothing but there.
fn extra(
    view: &View,
    subject: Subject,
    what: &str,
    file: Option<&str>,
    consequence: Consequence,
    why: impl Into<String>,
) -> Change {
    let delta = Delta {
        path: Path(vec![Step::from(subject.kind.word()), Step::from(&subject.name)]),
        before: (!what.is_empty()).then(|| Entry { value: Value::Plain(what.into()), line: 0 }),
        ..whole(What::Removed, 1)
    };
    let mut change = change(view, file, delta, Impact::new(subject, consequence, why), Status::Undeclared);
    if file.is_some() {
        change.path = Path::default();
    }
    change.running = file.is_none();
    change.place = None;
    change
}

fn files(view: &View, changes: &mut Vec<Change>) {
    let known = known_paths(view);
    for (path, _) in view.deployed.files.iter().flatten() {
        let ours = view.makes(path)
            || view.built.is_some_and(|b| b.hash(path).is_some())
            || path == LOCK
            || path == DOTENV;
        let inside =
            |k: &String| path == k || path.strip_prefix(k.as_str()).is_some_and(|rest| rest.starts_with('/'));
        if ours || known.iter().any(inside) {
            continue;
        }
        let (consequence, why) = match BY_ITSELF.iter().find(|(name, _)| name == path) {
            Some((_, why)) => (Consequence::Recreate, (*why).to_string()),
            None => {
                let folder = path.split_once('/').map(|(f, _)| f);
                let readers = folder.map(|f| view.readers(f)).unwrap_or_default();
                let why = if readers.is_empty() {
                    "no build wrote it".to_string()
                } else {
                    format!("no build wrote it, and {} can read it", readers.join(", "))
                };
                (Consequence::Nothing, why)
            }
        };
        changes.push(extra(view, Subject::new(SubjectKind::File, path), "", Some(path), consequence, why));
    }
}

/// Paths of the deploy directory that the manifest speaks of without making them.
fn known_paths(view: &View) -> Vec<String> {
    let stack = view.stack;
    let mounts = stack.services.iter().flat_map(|s| &s.mounts).filter_map(|m| match &m.source {
        MountSource::Host(path) => Some(path.as_str()),
        _ => None,
    });
    let builds = stack.services.iter().filter_map(|s| s.build.as_ref()).map(|b| b.context.as_str());
    let cas = stack.databases.iter().filter_map(|d| d.ca.as_deref());
    let certificates =
        stack.certificates.iter().filter_map(|c| c.files.as_ref()).flat_map(|(a, b)| [a.as_str(), b]);
    let directory = stack.host.directory.as_deref().unwrap_or_default();
    mounts
        .chain(builds)
        .chain(cas)
        .chain(certificates)
        .map(|p| p.strip_prefix(directory).filter(|_| !directory.is_empty()).unwrap_or(p))
        .map(|p| p.trim_start_matches("./").trim_matches('/').to_string())
        .filter(|p| !p.is_empty() && !p.starts_with(".."))
        .collect()
}

/// Ports of a container that can be reached from outside, as `PORT/PROTOCOL` or what the engine calls them.
fn open_ports(container: &Container) -> Vec<String> {
    let mut hosts: BTreeMap<String, (String, bool)> = BTreeMap::new();
    for entry in container.entries.iter().filter(|e| e.path.first().is_some_and(|k| k == "ports")) {
        let id = entry.path.get(1).cloned().unwrap_or_default();
        let value = plain(&entry.value).unwrap_or_default();
        let known = hosts.entry(id.clone()).or_insert((id, false));
        known.1 |= entry.path.iter().any(|k| k.contains("127.") || k.contains("::1"))
            || value.contains("127.")
            || value.contains("::1");
    }
    hosts.into_values().filter(|(_, loopback)| !loopback).map(|(id, _)| id).collect()
}

fn containers(view: &View, changes: &mut Vec<Change>) {
    let mut others: BTreeMap<&str, Vec<&Container>> = BTreeMap::new();
    for container in view.deployed.engine.iter().flat_map(|e| &e.containers) {
        let ours = container.project.as_deref() == Some(view.stack.project.as_str());
        match (&container.project, &container.service) {
            (Some(_), Some(service)) if ours && !container.one_off => {
                let mine = view.containers(service).iter().any(|c| c.id == container.id);
                if !mine {
                    orphan(view, service, container, changes);
                }
            }
            (Some(project), _) if !ours => others.entry(project).or_default().push(container),
            _ => changes.push(alone(view, container)),
        }
    }
    for (project, list) in others {
        changes.push(other_project(view, project, &list));
    }
}

/// A container of the project whose service is not in the manifest, or what a recreate left.
fn orphan(view: &View, service: &str, container: &Container, changes: &mut Vec<Change>) {
    let at = Path(vec![Step::from("services"), Step::from(service)]);
    let removed = changes
        .iter_mut()
        .find(|c| c.file.as_deref() == Some(FILE) && c.path == at && c.what == What::Removed);
    if let Some(change) = removed {
        change.running = true;
        return;
    }
    let subject = Subject::new(SubjectKind::Container, &container.name);
    if is_leftover(container) {
        let name = without_prefix(&container.name).unwrap_or_default();
        let mut change = extra(
            view,
            subject,
            &container.state,
            None,
            Consequence::Nothing,
            format!("an interrupted recreate of `{name}` left it"),
        );
        change.command = Some(Do::Remove(format!("docker rm -f {}", word(&container.name))));
        changes.push(change);
        return;
    }
    let (consequence, ports) = exposure(container);
    let was_ours = view.built.is_some_and(|b| b.had(FILE, &at.join("image")) == Some(true));
    let why = if was_ours {
        "the service is not in the manifest any more; Compose lets its container run on"
    } else {
        "the project has it, but no file names its service"
    };
    changes.push(extra(view, subject, &container.image, None, consequence, format!("{why}{ports}")));
}

fn alone(view: &View, container: &Container) -> Change {
    let subject = Subject::new(SubjectKind::Container, &container.name);
    let (consequence, ports) = exposure(container);
    let why = if container.one_off {
        "`docker compose run` made it, and nobody removed it"
    } else {
        "it was started by hand, and belongs to no project"
    };
    extra(view, subject, &container.image, None, consequence, format!("{why}{ports}"))
}

fn exposure(container: &Container) -> (Consequence, String) {
    let open = if container.state == "running" { open_ports(container) } else { Vec::new() };
    if open.is_empty() {
        (Consequence::Nothing, String::new())
    } else {
        (Consequence::Exposure, format!("; it can be reached from outside: {}", open.join(", ")))
    }
}

fn other_project(view: &View, project: &str, list: &[&Container]) -> Change {
    let worst = list.iter().map(|c| exposure(c)).max();
    let (consequence, ports) = worst.unwrap_or((Consequence::Nothing, String::new()));
    let running = list.iter().filter(|c| c.state == "running").count();
    let mut names: Vec<&str> = list.iter().map(|c| c.name.as_str()).collect();
    names.sort_unstable();
    let more = names.len().saturating_sub(5);
    names.truncate(5);
    let mut what = names.join(", ");
    if more > 0 {
        what.push_str(&format!(" and {more} more"));
    }
    let why = format!("another project on the same server, {running} of {} running{ports}", list.len());
    extra(view, Subject::new(SubjectKind::Project, project), &what, None, consequence, why)
}

fn networks(view: &View, changes: &mut Vec<Change>) {
    let others = other_projects(view);
    let ours: HashSet<&str> = view.stack.networks.iter().map(|n| n.name.as_str()).collect();
    for network in view.deployed.engine.iter().flat_map(|e| &e.networks) {
        if ours.contains(network.name.as_str())
            || network.project.as_deref().is_some_and(|p| others.contains(p))
            || already(changes, "networks", network.key.as_deref(), network.project.as_deref(), view)
        {
            continue;
        }
        let on = network.containers.join(", ");
        let why = if on.is_empty() { "nothing is on it".into() } else { format!("on it: {on}") };
        changes.push(extra(
            view,
            Subject::new(SubjectKind::Network, &network.name),
            "",
            None,
            Consequence::Nothing,
            why,
        ));
    }
}

/// Projects beside that of the stack that have containers: what is theirs is said with them.
fn other_projects<'v>(view: &'v View) -> HashSet<&'v str> {
    let containers = view.deployed.engine.iter().flat_map(|e| &e.containers);
    containers.filter_map(|c| c.project.as_deref()).filter(|p| *p != view.stack.project).collect()
}

/// Whether a file shows it: a network or volume that the manifest no longer has, or names otherwise.
fn already(
    changes: &mut [Change],
    part: &str,
    key: Option<&str>,
    project: Option<&str>,
    view: &View,
) -> bool {
    let Some(key) = key.filter(|_| project == Some(view.stack.project.as_str())) else { return false };
    let at = Path(vec![Step::from(part), Step::from(key)]);
    let found = changes
        .iter_mut()
        .find(|c| c.file.as_deref() == Some(FILE) && (c.path == at || c.path == at.join("name")));
    found.map(|c| c.running = true).is_some()
}

fn volumes(view: &View, changes: &mut Vec<Change>) {
    let others = other_projects(view);
    let ours: HashSet<&str> = view.stack.volumes.iter().map(|v| v.name.as_str()).collect();
    let mut anonymous = Vec::new();
    for volume in view.deployed.engine.iter().flat_map(|e| &e.volumes) {
        if volume.anonymous {
            anonymous.push(volume);
            continue;
        }
        if ours.contains(volume.name.as_str())
            || volume.project.as_deref().is_some_and(|p| others.contains(p))
            || already(changes, "volumes", volume.key.as_deref(), volume.project.as_deref(), view)
        {
            continue;
        }
        let used = if volume.containers.is_empty() {
            "nothing mounts it".to_string()
        } else {
            format!("mounted by {}", volume.containers.join(", "))
        };
        let why = format!("it may hold data, and no manifest says whose; {used}");
        changes.push(extra(
            view,
            Subject::new(SubjectKind::Volume, &volume.name),
            "",
            None,
            Consequence::Nothing,
            why,
        ));
    }
    // Those that a container of the stack mounts come from its image, and go with it.
    anonymous.retain(|v| v.containers.is_empty());
    if !anonymous.is_empty() {
        let name = if anonymous.len() == 1 {
            "without a name".into()
        } else {
            format!("{} without names", anonymous.len())
        };
        let why = "they may hold data: what containers wrote that are gone";
        changes.push(extra(
            view,
            Subject::new(SubjectKind::Volume, name),
            "",
            None,
            Consequence::Nothing,
            why,
        ));
    }
}
