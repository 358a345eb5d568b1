//! The Compose files of a directory, merged into one tree as Compose merges them.
//!
//! Source: the Compose Specification, 13-merge.md and 14-include.md. Lists of `NAME=value` become maps first, so that
//! both forms merge and have one path.

use std::collections::{HashMap, HashSet};

use super::{Entry as Kind, Folder, Reader, below, interpolation, parent};
use crate::finding::{Document, Finding, Path, Place};
use crate::format::dotenv;
use crate::format::tree::{Entry, Kind as Node, Mark, NodeId, Tree};
use crate::format::yaml;
use crate::text::Span;

/// Names of the first file, the best first; Source: compose-go, cli/options.go.
/// Names of the first file of a project; the first of them counts.
pub const BASES: &[&str] = &["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
const OVERRIDES: &[&str] = &[
    "compose.override.yaml",
    "compose.override.yml",
    "docker-compose.override.yaml",
    "docker-compose.override.yml",
];
/// Services in a row of which each extends the next, and files that include one another.
const DEEPEST: usize = 16;
/// Most nodes of a merged project: merging copies.
const MOST_NODES: usize = 400_000;

/// Lists of `NAME=value` that may be maps.
const PAIRS: &[&str] = &["environment", "labels", "args", "sysctls", "annotations", "driver_opts"];
/// Lists that replace the one below them.
const REPLACED: &[&str] = &["command", "entrypoint", "test"];
/// Lists and maps of a service that an empty one leaves as they were.
const ADDED: &[&str] = &[
    "ports",
    "volumes",
    "environment",
    "networks",
    "depends_on",
    "expose",
    "secrets",
    "configs",
    "cap_add",
    "devices",
];

/// A project: the merged tree and what is known besides.
pub(super) struct Project {
    pub tree: Tree,
    /// Values of `.env` that say which files, images, ports and paths are meant; never those of secrets.
    pub values: HashMap<String, String>,
    /// Empty lists that were to take something away.
    pub not_reset: Vec<(String, Place)>,
    /// Files that Compose does not read by itself.
    pub unread: Vec<String>,
}

/// The first file of a project.
pub(super) fn base(folder: &dyn Folder) -> Option<&'static str> {
    BASES.iter().copied().find(|name| folder.entry(name) == Kind::File)
}

struct Loader<'r, 'a> {
    reader: &'r mut Reader<'a>,
    tree: Tree,
    /// Root of every file that was read, by path.
    roots: HashMap<String, NodeId>,
    not_reset: Vec<(String, Place)>,
    failed: bool,
}

/// Reads the project of a directory; `None` if there is none, or it cannot be read.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Project> {
    let folder = reader.folder;
    let values = values(folder);
    let separator = values.get("COMPOSE_PATH_SEPARATOR").map_or(":", String::as_str);
    let files: Vec<String> =
        match values.get("COMPOSE_FILE").filter(|f| !f.is_empty() && !separator.is_empty()) {
            Some(list) => list.split(separator).filter_map(|f| below("", f)).collect(),
            None => {
                let over = OVERRIDES.iter().find(|n| folder.entry(n) == Kind::File);
                base(folder).into_iter().chain(over.copied()).map(str::to_string).collect()
            }
        };
    if files.is_empty() {
        return None;
    }
    let unread = unread(folder, &files);
    let mut loader =
        Loader { reader, tree: Tree::default(), roots: HashMap::new(), not_reset: Vec::new(), failed: false };
    let mut merged: Option<NodeId> = None;
    for file in &files {
        let Some(root) = loader.file(file, 0) else {
            loader.failed = true;
            continue;
        };
        merged = Some(match merged {
            Some(below) => loader.merge(below, root, ""),
            None => root,
        });
    }
    let root = loader.extended(merged?);
    loader.tree.set_root(root);
    loader.references();
    let Loader { tree, not_reset, failed, .. } = loader;
    reader.documents.insert(Document::Compose, tree.clone());
    (!failed).then_some(Project { tree, values, not_reset, unread })
}

/// Values that Compose itself takes from `.env`; the value of a secret is not even kept.
fn values(folder: &dyn Folder) -> HashMap<String, String> {
    let mut values = HashMap::new();
    let Some(text) = folder.read(".env") else { return values };
    for line in text.lines() {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=') else { continue };
        let name = name.trim();
        let value = value.trim();
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split(quote).next().unwrap_or_default(),
            _ => value.split(" #").next().unwrap_or_default().trim_end(),
        };
        // A URL or account may hold a password whatever its name is.
        if !name.starts_with('#') && !crate::secrecy::names_a_secret(name) && !value.contains('@') {
            values.insert(name.to_string(), interpolation::filled(value, &values));
        }
    }
    values
}

