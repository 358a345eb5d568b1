//! Odoo runs with workers, but no route leads to its websocket port.
//!
//! The workers cannot carry websockets: "Couldn't bind the websocket. Is the connection opened on the evented port
//! (8072)?" fills the log, and chat and notifications need a reload of the page.
//! Source: <https://www.odoo.com/documentation/18.0/administration/on_premise/deploy.html>
//!
//! Fix, safe: removes the route that took the place of the kind's.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     url: https://erp.example.com
//!     database: db
//!     routes: [{ path: /websocket, port: 8069 }]
//!   db:
//!     kind: postgres
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     url: https://erp.example.com
//!     database: db
//!   db:
//!     kind: postgres
//! ```

use std::collections::HashSet;

use super::common::{number, owners, proxied};
use crate::finding::{Finding, Fix};
use crate::stack::{Action, Answer, Origin, Route, Site, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let live = || stack.sites.iter().filter(|s| s.answer == Answer::Live);
    let routed: HashSet<(&str, u64)> =
        live().flat_map(proxied).map(|(_, service, port)| (service, u64::from(port))).collect();
    let public: HashSet<&str> = routed.iter().map(|(service, _)| *service).collect();
    for service in owners(stack).filter(|s| public.contains(s.name.as_str())) {
        let (Some(port), Some(workers)) = (number(service, "gevent_port"), number(service, "workers")) else {
            continue;
        };
        // Ours leads where it should. Of an older version, or one that is not known, the path is another.
        let major = service.version.split('.').next().and_then(|v| v.parse::<u16>().ok());
        let reached = routed.contains(&(service.name.as_str(), port));
        let reached = reached
            && (stack.foreign.is_none()
                || major.is_none_or(|m| m < 16)
                || live().any(|s| leads(s, &service.name, port)));
        if workers > 0 && !reached {
            let message =
                format!("expected a route of `{}` to port {port}, its websocket, found none", service.name);
            // The route that took the place of the kind's.
            let own = live().flat_map(|s| &s.routes).find_map(|r| match (&r.origin, &r.action) {
                (Origin::Manifest(place), Action::Proxy { service: to, .. })
                    if r.path.trim_end_matches('/') == "/websocket" && *to == service.name =>
                {
                    Some(Fix::safe(format!("remove the route `{}`", r.path)).remove(place.clone()))
                }
                _ => None,
            });
            out.push(
                Finding::error("workers-without-websocket-route", service.place.join("routes"), message)
                    .fix(own)
                    .help("remove your own route for `/websocket`; the kind's leads there"),
            );
        }
    }
}

/// Whether the route that takes the websocket's path leads to this port.
fn leads(site: &Site, service: &str, port: u64) -> bool {
    const PATH: &str = "/websocket";
    let to = |(_, name, p): &(&Route, &str, u16)| *name == service && u64::from(*p) == port;
    // What a pattern takes only nginx knows.
    let pattern =
        proxied(site).any(|r| r.0.exact && r.0.path != PATH && r.0.path.contains("websocket") && to(&r));
    let takes = |r: &Route| if r.exact { r.path == PATH } else { PATH.starts_with(r.path.as_str()) };
    pattern || proxied(site).find(|r| takes(r.0)).is_some_and(|r| to(&r))
}
