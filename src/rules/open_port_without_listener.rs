//! The firewall opens a port on which nothing of the stack is published.
//!
//! Usually it was left behind by something long gone. Whatever is started there next, for a test or by an intruder,
//! is on the internet at once.
//!
//! Fix, unsafe: removes the rule.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! firewall:
//!   allow:
//!     - { port: 8443, reason: old admin console }
//! services:
//!   redis:
//!     kind: redis
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! firewall:
//!   allow:
//!     - { port: 2022, reason: file transfer of the shop }
//! services:
//!   sftp:
//!     image: ghcr.io/example/sftp:5.1.0
//!     listen: 22
//!     publish: [{ port: 22, host_port: 2022, address: 0.0.0.0 }]
//!     healthcheck: { command: [/sftp, ready] }
//! ```

use std::collections::HashSet;

use super::common::published;
use crate::finding::{Finding, Fix, Place, Step};
use crate::manifest::Protocol;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let served: HashSet<(u16, Protocol)> = stack
        .services
        .iter()
        .flat_map(published)
        .filter(|p| !p.loopback())
        .filter_map(|p| Some((p.host_port?, p.protocol)))
        .collect();
    // SSH and the proxy's ports follow from elsewhere; only what is written by hand can be left behind.
    let by_hand = |place: &Place| match place {
        Place::At { path, .. } => path.0.get(1) == Some(&Step::from("allow")),
        Place::Text(_) => false,
    };
    for rule in stack.firewall.inbound.iter().filter(|r| by_hand(&r.place)) {
        if served.contains(&(rule.port, rule.protocol)) || rule.port == stack.firewall.ssh_port {
            continue;
        }
        let message = format!("port {} is open, but no service is published there", rule.port);
        let fix = Fix::risky(format!("close port {}", rule.port)).remove(rule.place.clone());
        out.push(Finding::warning("open-port-without-listener", rule.place.clone(), message).fix(fix).help(
            "remove the rule; if a program outside the stack listens there, accept this finding and name it",
        ));
    }
}
