//! Certificates that were read against those that the manifest wants.

use std::collections::BTreeSet;

use crate::deployed::Certificate;
use crate::finding::{Path, Step};
use crate::outline::{Entry, Value};
use crate::stack;

use super::consequence::Impact;
use super::files::{change, whole};
use super::view::View;
use super::{Change, Consequence, Status, Subject, SubjectKind, What, artifacts};

pub(super) fn compare(view: &View, changes: &mut Vec<Change>) {
    let Some(read) = &view.deployed.certificates else { return };
    for wanted in &view.stack.certificates {
        let found = read.iter().find(|(path, _)| lies_at(wanted, path));
        let Some((path, there)) = found else {
            // A planned one may be missing.
            if !wanted.optional && !read.is_empty() {
                push(
                    view,
                    wanted,
                    What::Added,
                    "",
                    None,
                    Some(wanted.names.join(" ")),
                    "it is not there: browsers refuse its sites",
                    changes,
                );
            }
            continue;
        };
        one(view, wanted, path, there, changes);
    }
}

/// Whether a path is where the certificate lies: its own file, or the folder of its name.
fn lies_at(wanted: &stack::Certificate, path: &str) -> bool {
    if let Some((certificate, _)) = &wanted.files {
        return path == certificate || path.ends_with(&format!("/{}", certificate.trim_start_matches("./")));
    }
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem == wanted.name || matches!(name, "fullchain.pem" | "cert.pem") && parts.next() == Some(&wanted.name)
}

fn one(view: &View, wanted: &stack::Certificate, path: &str, there: &Certificate, changes: &mut Vec<Change>) {
    let set = |names: &[String]| names.iter().map(|n| n.to_ascii_lowercase()).collect::<BTreeSet<String>>();
    let (has, wants) = (set(&there.names), set(&wanted.names));
    let join = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(" ");
    let listed = changes.iter().any(|c| {
        c.file.as_deref() == Some(artifacts::CERTIFICATES)
            && c.subject.name == wanted.name
            && c.what == What::Changed
    });
    if !covers(&there.names, &wants) && !listed {
        push(
            view,
            wanted,
            What::Changed,
            path,
            Some(join(&has)),
            Some(join(&wants)),
            "it is for other names",
            changes,
        );
    } else if there.self_signed && !wanted.optional && wanted.files.is_none() {
        push(
            view,
            wanted,
            What::State,
            path,
            Some("self-signed".into()),
            Some("issued".into()),
            "the temporary one is still in place: browsers refuse it",
            changes,
        );
    }
    if let Some(now) = view.deployed.now
        && there.ends < now
    {
        push(
            view,
            wanted,
            What::State,
            path,
            Some("ended".into()),
            Some("valid".into()),
            "it has ended: browsers refuse it",
            changes,
        );
    }
}

/// Whether names on a certificate, wildcards among them, are for all that are wanted.
fn covers(names: &[String], wanted: &BTreeSet<String>) -> bool {
    wanted.iter().all(|w| {
        names.iter().any(|n| {
            n.eq_ignore_ascii_case(w)
                || n.strip_prefix("*.").is_some_and(|base| {
                    w.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(base))
                })
        })
    })
}

#[allow(clippy::too_many_arguments, reason = "a certificate, what is wrong with it, and where that goes")]
fn push(
    view: &View,
    wanted: &stack::Certificate,
    what: What,
    path: &str,
    before: Option<String>,
    after: Option<String>,
    why: &str,
    changes: &mut Vec<Change>,
) {
    let own = wanted.files.is_some();
    let entry = |text: Option<String>| text.map(|t| Entry { value: Value::Plain(t), line: 0 });
    let mut delta = whole(what, 1);
    delta.path = Path([path].into_iter().filter(|p| !p.is_empty()).map(Step::from).collect());
    (delta.before, delta.after) = (entry(before), entry(after));
    let mut impact =
        Impact::new(Subject::new(SubjectKind::Certificate, &wanted.name), Consequence::Certificate, why);
    if !own {
        impact = impact.by(artifacts::issue(view));
    }
    let mut change = change(view, None, delta, impact, Status::Drift);
    change.running = true;
    change.place = Some(wanted.place.clone());
    changes.push(change);
}
