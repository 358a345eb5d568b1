//! Compose files: what one says once Compose has read it, held against Compose itself in `tests/outline.rs`.
//!
//! * What has a name or a target is known by it: networks, volumes, secrets by key, a mount by its target, a port as
//!   `address:published:target/protocol`, a variable or label by its name. Networks, volumes, secrets, mounts and ports
//!   have an entry with an empty value that says they are there.
//! * A list whose order counts (`command`, `dns`) is one value, written as JSON; one whose order does not (`cap_drop`,
//!   `aliases`) is an entry per item.
//! * What Compose takes for granted is left out: `protocol: tcp`, `read_only: false`, `dockerfile: Dockerfile`. What it
//!   adds is there: the network `default`, names of networks and volumes, dependencies that follow from `links` or
//!   `network_mode`.
//! * References to variables stay: `${NAME:?why}`. A variable that is passed on without a value is `$NAME`.
//! * `version` and keys that start with `x-` say nothing.
//!
//! Not here: `extends`, `include`, `env_file` and `label_file` are entries, and the files they name are not read.

mod forms;
mod table;

use std::collections::BTreeMap;

use super::yaml::{Is, Node};
use super::{Entries, Entry, list, shell_words, yaml};
use crate::finding::{Path, Step};
use crate::format::Fault;
use table::Form;

/// Reads a Compose file.
pub(super) fn read(text: &str) -> Result<BTreeMap<Path, Entry>, Fault> {
    let root = yaml::read(text)?;
    if !matches!(root.is, Is::Map(_)) {
        return Err(Fault::new(0, "expected a map with `services`, found something else"));
    }
    let mut reader = Reader { out: Entries::default(), project: root.get("name").and_then(Node::as_text) };
    for (key, node) in root.entries() {
        let path = Path(vec![key.into()]);
        match key.as_str() {
            "version" => {}
            "services" => node.entries().iter().for_each(|(key, node)| reader.service(&path.join(key), node)),
            "networks" | "volumes" | "secrets" | "configs" => {
                node.entries().iter().for_each(|(name, node)| reader.resource(key, &path, name, node));
            }
            _ => reader.walk(&path, &mut vec![key], node),
        }
    }
    reader.default_network(&root);
    Ok(reader.out.0)
}

struct Reader<'a> {
    out: Entries,
    /// Name of the project, if the file says it.
    project: Option<&'a str>,
}