/// Files that look like parts of the project, but are read only when somebody names them.
fn unread(folder: &dyn Folder, read: &[String]) -> Vec<String> {
    let is_part = |n: &String| {
        (n.starts_with("docker-compose") || n.starts_with("compose"))
            && (n.ends_with(".yml") || n.ends_with(".yaml"))
            && !read.contains(n)
    };
    let names: Vec<String> = folder.list("").into_iter().filter(is_part).take(20).collect();
    if names.is_empty() {
        return Vec::new();
    }
    vec![format!("{} not read: Compose takes them only with `-f` or COMPOSE_FILE", names.join(", "))]
}

impl Loader<'_, '_> {
    fn error(&mut self, rule: &'static str, span: Span, message: String, help: &str) {
        self.failed = true;
        self.reader.fault(rule, span, message, help);
    }

    /// Reads one file with what it includes.
    fn file(&mut self, path: &str, depth: usize) -> Option<NodeId> {
        if let Some(root) = self.roots.get(path) {
            return Some(*root);
        }
        if depth > DEEPEST || self.tree.len() > MOST_NODES {
            return None;
        }
        let (id, text) = self.reader.text(path)?;
        let before = self.reader.out.len();
        let tree = yaml::read_compose(id, &text, self.reader.out);
        self.failed |= self.reader.out.len() > before;
        let root = self.tree.absorb(tree?);
        let root = self.canonical(root, parent(path));
        self.roots.insert(path.to_string(), root);
        let root = self.included(root, parent(path), depth);
        self.roots.insert(path.to_string(), root);
        Some(root)
    }

    fn included(&mut self, root: NodeId, dir: &str, depth: usize) -> NodeId {
        let Some(include) = self.tree.get(root, "include").map(|e| e.value) else { return root };
        let mut all = root;
        for item in self.tree.items(include).to_vec() {
            let path = match self.tree.get(item, "path").map(|e| e.value) {
                Some(path) => self.tree.items(path).first().copied().unwrap_or(path),
                None => item,
            };
            let Some(text) = self.text(path) else { continue };
            let Some(found) = below(dir, &text) else { continue };
            match self.file(&found, depth + 1) {
                // What is written here stands above what is included.
                Some(other) => all = self.merge(other, all, ""),
                None if self.reader.folder.entry(&found) == Kind::Nothing => {
                    let span = self.tree.node(path).span;
                    let message = format!("expected a file to include, found nothing at `{found}`");
                    self.error("undefined-reference", span, message, "correct the path, or remove it");
                }
                None => {}
            }
        }
        all
    }

    fn text(&self, id: NodeId) -> Option<String> {
        self.tree.raw(id).map(|t| t.into_owned())
    }

    fn map(&mut self, like: NodeId, entries: Vec<Entry>) -> NodeId {
        let span = self.tree.node(like).span;
        self.tree.push(span, Node::Map(entries.into()))
    }

    /// One form for what may be written in several, and paths relative to the project.
    fn canonical(&mut self, root: NodeId, dir: &str) -> NodeId {
        self.change(root, |loader, key, value| match key {
            "services" => loader.change(value, |l, _, service| l.canonical_service(service, dir)),
            _ => value,
        })
    }

    fn canonical_service(&mut self, service: NodeId, dir: &str) -> NodeId {
        self.change(service, |loader, key, value| match key {
            key if PAIRS.contains(&key) => loader.pairs(value, &['=']),
            "depends_on" | "networks" => loader.pairs(value, &[]),
            "extra_hosts" => loader.pairs(value, &['=', ':']),
            "build" => {
                let value = loader.change(value, |l, key, v| match key {
                    "args" | "labels" => l.pairs(v, &['=']),
                    "context" => l.rebased(v, dir),
                    _ => v,
                });
                loader.rebased(value, dir)
            }
            "volumes" => loader.each(value, |l, item| match l.tree.get(item, "source").is_some() {
                true => l.change(item, |l, key, v| if key == "source" { l.rebased(v, dir) } else { v }),
                false => l.rebased(item, dir),
            }),
            "env_file" => match loader.tree.node(value).kind {
                Node::Seq(_) => loader.each(value, |l, item| {
                    let item = l.change(item, |l, key, v| if key == "path" { l.rebased(v, dir) } else { v });
                    l.rebased_plain(item, dir)
                }),
                _ => loader.rebased_plain(value, dir),
            },
            _ => value,
        })
    }

