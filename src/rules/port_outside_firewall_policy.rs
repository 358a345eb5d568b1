//! A port is published on an outside address of the server, but no firewall rule says so.
//!
//! The manifest then says two things about who may connect. What the firewall files close, Docker may open before
//! them; or it stays closed and nobody understands why the service cannot be reached.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 9000
//!     healthcheck: { http: /health, tool: curl }
//!     publish: [{ port: 9000, address: 10.0.0.5 }]
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! firewall:
//!   allow:
//!     - { port: 9000, from: [10.0.0.0/8], reason: metrics for the monitoring server }
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 9000
//!     healthcheck: { http: /health, tool: curl }
//!     publish: [{ port: 9000, address: 10.0.0.5 }]
//! ```

use std::collections::HashSet;

use super::common::published;
use crate::finding::Finding;
use crate::manifest::Protocol;
use crate::stack::{Role, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let open: HashSet<(u16, Protocol)> =
        stack.firewall.inbound.iter().map(|r| (r.port, r.protocol)).collect();
    for service in &stack.services {
        // Elsewhere every address at once is `published-on-all-interfaces`'s; of the proxy it is right.
        let proxy = service.role == Role::Proxy;
        for port in published(service).into_iter().filter(|p| !p.loopback() && (proxy || !p.everywhere())) {
            let Some(number) = port.host_port.filter(|p| !open.contains(&(*p, port.protocol))) else {
                continue;
            };
            let address = port.address.unwrap_or_else(|| "every address".into());
            let message =
                format!("`{}` publishes {number} on {address}, but no firewall rule opens it", service.name);
            out.push(Finding::error("port-outside-firewall-policy", port.place, message).help(format!(
                "add port {number} to `firewall.allow` with its `reason`, or publish it on 127.0.0.1"
            )));
        }
    }
}
