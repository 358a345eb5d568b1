//! Who can reach whom: a network for each service that others reach, with its clients and nobody else on it.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use sha2::{Digest, Sha256};

use super::{Resolver, monitoring};
use crate::finding::Place;
use crate::manifest::RunsIn;
use crate::stack::{Condition, Network, Role};

/// The condition of a dependency until every service is known.
pub(super) const UNDECIDED: Condition = Condition::Started;

impl Resolver<'_> {
    /// Puts every service on its networks and decides what "up" means for each dependency.
    pub(super) fn networks(&mut self) {
        self.conditions();
        // Clients by the service they reach, in a stable order.
        let mut clients: HashMap<String, BTreeSet<String>> = HashMap::new();
        let mut reach = |server: &str, client: &str| {
            clients.entry(server.to_string()).or_default().insert(client.to_string());
        };
        let proxy = self.stack.proxy.as_ref().filter(|p| p.runs_in == RunsIn::Container);
        if let Some(proxy) = proxy.and_then(|p| p.service.as_deref()) {
            // Also for a placeholder: going live is then a reload, not a new network.
            for site in &self.stack.sites {
                if self.index.contains_key(&site.service) {
                    reach(&site.service, proxy);
                }
                for route in &site.routes {
                    if let crate::stack::Action::Proxy { service, .. } = &route.action {
                        reach(service, proxy);
                    }
                }
            }
        }
        // What watches meets at one network, and reaches what it asks at that of the asked.
        for watcher in self.stack.services.iter().filter(|s| s.role == Role::Monitor) {
            reach(monitoring::PROMETHEUS, &watcher.name);
            if let Some(proxy) = proxy.and_then(|p| p.service.as_deref())
                && watcher.name == monitoring::BLACKBOX
            {
                reach(proxy, &watcher.name);
            }
        }
        for target in self.stack.monitoring.iter().flat_map(|m| &m.targets) {
            let asked = self.index.get(&target.service).map(|i| &self.stack.services[*i]);
            if let Some(asked) = asked.filter(|s| s.role != Role::Monitor) {
                reach(&asked.name, monitoring::PROMETHEUS);
            }
        }
        for service in &self.stack.services {
            if service.name != service.owner {
                // Companions meet at the network of their service.
                reach(&service.owner, &service.name);
                if service.role == Role::Worker {
                    reach(&service.name, &service.name);
                }
            }
            for dependency in service.depends_on.iter().filter(|d| d.condition != Condition::Completed) {
                // What gets certificates waits for the proxy but never talks to it.
                let other = self.index.get(&dependency.service).map(|i| &self.stack.services[*i]);
                if service.role != Role::Acme && other.is_some_and(|s| s.owner != service.owner) {
                    reach(&dependency.service, &service.name);
                }
            }
        }
        let mut networks = Vec::new();
        for service in &self.stack.services {
            // A companion's own network exists only if another companion asks it.
            let asked = clients.get(&service.name).is_some_and(|c| c.iter().any(|n| *n != service.name));
            if asked || service.name == service.owner && service.role != Role::Monitor {
                networks.push(Network {
                    key: service.name.clone(),
                    name: format!("{}_{}", self.stack.project, service.name),
                    // What only keeps data for others needs no way out.
                    internal: service.role == Role::Store,
                    // Docker hands requests over IPv6 to a container without IPv6 through a process of its own: every
                    // client then has the address of the bridge, in logs, for rate limits and for `allow_from`.
                    ipv6: (service.role == Role::Proxy).then(|| private_ipv6(&self.stack.project)),
                });
            }
        }
        let known: BTreeSet<&str> = networks.iter().map(|n| n.key.as_str()).collect();
        let mut of_service: HashMap<String, BTreeSet<String>> = HashMap::new();
        for (server, names) in &clients {
            if known.contains(server.as_str()) {
                for name in names {
                    of_service.entry(name.clone()).or_default().insert(server.clone());
                }
            }
        }
        for service in &mut self.stack.services {
            let mut list = of_service.remove(&service.name).unwrap_or_default();
            if known.contains(service.name.as_str()) {
                list.insert(service.name.clone());
            }
            service.networks = list.into_iter().collect();
        }
        self.stack.networks = networks;
    }

    fn conditions(&mut self) {
        let facts: HashMap<String, (bool, bool)> = self
            .stack
            .services
            .iter()
            .map(|s| (s.name.clone(), (s.healthcheck.is_some(), s.role == Role::Job)))
            .collect();
        let mut unknown: Vec<(Place, String, String)> = Vec::new();
        for service in &mut self.stack.services {
            service.depends_on.retain_mut(|dependency| match facts.get(&dependency.service) {
                Some((healthy, job)) => {
                    dependency.condition = match (job, healthy) {
                        (true, _) => Condition::Completed,
                        (false, true) => Condition::Healthy,
                        (false, false) => Condition::Started,
                    };
                    true
                }
                None => {
                    unknown.push((
                        dependency.place.clone(),
                        service.owner.clone(),
                        dependency.service.clone(),
                    ));
                    false
                }
            });
        }
        unknown.dedup();
        let names: Vec<String> = self.stack.services.iter().map(|s| s.name.clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for (place, owner, name) in unknown {
            if !self.waits_for_planned(place.clone(), &owner, &name) {
                self.undefined(place, "service that runs", &name, &names);
            }
        }
    }
}

/// A /64 of a private /48 that follows from the project's name: the same at every build, and hardly that of another
/// project (RFC 4193, 3.2). Written out because engines before 27 have no pool to take one from.
fn private_ipv6(project: &str) -> Ipv6Net {
    let digest = Sha256::digest(format!("stackgen network {project}"));
    let mut octets = [0; 16];
    octets[0] = 0xfd;
    octets[1..6].copy_from_slice(&digest[..5]);
    Ipv6Net::new_assert(Ipv6Addr::from(octets), 64)
}
