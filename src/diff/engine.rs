//! What runs against what should run: containers, networks and volumes of the stack on a Docker engine.
//!
//! What a file shows already is not said twice: a difference that both show is one.

mod resources;
mod state;

use std::collections::HashMap;

use crate::deployed::{Container, FileEntry};
use crate::emit::compose::FILE;
use crate::finding::{Path, Place, Step};
use crate::outline::{Entry, Value};
use crate::stack::{Role, Service};

use super::compare::{self, Delta};
use super::consequence::{self, Impact};
use super::files::{change, whole};
use super::steps::word;
use super::view::{View, is_leftover, key};
use super::{Change, Consequence, Do, Fate, Status, Subject, SubjectKind, What, interpolate};

/// Keys of a service that leave no trace in a container.
const UNSEEN: &[&str] = &[
    "build",
    "depends_on",
    "pull_policy",
    "profiles",
    "scale",
    "secrets",
    "configs",
    "develop",
    "env_file",
    "extends",
    "attach",
    "post_start",
    "pre_stop",
    "provider",
    "models",
    "label_file",
];

/// Keys that can be changed of a container that runs, so that Compose does not notice.
const IN_PLACE: &[&str] =
    &["deploy", "mem_limit", "cpus", "pids_limit", "restart", "networks", "container_name"];

pub(super) fn compare(view: &View, changes: &mut Vec<Change>) {
    let Some(engine) = &view.deployed.engine else { return };
    let known: HashMap<Path, usize> = changes
        .iter()
        .enumerate()
        .filter(|(_, c)| c.file.as_deref() == Some(FILE))
        .map(|(i, c)| (c.path.clone(), i))
        .collect();
    let mut parts: HashMap<Path, Vec<usize>> = HashMap::new();
    for (path, index) in known.iter().filter(|(path, _)| path.0.len() > 2) {
        parts.entry(Path(path.0[..2].to_vec())).or_default().push(*index);
    }
    let mut found = Found { view, known, parts, changes };
    // Of another project nothing is there yet, and that is one thing to say.
    if let Some(project) = found.in_file(&Path(vec![Step::from("name")])) {
        project.running = true;
        return;
    }
    for service in &view.stack.services {
        found.service(service);
    }
    found.networks(engine);
    found.volumes(engine);
}

struct Found<'a, 'b> {
    view: &'a View<'a>,
    /// Changes of the Compose file, by path.
    known: HashMap<Path, usize>,
    /// The same by the first two steps of their paths.
    parts: HashMap<Path, Vec<usize>>,
    changes: &'b mut Vec<Change>,
}

impl Found<'_, '_> {
    /// The change of the file that says what lies at a path, or above it.
    fn in_file(&mut self, path: &Path) -> Option<&mut Change> {
        let index = (0..=path.0.len()).rev().find_map(|n| self.known.get(&Path(path.0[..n].to_vec())))?;
        self.changes.get_mut(*index)
    }

    fn service(&mut self, service: &Service) {
        let containers = self.view.containers(&service.name);
        let at = Path(vec![Step::from("services"), Step::from(&service.name)]);
        if service.role == Role::Tool {
            return;
        }
        if containers.is_empty() {
            self.absent(service, at);
            return;
        }
        let mut seen_paths: Vec<Path> = Vec::new();
        for container in containers {
            let running = under(self.view, &at, &container.entries, seen);
            let view = self.view;
            let wanted = view.compose(&at).filter(|(path, _)| seen(path));
            for delta in compare::compare(&running, wanted, 4, |a, b| interpolate::same(view, a, b)) {
                if !seen_paths.contains(&delta.path) {
                    seen_paths.push(delta.path.clone());
                    self.container(service, container, delta);
                }
            }
            self.state(service, container);
            self.image(service, container, &seen_paths);
            self.secrets(service, container);
        }
        self.already(&at, &seen_paths);
        self.replicas(service, containers.len());
        self.unread(service, containers);
    }

    /// No container at all.
    fn absent(&mut self, service: &Service, at: Path) {
        if let Some(change) = self.in_file(&at) {
            change.running = true;
            return;
        }
        let mut delta = whole(What::Added, 1);
        delta.path = at;
        let status = match self.view.built {
            None => Status::Unknown,
            Some(_) => Status::Drift,
        };
        let job = service.role == Role::Job;
        let why = if job { "the job has not run" } else { "there is no container of the service" };
        let mut impact =
            Impact::new(Subject::new(SubjectKind::Service, &service.name), Consequence::Nothing, why)
                .by(Do::Up);
        impact.fates.push((service.name.clone(), Fate::Created));
        self.push(delta, impact, status, service.place.clone());
    }

    fn push(&mut self, delta: Delta, impact: Impact, status: Status, place: Place) {
        let mut change = change(self.view, None, delta, impact, status);
        change.running = true;
        change.place = (status != Status::Undeclared).then_some(place);
        self.changes.push(change);
    }

