//! A directory without a manifest as the same model: its Compose files merged as Compose does, nginx with what it
//! includes, odoo.conf. What cannot be known from them stays unknown; nothing is made up.

mod compose;
mod databases;
mod interpolation;
mod nginx;
mod odoo;
mod products;
mod services;

use std::collections::{BTreeMap, HashMap};

use crate::finding::{Document, Finding, Place};
use crate::format::dotenv;
use crate::format::nginx::Directive;
use crate::format::tree::Tree;
use crate::kinds::Kinds;
use crate::manifest::{Issuer, KeyType, RunsIn};
use crate::scalar::{Bytes, Seconds};
use crate::stack::{Acme, Aspect, Certificate, Firewall, Foreign, Hsts, Origin, Proxy, Scripts, Stack};
use crate::text::{Sources, Span};

/// Files that are read of one directory.
const MOST_FILES: usize = 200;
/// Directives of nginx, those of a file that is included several times each time.
const MOST_DIRECTIVES: usize = 100_000;
/// Bytes of one file that is read.
pub const LARGEST: usize = 1 << 20;

/// What lies at a path of a [`Folder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Nothing.
    Nothing,
    /// A file.
    File,
    /// A directory.
    Folder,
}

/// A directory and what is below it. Paths are relative to it, with `/` and without `..`.
pub trait Folder {
    /// What lies at a path.
    fn entry(&self, path: &str) -> Entry;
    /// The text of a file; `None` if there is none, it is too large or no text.
    fn read(&self, path: &str) -> Option<String>;
    /// Names in a directory, sorted.
    fn list(&self, path: &str) -> Vec<String>;
    /// A path as it is shown.
    fn shown(&self, path: &str) -> String {
        path.to_string()
    }
    /// Whether a file is under version control.
    fn tracked(&self, _path: &str) -> bool {
        false
    }
}

/// Files in memory.
impl Folder for BTreeMap<String, String> {
    fn entry(&self, path: &str) -> Entry {
        let below = format!("{path}/");
        if self.contains_key(path) {
            Entry::File
        } else if path.is_empty() || self.keys().any(|k| k.starts_with(&below)) {
            Entry::Folder
        } else {
            Entry::Nothing
        }
    }

    fn read(&self, path: &str) -> Option<String> {
        self.get(path).cloned()
    }

    /// What is tracked is listed in a file of that name, since there is no repository.
    fn tracked(&self, path: &str) -> bool {
        self.get(".git-tracked").is_some_and(|list| list.lines().any(|l| l == path))
    }

    fn list(&self, path: &str) -> Vec<String> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut names: Vec<String> = self
            .keys()
            .filter_map(|k| k.strip_prefix(&prefix)?.split('/').next().map(str::to_string))
            .collect();
        names.dedup();
        names
    }
}

/// What a directory was read into.
pub struct Read {
    /// The model, if the files could be read.
    pub stack: Option<Stack>,
    /// The trees of what was read.
    pub documents: HashMap<Document, Tree>,
    /// What could not be seen, one line each; the name of what is missing first.
    pub unseen: Vec<(Aspect, String)>,
}

/// Whether a directory holds files that can be read without a manifest.
pub fn is_one(folder: &dyn Folder) -> bool {
    compose::base(folder).is_some() || has_configuration(folder)
}

pub use compose::BASES as COMPOSE_FILES;

/// Whether it holds a Compose file; what lies below is then part of it.
pub fn has_compose(folder: &dyn Folder) -> bool {
    compose::base(folder).is_some()
}

fn has_configuration(folder: &dyn Folder) -> bool {
    !nginx::candidates(folder).is_empty() || odoo::candidates(folder).next().is_some()
}

/// What is read, and what was read so far.
struct Reader<'a> {
    folder: &'a dyn Folder,
    sources: &'a mut Sources,
    out: &'a mut Vec<Finding>,
    documents: HashMap<Document, Tree>,
    left: usize,
    /// Directives of files of nginx that were read, and how many more may be put in place of `include`.
    directives: HashMap<String, Vec<Directive>>,
    directives_left: usize,
}