    /// A map with every value replaced; nothing changes what is no map.
    fn change(&mut self, id: NodeId, with: impl Fn(&mut Self, &str, NodeId) -> NodeId) -> NodeId {
        if !matches!(self.tree.node(id).kind, Node::Map(_)) {
            return id;
        }
        let mut entries = self.tree.entries(id).to_vec();
        let mut changed = false;
        for entry in &mut entries {
            let value = with(self, &entry.key, entry.value);
            changed |= value != entry.value;
            entry.value = value;
        }
        if !changed {
            return id;
        }
        let mark = self.tree.mark(id);
        let new = self.map(id, entries);
        self.tree.set_mark(new, mark);
        new
    }

    fn each(&mut self, id: NodeId, with: impl Fn(&mut Self, NodeId) -> NodeId) -> NodeId {
        if !matches!(self.tree.node(id).kind, Node::Seq(_)) {
            return id;
        }
        let items: Vec<NodeId> = self.tree.items(id).to_vec().into_iter().map(|i| with(self, i)).collect();
        if items == self.tree.items(id) {
            return id;
        }
        let (span, mark) = (self.tree.node(id).span, self.tree.mark(id));
        let new = self.tree.push(span, Node::Seq(items.into()));
        self.tree.set_mark(new, mark);
        new
    }

    /// A list of `NAME=value` as a map; a name alone has no value.
    fn pairs(&mut self, id: NodeId, separators: &[char]) -> NodeId {
        if !matches!(self.tree.node(id).kind, Node::Seq(_)) {
            return id;
        }
        let mut entries: Vec<Entry> = Vec::new();
        let mut index: HashMap<Box<str>, usize> = HashMap::new();
        for item in self.tree.items(id).to_vec() {
            let Some(text) = self.text(item) else { continue };
            let span = self.tree.node(item).span;
            let (name, value) = match text.split_once(separators) {
                Some((name, value)) => (name, Node::Str(value.into())),
                None => (text.as_str(), Node::Null),
            };
            let key: Box<str> = name.into();
            let value = self.tree.push(span, value);
            let entry = Entry { key: key.clone(), key_span: span, value };
            match index.get(&key) {
                Some(at) => entries[*at] = entry,
                None => {
                    index.insert(key, entries.len());
                    entries.push(entry);
                }
            }
        }
        let mark = self.tree.mark(id);
        let new = self.map(id, entries);
        self.tree.set_mark(new, mark);
        new
    }

    /// A path that begins with a dot, seen from the project instead of the directory of its file.
    fn rebased(&mut self, id: NodeId, dir: &str) -> NodeId {
        match &self.tree.node(id).kind {
            Node::Str(text) if !dir.is_empty() && text.starts_with('.') => {
                let text = format!("./{dir}/{text}");
                let span = self.tree.node(id).span;
                self.tree.push(span, Node::Str(text.into()))
            }
            _ => id,
        }
    }

    fn rebased_plain(&mut self, id: NodeId, dir: &str) -> NodeId {
        match &self.tree.node(id).kind {
            Node::Str(text) if !dir.is_empty() && !text.starts_with('/') => {
                let text = format!("./{dir}/{text}");
                let span = self.tree.node(id).span;
                self.tree.push(span, Node::Str(text.into()))
            }
            _ => id,
        }
    }

    /// Lays a value over another as Compose does.
    fn merge(&mut self, base: NodeId, over: NodeId, key: &str) -> NodeId {
        if self.tree.mark(over) == Some(Mark::Override) || self.tree.len() > MOST_NODES {
            return over;
        }
        match (&self.tree.node(base).kind, &self.tree.node(over).kind) {
            (Node::Map(_), Node::Map(_)) => self.merge_maps(base, over, key),
            (Node::Seq(_), Node::Seq(_)) if !REPLACED.contains(&key) => self.merge_lists(base, over, key),
            (_, Node::Null) => base,
            _ => over,
        }
    }

    fn merge_maps(&mut self, base: NodeId, over: NodeId, key: &str) -> NodeId {
        if self.tree.entries(over).is_empty() {
            self.note_not_reset(base, over, key);
        }
        let mut entries = self.tree.entries(base).to_vec();
        let index: HashMap<Box<str>, usize> =
            entries.iter().enumerate().map(|(i, e)| (e.key.clone(), i)).collect();
        let mut gone = HashSet::new();
        for entry in self.tree.entries(over).to_vec() {
            let reset = self.tree.mark(entry.value) == Some(Mark::Reset);
            match index.get(&entry.key) {
                Some(at) if reset => drop(gone.insert(*at)),
                Some(at) => {
                    let value = self.merge(entries[*at].value, entry.value, &entry.key);
                    let kept = value == entries[*at].value
                        || matches!(self.tree.node(value).kind, Node::Map(_) | Node::Seq(_))
                            && value != entry.value;
                    let key_span = if kept { entries[*at].key_span } else { entry.key_span };
                    entries[*at] = Entry { value, key_span, key: entry.key };
                }
                None if reset => {}
                None => entries.push(entry),
            }
        }
        let mut i = 0..;
        entries.retain(|_| i.next().is_none_or(|i: usize| !gone.contains(&i)));
        self.map(base, entries)
    }

