//! Networks and volumes of an engine.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::places::{Places, compose};
use super::{Reader, is_id};
use crate::deployed::container::{LABELS, is_anonymous, text, texts};
use crate::deployed::{EngineNetwork, EngineVolume, FileEntry, told};
use crate::finding::Step;

impl Reader<'_> {
    pub(super) fn network(&mut self, json: &Json, containers: Vec<String>, places: &Places) -> EngineNetwork {
        let name = text(json, "Name");
        let (project, key, entries) = self.thing("networks", "network", json, places, |full| {
            let mut out = Map::new();
            let mut set = |key: &str, value: Json| drop(out.insert(key.to_string(), value));
            if full || text(json, "Driver") != "bridge" {
                set("driver", json["Driver"].clone());
            }
            for (key, field) in
                [("internal", "Internal"), ("attachable", "Attachable"), ("enable_ipv6", "EnableIPv6")]
            {
                if full || json[field] == true {
                    set(key, json[field].clone());
                }
            }
            set("driver_opts", json["Options"].clone());
            if full {
                let pools = json["IPAM"]["Config"].as_array().into_iter().flatten().map(|pool| {
                    let part = [("subnet", "Subnet"), ("gateway", "Gateway"), ("ip_range", "IPRange")];
                    let part = part.into_iter().filter(|(_, field)| !text(pool, field).is_empty());
                    part.map(|(key, field)| (key.to_string(), pool[field].clone()))
                        .collect::<Map<_, _>>()
                        .into()
                });
                set("ipam", json!({ "config": pools.collect::<Vec<Json>>() }));
            }
            out
        });
        EngineNetwork {
            name: self.concealer.name(name),
            project,
            key,
            config_hash: compose(&json["Labels"], "config-hash").filter(|h| is_id(h)),
            entries,
            containers,
        }
    }

    pub(super) fn volume(&mut self, json: &Json, containers: Vec<String>, places: &Places) -> EngineVolume {
        let name = text(json, "Name");
        let (project, key, entries) = self.thing("volumes", "volume", json, places, |full| {
            let mut out = Map::new();
            if full || text(json, "Driver") != "local" {
                out.insert("driver".into(), json["Driver"].clone());
            }
            out.insert("driver_opts".into(), json["Options"].clone());
            out
        });
        let anonymous = is_anonymous(name) && project.is_none();
        EngineVolume {
            name: if anonymous { name.into() } else { self.concealer.name(name) },
            project,
            key,
            config_hash: compose(&json["Labels"], "config-hash").filter(|h| is_id(h)),
            anonymous,
            entries,
            containers,
        }
    }

    /// A network or volume: project, key, and what a Compose file would say of it.
    fn thing(
        &mut self,
        section: &'static str,
        label: &str,
        json: &Json,
        places: &Places,
        made: impl Fn(bool) -> Map<String, Json>,
    ) -> (Option<String>, Option<String>, Vec<FileEntry>) {
        let name = text(json, "Name");
        let project = compose(&json["Labels"], "project");
        let project_of = project.as_deref().or(places.project.as_deref());
        let key = compose(&json["Labels"], label).or_else(|| places.key(section, project_of, name));
        let ours = key.as_ref().filter(|_| project_of == places.project.as_deref());
        let declared = self.known.declared.filter(|_| ours.is_some());
        let at: Vec<Step> = vec![section.into(), Step::Key(ours.cloned().unwrap_or_default())];
        let with_common = |full| {
            let mut out = made(full);
            out.retain(|_, value| !value.is_null() && value.as_object().is_none_or(|o| !o.is_empty()));
            if !(section == "volumes" && is_anonymous(name)) {
                out.insert("name".into(), name.into());
            }
            let labels: BTreeMap<String, String> = texts(&json["Labels"]);
            let labels = labels
                .into_iter()
                .filter(|(l, _)| !l.starts_with(LABELS) && !l.starts_with("com.docker.volume."));
            let labels: Map<String, Json> = labels.map(|(l, v)| (l, v.into())).collect();
            if !labels.is_empty() {
                out.insert("labels".into(), labels.into());
            }
            out
        };
        let entries = match self.outline(section, with_common(false)) {
            Some(own) => self.all_kept(own, self.outline(section, with_common(true)), declared, at),
            None => {
                self.faults.push(format!("{label} {} cannot be understood", told(name)));
                Vec::new()
            }
        };
        (project.map(|p| self.concealer.name(&p)), key.map(|k| self.concealer.name(&k)), entries)
    }
}