impl Reader<'_> {
    /// Reads a file once more into the sources.
    fn text(&mut self, path: &str) -> Option<(crate::text::SourceId, String)> {
        self.left = self.left.checked_sub(1)?;
        let text = self.folder.read(path)?;
        let id = self.sources.add(self.folder.shown(path), text.clone());
        Some((id, text))
    }

    /// Reports a file that cannot be read as what it is.
    fn fault(&mut self, rule: &'static str, span: Span, message: String, help: &str) {
        self.out.push(Finding::error(rule, Place::Text(span), message).help(help));
    }
}

/// Reads a directory.
pub fn read(
    folder: &dyn Folder,
    name: &str,
    kinds: &mut Kinds,
    sources: &mut Sources,
    out: &mut Vec<Finding>,
) -> Read {
    let mut reader = Reader {
        folder,
        sources,
        out,
        documents: HashMap::new(),
        left: MOST_FILES,
        directives: HashMap::new(),
        directives_left: MOST_DIRECTIVES,
    };
    let mut unseen = Vec::new();
    let mut stack = blank(name);
    let project = compose::read(&mut reader);
    let failed = project.is_none() && compose::base(folder).is_some();
    if failed {
        return Read { stack: None, documents: reader.documents, unseen };
    }
    let mut foreign = Foreign { scripts: scripts(folder), ..Foreign::default() };
    if let Some(project) = project {
        foreign.seen.push(Aspect::Containers);
        unseen.extend(project.unread.iter().map(|text| (Aspect::Containers, text.clone())));
        services::fill(project, &mut reader, kinds, &mut stack, &mut foreign);
    } else {
        unseen.push((Aspect::Containers, "no Compose file found".to_string()));
    }
    if odoo::read(&mut reader, kinds, &mut stack) {
        foreign.seen.push(Aspect::Settings);
    } else if stack.services.iter().any(|s| s.kind == "odoo") {
        unseen.push((Aspect::Settings, "no odoo.conf found".to_string()));
    }
    databases::fill(&mut stack);
    if orders(&mut stack) {
        foreign.seen.push(Aspect::Certificates);
    }
    match nginx::read(&mut reader, &mut stack) {
        Some(directives) => {
            foreign.directives = directives;
            foreign.seen.push(Aspect::Proxy);
        }
        None => unseen.push((Aspect::Proxy, "no nginx configuration found".to_string())),
    }
    unseen.push((Aspect::Firewall, "no firewall found".to_string()));
    unseen.push((Aspect::Host, "nothing about the server found".to_string()));
    unseen.push((Aspect::Intent, "no manifest says what is meant".to_string()));
    if reader.left == 0 {
        unseen.push((Aspect::Containers, format!("more than {MOST_FILES} files: the rest was not read")));
    }
    stack.foreign = Some(foreign);
    Read { stack: Some(stack), documents: reader.documents, unseen }
}

/// What certbot is told to order; whether all of it is known.
fn orders(stack: &mut Stack) -> bool {
    for service in stack.services.iter().filter(|s| s.kind == "certbot") {
        let words = service.found.as_ref().map_or("", |f| f.words.as_str());
        if !words.contains("certonly") || words.contains('$') {
            continue;
        }
        let (mut names, mut name) = (Vec::new(), None);
        let mut words = words.split_whitespace().map(|w| w.trim_matches(['"', '\'', ';']));
        while let Some(word) = words.next() {
            let (option, value) = word.split_once('=').map_or((word, None), |(o, v)| (o, Some(v)));
            match option {
                "-d" | "--domain" | "--domains" => {
                    let list = value.or_else(|| words.next()).unwrap_or_default();
                    names.extend(list.split(',').map(str::to_string));
                }
                "--cert-name" => name = value.or_else(|| words.next()).map(str::to_string),
                _ => {}
            }
        }
        let Some(name) = name.or_else(|| names.first().cloned()) else { continue };
        stack.certificates.push(Certificate {
            name,
            names,
            optional: false,
            files: None,
            place: service.place.join("command"),
        });
    }
    !stack.certificates.is_empty()
}

