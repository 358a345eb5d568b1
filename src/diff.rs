//! What differs between a manifest and a server, which side moved, and what deploying would do to it.
//!
//! Three sides meet: what the manifest wants ([`Compiled`]), what the last build wrote ([`Built`]) and what is there
//! ([`Deployed`]). Pure: no disk, network or clock, so the same three give the same answer.

mod artifacts;
mod certificates;
mod compare;
mod consequence;
mod engine;
mod files;
mod firewall;
mod guard;
mod interpolate;
mod reach;
mod steps;
mod undeclared;
mod view;

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::built::Built;
use crate::compile::Compiled;
use crate::deployed::conceal::Declared;
use crate::deployed::{Deployed, Reading};
use crate::emit::deploy::FILE as SCRIPT;
use crate::finding::{Path, Place};
use crate::outline::Value;

pub use steps::Do;
use view::View;

/// Everything that differs.
#[derive(Debug, Clone, Default)]
pub struct Diff {
    /// The stack.
    pub stack: String,
    /// What was asked, and what of it could not be seen.
    pub sources: Vec<Reading>,
    /// Whether a source left something unseen: no difference then does not mean that there is none.
    pub partial: bool,
    /// The differences, the one that costs most first.
    pub changes: Vec<Change>,
    /// What becomes of each service that `docker compose up -d` does something to, once the files are in place.
    pub fates: BTreeMap<String, Fate>,
    /// What to do, in order.
    pub steps: Vec<Step>,
}

/// One thing that differs.
#[derive(Debug, Clone)]
pub struct Change {
    /// What it is about.
    pub subject: Subject,
    /// File below the deploy directory, when a file says it.
    pub file: Option<String>,
    /// Where in the file, or in what a container would say of itself as a Compose file; empty for the whole.
    pub path: Path,
    /// Line of the deployed file, from 1.
    pub line: Option<u32>,
    /// What deploying does to the entry.
    pub what: What,
    /// What is there; what runs, if that is known.
    pub before: Option<Value>,
    /// What the manifest wants.
    pub after: Option<Value>,
    /// What the file on the server says, when what runs says something else.
    pub file_says: Option<Value>,
    /// How many entries this stands for: a service that is new is one change.
    pub entries: usize,
    /// Whether a file shows it.
    pub in_file: bool,
    /// Whether the engine, the provider or a certificate shows it.
    pub running: bool,
    /// Which side moved.
    pub status: Status,
    /// What in the manifest causes it; `None` is "not in the manifest".
    pub place: Option<Place>,
    /// What deploying costs, or what it costs to leave it.
    pub consequence: Consequence,
    /// Why, one lower-case line.
    pub why: String,
    /// Whether data or a way back is lost, and the manifest does not say that this is meant.
    pub destructive: bool,
    /// What refers to something that goes away.
    pub references: Vec<String>,
    /// Who else goes down with it.
    pub affected: Vec<Affected>,
    /// The least command that applies it.
    pub command: Option<Do>,
    /// What `docker compose up -d` does to services because of it.
    pub fates: Vec<(String, Fate)>,
}

/// What a change is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct Subject {
    /// Kind of thing.
    pub kind: SubjectKind,
    /// Its name.
    pub name: String,
}

impl Subject {
    fn new(kind: SubjectKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

/// Kinds of things that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SubjectKind {
    /// The Compose project.
    Project,
    /// A service of the stack.
    Service,
    /// A volume.
    Volume,
    /// A network.
    Network,
    /// A public name.
    Site,
    /// A certificate.
    Certificate,
    /// A firewall.
    Firewall,
    /// A secret.
    Secret,
    /// A container that is no service of the stack.
    Container,
    /// A file.
    File,
}

impl SubjectKind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Service => "service",
            Self::Volume => "volume",
            Self::Network => "network",
            Self::Site => "site",
            Self::Certificate => "certificate",
            Self::Firewall => "firewall",
            Self::Secret => "secret",
            Self::Container => "container",
            Self::File => "file",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.word(), self.name)
    }
}

/// What deploying does to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// The manifest has it, the server has not.
    Added,
    /// The server has it, the manifest has not.
    Removed,
    /// Both have it, with different values.
    Changed,
    /// Nothing: it is as it should be, but does not do what it should, or is not loaded.
    State,
}

/// Which side moved since the last build that was deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The manifest.
    Undeployed,
    /// The server.
    Drift,
    /// Both, to different values.
    Both,
    /// There is no `stackgen.lock` on the server to tell.
    Unknown,
    /// Nobody ever declared it.
    Undeclared,
}

impl Status {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Undeployed => "undeployed",
            Self::Drift => "drift",
            Self::Both => "both moved",
            Self::Unknown => "differs",
            Self::Undeclared => "undeclared",
        }
    }

    /// Whether the manifest moved.
    pub fn undeployed(self) -> bool {
        matches!(self, Self::Undeployed | Self::Both | Self::Unknown)
    }

    /// Whether the server moved.
    pub fn drift(self) -> bool {
        matches!(self, Self::Drift | Self::Both | Self::Unknown | Self::Undeclared)
    }
}

/// What a change costs, the cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Consequence {
    /// Nothing that runs notices.
    Nothing,
    /// A program reads its configuration again, without an interruption.
    Reload,
    /// A service is down while it restarts.
    Restart,
    /// A container is replaced: the service is down meanwhile, and what was written outside of volumes is gone.
    Recreate,
    /// A certificate is asked for.
    Certificate,
    /// Everything on a network is cut off meanwhile.
    Outage,
    /// Something can be reached from the internet that should not.
    Exposure,
    /// Data is lost, or out of the reach of the service that needs it.
    DataLoss,
}

