//! What runs against what should run: containers, networks and volumes of the stack on a Docker engine.
//!
//! What a file shows already is not said twice: a difference that both show is one.

use std::collections::HashMap;

use crate::deployed::{Container, Engine, FileEntry};
use crate::emit::compose::FILE;
use crate::finding::{Path, Place, Step};
use crate::outline::{Entry, Value};
use crate::stack::{MountSource, Role, Service};

use super::compare::{self, Delta, Entries};
use super::consequence::{self, Impact};
use super::files::{change, whole};
use super::steps::word;
use super::view::{View, key};
use super::{Change, Consequence, Do, Fate, Status, Subject, SubjectKind, What, artifacts, interpolate};

/// Keys of a service that leave no trace in a container.
const UNSEEN: &[&str] = &[
    "build", "depends_on", "pull_policy", "profiles", "scale", "secrets", "configs", "develop", "env_file", "extends",
    "attach", "post_start", "pre_stop", "provider", "models", "label_file",
];

/// Keys that can be changed of a container that runs, so that Compose does not notice.
const IN_PLACE: &[&str] = &["deploy", "mem_limit", "cpus", "pids_limit", "restart", "networks", "container_name"];

/// How often an engine may have started a container again before that is worth a line.
const RESTARTS: u64 = 3;

