//! Who else goes down with a change: what depends on it, the URLs behind it, whose database it is.

use std::collections::{BTreeSet, HashMap};

use crate::stack::{Action, Role};

use super::view::View;
use super::{Affected, Change, Consequence, Do, Fate, SubjectKind};

/// URLs of one service that are named one by one.
const MOST: usize = 8;

pub(super) fn look(view: &View, changes: &mut [Change]) {
    let reach = Reach::new(view);
    for change in changes.iter_mut() {
        if !matches!(
            change.consequence,
            Consequence::Restart | Consequence::Recreate | Consequence::Outage | Consequence::DataLoss
        ) {
            continue;
        }
        let down = down(change);
        let own = (change.subject.kind == SubjectKind::Service).then(|| change.subject.name.clone());
        let mut out = BTreeSet::new();
        for service in &down {
            if Some(service) != own.as_ref() {
                let why = match change.subject.kind {
                    SubjectKind::Network => format!("is on the network {}", change.subject.name),
                    SubjectKind::Volume => format!("mounts {}", change.subject.name),
                    _ => "goes with it".into(),
                };
                out.insert(Affected { name: service.clone(), why });
            }
            reach.of(view, service, &down, &mut out);
        }
        change.affected = out.into_iter().collect();
    }
}

/// Services that a change takes down itself.
fn down(change: &Change) -> BTreeSet<String> {
    let mut down: BTreeSet<String> = change
        .fates
        .iter()
        .filter(|(_, fate)| matches!(fate, Fate::Restarted | Fate::Recreated | Fate::Orphaned))
        .map(|(service, _)| service.clone())
        .collect();
    if let Some(Do::Restart(services) | Do::Recreate(services) | Do::Build(services)) = &change.command {
        down.extend(services.iter().cloned());
    }
    down
}

struct Reach<'a> {
    dependents: HashMap<&'a str, Vec<&'a str>>,
    urls: HashMap<&'a str, BTreeSet<String>>,
    clients: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Reach<'a> {
    fn new(view: &View<'a>) -> Self {
        let stack = view.stack;
        let mut dependents: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut clients: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut urls: HashMap<&str, BTreeSet<String>> = HashMap::new();
        for service in &stack.services {
            for dependency in &service.depends_on {
                dependents.entry(&dependency.service).or_default().push(&service.name);
            }
            let server = service
                .database
                .as_ref()
                .and_then(|d| stack.database(&d.server))
                .and_then(|d| d.service.as_deref());
            if let Some(server) = server {
                clients.entry(server).or_default().push(&service.name);
            }
        }
        for site in &stack.sites {
            let scheme = if site.https { "https" } else { "http" };
            for route in &site.routes {
                if let Action::Proxy { service, .. } = &route.action {
                    urls.entry(service).or_default().insert(format!("{scheme}://{}", site.host));
                }
            }
        }
        Self { dependents, urls, clients }
    }

    fn of(&self, view: &View, service: &str, down: &BTreeSet<String>, out: &mut BTreeSet<Affected>) {
        let mut add = |name: &str, why: String| {
            if !down.contains(name) {
                out.insert(Affected { name: name.to_string(), why });
            }
        };
        for client in self.clients.get(service).into_iter().flatten() {
            add(client, format!("keeps its database in {service}"));
        }
        // Nobody waits for a job that is done.
        let job = view.service(service).is_some_and(|s| s.role == Role::Job);
        for dependent in self.dependents.get(service).into_iter().flatten().filter(|_| !job) {
            if !self.clients.get(service).is_some_and(|c| c.contains(dependent)) {
                add(dependent, format!("depends on {service}"));
            }
        }
        for guest in view.guests(service) {
            add(guest, format!("lives in the container of {service}"));
        }
        if view.proxy() == Some(service) {
            let sites = view.stack.sites.len();
            add(&format!("every site ({sites})"), format!("{service} answers for it"));
            return;
        }
        let urls = self.urls.get(service);
        for url in urls.into_iter().flatten().take(MOST) {
            add(url, format!("is answered by {service}"));
        }
        if let Some(more) = urls.map(|u| u.len().saturating_sub(MOST)).filter(|n| *n > 0) {
            add(&format!("{more} more URLs"), format!("are answered by {service}"));
        }
    }
}
