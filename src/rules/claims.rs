//! What a stack takes of its host, small enough to be kept for a thousand stacks; rules across stacks see this.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::common::published;
use crate::finding::{Finding, Place};
use crate::manifest::{Class, Protocol, RunsIn};
use crate::stack::{Allowed, Role, Stack};

/// What one stack takes of its host.
#[derive(Debug, Clone)]
pub struct Claims {
    /// Name of the stack.
    pub stack: String,
    /// What the host is known by: its address, and where SSH goes.
    pub hosts: Vec<String>,
    /// Its Compose project.
    pub project: Claim,
    /// The directory it is deployed to.
    pub directory: Vec<Claim>,
    /// Fixed container names.
    pub containers: Vec<Claim>,
    /// Full names of its volumes.
    pub volumes: Vec<Claim>,
    /// Public names.
    pub domains: Vec<Claim>,
    /// Ports of the server.
    pub ports: Vec<Port>,
    /// Findings it accepts.
    pub allowed: Vec<Allowed>,
}

impl Claims {
    /// Every place a claim is made at.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        let lists = [&self.directory, &self.containers, &self.volumes, &self.domains];
        let claims = lists.into_iter().flatten().chain([&self.project]);
        claims.map(|c| &c.place).chain(self.ports.iter().map(|p| &p.place))
    }
}

/// Something a stack takes, and where it says so.
#[derive(Debug, Clone)]
pub struct Claim {
    /// What.
    pub what: String,
    /// Where.
    pub place: Place,
}

/// A port of the server.
#[derive(Debug, Clone)]
pub struct Port {
    /// Address; every one when `None`.
    pub address: Option<String>,
    /// Port.
    pub port: u16,
    /// Protocol.
    pub protocol: Protocol,
    /// Service that takes it; `None` for the proxy.
    pub service: Option<String>,
    /// Where.
    pub place: Place,
}

/// A finding in one stack that also speaks of another; both by their position among those of the host.
pub struct Clash {
    /// The stack it is found in.
    pub stack: usize,
    /// What is found.
    pub finding: Finding,
    /// The stack that was there before.
    pub other: usize,
    /// Where in that one.
    pub place: Place,
    /// What is to be seen there.
    pub text: String,
}

/// What a stack takes of its host.
pub fn claims(stack: &Stack) -> Claims {
    let at = |key: &str| Place::manifest([key]);
    // `root@203.0.113.7:2222` and `ssh://root@203.0.113.7` are the host 203.0.113.7.
    let ssh = stack.host.ssh.as_deref().map(|ssh| {
        let target = ssh.trim_start_matches("ssh://");
        let target = target.rsplit_once('@').map_or(target, |(_, host)| host);
        match target.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') && port.parse::<u16>().is_ok() => host,
            _ => target,
        }
    });
    let hosts = stack.host.address.as_deref().into_iter().chain(ssh).map(str::to_lowercase).collect();
    let project = if stack.project == stack.name { at("name") } else { at("project") };
    Claims {
        stack: stack.name.clone(),
        hosts,
        project: Claim { what: stack.project.clone(), place: project },
        directory: stack
            .host
            .directory
            .iter()
            .map(|d| Claim { what: d.trim_end_matches('/').to_string(), place: at("host").join("directory") })
            .collect(),
        containers: containers(stack),
        // One that is only kept is where another stack's data may come from.
        volumes: stack
            .volumes
            .iter()
            .filter(|v| v.class != Class::Deprecated)
            .map(|v| Claim { what: v.name.clone(), place: v.place.clone() })
            .collect(),
        domains: stack
            .sites
            .iter()
            .flat_map(|site| {
                let names = std::iter::once(&site.host).chain(&site.aliases);
                names.map(|name| Claim { what: name.to_lowercase(), place: site.place.clone() })
            })
            .collect(),
        ports: ports(stack),
        allowed: stack.allowed.clone(),
    }
}

/// Fixed names of containers, and where they are given.
pub(super) fn containers(stack: &Stack) -> Vec<Claim> {
    let named = |service: &crate::stack::Service| {
        let (what, place) = match service.overrides.get("container_name").and_then(Json::as_str) {
            Some(name) => (name, service.key_place("container_name")),
            None => (service.container_name.as_deref()?, service.place.join("container_name")),
        };
        Some(Claim { what: what.to_string(), place })
    };
    stack.services.iter().filter_map(named).collect()
}

fn ports(stack: &Stack) -> Vec<Port> {
    let mut ports = Vec::new();
    // On the host nginx itself listens there.
    if let Some(proxy) = stack.proxy.as_ref().filter(|p| p.runs_in == RunsIn::Host) {
        ports.extend([80, 443].map(|port| Port {
            address: None,
            port,
            protocol: Protocol::Tcp,
            service: None,
            place: proxy.place.clone(),
        }));
    }
    for service in &stack.services {
        for published in published(service) {
            ports.extend(published.host_port.map(|port| Port {
                address: published.address.filter(|a| !matches!(a.as_str(), "" | "0.0.0.0" | "::")),
                port,
                protocol: published.protocol,
                service: (service.role != Role::Proxy).then(|| service.name.clone()),
                place: published.place,
            }));
        }
    }
    ports
}

/// Calls for everything that a stack takes after another has: position and claim of both.
pub(super) fn twice<'a>(
    stacks: &[&'a Claims],
    claims: impl Fn(&'a Claims) -> &'a [Claim],
    mut see: impl FnMut((usize, &'a Claim), (usize, &'a Claim)),
) {
    let mut first: HashMap<&str, (usize, &Claim)> = HashMap::new();
    for (i, stack) in stacks.iter().enumerate() {
        for claim in claims(stack) {
            let taken = *first.entry(&claim.what).or_insert((i, claim));
            if taken.0 != i {
                see((i, claim), taken);
            }
        }
    }
}