pub(super) fn compare(view: &View, changes: &mut Vec<Change>) {
    let Some(engine) = &view.deployed.engine else { return };
    let known: HashMap<Path, usize> = changes
        .iter()
        .enumerate()
        .filter(|(_, c)| c.file.as_deref() == Some(FILE))
        .map(|(i, c)| (c.path.clone(), i))
        .collect();
    let mut found = Found { view, known, changes };
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
        if containers.is_empty() {
            self.absent(service, at);
            return;
        }
        let wanted = below(&self.view.compose, &at, seen);
        let mut seen_paths: Vec<Path> = Vec::new();
        for container in containers {
            let running = under(&at, &container.entries, seen);
            let view = self.view;
            for delta in compare::compare(&running, &wanted, 4, |_, a, b| interpolate::same(view, a, b)) {
                if !seen_paths.contains(&delta.path) {
                    seen_paths.push(delta.path.clone());
                    self.container(service, container, delta);
                }
            }
            self.state(service, container);
            self.image(service, container, &seen_paths);
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
            Impact::new(Subject::new(SubjectKind::Service, &service.name), Consequence::Nothing, why).by(Do::Up);
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
                impact.command = Some(Do::Hand(format!("docker network disconnect {} {}", word(network), word(&container.name))));
            }
            ("networks", _) => {
                impact.why = "the container is not on a network it should be on; Compose replaces it".into();
            }
            ("container_name", _) if consequence_of_leftover(container) => {
                impact.why = "the name that a recreate gives until it is done: it was interrupted".into();
                impact.command = Some(Do::Hand(format!("docker rename {} {}", word(&container.name), self.wanted_name(service))));
                impact.consequence = Consequence::Nothing;
                impact.fates.clear();
            }
            _ if in_place => {
                impact.why = format!("`{first}` was changed of the container itself, which Compose does not notice");
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
        let mut inside: Vec<usize> =
            self.known.iter().filter(|(p, _)| p.0.len() > 2 && p.0.starts_with(&at.0) && seen(p)).map(|(_, i)| *i).collect();
        inside.sort_unstable();
        for index in inside {
            let Some(change) = self.changes.get_mut(index) else { continue };
            if change.running || differing.iter().any(|p| p.0.starts_with(&change.path.0)) {
                continue;
            }
            // A reference to `.env` says nothing by itself.
            let told = |v: &Option<Value>| v.as_ref().is_none_or(|v| !matches!(v, Value::Plain(t) if t.contains('$')));
            if told(&change.before) && told(&change.after) {
                change.consequence = Consequence::Nothing;
                change.why = "what runs is as the manifest wants it; only the file on the server is not".into();
                change.fates.clear();
                change.command = None;
            }
        }
    }

    /// A container that does not do what it should.
    fn state(&mut self, service: &Service, container: &Container) {
        let job = service.role == Role::Job;
        let (what, fate) = match container.state.as_str() {
            "running" if container.health.as_deref() == Some("unhealthy") => ("unhealthy".to_string(), None),
            "running" | "created" if container.restarts >= RESTARTS && !job => {
                (format!("started again {} times", container.restarts), None)
            }
            "running" => return,
            "exited" if job && container.exit_code.unwrap_or(0) == 0 => return,
            "exited" => {
                let code = container.exit_code.map_or_else(String::new, |c| format!(", exit code {c}"));
                (format!("exited{code}"), Some(Fate::Started))
            }
            "created" if job => return,
            "restarting" => (format!("restarting, {} times so far", container.restarts), None),
            other => (other.to_string(), Some(Fate::Started)),
        };
        let mut delta = whole(What::State, 1);
        delta.path = Path(["services", &service.name, "state"].map(Step::from).to_vec());
        delta.before = Some(Entry { value: Value::Plain(what), line: 0 });
        let expected = if job { "exited, exit code 0" } else { "running" };
        delta.after = Some(Entry { value: Value::Plain(expected.into()), line: 0 });
        let mut impact = Impact::new(
            Subject::new(SubjectKind::Service, &service.name),
            Consequence::Nothing,
            format!("`docker compose logs {}` says why", word(&service.name)),
        );
        if let Some(fate) = fate {
            impact.command = Some(Do::Up);
            impact.fates.push((service.name.clone(), fate));
        }
        self.push(delta, impact, Status::Drift, service.place.clone());
    }

    /// A tag that means another image by now: Compose compares the image too.
    fn image(&mut self, service: &Service, container: &Container, differing: &[Path]) {
        let Some(now) = &container.reference_id else { return };
        let path = Path(["services", &service.name, "image"].map(Step::from).to_vec());
        if *now == container.image_id || container.image_id.is_empty() || differing.contains(&path) {
            return;
        }
        let mut delta = whole(What::Changed, 1);
        delta.path = path;
        let short = |id: &str| format!("{} {}", container.image, id.trim_start_matches("sha256:").chars().take(12).collect::<String>());
        delta.before = Some(Entry { value: Value::Plain(short(&container.image_id)), line: 0 });
        delta.after = Some(Entry { value: Value::Plain(short(now)), line: 0 });
        let mut impact = Impact::new(
            Subject::new(SubjectKind::Service, &service.name),
            Consequence::Recreate,
            "the tag means another image on the server than when the container was made",
        )
        .by(Do::Up);
        impact.fates.push((service.name.clone(), Fate::Recreated));
        self.push(delta, impact, Status::Drift, service.place.clone());
    }

    fn replicas(&mut self, service: &Service, there: usize) {
        let wanted = service.replicas as usize;
        let path = Path(["services", &service.name, "deploy", "replicas"].map(Step::from).to_vec());
        if there == wanted || self.in_file(&path).is_some() {
            return;
        }
        let mut delta = whole(What::Changed, 1);
        delta.path = path;
        delta.before = Some(Entry { value: Value::Plain(there.to_string()), line: 0 });
        delta.after = Some(Entry { value: Value::Plain(wanted.to_string()), line: 0 });
        let impact = consequence::compose(self.view, &delta, Status::Drift);
        self.push(delta, impact, Status::Drift, service.place.clone());
    }

    /// Files that were written after the container that reads them was started.
    fn unread(&mut self, service: &Service, containers: &[&Container]) {
        if service.role == Role::Job {
            return;
        }
        let Some(started) = containers.iter().filter_map(|c| c.started).min() else { return };
        let folders = service.mounts.iter().filter_map(|m| match &m.source {
            MountSource::Output(folder) => Some(folder.as_str()),
            _ => None,
        });
        for folder in folders {
            // What runs in nginx of it only watches, and certbot reads its list anew each time.
            if folder == "certbot" {
                continue;
            }
            let prefix = format!("{folder}/");
            let files = self.view.deployed.files.iter().flatten().filter(|(path, _)| path.starts_with(&prefix));
            let newer: Vec<String> = files
                .filter(|(path, file)| {
                    file.modified.is_some_and(|m| m > started)
                        && self.view.compiled.artifacts.iter().any(|a| a.path == **path)
                        && !artifacts::is_for_jobs(self.view, folder, path)
                        && !self.changes.iter().any(|c| c.file.as_deref() == Some(path.as_str()))
                })
                .map(|(path, _)| path.clone())
                .collect();
            for path in newer {
                let (consequence, command) = artifacts::load(self.view, &service.name);
                let impact = Impact::new(
                    Subject::new(SubjectKind::Service, &service.name),
                    consequence,
                    "the file was written after the container was started, which has not read it",
                )
                .by(command);
                let mut change = change(self.view, Some(&path), whole(What::State, 1), impact, Status::Undeployed);
                change.running = true;
                change.place = Some(service.place.clone());
                self.changes.push(change);
            }
        }
    }

    fn networks(&mut self, engine: &Engine) {
        for network in &self.view.stack.networks {
            let at = Path(vec![Step::from("networks"), Step::from(&network.key)]);
            let place = self.view.place(FILE, &at);
            let subject = Subject::new(SubjectKind::Network, &network.key);
            let Some(there) = engine.networks.iter().find(|n| n.name == network.name) else {
                self.gone(at, subject, "a network that nothing is on", place);
                continue;
            };
            let users = self.view.attached(&network.key);
            let own = (there.config_hash.is_some(), there.entries.as_slice());
            self.resource(&at, subject, own, users, &there.containers, place);
        }
    }

    fn volumes(&mut self, engine: &Engine) {
        for volume in &self.view.stack.volumes {
            let at = Path(vec![Step::from("volumes"), Step::from(&volume.key)]);
            let place = Some(volume.place.clone());
            let subject = Subject::new(SubjectKind::Volume, &volume.key);
            let users = self.view.mounting(&volume.key);
            let Some(there) = engine.volumes.iter().find(|v| v.name == volume.name) else {
                // Compose makes only what a service mounts.
                if !users.is_empty() {
                    self.gone(at, subject, "an empty volume", place);
                }
                continue;
            };
            let own = (there.config_hash.is_some(), there.entries.as_slice());
            self.resource(&at, subject, own, users, &there.containers, place);
        }
    }

    /// A network or volume that is there, and who should use it.
    fn resource(
        &mut self,
        at: &Path,
        subject: Subject,
        (made_by_compose, entries): (bool, &[FileEntry]),
        users: Vec<&str>,
        used_by: &[String],
        place: Option<Place>,
    ) {
        let view = self.view;
        let wanted = below(&view.compose, at, |_| true);
        let running = under(at, entries, |_| true);
        let deltas = compare::compare(&running, &wanted, 2, |_, a, b| interpolate::same(view, a, b));
        // Compose knows by its labels what it calls by one key: the container may use another one of that key.
        let elsewhere: Vec<&str> = users
            .into_iter()
            .filter(|s| view.containers(s).iter().any(|c| c.state == "running" && !used_by.contains(&c.name)))
            .collect();
        let mut differing: Vec<Path> = deltas.iter().map(|d| d.path.clone()).collect();
        if !elsewhere.is_empty() {
            differing.push(at.join("name"));
            if let Some(change) = self.in_file(&at.join("name")) {
                change.running = true;
            } else {
                self.another(at, &subject, &elsewhere, place.clone());
            }
        }
        self.already(at, &differing);
        for delta in deltas {
            let mut impact = consequence::compose(view, &delta, Status::Drift);
            if !made_by_compose {
                impact.fates.clear();
                impact.consequence = Consequence::Nothing;
                impact.why = "Compose leaves alone what it has not made, or made long ago".into();
            }
            self.part(delta, impact, place.clone());
        }
    }

    /// Containers that run with another network or volume of the key.
    fn another(&mut self, at: &Path, subject: &Subject, services: &[&str], place: Option<Place>) {
        // What the containers say of themselves has been said.
        let section = if subject.kind == SubjectKind::Volume { "volumes" } else { "networks" };
        let said = |c: &Change, s: &str| {
            key(&c.path, 1) == Some(s) && (c.path.0.len() == 2 || key(&c.path, 2) == Some(section)) && c.running
        };
        let silent: Vec<&&str> = services.iter().filter(|s| !self.changes.iter().any(|c| said(c, s))).collect();
        if silent.is_empty() {
            return;
        }
        let mut delta = whole(What::Changed, 1);
        delta.path = at.join("name");
        let mut impact = consequence::compose(self.view, &delta, Status::Drift);
        let names: Vec<String> = silent.iter().map(ToString::to_string).collect();
        impact.why = format!("{} runs with another one; Compose replaces it", names.join(", "));
        impact.fates.retain(|(service, _)| names.contains(service));
        self.part(delta, impact, place);
    }

    /// A network or volume that should be there.
    fn gone(&mut self, at: Path, subject: Subject, makes: &str, place: Option<Place>) {
        let had = self.view.built.is_some_and(|b| b.had(FILE, &at) == Some(true));
        // A volume that only got another name is the same difference.
        let named = self.known.contains_key(&at.join("name"));
        if named {
            return;
        }
        if let Some(change) = self.in_file(&at) {
            change.running = true;
            return;
        }
        let lost = had && subject.kind == SubjectKind::Volume && self.view.is_precious(&subject.name);
        let (consequence, why) = if lost {
            (
                Consequence::DataLoss,
                "it is not on the server any more: restore it from a backup before a service starts on an empty one".into(),
            )
        } else {
            (Consequence::Nothing, format!("Compose makes {makes}"))
        };
        let mut delta = whole(What::Added, 1);
        delta.path = at;
        let status = match self.view.built {
            None => Status::Unknown,
            Some(_) => Status::Drift,
        };
        let impact = Impact::new(subject, consequence, why).by(Do::Up);
        let mut change = change(self.view, None, delta, impact, status);
        change.running = true;
        change.place = place;
        self.changes.push(change);
    }

    /// An entry of a network or volume.
    fn part(&mut self, delta: Delta, impact: Impact, place: Option<Place>) {
        if let Some(change) = self.in_file(&delta.path) {
            change.running = true;
            return;
        }
        let status = if self.view.built.is_none() { Status::Unknown } else { Status::Drift };
        let mut change = change(self.view, None, delta, impact, status);
        change.running = true;
        change.place = place;
        self.changes.push(change);
    }
}

fn consequence_of_leftover(container: &Container) -> bool {
    super::view::is_leftover(container)
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

/// The entries at or below a path.
fn below(side: &Entries, at: &Path, keep: fn(&Path) -> bool) -> Entries {
    side.range(at.clone()..)
        .take_while(|(p, _)| p.0.starts_with(&at.0))
        .filter(|(p, _)| keep(p))
        .map(|(p, e)| (p.clone(), e.clone()))
        .collect()
}

/// What an engine says of something, as if it stood at a path of a Compose file.
fn under(at: &Path, list: &[FileEntry], keep: fn(&Path) -> bool) -> Entries {
    compare::entries(list)
        .into_iter()
        .map(|(p, mut e)| {
            e.line = 0;
            (Path(at.0.iter().cloned().chain(p.0).collect()), e)
        })
        .filter(|(p, _)| keep(p))
        .collect()
}
