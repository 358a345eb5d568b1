//! The three sides together, and what is asked of them again and again.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::built::Built;
use crate::compile::Compiled;
use crate::deployed::conceal::{self, Declared};
use crate::deployed::{Container, Deployed, File};
use crate::emit::compose;
use crate::finding::{Path, Place, Step};
use crate::manifest::Class;
use crate::origin;
use crate::outline::{Entry, Value};
use crate::stack::{MountSource, Role, Service, Stack, Volume};

use super::Status;
use super::compare::{self, Entries};

pub(super) struct View<'a> {
    pub compiled: &'a Compiled,
    pub stack: &'a Stack,
    pub deployed: &'a Deployed,
    /// What the last build wrote; `None` when its lock was not there to be read.
    pub built: Option<&'a Built>,
    /// What the files of the manifest say.
    declared: &'a Declared,
    /// What `.env` on the server says; `None` when it was not read.
    pub dotenv: Option<Entries>,
    /// Values and files that may differ or not: they are concealed, and the manifest was not at hand to say which.
    pub hidden: Cell<usize>,
    services: HashMap<&'a str, &'a Service>,
    /// Volumes, by key and by name.
    volumes: HashMap<&'a str, &'a Volume>,
    /// Services by the volume they mount, the network they are on, and the service in whose container they live.
    mounting: Index<'a>,
    attached: Index<'a>,
    guests: Index<'a>,
    hosts: HashSet<&'a str>,
    /// Containers of the stack's services, by service.
    containers: BTreeMap<&'a str, Vec<&'a Container>>,
}

/// Names of services, by what they have to do with.
type Index<'a> = HashMap<&'a str, Vec<&'a str>>;

impl<'a> View<'a> {
    pub fn new(
        compiled: &'a Compiled,
        stack: &'a Stack,
        declared: &'a Declared,
        deployed: &'a Deployed,
        built: Option<&'a Built>,
    ) -> Self {
        let mut containers: BTreeMap<&str, Vec<&Container>> = BTreeMap::new();
        let services: HashMap<&str, &Service> = stack.services.iter().map(|s| (s.name.as_str(), s)).collect();
        for container in deployed.engine.iter().flat_map(|e| &e.containers) {
            if let Some(service) = &container.service
                && container.project.as_ref() == Some(&stack.project)
                && !container.one_off
                && services.contains_key(service.as_str())
            {
                containers.entry(service).or_default().push(container);
            }
        }
        // What an interrupted recreate left runs the service only where there is nothing else that could.
        for list in containers.values_mut().filter(|l| l.iter().any(|c| !is_leftover(c))) {
            list.retain(|c| !is_leftover(c));
        }
        let mut view = Self {
            compiled,
            stack,
            deployed,
            built,
            declared,
            dotenv: None,
            hidden: Cell::new(0),
            services,
            volumes: stack.volumes.iter().flat_map(|v| [(v.name.as_str(), v), (v.key.as_str(), v)]).collect(),
            mounting: index(stack, |s| {
                let sources = s.mounts.iter().map(|m| &m.source);
                sources
                    .filter_map(|s| if let MountSource::Volume(key) = s { Some(key.as_str()) } else { None })
                    .collect()
            }),
            attached: index(stack, |s| s.networks.iter().map(String::as_str).collect()),
            guests: index(stack, super::consequence::lives_in),
            hosts: stack
                .sites
                .iter()
                .flat_map(|s| std::iter::once(&s.host).chain(&s.aliases))
                .map(String::as_str)
                .collect(),
            containers,
        };
        view.dotenv = view.file(".env").filter(|f| f.fault.is_none()).map(|f| compare::entries(&f.entries));
        view
    }

