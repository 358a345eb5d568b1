//! Networks and volumes of the stack: whether they are there, as they should be, and used by whom they are for.

use std::collections::HashMap;

use crate::deployed::{Engine, FileEntry};
use crate::emit::compose::FILE;
use crate::finding::{Path, Place, Step};

use super::{Found, under};
use crate::diff::compare::{self, Delta};
use crate::diff::consequence::{self, Impact};
use crate::diff::files::{change, whole};
use crate::diff::view::key;
use crate::diff::{Change, Consequence, Do, Status, Subject, SubjectKind, What, interpolate};

impl Found<'_, '_> {
    pub(super) fn networks(&mut self, engine: &Engine) {
        let there: HashMap<&str, _> = engine.networks.iter().map(|n| (n.name.as_str(), n)).collect();
        for network in &self.view.stack.networks {
            let at = Path(vec![Step::from("networks"), Step::from(&network.key)]);
            let place = self.view.place(FILE, &at);
            let subject = Subject::new(SubjectKind::Network, &network.key);
            let users = self.view.attached(&network.key);
            let Some(there) = there.get(network.name.as_str()) else {
                // `up` makes no network for what only runs when it is asked for.
                if !users.is_empty() {
                    self.gone(at, subject, "a network that nothing is on", place);
                }
                continue;
            };
            let own = (there.config_hash.is_some(), there.entries.as_slice());
            self.resource(&at, subject, own, users, &there.containers, place);
        }
    }

    pub(super) fn volumes(&mut self, engine: &Engine) {
        let there: HashMap<&str, _> = engine.volumes.iter().map(|v| (v.name.as_str(), v)).collect();
        for volume in &self.view.stack.volumes {
            let at = Path(vec![Step::from("volumes"), Step::from(&volume.key)]);
            let place = Some(volume.place.clone());
            let subject = Subject::new(SubjectKind::Volume, &volume.key);
            let users = self.view.mounting(&volume.key);
            let Some(there) = there.get(volume.name.as_str()) else {
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
        users: &[&str],
        used_by: &[String],
        place: Option<Place>,
    ) {
        let view = self.view;
        // That it is there is known.
        let inside: fn(&Path) -> bool = |path| path.0.len() > 2;
        let running = under(view, at, entries, inside);
        let wanted = view.compose(at).filter(|(path, _)| inside(path));
        let deltas = compare::compare(&running, wanted, 2, |a, b| interpolate::same(view, a, b));
        // Compose knows by its labels what it calls by one key: the container may use another one of that key.
        let elsewhere: Vec<&str> = users
            .iter()
            .copied()
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
            key(&c.path, 1) == Some(s)
                && (c.path.0.len() == 2 || key(&c.path, 2) == Some(section))
                && c.running
        };
        let silent: Vec<&&str> =
            services.iter().filter(|s| !self.changes.iter().any(|c| said(c, s))).collect();
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
