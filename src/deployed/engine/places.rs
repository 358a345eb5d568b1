//! What the names of networks, volumes and containers stand for in a Compose file.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::{Known, Listed};
use crate::deployed::container::{LABELS, text};
use crate::finding::Step;
use crate::outline::Value;

/// Which names stand for which keys of a Compose file.
pub(super) struct Places {
    /// Keys by section, project and name.
    keys: HashMap<(&'static str, String, String), String>,
    /// Services by the id of a container.
    pub(super) services: HashMap<String, String>,
    /// Project of the manifest.
    pub(super) project: Option<String>,
    /// Keys that the manifest has, by section and name.
    declared: HashMap<(String, String), String>,
}

impl Places {
    pub(super) fn new(networks: &[Json], volumes: &[Json], containers: &[Listed], known: Known<'_>) -> Self {
        let mut keys = HashMap::new();
        for (section, list, label) in [("networks", networks, "network"), ("volumes", volumes, "volume")] {
            for thing in list {
                let labels = &thing["Labels"];
                let (project, key) = (compose(labels, "project"), compose(labels, label));
                if let (Some(project), Some(key)) = (project, key) {
                    keys.insert((section, project, text(thing, "Name").to_string()), key);
                }
            }
        }
        let services = containers.iter().filter_map(|c| Some((c.id.clone(), compose(&c.labels, "service")?)));
        let (mut project, mut declared) = (None, HashMap::new());
        for (path, entry) in known.filled.or(known.declared).map(|o| &o.entries).into_iter().flatten() {
            let Value::Plain(value) = &entry.value else { continue };
            match path.0.as_slice() {
                [Step::Key(key)] if key == "name" => project = Some(value.clone()),
                [Step::Key(section), Step::Key(key), Step::Key(name)] if name == "name" => {
                    declared.insert((section.clone(), value.clone()), key.clone());
                }
                _ => {}
            }
        }
        Self { keys, services: services.collect(), project, declared }
    }

    /// The key of a network or volume in the Compose file of a project.
    pub(super) fn key(&self, section: &'static str, project: Option<&str>, name: &str) -> Option<String> {
        let project = project?;
        if self.project.as_deref() == Some(project)
            && let Some(key) = self.declared.get(&(section.to_string(), name.to_string()))
        {
            return Some(key.clone());
        }
        self.keys.get(&(section, project.to_string(), name.to_string())).cloned()
    }
}

/// A label that Compose sets.
pub(super) fn compose(labels: &Json, name: &str) -> Option<String> {
    Some(text(labels, &format!("{LABELS}{name}"))).filter(|t| !t.is_empty()).map(str::to_string)
}
