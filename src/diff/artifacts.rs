//! What a change of any other file costs: who reads it, and when.

use crate::emit::compose::FILE as COMPOSE;
use crate::finding::{Path, Step};
use crate::outline::Value;
use crate::stack::Role;

use super::compare::Delta;
use super::consequence::{Impact, is_database};
use super::steps::word;
use super::view::{View, key, plain};
use super::{Consequence, Do, Subject, SubjectKind, What};

/// The list of certificates.
pub(super) const CERTIFICATES: &str = "certbot/certificates.txt";

/// What has nginx read its configuration.
pub(super) fn reload(view: &View) -> Do {
    Do::Reload(view.proxy().map(str::to_string))
}

/// What asks for certificates that are listed and not there.
pub(super) fn issue(view: &View) -> Do {
    Do::Issue(view.stack.acme.service.clone())
}

/// A change of a whole file: it is missing, or cannot be understood.
pub(super) fn whole(view: &View, path: &str, what: What) -> Impact {
    let delta = super::files::whole(what, 1);
    if path == COMPOSE {
        let subject = Subject::new(SubjectKind::File, path);
        return Impact::new(subject, Consequence::Recreate, "Compose knows the services from it alone")
            .by(Do::Up);
    }
    let mut impact = entry(view, path, &delta);
    impact.subject = Subject::new(SubjectKind::File, path);
    impact
}

/// A change of an entry of a file.
pub(super) fn entry(view: &View, path: &str, delta: &Delta) -> Impact {
    let (folder, name) = path.split_once('/').unwrap_or(("", path));
    let file = Subject::new(SubjectKind::File, path);
    match (folder, name) {
        ("", _) => Impact::new(file, Consequence::Nothing, "for people; no program reads it"),
        ("nginx", _) if view.stack.proxy.is_some() => nginx(view, delta),
        ("certbot", _) if path == CERTIFICATES => certificate(view, delta),
        ("certbot", name) if is_unit(name) => unit(file, path, "stackgen-certificates.timer"),
        ("certbot", _) if view.stack.proxy.is_some() => certbot(view, file),
        ("backup", name) if is_unit(name) => {
            let timer = format!("{}.timer", name.trim_end_matches(".service").trim_end_matches(".timer"));
            unit(file, path, if name.contains('@') { "stackgen-backup-check.timer" } else { &timer })
        }
        ("backup", _) if view.stack.backup.is_some() => {
            Impact::new(file, Consequence::Nothing, "it is read by the next backup")
        }
        ("firewall", name) => firewall(file, path, name, delta),
        _ => service(view, folder, name, file, delta),
    }
}

fn is_unit(name: &str) -> bool {
    name.ends_with(".service") || name.ends_with(".timer")
}

/// A unit of systemd, which keeps what it read until it is told.
fn unit(file: Subject, path: &str, unit: &str) -> Impact {
    Impact::new(file, Consequence::Reload, "systemd goes by what it read last").by(Do::Hand(format!(
        "cp {} /etc/systemd/system/ && systemctl daemon-reload && systemctl restart {unit}",
        word(path)
    )))
}

fn nginx(view: &View, delta: &Delta) -> Impact {
    let subject = site(view, delta).unwrap_or_else(|| {
        let name = view.proxy().unwrap_or("nginx");
        Subject::new(SubjectKind::Service, name)
    });
    let guards = |p: &Path, v: Option<&Value>| {
        let last = p.0.iter().rev().find_map(|s| match s {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        });
        let last = last.unwrap_or_default();
        ["deny", "allow", "auth_basic", "auth_request", "internal", "limit_req"]
            .iter()
            .any(|d| last.starts_with(d))
            || last == "return"
                && v.and_then(plain).is_some_and(|v| v.starts_with("403") || v.starts_with("404"))
    };
    // What keeps people out is missing on one of the two sides.
    let open = match delta.what {
        What::Added => delta.parts.iter().any(|(p, _, v)| guards(p, v.as_ref())) && delta.entries <= 4,
        What::Changed => delta.parts.iter().any(|(p, v, _)| guards(p, v.as_ref()) && !is_limit(p)),
        _ => false,
    };
    let (consequence, why) = if open {
        (Consequence::Exposure, "what keeps people out is missing on the server; nginx reads it at a reload")
    } else {
        (Consequence::Reload, "nginx reads it at a reload, and drops no connection")
    };
    Impact::new(subject, consequence, why).by(reload(view))
}

fn is_limit(path: &Path) -> bool {
    path.to_string().contains("limit_")
}

/// The site whose name stands in the path or the values of a change.
fn site(view: &View, delta: &Delta) -> Option<Subject> {
    let mut texts: Vec<&str> = (0..delta.path.0.len()).filter_map(|i| key(&delta.path, i)).collect();
    texts.extend(delta.parts.iter().flat_map(|(_, a, b)| [a, b]).flatten().filter_map(plain));
    texts
        .iter()
        .flat_map(|t| t.split(|c: char| !(c.is_ascii_alphanumeric() || ".-*".contains(c))))
        .find(|word| view.is_host(word))
        .map(|host| Subject::new(SubjectKind::Site, host))
}