/// A stack of which nothing is known.
fn blank(name: &str) -> Stack {
    Stack {
        name: name.to_string(),
        title: None,
        project: name.to_string(),
        domain: None,
        timezone: None,
        host: Default::default(),
        services: Vec::new(),
        proxy: None,
        sites: Vec::new(),
        rate_limits: Vec::new(),
        databases: Vec::new(),
        volumes: Vec::new(),
        networks: Vec::new(),
        certificates: Vec::new(),
        acme: Acme { email: None, issuer: Issuer::default(), key: KeyType::default(), service: None },
        secrets: Vec::new(),
        firewall: Firewall::default(),
        backup: None,
        security: Default::default(),
        mail: Vec::new(),
        monitoring: None,
        external: Vec::new(),
        planned: Vec::new(),
        tombstones: Vec::new(),
        dns: None,
        probe: None,
        allowed: Vec::new(),
        entries: Vec::new(),
        notes: Vec::new(),
        foreign: None,
    }
}

/// A proxy of which only the place is known.
fn proxy(service: Option<String>, version: Option<(u16, u16, u16)>, place: Place) -> Proxy {
    Proxy {
        runs_in: if service.is_some() { RunsIn::Container } else { RunsIn::Host },
        service,
        version: version.unwrap_or_default(),
        origin: Origin::Default,
        edge: None,
        hsts: Hsts { max_age: Seconds(0), include_subdomains: false, preload: false },
        body_size: Bytes(1 << 20),
        headers: Vec::new(),
        raw: None,
        place,
    }
}

/// Where scripts and notes of a set-up usually lie.
const SCRIPT_FOLDERS: &[&str] =
    &["", "scripts", "bin", "certbot", "nginx", "contrib", "contrib/systemd", "systemd"];

/// Texts beside the files that an operator runs; with `notes` also those he follows, and other Compose files.
fn script_texts(folder: &dyn Folder, notes: bool) -> impl Iterator<Item = String> {
    let is_script = move |n: &str| {
        [".sh", ".service", ".timer"].iter().any(|e| n.ends_with(e))
            || matches!(n, "Makefile" | "crontab" | "justfile" | "Taskfile")
            || notes && [".md", ".yml", ".yaml"].iter().any(|e| n.ends_with(e))
    };
    SCRIPT_FOLDERS.iter().flat_map(move |dir| {
        let names = folder.list(dir).into_iter().filter(move |n| is_script(n)).take(50);
        names.filter_map(move |n| folder.read(&if dir.is_empty() { n } else { format!("{dir}/{n}") }))
    })
}

fn scripts(folder: &dyn Folder) -> Scripts {
    let mut found = Scripts::default();
    for text in script_texts(folder, false) {
        found.first_certificate |=
            text.contains("openssl req") || text.contains("certonly") || text.contains("mkcert");
        found.renews |= text.contains("certbot renew") || text.contains("certbot") && text.contains(" renew");
        found.reloads |= text.contains("-s reload") || text.contains("HUP") || text.contains("deploy-hook");
    }
    found
}

/// Names that the files of variables in a directory set: `.env`, else the example that is copied to it.
fn variables_of(folder: &dyn Folder, dir: &str, name: &str) -> Option<Vec<String>> {
    let base = name.strip_prefix('.').unwrap_or(name);
    let examples = [
        name.to_string(),
        format!("{name}.example"),
        format!("{base}.example"),
        format!("{name}.sample"),
        format!("{name}.template"),
        format!("{name}.dist"),
        format!("example.{base}"),
    ];
    examples.iter().find_map(|n| {
        let path = below(dir, n)?;
        if folder.entry(&path) != Entry::File {
            return None;
        }
        let names = dotenv::names(&folder.read(&path)?).ok()?;
        Some(names.into_iter().map(|n| n.name).collect())
    })
}

/// A path relative to the folder, from one relative to a directory in it; `None` for what lies outside.
fn below(dir: &str, path: &str) -> Option<String> {
    if path.starts_with(['/', '~', '\\']) || path.contains('$') || path.contains('\0') {
        return None;
    }
    let mut parts: Vec<&str> = dir.split('/').filter(|p| !p.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The directory of a path.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        assert_eq!(below("a/b", "../c/./d"), Some("a/c/d".into()));
        assert_eq!(below("", "./x"), Some("x".into()));
        for outside in ["/etc", "~/x", "../x", "a/../../x", "$HOME/x"] {
            assert_eq!(below("", outside), None, "{outside}");
        }
    }
}
