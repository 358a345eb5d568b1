//! Why an entry of an artifact is what it is: the place of the manifest, the data of the kind or the rule of the target
//! that makes it.
//!
//! [`origin`] names every place that may say it, the most exact first, from the model alone. [`cause`] takes the first
//! one that is written. A kind's value is often an expression; then the cause is what the expression asks for, if that
//! is written (`services.n8n.url` for a host name), and the kind is how.

mod compose;
mod databases;
mod files;
mod firewall;
mod monitoring;
mod nginx;

use crate::compile::Compiled;
use crate::emit::{compose as compose_file, nginx as nginx_file};
use crate::finding::{Document, Path, Place, Step};
use crate::format::tree::{NodeId, Tree};
use crate::stack::{Origin as Source, Role, Service, Stack};

/// Where an entry may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// What may say it, the most exact first; not all of it need be written.
    pub candidates: Vec<Candidate>,
    /// Service it is about; its facts are what expressions of a kind speak of.
    pub service: Option<String>,
    /// What makes it when nothing is written: one line, lower case.
    pub rule: String,
}

/// Something that may say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidate {
    /// A place.
    At(Place),
    /// A value among the groups of a kind: `set.NAME` of one of the items at a path.
    Group(String, Path, String),
    /// A key of the route of a kind with this path; the route itself when it has no such key.
    Route(String, String, &'static str),
}

/// What made an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The place of the manifest that is to be changed to change it, if there is one.
    pub manifest: Option<Place>,
    /// The place of the kind that says it, or says how it follows from the manifest.
    pub kind: Option<Place>,
    /// What makes it otherwise: one line, lower case.
    pub rule: String,
}

/// Where an entry of an artifact may come from; `None` for a file that no target writes.
pub fn origin(stack: &Stack, file: &str, path: &Path) -> Option<Origin> {
    match file {
        compose_file::FILE => Some(compose::origin(stack, path)),
        nginx_file::FILE => Some(nginx::origin(stack, path)),
        _ => files::origin(stack, file, path),
    }
}

/// What made an entry: the first candidate that is written.
pub fn cause(compiled: &Compiled, origin: &Origin) -> Cause {
    let mut cause = Cause { manifest: None, kind: None, rule: origin.rule.clone() };
    for candidate in &origin.candidates {
        let Some(place) = written(compiled, candidate) else { continue };
        match &place {
            Place::At { document: Document::Kind(kind), path, .. } => {
                let tree = compiled.documents.get(&Document::Kind(kind.clone()));
                let text = tree.and_then(|tree| scalar(tree, path)).unwrap_or_default();
                cause.manifest = asked(compiled, origin, &text);
                cause.kind = Some(place);
            }
            _ => cause.manifest = Some(place),
        }
        break;
    }
    cause
}

/// A candidate as the place where it is written.
fn written(compiled: &Compiled, candidate: &Candidate) -> Option<Place> {
    match candidate {
        Candidate::At(place @ Place::Text(_)) => Some(place.clone()),
        Candidate::At(place @ Place::At { document, path, .. }) => {
            compiled.documents.get(document)?.find(path).exact.then(|| place.clone())
        }
        Candidate::Group(kind, list, name) => {
            let document = Document::Kind(kind.clone());
            let tree = compiled.documents.get(&document)?;
            let items = tree.items(node(tree, list)?).len();
            let paths = (0..items).map(|i| list.join(i).join("set").join(name));
            paths.into_iter().find(|path| tree.find(path).exact).map(|path| Place::value(document, path))
        }
        Candidate::Route(kind, route, key) => {
            let document = Document::Kind(kind.clone());
            let tree = compiled.documents.get(&document)?;
            let list = Path(vec!["service".into(), "routes".into()]);
            let groups = (0..tree.items(node(tree, &list)?).len()).map(|i| list.join(i).join("routes"));
            let routes = groups.flat_map(|group| {
                let count = node(tree, &group).map_or(0, |id| tree.items(id).len());
                (0..count).map(move |i| group.join(i))
            });
            let found =
                routes.into_iter().find(|r| scalar(tree, &r.join("path")).as_deref() == Some(route))?;
            let exact = Some(found.join(*key)).filter(|path| tree.find(path).exact);
            Some(Place::value(document, exact.unwrap_or(found)))
        }
    }
}

/// The node at a path.
fn node(tree: &Tree, path: &Path) -> Option<NodeId> {
    path.0.iter().try_fold(tree.root(), |id, step| match step {
        Step::Key(key) => tree.get(id, key).map(|entry| entry.value),
        Step::Index(index) => tree.items(id).get(*index).copied(),
    })
}

/// The scalar at a path, as it is written.
fn scalar(tree: &Tree, path: &Path) -> Option<String> {
    tree.raw(node(tree, path)?).map(|text| text.into_owned())
}

/// The first written place of the manifest that an expression of a kind asks for.
fn asked(compiled: &Compiled, origin: &Origin, text: &str) -> Option<Place> {
    let stack = compiled.stack.as_ref()?;
    let service = stack.service(origin.service.as_deref()?)?;
    let manifest = compiled.documents.get(&Document::Manifest)?;
    let is_written = |place: &Place| match place {
        Place::At { path, .. } => manifest.find(path).exact,
        Place::Text(_) => false,
    };
    let kind = compiled.documents.get(&Document::Kind(service.kind.clone()));
    let places = words(text).flat_map(|word| {
        // A choice that nobody made may follow from something else.
        let option = word
            .strip_prefix("options.")
            .map(|name| Path(vec!["options".into(), name.into(), "default".into()]));
        let default = option.and_then(|path| scalar(kind?, &path)).unwrap_or_default();
        let further: Vec<Place> = words(&default).flat_map(|word| facts(stack, service, word)).collect();
        facts(stack, service, word).into_iter().chain(further)
    });
    places.into_iter().find(is_written)
}