/// A line of the list of certificates.
fn certificate(view: &View, delta: &Delta) -> Impact {
    let name = key(&delta.path, 0).unwrap_or(CERTIFICATES);
    let subject = Subject::new(SubjectKind::Certificate, name);
    if delta.what == What::Removed {
        return Impact::new(
            subject,
            Consequence::Certificate,
            "it is renewed no more; what is on the disk stays there",
        )
        .by(issue(view));
    }
    Impact::new(
        subject,
        Consequence::Certificate,
        "another set of names is another certificate, which is asked for",
    )
    .by(issue(view))
}

fn certbot(view: &View, file: Subject) -> Impact {
    match &view.stack.acme.service {
        Some(service) => Impact::new(file, Consequence::Restart, "it is read when the service starts")
            .by(Do::Restart(vec![service.clone()])),
        None => Impact::new(file, Consequence::Nothing, "it is read at the next renewal"),
    }
}

fn firewall(file: Subject, path: &str, name: &str, delta: &Delta) -> Impact {
    let subject = Subject::new(
        SubjectKind::Firewall,
        if name == "nftables.conf" { "nftables" } else { "digitalocean" },
    );
    match name {
        "nftables.conf" => {
            let open = accepts(delta, |p| p.1.as_ref());
            let (consequence, why) = match (open, accepts(delta, |p| p.2.as_ref())) {
                (_, true) => (Consequence::Exposure, "a port is opened to the internet"),
                (true, _) => {
                    (Consequence::Exposure, "the file on the server opens a port that the manifest does not")
                }
                _ => (Consequence::Reload, "the rules are replaced in one transaction; connections stay"),
            };
            Impact::new(subject, consequence, why).by(Do::Firewall("firewall/apply.sh"))
        }
        "digitalocean.json" => Impact::new(subject, Consequence::Reload, "the provider's rules are replaced")
            .by(Do::Firewall("firewall/doctl.sh")),
        name if is_unit(name) => unit(file, path, "stackgen-firewall.service"),
        _ => Impact::new(file, Consequence::Nothing, "it is read when it is run"),
    }
}

/// Whether one side of a change has a line that lets packets in.
fn accepts(delta: &Delta, side: fn(&super::compare::Part) -> Option<&Value>) -> bool {
    delta.parts.iter().any(|part| {
        let text = format!("{} {}", part.0, side(part).and_then(plain).unwrap_or_default());
        let opens = text.contains("proto-dst") && !text.contains("saddr") || text.contains("policy accept");
        side(part).is_some() && opens && text.contains("accept")
    })
}

/// A file in the folder of a service.
fn service(view: &View, folder: &str, name: &str, file: Subject, delta: &Delta) -> Impact {
    let builds: Vec<&str> = view
        .stack
        .services
        .iter()
        .filter(|s| s.build.as_ref().is_some_and(|b| b.context.trim_start_matches("./") == folder))
        .map(|s| s.name.as_str())
        .collect();
    if name == "Dockerfile" && !builds.is_empty() {
        let subject = Subject::new(SubjectKind::Service, folder);
        return Impact::new(subject, Consequence::Recreate, "the image is built anew first")
            .by(Do::Build(builds.iter().map(ToString::to_string).collect()));
    }
    let readers = if is_for_jobs(view, folder, name) { Vec::new() } else { view.readers(folder) };
    let Some(owner) = view.service(folder).map(|s| s.name.as_str()).or_else(|| readers.first().copied())
    else {
        return Impact::new(file, Consequence::Nothing, "no service of the manifest reads it");
    };
    let subject = Subject::new(SubjectKind::Service, owner);
    let keys: Vec<&str> = (0..delta.path.0.len()).filter_map(|i| key(&delta.path, i)).collect();
    if delta.what == What::Changed && keys.last().is_some_and(|k| is_database(view, owner, k, delta)) {
        return Impact::new(
            subject,
            Consequence::DataLoss,
            "the service starts on another database; what is in the old one stays there",
        )
        .by(restart(&readers));
    }
    if readers.is_empty() {
        let why = if is_for_jobs(view, folder, name) {
            "the job reads it when it runs next"
        } else {
            "no running service reads it"
        };
        return Impact::new(subject, Consequence::Nothing, why);
    }
    Impact::new(
        subject,
        Consequence::Restart,
        "it is read when the service starts; Compose does not compare what is in it",
    )
    .by(restart(&readers))
}

/// Whether a job alone runs a file of a folder.
pub(super) fn is_for_jobs(view: &View, folder: &str, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let runs = |words: &[String]| words.iter().any(|w| w.rsplit('/').next() == Some(name));
    let mut jobs = view.stack.services.iter().filter(|s| s.role == Role::Job && view.reads(s, folder));
    name == "Dockerfile" || jobs.any(|s| runs(&s.command) || runs(&s.entrypoint))
}

fn restart(readers: &[&str]) -> Do {
    Do::Restart(readers.iter().map(ToString::to_string).collect())
}

/// What becomes of services whose configuration was written after they were started.
pub(super) fn load(view: &View, service: &str) -> (Consequence, Do) {
    if view.proxy() == Some(service) {
        (Consequence::Reload, reload(view))
    } else {
        (Consequence::Restart, restart(&[service]))
    }
}