    fn merge_lists(&mut self, base: NodeId, over: NodeId, key: &str) -> NodeId {
        let (old, new) = (self.tree.items(base).to_vec(), self.tree.items(over).to_vec());
        if new.is_empty() {
            self.note_not_reset(base, over, key);
            return base;
        }
        let identity = |tree: &Tree, id: NodeId| match key {
            "volumes" => target(tree, id),
            _ => tree.raw(id).map(|t| t.into_owned()),
        };
        let known: HashSet<String> = new.iter().filter_map(|id| identity(&self.tree, *id)).collect();
        let mut items: Vec<NodeId> = old
            .into_iter()
            .filter(|id| identity(&self.tree, *id).is_none_or(|i| !known.contains(&i)))
            .collect();
        items.extend(new);
        let span = self.tree.node(base).span;
        self.tree.push(span, Node::Seq(items.into()))
    }

    fn note_not_reset(&mut self, base: NodeId, over: NodeId, key: &str) {
        let full = !self.tree.entries(base).is_empty() || !self.tree.items(base).is_empty();
        if full && ADDED.contains(&key) {
            self.not_reset.push((key.to_string(), Place::Text(self.tree.node(over).span)));
        }
    }

    /// The project with every service laid over what it extends.
    fn extended(&mut self, root: NodeId) -> NodeId {
        self.change(root, |loader, key, value| match key {
            "services" => loader.change(value, |l, name, service| {
                l.extend(root, name, service, &mut vec![(String::new(), name.to_string())])
            }),
            _ => value,
        })
    }

    fn extend(
        &mut self,
        root: NodeId,
        name: &str,
        service: NodeId,
        trail: &mut Vec<(String, String)>,
    ) -> NodeId {
        let Some(extends) = self.tree.get(service, "extends").map(|e| e.value) else { return service };
        let file = self.tree.get(extends, "file").and_then(|e| self.text(e.value));
        let other = match self.tree.get(extends, "service") {
            Some(entry) => self.text(entry.value),
            None => self.text(extends),
        };
        let Some(other) = other else { return service };
        let span = self.tree.node(extends).span;
        let dir = trail.last().map_or(String::new(), |(file, _)| parent(file).to_string());
        let (path, root) = match &file {
            Some(file) => {
                let Some(path) = below(&dir, file) else { return service };
                let Some(root) = self.file(&path, 1) else {
                    if self.reader.folder.entry(&path) == Kind::Nothing {
                        let message = format!("expected a file to extend from, found nothing at `{path}`");
                        self.error("undefined-reference", span, message, "correct the path");
                    }
                    return service;
                };
                (path, root)
            }
            None => (trail.last().map_or(String::new(), |(f, _)| f.clone()), root),
        };
        let services = self.tree.get(root, "services").map(|e| e.value);
        let Some(base) = services.and_then(|s| self.tree.get(s, &other)).map(|e| e.value) else {
            let message = format!("`{name}` extends `{other}`, which is no service");
            self.error("undefined-reference", span, message, "correct the name");
            return service;
        };
        let step = (path, other.clone());
        if trail.contains(&step) || trail.len() > DEEPEST {
            let message = format!("`{name}` extends itself, by way of `{other}`");
            self.error("dependency-cycle", span, message, "write the keys out in one of them");
            return service;
        }
        trail.push(step);
        let base = self.extend(root, &other, base, trail);
        trail.pop();
        self.merge(base, service, "")
    }

