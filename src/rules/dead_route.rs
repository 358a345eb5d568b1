//! A route leads to a path that this version of Odoo no longer has.
//!
//! `/longpolling` became `/websocket` with Odoo 16. Old guides still route the former, and nothing uses it.
//! Source: <https://www.odoo.com/documentation/18.0/administration/on_premise/deploy.html>
//!
//! Fix, safe: removes the route.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     url: https://erp.example.com
//!     database: db
//!     routes: [{ path: /longpolling, port: 8072 }]
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

use super::common::{by_name, proxied, route_place};
use crate::finding::{Finding, Fix};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let services = by_name(stack);
    for site in &stack.sites {
        for (route, name, _) in
            proxied(site).filter(|(r, ..)| r.path.trim_end_matches('/').ends_with("/longpolling"))
        {
            // Where the version is not known the path may be served.
            let since =
                |v: &str| v.split('.').next().and_then(|m| m.parse::<u16>().ok()).is_some_and(|m| m >= 16);
            if services.get(name).is_some_and(|s| s.kind == "odoo" && since(&s.version)) {
                out.push(
                    Finding::warning(
                        "dead-route",
                        route_place(route, site),
                        format!("`{}` has not been served since Odoo 16", route.path),
                    )
                    .fix(
                        Fix::safe(format!("remove the route `{}`", route.path))
                            .remove(route_place(route, site)),
                    )
                    .help("remove it; `/websocket` is routed already"),
                );
            }
        }
    }
}
