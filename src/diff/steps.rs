//! What to do about differences, in an order in which nothing is read before it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::format::shell;
use crate::stack::Role;

use super::files::DOTENV;
use super::view::View;
use super::{Change, Consequence, Fate, Step, SubjectKind, What};

/// One thing to do, in the order in which they are done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Do {
    /// Builds the images of services and starts them on those.
    Build(Vec<String>),
    /// Brings containers to what the Compose file says.
    Up,
    /// Replaces the containers of services that Compose takes for what they should be.
    Recreate(Vec<String>),
    /// A command of its own.
    Hand(String),
    /// Has services start anew and read their configuration.
    Restart(Vec<String>),
    /// Has nginx read its configuration: in the container of a service, or on the server itself.
    Reload(Option<String>),
    /// Asks for certificates: by a service, or on the server itself.
    Issue(Option<String>),
    /// Loads the rules of a firewall, by a script of the output.
    Firewall(&'static str),
    /// Takes away what nothing needs.
    Remove(String),
}

impl fmt::Display for Do {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |list: &[String]| list.iter().map(|w| word(w)).collect::<Vec<_>>().join(" ");
        match self {
            Self::Build(services) => write!(f, "docker compose up -d --build {}", words(services)),
            Self::Up => f.write_str("docker compose up -d"),
            Self::Recreate(services) => {
                write!(f, "docker compose up -d --force-recreate --no-deps {}", words(services))
            }
            Self::Hand(command) | Self::Remove(command) => f.write_str(command),
            Self::Restart(services) => write!(f, "docker compose restart {}", words(services)),
            Self::Reload(Some(service)) => write!(f, "docker compose kill -s HUP {}", word(service)),
            Self::Reload(None) => f.write_str("nginx -t && systemctl reload nginx"),
            Self::Issue(Some(service)) => write!(f, "docker compose restart {}", word(service)),
            Self::Issue(None) => f.write_str("certbot/certificates.sh issue"),
            Self::Firewall(script) => f.write_str(script),
        }
    }
}

/// A text as one word of a shell command. No name holds a NUL byte, which alone cannot be one.
pub(super) fn word(text: &str) -> String {
    shell::sh_quote(text).unwrap_or_default()
}

/// Everything to do, each once.
pub(super) fn plan(view: &View, changes: &[Change], fates: &BTreeMap<String, Fate>) -> Vec<Step> {
    let mut steps = Vec::new();
    let destructive: Vec<String> = changes
        .iter()
        .filter(|c| c.destructive)
        .map(|c| c.subject.to_string())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    if !destructive.is_empty() {
        steps.push(Step {
            command: None,
            what: "save what is lost, or change the manifest: these cannot be taken back".into(),
            covers: destructive,
            consequence: Consequence::DataLoss,
            destructive: true,
        });
    }
    secrets(changes, &mut steps);
    copy(view, changes, &mut steps);
    commands(view, changes, fates, &mut steps);
    steps
}

fn secrets(changes: &[Change], steps: &mut Vec<Step>) {
    let missing: Vec<String> = changes
        .iter()
        .filter(|c| c.subject.kind == SubjectKind::Secret && c.file.as_deref() == Some(DOTENV))
        .map(|c| c.subject.name.clone())
        .collect();
    if !missing.is_empty() {
        steps.push(Step {
            command: None,
            what: "put the missing secrets into `.env`; `.env.example` says how to make them".into(),
            covers: missing,
            consequence: Consequence::Nothing,
            destructive: false,
        });
    }
}

/// The files that have to get there before anything can read them.
fn copy(view: &View, changes: &[Change], steps: &mut Vec<Step>) {
    let made = |path: &str| view.makes(path);
    let files: BTreeSet<&str> = changes
        .iter()
        .filter(|c| c.in_file && c.what != What::State)
        .filter_map(|c| c.file.as_deref())
        .filter(|f| made(f))
        .collect();
    if files.is_empty() {
        return;
    }
    let host = &view.stack.host;
    let to = host.ssh.as_ref().zip(host.directory.as_ref()).map(|(ssh, dir)| format!("{ssh}:{dir}/"));
    steps.push(Step {
        command: to.map(|to| format!("rsync -rlpt --exclude .env deploy/ {}", word(&to))),
        what: "after `stackgen build`, puts the files where the server reads them".into(),
        covers: files.into_iter().map(str::to_string).collect(),
        consequence: Consequence::Nothing,
        destructive: false,
    });
}

