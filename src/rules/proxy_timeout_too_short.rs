//! The proxy gives up before the program does.
//!
//! The user sees 504 while the program goes on working, and tries again: the same long report then runs twice. With
//! the proxy waiting longer, the program's own limit ends it and says why.
//!
//! Fix, safe: sets `read_timeout` to 20 seconds more than the limit.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     url: https://erp.example.com
//!     database: db
//!     settings: { limit_time_real: 1200 }
//!     stop_grace: 21m
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
//!     settings: { limit_time_real: 1200 }
//!     stop_grace: 21m
//!     read_timeout: 21m
//!   db:
//!     kind: postgres
//! ```

use std::collections::HashSet;

use super::common::{by_name, number, place, proxied, setting, variable};
use crate::finding::{Finding, Fix};
use crate::stack::{Origin, Service, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let services = by_name(stack);
    for site in &stack.sites {
        let mut seen = HashSet::new();
        // In files that are not ours the headers of a websocket are often sent along for all of a site.
        let only_websocket =
            |r: &crate::stack::Route| r.websocket && (stack.foreign.is_none() || r.path != "/");
        for (route, name, _) in proxied(site).filter(|(r, ..)| !only_websocket(r)) {
            let Some(service) = services.get(name) else { continue };
            let Some((key, limit, origin)) = limit(service) else { continue };
            let timeout = route.read_timeout.unwrap_or(site.read_timeout);
            if u64::from(timeout.0) >= limit || !seen.insert((name, timeout.0)) {
                continue;
            }
            let message = format!(
                "expected the proxy to wait longer than {limit}s, `{key}` of `{name}`, found {}s on `{}`",
                timeout.0, route.path
            );
            let help = format!("set `read_timeout: {}s`, or lower `{key}`", limit + 20);
            let (at, set) = match (&route.origin, route.read_timeout) {
                (Origin::Manifest(place), Some(_)) => {
                    (place.join("read_timeout"), place.join("read_timeout"))
                }
                _ => (
                    place(origin, service, [if key == "GUNICORN_TIMEOUT" { "env" } else { "settings" }, key]),
                    service.place.join("read_timeout"),
                ),
            };
            let long = format!("{}s", limit + 20);
            let fix = Fix::safe(format!("set `read_timeout` to {long}")).set(set, long);
            let fix = (service.name == service.owner).then_some(fix);
            out.push(Finding::warning("proxy-timeout-too-short", at, message).help(help).fix(fix));
        }
    }
}

/// How long the program itself lets a request take; 0 is for ever, which no proxy can wait.
fn limit(service: &Service) -> Option<(&'static str, u64, &Origin)> {
    let odoo = setting(service, "limit_time_real")
        .and_then(|s| Some(("limit_time_real", number(service, &s.name)?, &s.origin)));
    let gunicorn = || {
        let env = variable(service, "GUNICORN_TIMEOUT")?;
        Some(("GUNICORN_TIMEOUT", env.value.plain()?.parse().ok()?, &env.origin))
    };
    odoo.or_else(gunicorn).filter(|(_, limit, _)| *limit > 0)
}
