//! Containers that are what they should be, and do not do what they should: stopped, unwell, on an old image, with an
//! old value of a secret, or without the configuration that was written meanwhile.

use std::collections::BTreeSet;

use crate::deployed::Container;
use crate::finding::{Path, Step};
use crate::outline::{Entry, Value};
use crate::stack::{MountSource, Role, Service};

use super::Found;
use crate::deployed::conceal;
use crate::diff::compare::Delta;
use crate::diff::consequence::{self, Impact};
use crate::diff::files::{change, whole};
use crate::diff::steps::word;
use crate::diff::view::plain;
use crate::diff::{Consequence, Do, Fate, Status, Subject, SubjectKind, What, artifacts};

/// Seconds by which clocks that only count whole ones may differ.
const SLACK: i64 = 2;

/// How often an engine may have started a container again before that is worth a line.
const RESTARTS: u64 = 3;

impl Found<'_, '_> {
    /// A container that does not do what it should.
    pub(super) fn state(&mut self, service: &Service, container: &Container) {
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
        if container.state == "paused" {
            impact.why = "`docker compose up` fails on a container that is paused".into();
            impact.command = Some(Do::Hand(format!("docker unpause {}", word(&container.name))));
        } else if let Some(fate) = fate {
            impact.command = Some(Do::Up);
            impact.fates.push((service.name.clone(), fate));
        }
        self.push(delta, impact, Status::Drift, service.place.clone());
    }

    /// A tag that means another image by now: Compose compares the image too.
    pub(super) fn image(&mut self, service: &Service, container: &Container, differing: &[Path]) {
        let Some(now) = &container.reference_id else { return };
        let path = Path(["services", &service.name, "image"].map(Step::from).to_vec());
        if *now == container.image_id || container.image_id.is_empty() || differing.contains(&path) {
            return;
        }
        let mut delta = whole(What::Changed, 1);
        delta.path = path;
        let short = |id: &str| {
            format!(
                "{} {}",
                container.image,
                id.trim_start_matches("sha256:").chars().take(12).collect::<String>()
            )
        };
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

    pub(super) fn replicas(&mut self, service: &Service, there: usize) {
        let at = |keys: &[&str]| {
            let own = ["services", &service.name];
            Path(own.iter().chain(keys).copied().map(Step::from).collect())
        };
        // What the manifest passes through may say it, too.
        let path = at(&["deploy", "replicas"]);
        let said = self.view.compose(&path).chain(self.view.compose(&at(&["scale"]))).next();
        let wanted = said.and_then(|(_, e)| plain(&e.value)?.parse().ok()).unwrap_or(1);
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
    pub(super) fn unread(&mut self, service: &Service, containers: &[&Container]) {
        if !service.role.stays() {
            return;
        }
        let read = containers.iter().filter_map(|c| c.reloaded.max(c.started)).min();
        let Some(started) = read else { return };
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
            let Some(files) = &self.view.deployed.files else { return };
            let newer: Vec<String> = files
                .range(prefix.clone()..)
                .take_while(|(path, _)| path.starts_with(&prefix))
                .filter(|(path, file)| {
                    file.modified.is_some_and(|m| m > started + SLACK)
                        && self.view.makes(path)
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
                let mut change =
                    change(self.view, Some(&path), whole(What::State, 1), impact, Status::Undeployed);
                change.running = true;
                change.place = Some(service.place.clone());
                self.changes.push(change);
            }
        }
    }

    /// Secrets that a container was given as files, with other values than `.env` has now.
    pub(super) fn secrets(&mut self, service: &Service, container: &Container) {
        let (Some(dotenv), Some(given)) = (&self.view.dotenv, &container.secrets) else { return };
        let mut stale = Vec::new();
        for name in service.secret_files.iter().collect::<BTreeSet<_>>() {
            let now = dotenv.get(&Path(vec![Step::from(name)])).map(|e| &e.value);
            let (Some(now), Some(then)) = (now, given.get(name)) else { continue };
            let then = Value::Concealed(then.clone());
            if conceal::same(&then, now) == Some(false) {
                stale.push((name, then, now.clone()));
            }
        }
        for (name, then, now) in stale {
            let entry = |value| Some(Entry { value, line: 0 });
            let delta = Delta {
                path: Path(["services", &service.name, "secrets", name].map(Step::from).to_vec()),
                before: entry(then),
                after: entry(now),
                ..whole(What::Changed, 1)
            };
            let impact = Impact::new(
                Subject::new(SubjectKind::Service, &service.name),
                Consequence::Recreate,
                "`.env` has another value than the container was made with, which Compose does not notice",
            )
            .by(Do::Recreate(vec![service.name.clone()]));
            self.push(delta, impact, Status::Drift, service.place.clone());
        }
    }
}