/// What is done with a command, and the changes it is for.
#[derive(Default)]
struct Group<'a> {
    changes: Vec<&'a Change>,
}

fn commands(view: &View, changes: &[Change], fates: &BTreeMap<String, Fate>, steps: &mut Vec<Step>) {
    let renewed = |s: &String| {
        fates.get(s).is_some_and(|f| *f >= Fate::Restarted && *f != Fate::Orphaned && *f != Fate::Scaled)
    };
    let mut groups: BTreeMap<Do, Group> = BTreeMap::new();
    // Services of the commands that take several at once.
    let (mut build, mut recreate, mut restart) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for change in changes {
        let Some(todo) = &change.command else { continue };
        let key = match todo {
            Do::Build(services) => {
                build.extend(services.iter().cloned());
                Do::Build(Vec::new())
            }
            Do::Recreate(services) => {
                recreate.extend(services.iter().cloned());
                Do::Recreate(Vec::new())
            }
            Do::Restart(services) => {
                restart.extend(services.iter().filter(|s| !renewed(s)).cloned());
                if services.iter().all(renewed) { Do::Up } else { Do::Restart(Vec::new()) }
            }
            // What is made anew reads everything anew.
            Do::Reload(Some(service)) | Do::Issue(Some(service)) if renewed(service) => Do::Up,
            other => other.clone(),
        };
        groups.entry(key).or_default().changes.push(change);
    }
    if fates.values().any(|f| *f != Fate::Orphaned) {
        groups.entry(Do::Up).or_default();
    }
    for (key, group) in groups {
        let todo = match key {
            Do::Build(_) => Do::Hand(format!("docker compose build {}", words(&build))),
            Do::Recreate(_) => Do::Recreate(recreate.iter().cloned().collect()),
            Do::Restart(_) => Do::Restart(restart.iter().cloned().collect()),
            other => other,
        };
        let (what, covers) = told(view, &todo, &group, fates);
        steps.push(Step {
            command: Some(todo.to_string()),
            what,
            covers,
            consequence: group.changes.iter().map(|c| c.consequence).max().unwrap_or(Consequence::Nothing),
            destructive: group.changes.iter().any(|c| c.destructive),
        });
        if let Do::Hand(command) = &todo
            && command.starts_with("docker compose build")
            && !changes.iter().any(|c| c.command == Some(Do::Up))
        {
            steps.push(Step {
                command: Some(Do::Up.to_string()),
                what: "starts them on the new images".into(),
                covers: build.iter().cloned().collect(),
                consequence: Consequence::Recreate,
                destructive: false,
            });
        }
    }
}

fn words(list: &BTreeSet<String>) -> String {
    list.iter().map(|w| word(w)).collect::<Vec<_>>().join(" ")
}

/// What a command does, and what it covers.
fn told(view: &View, todo: &Do, group: &Group, fates: &BTreeMap<String, Fate>) -> (String, Vec<String>) {
    let subjects: BTreeSet<String> = group.changes.iter().map(|c| c.subject.to_string()).collect();
    let subjects = subjects.into_iter().collect();
    let what = match todo {
        Do::Up => {
            let mut covers: Vec<String> = fates
                .iter()
                .filter(|(_, f)| **f != Fate::Orphaned)
                .map(|(service, fate)| format!("{service} {}", fate.word()))
                .collect();
            if covers.is_empty() {
                covers = subjects;
            }
            let jobs: Vec<&str> = view
                .stack
                .services
                .iter()
                .filter(|s| s.role == Role::Job && !fates.contains_key(&s.name))
                .map(|s| s.name.as_str())
                .collect();
            let again =
                if jobs.is_empty() { String::new() } else { format!("; runs {} once more", jobs.join(", ")) };
            return (format!("brings containers to what the files say{again}"), covers);
        }
        Do::Build(_) | Do::Hand(_) => "by hand",
        Do::Recreate(_) => "replaces containers that Compose takes for what they should be",
        Do::Restart(_) => "has them read their configuration",
        Do::Reload(_) => "has nginx read its configuration, without dropping a connection",
        Do::Issue(_) => "asks for the certificates that are listed and not there",
        Do::Firewall("firewall/apply.sh") => {
            "loads the rules, and takes them back after a minute unless you confirm that you can still log in"
        }
        Do::Firewall(_) => "writes the rules to the provider",
        Do::Remove(_) => "takes away what nothing needs any more",
    };
    (what.into(), subjects)
}
