//! Two stacks of one host publish the same port.
//!
//! `docker compose config` sees one stack and says nothing. The one that is started second fails with "port is already
//! allocated", and after a reboot that may be the other one. Two proxies on one host meet at port 80 in the same way.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: blue
//! host: { address: 203.0.113.7 }
//! services:
//!   cache: { kind: redis, publish: [{ port: 6379, address: 127.0.0.1 }] }
//! ```
//!
//! ```yaml flagged beside
//! stackgen: 1
//! name: green
//! host: { address: 203.0.113.7 }
//! services:
//!   queue: { kind: redis, publish: [{ port: 6379, address: 127.0.0.1 }] }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: blue
//! host: { address: 203.0.113.7 }
//! services:
//!   cache: { kind: redis, publish: [{ port: 6379, address: 127.0.0.1 }] }
//! ```
//!
//! ```yaml accepted beside
//! stackgen: 1
//! name: green
//! host: { address: 203.0.113.7 }
//! services:
//!   queue: { kind: redis, publish: [{ port: 6379, host_port: 6380, address: 127.0.0.1 }] }
//! ```

use std::collections::HashMap;

use super::claims::{Claims, Clash, Port};
use crate::finding::Finding;

pub(super) fn check(stacks: &[&Claims], out: &mut Vec<Clash>) {
    // Of each port the claims that can clash: the first on every address, and the first on each address.
    let mut taken: HashMap<_, Vec<(usize, &Port)>> = HashMap::new();
    for (i, stack) in stacks.iter().enumerate() {
        let mut proxy_told = false;
        for port in &stack.ports {
            let others = taken.entry((port.port, port.protocol)).or_default();
            let clash = |(other, p): &&(usize, &Port)| {
                *other != i && (p.address.is_none() || port.address.is_none() || p.address == port.address)
            };
            match others.iter().find(clash) {
                // Two proxies have all their ports in common.
                Some((_, first)) if port.service.is_none() && first.service.is_none() && proxy_told => {}
                Some((other, first)) => {
                    proxy_told |= port.service.is_none();
                    out.push(told((i, stack, port), (*other, stacks[*other], first)));
                }
                None => others.push((i, port)),
            }
        }
    }
}

fn told(
    (stack, here, port): (usize, &Claims, &Port),
    (other, there, first): (usize, &Claims, &Port),
) -> Clash {
    let who = |claims: &Claims, port: &Port| match &port.service {
        Some(service) => format!("`{service}` of `{}`", claims.stack),
        None => format!("the proxy of `{}`", claims.stack),
    };
    let message = format!("{} and {} both want port {}", who(here, port), who(there, first), port.port);
    let help = match (&port.service, &first.service) {
        (None, None) => {
            "one proxy serves a host: put the services into one stack, or move one stack to another host"
        }
        _ => "give one of them another `host_port`",
    };
    let finding = Finding::error("port-claimed-twice", port.place.clone(), message)
        .label("the same on the same host")
        .help(help);
    Clash { stack, finding, other, place: first.place.clone(), text: "the other stack".into() }
}
