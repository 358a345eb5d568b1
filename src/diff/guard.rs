//! What may be lost: whoever takes away something that holds data is shown who refers to it, and has to say in the
//! manifest that it is meant.

use std::collections::{BTreeMap, BTreeSet};

use crate::emit::compose::FILE;
use crate::finding::{Path, Step};
use crate::manifest::Class;
use crate::outline::Syntax;

use super::view::{View, plain};
use super::{Change, Consequence, SubjectKind, What};

/// References that are shown of one thing.
const MOST: usize = 12;

pub(super) fn look(view: &View, changes: &mut [Change]) {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for change in changes.iter().filter(|c| takes_away(c)) {
        names.entry(change.subject.name.clone()).or_default();
    }
    if !names.is_empty() {
        refer(view, &mut names);
    }
    let gone: BTreeSet<String> = view.stack.tombstones.iter().map(|t| t.service.clone()).collect();
    for change in changes.iter_mut() {
        if takes_away(change) {
            let own = own(view, change);
            let named = names.get(&change.subject.name).cloned().unwrap_or_default();
            change.references = own.into_iter().chain(named).take(MOST).collect();
        }
        judge(view, change, &gone);
    }
}

/// Whether a change ends or renames something that others may refer to.
fn takes_away(change: &Change) -> bool {
    if change.running && !change.in_file {
        return false;
    }
    let whole = change.path.0.len() <= 2 && change.what == What::Removed;
    match change.subject.kind {
        SubjectKind::Service | SubjectKind::Volume | SubjectKind::Network | SubjectKind::Secret => {
            whole && change.file.as_deref() == Some(FILE)
                || change.subject.kind == SubjectKind::Volume && change.consequence == Consequence::DataLoss
        }
        SubjectKind::Project => true,
        SubjectKind::Certificate => change.what == What::Removed,
        _ => false,
    }
}

/// Finds where the files on the server name things.
fn refer(view: &View, names: &mut BTreeMap<String, Vec<String>>) {
    for (file, read) in view.deployed.files.iter().flatten() {
        // Of what a script or a comment may mean by a word nobody can be sure.
        if matches!(read.syntax, Syntax::Text | Syntax::Dotenv) {
            continue;
        }
        for entry in &read.entries {
            let path = || Path(entry.path.iter().map(Step::from).collect());
            let texts = entry.path.iter().skip(2).map(String::as_str).chain(plain(&entry.value));
            for word in
                texts.flat_map(|t| t.split(|c: char| !(c.is_ascii_alphanumeric() || "_.-".contains(c))))
            {
                // What a thing says of itself is no reference to it.
                if entry.path.get(1).is_some_and(|own| own == word) || !refers(file, &entry.path, word) {
                    continue;
                }
                if let Some(list) = names.get_mut(word) {
                    let line = format!("{file}:{} {}", entry.line, path());
                    if list.len() < MOST && list.last() != Some(&line) {
                        list.push(line);
                    }
                }
            }
        }
    }
}

/// Whether a word in an entry of a Compose file can mean a service or a volume: a network or folder may have the name too.
fn refers(file: &str, path: &[String], word: &str) -> bool {
    let keys: Vec<&str> = path.iter().map(String::as_str).collect();
    match keys.as_slice() {
        _ if file != FILE => true,
        ["services", _, "networks" | "build" | "image" | "container_name" | "command" | "entrypoint", ..] => {
            false
        }
        ["services", _, "depends_on", name] => *name == word,
        ["services", _, "depends_on", ..] => false,
        ["services", _, "volumes", _, last] => *last == "source",
        ["services", ..] => true,
        _ => false,
    }
}