    /// An entry of a container that is not as it should be.
    fn container(&mut self, service: &Service, container: &Container, delta: Delta) {
        let exact = self.known.contains_key(&delta.path);
        if let Some(change) = self.in_file(&delta.path) {
            change.running = true;
            let before = delta.before.map(|e| e.value);
            if exact && before != change.before {
                change.file_says = change.before.take();
                change.before = before;
            }
            return;
        }
        // The file is as it should be. A container that is older than it has not been brought up to it.
        let file = self.view.file(FILE);
        let older = match (file.and_then(|f| f.modified), container.created) {
            (Some(written), Some(made)) => made < written,
            _ => false,
        };
        let status = match (file, self.view.built) {
            (Some(_), _) if older => Status::Undeployed,
            (None, None) => Status::Unknown,
            _ => Status::Drift,
        };
        let mut delta = delta;
        if let Some(now) = delta.after.as_ref().and_then(|e| interpolate::resolved(self.view, &e.value)) {
            delta.after = Some(Entry { value: now, line: 0 });
        }
        let first = key(&delta.path, 2).unwrap_or_default().to_string();
        let mut impact = consequence::compose(self.view, &delta, status);
        let in_place = IN_PLACE.contains(&first.as_str()) && !older;
        let place = self.view.place(FILE, &delta.path).unwrap_or_else(|| service.place.clone());
        match (first.as_str(), delta.what) {
            ("networks", What::Removed) => {
                impact.consequence = Consequence::Nothing;
                impact.fates.clear();
                let network = key(&delta.path, 3).unwrap_or_default();
                impact.why = format!("everything on `{network}` reaches it; Compose leaves it so");
                impact.command = Some(Do::Hand(format!(
                    "docker network disconnect {} {}",
                    word(network),
                    word(&container.name)
                )));
            }
            ("networks", _) => {
                impact.why = "the container is not on a network it should be on; Compose replaces it".into();
            }
            ("container_name", _) if is_leftover(container) => {
                impact.why = "the name that a recreate gives until it is done: it was interrupted".into();
                impact.command = Some(Do::Hand(format!(
                    "docker rename {} {}",
                    word(&container.name),
                    self.wanted_name(service)
                )));
                impact.consequence = Consequence::Nothing;
                impact.fates.clear();
            }
            _ if in_place => {
                impact.why =
                    format!("`{first}` was changed of the container itself, which Compose does not notice");
                impact.command = Some(Do::Recreate(vec![service.name.clone()]));
                impact.fates.clear();
            }
            _ if older => impact.why = format!("the container is older than the file; {}", impact.why),
            _ => {}
        }
        self.push(delta, impact, status, place);
    }

    fn wanted_name(&self, service: &Service) -> String {
        let name = service.container_name.clone();
        word(&name.unwrap_or_else(|| format!("{}-{}-1", self.view.stack.project, service.name)))
    }

    /// Differences of the file that no container has: what runs is as it should be.
    fn already(&mut self, at: &Path, differing: &[Path]) {
        let mut inside = self.parts.get(at).cloned().unwrap_or_default();
        inside.sort_unstable();
        for index in inside {
            let Some(change) = self.changes.get_mut(index).filter(|c| seen(&c.path)) else { continue };
            if change.running || differing.iter().any(|p| p.0.starts_with(&change.path.0)) {
                continue;
            }
            // A reference to `.env` says nothing by itself.
            let told = |v: &Option<Value>| {
                v.as_ref().is_none_or(|v| !matches!(v, Value::Plain(t) if t.contains('$')))
            };
            if told(&change.before) && told(&change.after) {
                change.consequence = Consequence::Nothing;
                change.why =
                    "what runs is as the manifest wants it; only the file on the server is not".into();
                change.fates.clear();
                change.command = None;
            }
        }
    }
}

/// Whether an entry of a service leaves a trace in a container.
fn seen(path: &Path) -> bool {
    let keys: Vec<&str> = (2..path.0.len()).filter_map(|i| key(path, i)).collect();
    match keys.as_slice() {
        [first, ..] if UNSEEN.contains(first) => false,
        ["deploy", "resources", "limits", ..] => true,
        ["deploy", ..] => false,
        ["volumes", _, "bind", ..] => false,
        _ => true,
    }
}

/// What an engine says of something, as if it stood at a path of a Compose file.
fn under(view: &View<'_>, at: &Path, list: &[FileEntry], keep: fn(&Path) -> bool) -> Vec<FileEntry> {
    let start: Vec<String> = (0..at.0.len()).filter_map(|i| key(at, i)).map(str::to_string).collect();
    let says = |path: &Path| view.compose(path).next().is_some_and(|(found, _)| found == path);
    list.iter()
        .map(|e| FileEntry { path: start.iter().chain(&e.path).cloned().collect(), line: 0, ..e.clone() })
        .filter(|e| {
            let path = Path(e.path.iter().map(Step::from).collect());
            keep(&path) && (!e.implied || says(&path))
        })
        .collect()
}