impl Reader<'_> {
    fn service(&mut self, path: &Path, node: &Node) {
        let node = &forms::service(node);
        for (key, node) in node.entries() {
            self.walk(&path.join(key), &mut vec!["services", key], node);
        }
    }

    /// A network, volume, secret or config.
    fn resource(&mut self, section: &str, path: &Path, name: &str, node: &Node) {
        let node = &if section == "networks" { forms::network(node) } else { node.clone() };
        let path = path.join(name);
        self.out.set(path.clone(), "", node.line);
        let external = node.get("external");
        let is_external =
            external.is_some_and(|e| matches!(e.is, Is::Map(_)) || e.as_text().is_some_and(forms::truth));
        let own = node.get("name").or(external.and_then(|e| e.get("name")));
        let fallback = match self.project {
            _ if is_external => Some(name.to_string()),
            Some(project) => Some(format!("{project}_{name}")),
            None => None,
        };
        // Secrets and configs have no name outside of Compose unless they are external.
        let named = matches!(section, "networks" | "volumes") || is_external || own.is_some();
        let full = own.and_then(Node::as_text).map(ToString::to_string).or(fallback.clone());
        if let Some(full) = full
            .filter(|n| named && (matches!(section, "networks" | "volumes") || fallback.as_ref() != Some(n)))
        {
            self.out.set(path.join("name"), full, own.unwrap_or(node).line);
        }
        if is_external {
            self.out.set(path.join("external"), "true", external.unwrap_or(node).line);
        }
        for (key, node) in node.entries().iter().filter(|(key, _)| key != "name" && key != "external") {
            self.walk(&path.join(key), &mut vec![section, key], node);
        }
    }

    /// The network that services are on which name none.
    fn default_network(&mut self, root: &Node) {
        let path = Path(vec!["networks".into(), "default".into()]);
        let users = root.get("services").map(Node::entries).unwrap_or_default();
        let user = users.iter().find(|(_, s)| forms::is_on_default_network(s));
        if let Some((_, service)) = user.filter(|_| !self.out.0.contains_key(&path)) {
            self.resource(
                "networks",
                &Path(vec!["networks".into()]),
                "default",
                &Node { line: service.line, is: Is::Null },
            );
        }
    }

    /// Everything below a key. `keys` are the keys that say what a value is: names of services and items are left out.
    fn walk<'n>(&mut self, path: &Path, keys: &mut Vec<&'n str>, node: &'n Node) {
        match table::form(keys) {
            Form::Ignored => return,
            Form::Pairs => return self.pairs(path, node),
            Form::Set => return self.set(path, node),
            Form::Words => return self.words(path, node),
            Form::List if node.as_text().is_some() => {
                self.out.set(path.clone(), list(&texts(node.one_or_more()).unwrap_or_default()), node.line);
                return;
            }
            Form::List | Form::Other => {}
            scalar => {
                if let Some(text) = node.as_text() {
                    if let Some(text) = table::canonical(scalar, text) {
                        self.out.set(path.clone(), text, node.line);
                    }
                    return;
                }
            }
        }
        match &node.is {
            Is::Null => {}
            Is::Text(text) if text.is_empty() => {}
            Is::Text(text) => self.out.set(path.clone(), text.clone(), node.line),
            Is::List(_) => self.items(path, keys, node),
            Is::Map(entries) => {
                if table::has_names(keys) {
                    keys.push(ITEM);
                    for (name, node) in entries {
                        let path = path.join(name);
                        self.out.set(path.clone(), node.as_text().unwrap_or_default(), node.line);
                        if matches!(node.is, Is::Map(_)) {
                            self.walk(&path, keys, node);
                        }
                    }
                    keys.pop();
                    return;
                }
                for (key, node) in entries {
                    keys.push(key);
                    self.walk(&path.join(key), keys, node);
                    keys.pop();
                }
            }
        }
    }

    /// A list whose order counts: texts are one value, anything else has its place in its path.
    fn items<'n>(&mut self, path: &Path, keys: &mut Vec<&'n str>, node: &'n Node) {
        match texts(node.items()) {
            Some(texts) if texts.is_empty() => {}
            Some(texts) => self.out.set(path.clone(), list(&texts), node.line),
            None => {
                for (i, item) in node.items().iter().enumerate() {
                    self.walk(&path.join(i), keys, item);
                }
            }
        }
    }

    /// Names with values: `A=1` in a list or `A: 1` in a map.
    fn pairs(&mut self, path: &Path, node: &Node) {
        let passed_on =
            path.0.last().is_some_and(|key| matches!(key, Step::Key(k) if k == "environment" || k == "args"));
        for (name, value) in forms::pairs(node) {
            let line = value.line;
            let text = match value.is {
                Is::Null if passed_on => format!("${name}"),
                Is::Text(text) => text,
                _ => String::new(),
            };
            self.out.set(path.join(&name), text, line);
        }
    }

    fn set(&mut self, path: &Path, node: &Node) {
        for (i, item) in node.one_or_more().iter().enumerate() {
            match item.as_text() {
                Some(text) => self.out.set(path.join(text), "", item.line),
                None => self.walk(&path.join(i), &mut Vec::new(), item),
            }
        }
    }

    /// A command: its words as one list. An empty one is something else than none: it takes away that of the image.
    fn words(&mut self, path: &Path, node: &Node) {
        let words = match &node.is {
            Is::Text(text) => shell_words::split(text).unwrap_or_else(|| vec![text.clone()]),
            Is::List(items) => texts(items).unwrap_or_default(),
            _ => return,
        };
        self.out.set(path.clone(), list(&words), node.line);
    }
}

/// Stands for the name of an item.
const ITEM: &str = "*";

/// The texts of a list that holds nothing else.
fn texts(items: &[Node]) -> Option<Vec<String>> {
    items.iter().map(|item| item.as_text().map(ToString::to_string)).collect()
}