/// The names in the expressions of a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let expressions = text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
    expressions.flat_map(move |e| e.split(move |c| !is_word(c))).filter(|word| !word.is_empty())
}

/// Places of the manifest that decide a fact, as expressions name it.
fn facts(stack: &Stack, service: &Service, word: &str) -> Vec<Place> {
    let own = |keys: &[&str]| base(service, keys);
    let (object, field) = word.split_once('.').unwrap_or((word, ""));
    match (object, field) {
        ("timezone", _) => vec![Place::manifest(["timezone"])],
        ("stack", _) => vec![Place::manifest(["name"])],
        ("service", "url" | "host" | "scheme" | "public_port") => vec![own(&["url"])],
        ("service", "port") => vec![own(&["listen"])],
        ("service", "cpus") => vec![own(&["cpus"]), Place::manifest(["host", "cpus"])],
        ("service", field) => vec![own(&[field])],
        ("options", field) => vec![own(&["options", field])],
        ("mounted", _) => vec![own(&["options", "addons"]), own(&["mounts"])],
        ("proxy_hops", _) => vec![Place::manifest(["proxy", "edge"])],
        ("host", field) => vec![Place::manifest(["host", field])],
        ("redis", _) => vec![own(&["redis"])],
        ("database", field) if service.kind == "psql" => {
            let field = if field == "user" { "admin" } else { field };
            vec![service.place.join(field), service.place.join("provider"), service.place.clone()]
        }
        ("database", "name" | "user" | "password") => {
            vec![own(&["database", field]), own(&["database"])]
        }
        ("database", field) => {
            let server = service.database.iter().filter_map(|d| stack.database(&d.server));
            server.map(|s| s.place.join(field)).chain([own(&["database"])]).collect()
        }
        ("mail", field) => {
            let mail = stack.mail.iter().find(|m| m.used_by.contains(&service.owner));
            mail.map(|m| m.place.join(field)).into_iter().chain([own(&["mail"])]).collect()
        }
        ("services", rest) => {
            let (name, key) = rest.split_once('.').unwrap_or((rest, "url"));
            vec![Place::manifest(["services", name, key])]
        }
        ("external", rest) => {
            let (name, key) = rest.split_once('.').unwrap_or((rest, "url"));
            vec![Place::manifest(["external", name, key])]
        }
        _ => Vec::new(),
    }
}

/// A key of the manifest's block about a service: proxy and certificates have blocks of their own.
fn base(service: &Service, keys: &[&str]) -> Place {
    let mut steps = match service.role {
        Role::Proxy => vec!["proxy"],
        Role::Monitor => vec!["monitoring"],
        _ if service.kind == "certbot" => vec!["certificates"],
        _ => vec!["services", service.owner.as_str()],
    };
    steps.extend(keys);
    Place::manifest(steps)
}

/// A key of the kind's data about a service.
fn of_kind(service: &Service, keys: &[&str]) -> Place {
    let path = keys.iter().fold(container(service), |path, key| path.join(*key));
    Place::value(Document::Kind(service.kind.clone()), path)
}

/// Where a kind describes the container of a service.
fn container(service: &Service) -> Path {
    match service.name.strip_prefix(&format!("{}-", service.owner)) {
        Some(companion) => Path(vec!["companions".into(), companion.into()]),
        None => Path(vec!["service".into()]),
    }
}

/// Collects candidates.
struct Candidates(Vec<Candidate>);

impl Candidates {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn at(mut self, place: Place) -> Self {
        self.0.push(Candidate::At(place));
        self
    }

    /// The manifest's key, then the kind's.
    fn key(self, service: &Service, keys: &[&str]) -> Self {
        let own = service.name == service.owner
            || !matches!(
                keys,
                [
                    "command"
                        | "entrypoint"
                        | "memory"
                        | "restart"
                        | "healthcheck"
                        | "hardening"
                        | "user"
                        | "working_dir"
                        | "stop_grace",
                    ..
                ]
            );
        let this = if own { self.at(base(service, keys)) } else { self };
        this.at(of_kind(service, keys))
    }

    fn of(self, source: &Source) -> Self {
        match source {
            Source::Manifest(place) => self.at(place.clone()),
            Source::Kind(_) | Source::Default => self,
        }
    }

    fn group(mut self, kind: &str, list: Path, name: &str) -> Self {
        self.0.push(Candidate::Group(kind.to_string(), list, name.to_string()));
        self
    }

    fn made(self, service: Option<&Service>, rule: impl Into<String>) -> Origin {
        Origin { candidates: self.0, service: service.map(|s| s.name.clone()), rule: rule.into() }
    }
}

/// The keys of a path; a position in a list is none.
fn keys(path: &Path) -> Vec<&str> {
    path.0
        .iter()
        .filter_map(|step| if let Step::Key(key) = step { Some(key.as_str()) } else { None })
        .collect()
}
