//! Two services publish the same port of the server.
//!
//! `docker compose config` says nothing about it; the second container fails to start with "port is already
//! allocated", usually during the first deployment after the change. An address of its own is no way out while the
//! other is bound to every address.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   one:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     publish: [8000]
//!     healthcheck: { http: /health, tool: curl }
//!   two:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     publish: [8000]
//!     healthcheck: { http: /health, tool: curl }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   one:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     publish: [8000]
//!     healthcheck: { http: /health, tool: curl }
//!   two:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     publish: [{ port: 8000, host_port: 8001 }]
//!     healthcheck: { http: /health, tool: curl }
//! ```

use std::collections::HashMap;

use super::common::{Published, published};
use crate::finding::Finding;
use crate::manifest::Protocol;
use crate::stack::{Role, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let mut taken: HashMap<(u16, Protocol), Vec<(&str, Published)>> = HashMap::new();
    // The proxy's own ports are `edge-port-conflict`'s.
    for service in stack.services.iter().filter(|s| s.role != Role::Proxy) {
        for port in published(service) {
            let edge = |p: &u16| stack.proxy.is_some() && matches!(*p, 80 | 443);
            let Some(host_port) = port.host_port.filter(|p| !edge(p)) else { continue };
            let others = taken.entry((host_port, port.protocol)).or_default();
            let clash = |p: &Published| p.everywhere() || port.everywhere() || p.address == port.address;
            if let Some((name, other)) = others.iter().find(|(_, p)| clash(p)) {
                let message = format!("`{}` and `{name}` both publish port {host_port}", service.name);
                out.push(
                    Finding::error("host-port-collision", port.place.clone(), message)
                        .related(other.place.clone(), "the other one")
                        .help("give one of them another `host_port`, or reach it by its service name"),
                );
            }
            others.push((&service.name, port));
        }
    }
}
