//! What a container sees of the outside: volumes, directories of the server, files of the output.

use super::containers::Part;
use super::facts::ca_path;
use super::{Resolver, at, in_kind};
use crate::finding::{Finding, Place};
use crate::manifest::{self, Backup, Class};
use crate::stack::{Mount, MountSource, Volume};

impl Resolver<'_> {
    /// Everything the container sees of the outside, and the volumes that come with it.
    pub(super) fn mounts(&mut self, part: &Part<'_, '_>) -> Vec<Mount> {
        let (written, name) = (part.draft.service, part.draft.name);
        let mut mounts: Vec<Mount> = Vec::new();
        for container in part.shared() {
            if let Some(target) = &container.config_dir {
                mounts.push(Mount {
                    source: MountSource::Output(name.to_string()),
                    target: target.0.clone(),
                    writable: false,
                    place: part.place(),
                });
            }
        }
        if part.as_written() {
            for (i, each) in part.draft.facts.mounted.iter().enumerate() {
                let option = part.kind.service.mount_each.as_ref().map_or("", |m| m.option.as_str());
                let source =
                    part.draft.facts.options.get(option).and_then(|o| o.get(i)).and_then(|s| s.as_str());
                mounts.push(Mount {
                    source: MountSource::Host(source.unwrap_or_default().to_string()),
                    target: each.clone(),
                    writable: false,
                    place: at(["services", name, "options", option]).join(i),
                });
            }
            for (i, mount) in written.mounts.iter().enumerate() {
                mounts.push(Mount {
                    source: MountSource::Host(mount.source.0.clone()),
                    target: mount.target.0.clone(),
                    writable: mount.writable,
                    place: at(["services", name, "mounts"]).join(i),
                });
            }
            let server = part.draft.database.as_ref().and_then(|d| self.stack.database(&d.server));
            if let Some(server) = server
                && let Some(ca) = &server.ca
            {
                mounts.push(Mount {
                    source: MountSource::Host(ca.clone()),
                    target: ca_path(&server.name),
                    writable: false,
                    place: server.place.join("ca"),
                });
            }
        }
        self.volume_mounts(part, &mut mounts);
        let mut seen = std::collections::HashMap::<&str, &Place>::new();
        for mount in &mounts {
            if let Some(other) = seen.insert(&mount.target, &mount.place) {
                self.out.push(
                    Finding::error(
                        "duplicate-key",
                        mount.place.clone(),
                        format!("two mounts at `{}`", mount.target),
                    )
                    .related(other.clone(), "the other one")
                    .help("give one of them another `target` or `mount`"),
                );
            }
        }
        mounts
    }

    fn volume_mounts(&mut self, part: &Part<'_, '_>, mounts: &mut Vec<Mount>) {
        let (written, name) = (part.draft.service, part.draft.name);
        let own = part.suffix.is_none();
        let of_service =
            part.container.same_volumes.iter().filter_map(|v| part.kind.service.volumes.get_key_value(v));
        let blank = manifest::Volume::default();
        for (key, volume) in part.container.volumes.iter().chain(of_service) {
            match volume.when.as_deref().map_or(Ok(true), |w| self.expander.holds(w, &part.scope)) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    self.bad_expression(
                        in_kind(part.kind.kind.as_str(), &["service", "volumes", key.as_str(), "when"]),
                        volume.when.as_deref().unwrap_or(""),
                        &error,
                    );
                    continue;
                }
            }
            let over = written.volumes.get(key).unwrap_or(&blank);
            let target = over.mount.as_ref().unwrap_or(&volume.mount).0.clone();
            let description = volume.description.as_ref().map(ToString::to_string);
            self.volume_mount(
                part,
                key.as_str(),
                over,
                target,
                Some(volume.class),
                description,
                &volume.left_out.iter().map(ToString::to_string).collect::<Vec<_>>(),
                !volume.read_only,
                mounts,
            );
        }
        for (key, volume) in written.volumes.iter().filter(|_| own) {
            if part.kind.service.volumes.contains_key(key) {
                continue;
            }
            let place = at(["services", name, "volumes", key.as_str()]);
            let Some(target) = &volume.mount else {
                let known: Vec<_> = part.kind.service.volumes.keys().map(|k| format!("`{k}`")).collect();
                let finding = Finding::error(
                    "schema-mismatch",
                    place.on_key(),
                    format!("volume `{key}` has no `mount`"),
                );
                self.out.push(if known.is_empty() {
                    finding.help("add `mount:` with the path in the container")
                } else {
                    finding.help(format!(
                        "add `mount:` with the path in the container; `{}` has {}",
                        part.kind.kind,
                        known.join(", ")
                    ))
                });
                continue;
            };
            self.volume_mount(part, key.as_str(), volume, target.0.clone(), None, None, &[], true, mounts);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one place where kind and manifest meet")]
    fn volume_mount(
        &mut self,
        part: &Part<'_, '_>,
        key: &str,
        over: &manifest::Volume,
        target: String,
        class: Option<Class>,
        description: Option<String>,
        left_out: &[String],
        writable: bool,
        mounts: &mut Vec<Mount>,
    ) {
        let name = part.draft.name;
        let place = at(["services", name, "volumes", key]);
        let default_key = format!("{name}-{key}");
        let (key, full) = match (&over.exact_name, &over.name) {
            (Some(exact), _) => {
                (over.name.as_ref().map_or(default_key, ToString::to_string), exact.to_string())
            }
            (None, Some(name)) => (name.to_string(), format!("{}_{name}", self.stack.project)),
            (None, None) => (default_key.clone(), format!("{}_{default_key}", self.stack.project)),
        };
        let class = over.class.or(class).unwrap_or(Class::Important);
        // Two services that name one volume share it. Two that name none do not, whatever they are called.
        let same_key = self.volume_keys.get(&key).map(|i| &self.stack.volumes[*i]).filter(|v| v.name != full);
        let by_chance = self.volume_names.get(&full).map(|i| &self.stack.volumes[*i]).filter(|v| {
            over.name.is_none() && over.exact_name.is_none() && v.service.as_deref() != Some(name)
        });
        if let Some(other) = same_key.or(by_chance) {
            self.out.push(
                Finding::error("duplicate-key", place, format!("another volume is called `{key}` too"))
                    .related(other.place.clone(), "the other one")
                    .help("give one of the two another `name`"),
            );
            return;
        }
        if !self.volume_names.contains_key(&full) {
            self.volume_names.insert(full.clone(), self.stack.volumes.len());
            self.volume_keys.insert(key.clone(), self.stack.volumes.len());
            self.stack.volumes.push(Volume {
                key: key.clone(),
                name: full,
                service: Some(name.to_string()),
                class,
                backup: over.backup.unwrap_or(default_backup(class)),
                retention: over.retention,
                left_out: left_out.to_vec(),
                keep_until: over.keep_until.as_ref().map(ToString::to_string),
                reason: over.reason.as_ref().map(ToString::to_string),
                description: over.description.as_ref().map(ToString::to_string).or(description),
                place: place.clone(),
            });
        }
        mounts.push(Mount { source: MountSource::Volume(key), target, writable, place });
    }
}

/// How often a volume is saved when nothing is said.
pub(super) fn default_backup(class: Class) -> Backup {
    match class {
        Class::Critical => Backup::Daily,
        Class::Important => Backup::Weekly,
        Class::Cache | Class::Deprecated => Backup::None,
    }
}
