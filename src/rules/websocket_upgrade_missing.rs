//! A route whose path is one of a websocket is not marked as such.
//!
//! Without the Upgrade headers the handshake is answered with an error, and the page says "connection lost" or falls
//! back to asking every few seconds. Source: <https://nginx.org/en/docs/http/websocket.html>
//!
//! Fix, safe: adds `websocket: true`.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     healthcheck: { http: /health, tool: curl }
//!     routes: [{ path: /socket.io/ }]
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
//!     healthcheck: { http: /health, tool: curl }
//!     routes: [{ path: /socket.io/, websocket: true }]
//! ```

use super::common::{by_name, proxied, route_place};
use crate::finding::{Finding, Fix};
use crate::stack::Stack;

/// Last parts of paths that are used for nothing else.
const ENDS: &[&str] = &["websocket", "socket.io", "ws", "rest/push"];

/// Paths on which products are known to answer websockets.
const OF_PRODUCTS: &[(&str, &str)] = &[("n8n", "/rest/push"), ("odoo", "/websocket")];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    known(stack, out);
    for site in &stack.sites {
        for (route, name, _) in proxied(site).filter(|(r, ..)| !r.websocket) {
            let path = route.path.trim_end_matches('/');
            if ENDS.iter().any(|end| path.strip_suffix(end).is_some_and(|rest| rest.ends_with('/'))) {
                let message =
                    format!("`{}` of `{name}` looks like a websocket, but is not routed as one", route.path);
                let place = route_place(route, site);
                let fix = Fix::safe("add `websocket: true`").set(place.join("websocket"), true);
                out.push(
                    Finding::warning("websocket-upgrade-missing", place, message).fix(fix).help(
                        "add `websocket: true`, and a `read_timeout` as long as a connection may be idle",
                    ),
                );
            }
        }
    }
}

/// A product whose websocket is taken by a route that is none.
fn known(stack: &Stack, out: &mut Vec<Finding>) {
    let services = by_name(stack);
    for site in &stack.sites {
        for (kind, path) in OF_PRODUCTS {
            // A pattern may take it too.
            if site.routes.iter().any(|r| r.path.contains(&path[1..])) {
                continue;
            }
            let taken = proxied(site).find(|(r, ..)| !r.exact && path.starts_with(r.path.as_str()));
            let Some((route, name, _)) = taken.filter(|(r, ..)| !r.websocket) else { continue };
            let Some(service) = services.get(name).filter(|s| s.kind == *kind) else { continue };
            // Odoo has had it since 16.
            let major = service.version.split('.').next().and_then(|v| v.parse::<u16>().ok());
            if *kind == "odoo" && major.is_none_or(|m| m < 16) {
                continue;
            }
            let message =
                format!("`{name}` needs websockets on `{path}`, but `{}` does not carry them", route.path);
            out.push(
                Finding::warning("websocket-upgrade-missing", route_place(route, site), message)
                    .help("add `websocket: true`"),
            );
        }
    }
}
