//! The provider's firewalls against the one that the manifest makes.

use std::collections::BTreeSet;

use crate::deployed::{CloudFirewall, firewall};
use crate::finding::{Path, Place, Step};
use crate::outline::{Entry, Value};

use super::consequence::Impact;
use super::files::{change, whole};
use super::view::View;
use super::{Change, Consequence, Do, Status, Subject, SubjectKind, What};

/// The file with the rules that are wanted.
const FILE: &str = "firewall/digitalocean.json";

/// What writes them.
const SCRIPT: Do = Do::Firewall("firewall/doctl.sh");

pub(super) fn compare(view: &View, changes: &mut Vec<Change>) {
    let Some(firewalls) = &view.deployed.firewalls else { return };
    let Some(artifact) = view.compiled.artifacts.iter().find(|a| a.path == FILE) else { return };
    // One that we wrote can be read.
    let Some(wanted) = firewall::read(artifact.text.as_bytes()).ok().and_then(|l| l.into_iter().next())
    else {
        return;
    };
    for change in changes.iter_mut().filter(|c| c.file.as_deref() == Some(FILE)) {
        change.consequence = Consequence::Nothing;
        change.why = "what the provider itself has is compared, too".into();
        change.command = None;
    }
    let Some(there) = firewalls.iter().find(|f| f.name == wanted.name) else {
        let subject = Subject::new(SubjectKind::Firewall, &wanted.name);
        let impact = Impact::new(
            subject,
            Consequence::Exposure,
            "the provider has no firewall of this name: every port is open",
        )
        .by(SCRIPT);
        push(view, changes, What::Added, None, "", impact, Status::Drift);
        others(view, &wanted, firewalls, changes);
        return;
    };
    let rules = |f: &CloudFirewall| f.rules.iter().cloned().collect::<BTreeSet<String>>();
    let (has, wants) = (rules(there), rules(&wanted));
    for rule in has.difference(&wants) {
        let subject = Subject::new(SubjectKind::Firewall, &wanted.name);
        let open = rule.starts_with("inbound");
        let impact = if open {
            Impact::new(subject, Consequence::Exposure, "the provider lets in what the manifest does not")
        } else {
            Impact::new(subject, Consequence::Reload, "the provider lets out what the manifest does not")
        };
        push(view, changes, What::Removed, Some(rule), rule, impact.by(SCRIPT), status(view));
    }
    for rule in wants.difference(&has) {
        let subject = Subject::new(SubjectKind::Firewall, &wanted.name);
        let impact =
            Impact::new(subject, Consequence::Reload, "the provider blocks what the manifest lets through");
        push(view, changes, What::Added, Some(rule), rule, impact.by(SCRIPT), status(view));
    }
    let targets = |f: &CloudFirewall| f.applied_to.iter().cloned().collect::<BTreeSet<String>>();
    let (has, wants) = (targets(there), targets(&wanted));
    // A manifest that names nothing leaves it to whoever makes the firewall; then it must only apply to something.
    if wants.is_empty() && has.is_empty() || !wants.is_subset(&has) {
        let subject = Subject::new(SubjectKind::Firewall, &wanted.name);
        let impact = Impact::new(
            subject,
            Consequence::Exposure,
            "it is applied to no server it is meant for: every port is open",
        )
        .by(SCRIPT);
        push(view, changes, What::State, None, "applied_to", impact, Status::Drift);
    }
    others(view, &wanted, firewalls, changes);
}

/// What a provider was given is not in the lock; what the last build wrote for it is.
fn status(view: &View) -> Status {
    match view.moved(FILE) {
        _ if view.built.is_none() => Status::Unknown,
        Some(Status::Drift) => Status::Drift,
        _ => Status::Both,
    }
}

fn push(
    view: &View,
    changes: &mut Vec<Change>,
    what: What,
    rule: Option<&str>,
    key: &str,
    impact: Impact,
    status: Status,
) {
    // The file on the server says the same.
    let entry = rule.map(|r| Entry { value: Value::Plain(r.into()), line: 0 });
    let mut delta = whole(what, 1);
    delta.path = Path(["rules", key].into_iter().filter(|k| !k.is_empty()).map(Step::from).collect());
    match what {
        What::Removed => delta.before = entry,
        _ => delta.after = entry,
    }
    let mut change = change(view, None, delta, impact, status);
    change.running = true;
    change.place = (what != What::Removed).then(|| place(view, rule.unwrap_or_default()));
    changes.push(change);
}

/// Where the manifest says it: the rule for the port, else the firewall.
fn place(view: &View, rule: &str) -> Place {
    let port = |p: u16| rule.split(' ').any(|w| w == p.to_string());
    let found = view.stack.firewall.inbound.iter().find(|r| rule.starts_with("inbound") && port(r.port));
    found.map_or_else(|| Place::manifest(["firewall"]), |r| r.place.clone())
}

/// Firewalls of the same server that nobody declared: each opens what its rules open.
fn others(view: &View, wanted: &CloudFirewall, list: &[CloudFirewall], changes: &mut Vec<Change>) {
    let shared = |f: &&CloudFirewall| {
        f.name != wanted.name
            && (wanted.applied_to.is_empty() || f.applied_to.iter().any(|t| wanted.applied_to.contains(t)))
    };
    for other in list.iter().filter(shared) {
        let beyond: Vec<&str> = other
            .rules
            .iter()
            .filter(|r| r.starts_with("inbound") && !wanted.rules.contains(r))
            .map(String::as_str)
            .collect();
        let (consequence, why) = if beyond.is_empty() {
            (Consequence::Nothing, "another firewall; it opens nothing beyond the stack's own".to_string())
        } else {
            (Consequence::Exposure, format!("rules of all firewalls add up; it opens {}", beyond.join(", ")))
        };
        let impact = Impact::new(Subject::new(SubjectKind::Firewall, &other.name), consequence, why);
        let mut change =
            change(view, None, whole(What::Removed, other.rules.len()), impact, Status::Undeclared);
        change.running = true;
        change.place = None;
        changes.push(change);
    }
}
