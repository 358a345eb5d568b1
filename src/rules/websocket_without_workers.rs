//! Odoo's websocket is routed to a port that exists only with workers, and there are none.
//!
//! With `workers = 0` Odoo is one process on one port. Chat and notifications then end in 502 while everything else
//! works. Source: <https://www.odoo.com/documentation/18.0/administration/on_premise/deploy.html>
//!
//! Fix, safe: writes `options.workers` instead.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     url: https://erp.example.com
//!     database: db
//!     settings: { workers: 0 }
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
//!     options: { workers: 0 }
//!   db:
//!     kind: postgres
//! ```

use super::common::{by_name, number, place, proxied, setting};
use crate::finding::{Finding, Fix};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let services = by_name(stack);
    for site in &stack.sites {
        for (route, name, port) in proxied(site) {
            let Some(service) = services.get(name) else { continue };
            let Some(workers) = setting(service, "workers") else { continue };
            if number(service, "workers") == Some(0)
                && number(service, "gevent_port") == Some(u64::from(port))
            {
                let message =
                    format!("`{}` is routed to port {port}, which exists only with workers", route.path);
                out.push(
                    Finding::error(
                        "websocket-without-workers",
                        place(&workers.origin, service, ["options", "workers"]),
                        message,
                    )
                    .fix(
                        Fix::safe("write `options.workers: 0`, from which the route follows")
                            .remove(service.place.join("settings").join("workers"))
                            .set(service.place.join("options").join("workers"), 0),
                    )
                    .help("write `options: { workers: 0 }`, from which the route follows, or use workers"),
                );
            }
        }
    }
}
