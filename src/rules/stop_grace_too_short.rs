//! A service may work longer on what it has begun than it gets for stopping.
//!
//! Docker kills it when `stop_grace` is over. Odoo may then be in the middle of a request that its own limit still
//! allowed, n8n in the middle of a workflow, at every deployment.
//!
//! Fix, safe: sets `stop_grace` to half a minute more than the limit.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     settings: { limit_time_real: 1200 }
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
//!     internal: true
//!     database: db
//!     settings: { limit_time_real: 1200 }
//!     stop_grace: 21m
//!   db:
//!     kind: postgres
//! ```

use super::common::{number, place, setting, variable};
use crate::finding::{Finding, Fix};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in stack.services.iter().filter(|s| s.role.stays() && s.knows("stop_grace")) {
        // Docker's own default is 10 seconds.
        let grace = service.stop_grace.map_or(10, |g| u64::from(g.0));
        let limits = [
            setting(service, "limit_time_real")
                .and_then(|s| Some(("limit_time_real", number(service, &s.name)?, &s.origin))),
            variable(service, "N8N_GRACEFUL_SHUTDOWN_TIMEOUT").and_then(|e| {
                Some(("N8N_GRACEFUL_SHUTDOWN_TIMEOUT", e.value.plain()?.parse().ok()?, &e.origin))
            }),
        ];
        for (name, limit, origin) in limits.into_iter().flatten() {
            if limit > grace {
                let message = format!(
                    "expected `stop_grace` of `{}` above {limit}s, its `{name}`, found {grace}s",
                    service.name,
                );
                let grace = format!("{}s", limit + 30);
                let fix = Fix::safe(format!("set `stop_grace` to {grace}"))
                    .set(service.place.join("stop_grace"), grace);
                out.push(
                    Finding::warning(
                        "stop-grace-too-short",
                        place(origin, service, [part(name), name]),
                        message,
                    )
                    .fix((service.name == service.owner).then_some(fix))
                    .help(format!("set `stop_grace: {}s`, or lower `{name}`", limit + 30)),
                );
            }
        }
    }
}

/// Whether a limit is a key of a configuration file or a variable.
fn part(name: &str) -> &'static str {
    if name.starts_with(|c: char| c.is_ascii_uppercase()) { "env" } else { "settings" }
}