    /// A service of the manifest.
    pub fn service(&self, name: &str) -> Option<&'a Service> {
        self.services.get(name).copied()
    }

    /// Whether it is a public name of the stack.
    pub fn is_host(&self, name: &str) -> bool {
        self.hosts.contains(name)
    }

    /// The containers of a service.
    pub fn containers(&self, service: &str) -> &[&'a Container] {
        self.containers.get(service).map_or(&[], Vec::as_slice)
    }

    /// A volume of the manifest, by key or by its name on the server.
    pub fn volume(&self, name: &str) -> Option<&'a Volume> {
        self.volumes.get(name).copied()
    }

    /// Whether what a volume holds would be missed. Nobody can say it of one that the manifest does not know.
    pub fn is_precious(&self, volume: &str) -> bool {
        self.volume(volume).is_none_or(|v| matches!(v.class, Class::Critical | Class::Important))
    }

    /// A file on the server.
    pub fn file(&self, path: &str) -> Option<&'a File> {
        self.deployed.files.as_ref()?.get(path)
    }

    /// Whether the manifest makes a file.
    pub fn makes(&self, path: &str) -> bool {
        self.declared.hash(path).is_some()
    }

    /// Whether a file on the server is the one the manifest makes, byte for byte.
    pub fn is_there(&self, path: &str) -> bool {
        let hash = self.file(path).and_then(|f| f.hash.as_deref());
        hash.is_some() && hash == self.declared.hash(path)
    }

    /// Which side moved, if the bytes tell it: a file that is as it was built, here or there, has not moved.
    pub fn moved(&self, path: &str) -> Option<Status> {
        let built = self.built?.hash(path)?;
        if self.declared.hash(path) == Some(built) {
            return Some(Status::Drift);
        }
        (self.file(path)?.hash.as_deref() == Some(built)).then_some(Status::Undeployed)
    }

    /// What a file that the manifest makes says. It was made by us: what cannot be read of it says nothing.
    pub fn wanted(&self, path: &str) -> impl Iterator<Item = (&'a Path, &'a Entry)> {
        self.declared.outline(path).into_iter().flat_map(|outline| &outline.entries)
    }

    /// What the Compose file that the manifest makes says at or below a path.
    pub fn compose(&self, at: &Path) -> impl Iterator<Item = (&'a Path, &'a Entry)> {
        let outline = self.declared.outline(compose::FILE);
        let from = outline.into_iter().flat_map(|o| o.entries.range(at.clone()..));
        let at = at.clone();
        from.take_while(move |(path, _)| path.0.starts_with(&at.0))
    }

    /// Whether two values may be the same for all that can be told.
    pub fn may_be_same(&self, there: &Value, wanted: &Value) -> bool {
        let unknown =
            !self.deployed.declared && matches!((there, wanted), (Value::Concealed(_), Value::Plain(_)));
        if unknown {
            self.hidden.set(self.hidden.get() + 1);
        }
        unknown || conceal::same(there, wanted) == Some(true)
    }

    /// The place of the manifest that makes an entry of a file.
    pub fn place(&self, file: &str, path: &Path) -> Option<Place> {
        let found = origin::origin(self.stack, file, path)?;
        origin::cause(self.compiled, &found).manifest
    }

    /// Services that see a folder of the output and run on; a job reads it whenever it starts.
    pub fn readers(&self, folder: &str) -> Vec<&'a str> {
        let all = self.stack.services.iter().filter(|s| s.role != Role::Job && self.reads(s, folder));
        all.map(|s| s.name.as_str()).collect()
    }

    /// Whether a service sees a folder of the output.
    pub fn reads(&self, service: &Service, folder: &str) -> bool {
        service.mounts.iter().any(|m| matches!(&m.source, MountSource::Output(f) if f == folder))
    }

    /// The service that is the proxy, or `None` when the server itself runs it.
    pub fn proxy(&self) -> Option<&'a str> {
        self.stack.proxy.as_ref()?.service.as_deref()
    }

    /// Services on a network of the manifest, by key.
    pub fn attached(&self, network: &str) -> &[&'a str] {
        self.attached.get(network).map_or(&[], Vec::as_slice)
    }

    /// Services that mount a volume of the manifest, by key.
    pub fn mounting(&self, volume: &str) -> &[&'a str] {
        self.mounting.get(volume).map_or(&[], Vec::as_slice)
    }

    /// Services that live in the container of another.
    pub fn guests(&self, host: &str) -> &[&'a str] {
        self.guests.get(host).map_or(&[], Vec::as_slice)
    }
}

/// Services by what a function says of them; each once. What runs only when asked for has no container, and Compose makes
/// no network or volume for its sake.
fn index<'a>(stack: &'a Stack, of: impl Fn(&'a Service) -> Vec<&'a str>) -> Index<'a> {
    let mut index = Index::new();
    for service in stack.services.iter().filter(|s| s.role != Role::Tool) {
        for name in of(service) {
            let list = index.entry(name).or_default();
            if list.last() != Some(&service.name.as_str()) {
                list.push(&service.name);
            }
        }
    }
    index
}

/// The name without the twelve digits that a recreate puts in front of it until it is done.
pub(super) fn without_prefix(name: &str) -> Option<&str> {
    let (digits, rest) = name.split_once('_')?;
    (digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_hexdigit()) && !rest.is_empty()).then_some(rest)
}

/// Whether a container is what an interrupted recreate left.
pub(super) fn is_leftover(container: &Container) -> bool {
    without_prefix(&container.name).is_some()
}

/// The key at a step of a path.
pub(super) fn key(path: &Path, at: usize) -> Option<&str> {
    match path.0.get(at)? {
        Step::Key(key) => Some(key),
        Step::Index(_) => None,
    }
}

/// The text of a value that may be shown.
pub(super) fn plain(value: &Value) -> Option<&str> {
    match value {
        Value::Plain(text) => Some(text),
        Value::Concealed(_) => None,
    }
}