    /// Names that a service uses and that the project does not have: Compose refuses the whole of it.
    fn references(&mut self) {
        let root = self.tree.root();
        let names = |tree: &Tree, key: &str| -> HashSet<String> {
            tree.get(root, key)
                .map(|e| tree.entries(e.value).iter().map(|e| e.key.to_string()).collect())
                .unwrap_or_default()
        };
        let mut known: HashMap<&str, HashSet<String>> =
            ["services", "volumes", "networks", "secrets", "configs"]
                .into_iter()
                .map(|k| (k, names(&self.tree, k)))
                .collect();
        if let Some(networks) = known.get_mut("networks") {
            networks.insert("default".into());
        }
        let mut faults: Vec<(Place, &str, String)> = Vec::new();
        let services =
            self.tree.get(root, "services").map(|e| self.tree.entries(e.value).to_vec()).unwrap_or_default();
        let path = |service: &str, key: &str| {
            Place::value(Document::Compose, Path(vec!["services".into(), service.into(), key.into()]))
        };
        for service in services {
            // Without an image it is a part of something that only another file completes.
            for (key, what, of) in
                [("depends_on", "service", "services"), ("networks", "network", "networks")]
            {
                let Some(list) = self.tree.get(service.value, key) else { continue };
                for entry in self.tree.entries(list.value) {
                    let optional = self
                        .tree
                        .get(entry.value, "required")
                        .is_some_and(|e| self.tree.node(e.value).kind == Node::Bool(false));
                    if !known[of].contains(&*entry.key) && !entry.key.contains('$') && !optional {
                        faults.push((
                            path(&service.key, key).join(&*entry.key).on_key(),
                            what,
                            entry.key.to_string(),
                        ));
                    }
                }
            }
            let items = |key: &str| {
                self.tree
                    .get(service.value, key)
                    .map(|e| self.tree.items(e.value).to_vec())
                    .unwrap_or_default()
            };
            for (i, item) in items("volumes").into_iter().enumerate() {
                if let Some(name) = volume_name(&self.tree, item)
                    && !known["volumes"].contains(&name)
                {
                    faults.push((path(&service.key, "volumes").join(i), "volume", name));
                }
            }
            for (key, what) in [("secrets", "secret"), ("configs", "config")] {
                for (i, item) in items(key).into_iter().enumerate() {
                    let source = self.tree.get(item, "source").map_or(item, |e| e.value);
                    let Some(name) = self.text(source) else { continue };
                    if !known[key].contains(&name) && !name.contains('$') {
                        faults.push((path(&service.key, key).join(i), what, name));
                    }
                }
            }
        }
        for (place, what, name) in faults {
            self.failed = true;
            let all: Vec<&str> = known
                .iter()
                .filter(|(k, _)| k.trim_end_matches('s') == what)
                .flat_map(|(_, names)| names.iter().map(String::as_str))
                .collect();
            let help = crate::text::nearest(&name, all).map_or_else(
                || format!("declare it under `{what}s`"),
                |near| format!("did you mean `{near}`?"),
            );
            self.reader.out.push(
                Finding::error("undefined-reference", place, format!("there is no {what} `{name}`"))
                    .help(help),
            );
        }
    }
}

/// Where a container sees a volume or file: what makes two entries the same.
fn target(tree: &Tree, id: NodeId) -> Option<String> {
    if let Some(entry) = tree.get(id, "target") {
        return tree.raw(entry.value).map(|t| t.into_owned());
    }
    let text = tree.raw(id)?;
    Some(split_volume(&text).1.to_string())
}

/// The parts of `source:target:mode`; a variable may hold colons of its own.
pub(super) fn split_volume(text: &str) -> (Option<&str>, &str, &str) {
    let mut cuts = Vec::new();
    let mut depth = 0usize;
    for (i, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => cuts.push(i),
            _ => {}
        }
    }
    match cuts.as_slice() {
        [] => (None, text, ""),
        [one] => (Some(&text[..*one]), &text[one + 1..], ""),
        [one, two, ..] => (Some(&text[..*one]), &text[one + 1..*two], &text[two + 1..]),
    }
}

/// The named volume that an entry mounts.
fn volume_name(tree: &Tree, id: NodeId) -> Option<String> {
    let kind = tree.get(id, "type").and_then(|e| tree.raw(e.value).map(|t| t.into_owned()));
    let source = match tree.get(id, "source") {
        Some(entry) if kind.as_deref().is_none_or(|k| k == "volume") => tree.raw(entry.value)?.into_owned(),
        Some(_) => return None,
        None if matches!(tree.node(id).kind, Node::Map(_)) => return None,
        None => split_volume(&tree.raw(id)?).0?.to_string(),
    };
    is_name(&source).then_some(source)
}

/// Whether a source is the name of a volume and no path.
pub(super) fn is_name(source: &str) -> bool {
    !source.is_empty() && !source.starts_with(['.', '/', '~', '\\']) && !source.contains(['$', '/', '\\'])
}

/// Names a file of variables sets.
pub(super) fn names(folder: &dyn Folder, path: &str) -> Option<Vec<String>> {
    let names = dotenv::names(&folder.read(path)?).ok()?;
    Some(names.into_iter().map(|n| n.name).collect())
}
