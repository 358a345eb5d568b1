//! A route leads to a port on which its service does not listen, or a service with a URL has no port at all.
//!
//! Every request is answered with 502. It is the most common fault of hand-written proxies: the port is right for
//! another service, for the server's side of a published port, or for the version before.
//!
//! Fix, unsafe: removes the `port` of the route.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     routes: [{ path: /admin, port: 8001 }]
//!     healthcheck: { http: /health, tool: curl }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     routes: [{ path: /admin, allow_from: [203.0.113.0/24] }]
//!     healthcheck: { http: /health, tool: curl }
//! ```

use std::collections::HashSet;

use super::common::{by_name, from, listening, proxied, route_place};
use crate::finding::{Finding, Fix};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let services = by_name(stack);
    for site in &stack.sites {
        let mut seen = HashSet::new();
        for (route, name, port) in proxied(site) {
            let Some(service) = services.get(name) else { continue };
            let ports = listening(service);
            // Where nothing is known nothing is said; and a wrong `listen` is one fault, however many routes it has.
            if ports.is_empty() || ports.contains(&port) || !seen.insert((name, port)) {
                continue;
            }
            let expected = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ");
            let message = format!(
                "expected port {expected}, where `{name}` listens, found {port} on `{}`{}",
                route.path,
                from(&route.origin)
            );
            let finding = Finding::error("upstream-not-listening", route_place(route, site), message);
            let fix = Fix::risky("remove `port` of the route").remove(route_place(route, site).join("port"));
            out.push(finding.fix(fix).help(if service.kind == "container" {
                "correct `port:` or `listen:`; if it listens on both, publish the other one too, so that it is known"
            } else {
                "remove `port:` from the route, or `listen:` and the settings that move the port"
            }));
        }
    }
}
