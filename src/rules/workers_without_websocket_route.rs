//! Odoo runs with workers, but no route leads to its websocket port.
//!
//! The workers cannot carry websockets: "Couldn't bind the websocket. Is the connection opened on the evented port
//! (8072)?" fills the log, and chat and notifications need a reload of the page.
//! Source: <https://www.odoo.com/documentation/18.0/administration/on_premise/deploy.html>
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
use crate::finding::Finding;
use crate::stack::{Answer, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let live = || stack.sites.iter().filter(|s| s.answer == Answer::Live);
    let routed: HashSet<(&str, u64)> =
        live().flat_map(proxied).map(|(_, service, port)| (service, u64::from(port))).collect();
    let public: HashSet<&str> = routed.iter().map(|(service, _)| *service).collect();
    for service in owners(stack).filter(|s| public.contains(s.name.as_str())) {
        let (Some(port), Some(workers)) = (number(service, "gevent_port"), number(service, "workers")) else {
            continue;
        };
        if workers > 0 && !routed.contains(&(service.name.as_str(), port)) {
            let message =
                format!("expected a route of `{}` to port {port}, its websocket, found none", service.name);
            out.push(
                Finding::error("workers-without-websocket-route", service.place.join("routes"), message)
                    .help("remove your own route for `/websocket`; the kind's leads there"),
            );
        }
    }
}
