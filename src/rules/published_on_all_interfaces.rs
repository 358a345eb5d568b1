//! A port is published on every address of the server although no firewall rule asks for it, or past the proxy.
//!
//! Docker forwards published ports before ufw or the INPUT chain see them, so a port that "the firewall closes" is
//! open to the world. One stack had seven services open that way while its documentation said "only nginx is
//! reachable". A port that the proxy serves, or a database, stays an error even if a firewall rule allows it.
//! Source: <https://docs.docker.com/engine/network/packet-filtering-firewalls/>
//!
//! Fix, unsafe: publishes it on 127.0.0.1.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     healthcheck: { http: /health, tool: curl }
//!     publish: [{ port: 8000, address: 0.0.0.0 }]
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     healthcheck: { http: /health, tool: curl }
//!     publish: [8000]
//! ```

use std::collections::HashSet;

use super::common::{proxied, published};
use crate::finding::{Finding, Fix};
use crate::manifest::Protocol;
use crate::stack::{Role, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let routed: HashSet<(&str, u16)> =
        stack.sites.iter().flat_map(proxied).map(|(_, service, port)| (service, port)).collect();
    let open: HashSet<(u16, Protocol)> =
        stack.firewall.inbound.iter().map(|r| (r.port, r.protocol)).collect();
    for service in stack.services.iter().filter(|s| s.role != Role::Proxy) {
        for port in published(service).into_iter().filter(|p| p.everywhere()) {
            // Without a proxy that is known, what has these ports is the edge itself.
            if stack.foreign.is_some() && matches!(port.host_port, Some(80 | 443)) {
                continue;
            }
            let wanted = port.host_port.is_some_and(|p| open.contains(&(p, port.protocol)));
            let why = if service.role == Role::Store {
                "it keeps data for other services only"
            } else if routed.contains(&(service.name.as_str(), port.port)) {
                "requests can go around the proxy"
            } else if !wanted {
                "Docker opens it past the server's firewall"
            } else {
                continue;
            };
            let message = format!("`{}` publishes {} on every address: {why}", service.name, port.shown());
            // Compose keys have the address in other forms.
            let fix = Fix::risky("publish it on 127.0.0.1").set(port.place.join("address"), "127.0.0.1");
            let fix = (!service.overrides.contains_key("ports")).then_some(fix);
            let finding = Finding::error("published-on-all-interfaces", port.place, message).fix(fix);
            out.push(finding.help(
                "publish it on 127.0.0.1, the default, or not at all; services reach one another without it",
            ));
        }
    }
}