/// What something that goes away leaves behind, and what it is there for.
fn own(view: &View, change: &Change) -> Vec<String> {
    let name = &change.subject.name;
    let mut out = Vec::new();
    match change.subject.kind {
        SubjectKind::Service => {
            out.extend(mounts(view, name).into_iter().map(|v| format!("keeps data in the volume {v}")))
        }
        SubjectKind::Volume => {
            out.extend(view.mounting(name).iter().map(|s| format!("service {s} mounts it")));
            if let Some(volume) = view.volume(name)
                && matches!(volume.class, Class::Critical | Class::Important)
            {
                out.push("backups are made of it".into());
            }
        }
        SubjectKind::Project => {
            let volumes =
                view.stack.volumes.iter().filter(|v| matches!(v.class, Class::Critical | Class::Important));
            out.extend(volumes.map(|v| format!("volume {} keeps the name {}", v.key, v.name)));
        }
        _ => {}
    }
    let databases = view.stack.databases.iter().filter(|d| d.service.as_ref() == Some(name));
    for database in databases {
        let users = view
            .stack
            .services
            .iter()
            .filter(|s| s.database.as_ref().is_some_and(|u| u.server == database.name));
        out.extend(users.map(|s| format!("service {} keeps its database there", s.name)));
    }
    out
}

/// Volumes that a service mounts on the server.
fn mounts(view: &View, service: &str) -> BTreeSet<String> {
    let volumes: BTreeSet<&str> = view
        .file(FILE)
        .iter()
        .flat_map(|f| &f.entries)
        .filter(|e| e.path.first().is_some_and(|k| k == "volumes"))
        .filter_map(|e| e.path.get(1))
        .map(String::as_str)
        .collect();
    view.file(FILE)
        .iter()
        .flat_map(|f| &f.entries)
        .filter(|e| matches!(e.path.as_slice(), [a, b, c, ..] if a == "services" && b == service && c == "volumes"))
        .filter_map(|e| plain(&e.value))
        .filter(|v| volumes.contains(v))
        .map(str::to_string)
        .collect()
}

/// Whether a change destroys something, and nothing in the manifest says that this is meant.
fn judge(view: &View, change: &mut Change, gone: &BTreeSet<String>) {
    let name = change.subject.name.clone();
    let tombstone = view.stack.tombstones.iter().find(|t| t.service == name);
    match change.subject.kind {
        SubjectKind::Service
            if change.what == What::Removed
                && change.path.0.len() == 2
                && change.file.as_deref() == Some(FILE) =>
        {
            if let Some(tombstone) = tombstone {
                change.place = Some(tombstone.place.clone());
                return;
            }
            let kept = mounts(view, &name);
            let lost: Vec<&str> = kept.iter().map(String::as_str).filter(|v| view.is_precious(v)).collect();
            if !lost.is_empty() || view.stack.databases.iter().any(|d| d.service.as_ref() == Some(&name)) {
                change.destructive = true;
                change.consequence = Consequence::DataLoss;
                change.why = format!(
                    "it keeps data, and the manifest does not say that it is gone: write `{name}: {{ status: removed, removed: DATE }}` \
                     under `services`"
                );
            }
        }
        SubjectKind::Certificate if change.what == What::Removed && change.in_file => {
            let meant = change.references.iter().any(|r| gone.iter().any(|g| r.contains(g.as_str())));
            let still = names_on(change);
            let served = still.iter().any(|host| {
                view.is_host(host)
                    && !view.stack.certificates.iter().any(|c| c.names.iter().any(|n| n == host))
            });
            change.destructive = served || !change.references.is_empty() && !meant && !covered(view, &still);
        }
        SubjectKind::Volume if change.consequence == Consequence::DataLoss => {
            change.destructive = true;
            if change.what == What::Removed && change.in_file && change.path.0.len() == 2 {
                change.why = format!(
                    "it stays on the server, but nothing mounts it, and nothing says until when it is kept: write \
                     `{name}: {{ class: deprecated, keep_until: DATE, reason: … }}` under `volumes`"
                );
            }
        }
        _ => change.destructive = change.consequence == Consequence::DataLoss,
    }
}

/// Host names on a certificate that is listed on the server and no longer wanted.
fn names_on(change: &Change) -> Vec<String> {
    let line = change.before.as_ref().and_then(plain).unwrap_or_default();
    // The first word says whether it is needed or planned.
    line.split_whitespace().skip(1).map(str::to_string).collect()
}

/// Whether other certificates of the manifest are for all of some names.
fn covered(view: &View, hosts: &[String]) -> bool {
    !hosts.is_empty()
        && hosts.iter().all(|h| view.stack.certificates.iter().any(|c| c.names.iter().any(|n| n == h)))
}