impl Consequence {
    /// The words for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Reload => "reload",
            Self::Restart => "restart",
            Self::Recreate => "recreate",
            Self::Certificate => "new certificate",
            Self::Outage => "network outage",
            Self::Exposure => "exposure",
            Self::DataLoss => "data loss",
        }
    }
}

/// What `docker compose up -d` does to the containers of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// Containers that are stopped are started.
    Started,
    /// Containers are added or taken away, the others stay.
    Scaled,
    /// The containers are stopped and started.
    Restarted,
    /// New containers take the place of the old.
    Recreated,
    /// There was no container.
    Created,
    /// The service is gone from the file; its container runs on.
    Orphaned,
}

impl Fate {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Restarted => "restarted",
            Self::Scaled => "scaled",
            Self::Recreated => "recreated",
            Self::Created => "created",
            Self::Orphaned => "left running",
        }
    }
}

/// Somebody who goes down with a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Affected {
    /// A service, or a URL.
    pub name: String,
    /// Why, a few lower-case words.
    pub why: String,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Step {
    /// The command, run in the deploy directory; `None` when it is for a person to do.
    pub command: Option<String>,
    /// What to do, or what the command does.
    pub what: String,
    /// What it covers.
    pub covers: Vec<String>,
    /// The worst that comes with it.
    pub consequence: Consequence,
    /// Whether it does something destructive.
    pub destructive: bool,
}

/// How many changes there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// The manifest moved.
    pub undeployed: usize,
    /// The server moved.
    pub drift: usize,
    /// Both moved.
    pub both: usize,
    /// Which side moved is not known.
    pub unknown: usize,
    /// Nobody declared it.
    pub undeclared: usize,
    /// Those that destroy something without the manifest saying that this is meant.
    pub destructive: usize,
}

impl Diff {
    /// Counts the changes.
    pub fn summary(&self) -> Summary {
        let count = |status| self.changes.iter().filter(|c| c.status == status).count();
        Summary {
            undeployed: count(Status::Undeployed),
            drift: count(Status::Drift),
            both: count(Status::Both),
            unknown: count(Status::Unknown),
            undeclared: count(Status::Undeclared),
            destructive: self.changes.iter().filter(|c| c.destructive).count(),
        }
    }

    /// The worst consequence.
    pub fn worst(&self) -> Consequence {
        self.changes.iter().map(|c| c.consequence).max().unwrap_or(Consequence::Nothing)
    }
}

/// Compares. `declared` are the artifacts that were compiled, `built` is what the lock on the server says, when there is one. Without a stack, when the manifest could not be read, nothing differs.
pub fn diff(compiled: &Compiled, declared: &Declared, deployed: &Deployed, built: Option<&Built>) -> Diff {
    let Some(stack) = &compiled.stack else { return Diff::default() };
    let view = View::new(compiled, stack, declared, deployed, built);
    let mut changes = files::compare(&view);
    engine::compare(&view, &mut changes);
    undeclared::find(&view, &mut changes);
    firewall::compare(&view, &mut changes);
    certificates::compare(&view, &mut changes);
    // It speaks of what the other files say, so it differs whenever they do: alone it is told, with them it says nothing.
    let follows = |c: &Change| c.file.as_deref() == Some(SCRIPT) && c.status == Status::Undeployed;
    if changes.iter().any(|c| !follows(c)) {
        changes.retain(|c| !follows(c));
    }
    guard::look(&view, &mut changes);
    reach::look(&view, &mut changes);
    changes.sort_by(|a, b| {
        (b.destructive, b.consequence, &a.subject, &a.file, &a.path).cmp(&(
            a.destructive,
            a.consequence,
            &b.subject,
            &b.file,
            &b.path,
        ))
    });
    let mut fates = BTreeMap::new();
    for (service, fate) in changes.iter().flat_map(|c| &c.fates) {
        let known = fates.entry(service.clone()).or_insert(*fate);
        *known = (*known).max(*fate);
    }
    with_guests(&view, &mut fates);
    let steps = steps::plan(&view, &changes, &fates);
    let mut sources = deployed.sources.clone();
    if let (hidden @ 1.., Some(first)) = (view.hidden.get(), sources.first_mut()) {
        let fault = format!(
            "{hidden} values may differ or not: take the snapshot with `--stack`, so that they can be compared"
        );
        first.faults.push(fault);
    }
    Diff {
        stack: stack.name.clone(),
        partial: sources.iter().any(|s| !s.faults.is_empty()),
        sources,
        changes,
        fates,
        steps,
    }
}

/// Who lives in the container of another is made anew with it, since it names that very container, and is stopped and
/// started with it.
fn with_guests(view: &View, fates: &mut BTreeMap<String, Fate>) {
    let shared = |fate: Fate| match fate {
        Fate::Recreated | Fate::Created => Some(Fate::Recreated),
        Fate::Restarted => Some(Fate::Restarted),
        Fate::Started | Fate::Scaled | Fate::Orphaned => None,
    };
    let mut hosts: Vec<(String, Fate)> =
        fates.iter().filter_map(|(s, f)| Some((s.clone(), shared(*f)?))).collect();
    while let Some((host, fate)) = hosts.pop() {
        for guest in view.guests(&host) {
            let together = fate == Fate::Recreated
                || view.service(guest).is_some_and(|s| consequence::restarts_with(s, &host));
            if together && fates.get(*guest).copied().and_then(shared) < Some(fate) {
                fates.insert((*guest).to_string(), fate);
                hosts.push(((*guest).to_string(), fate));
            }
        }
    }
}
