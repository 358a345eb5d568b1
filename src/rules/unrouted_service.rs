//! A service runs and listens, but nothing leads to it, and it is not said to be internal.
//!
//! Either its `url` was forgotten, and somebody will patch the proxy by hand on the server; or it needs no public
//! name, and the next reader should not have to guess.
//!
//! Fix, unsafe: adds `internal: true`.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
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
//!     healthcheck: { http: /health, tool: curl }
//!     internal: true
//! ```

use std::collections::HashSet;

use super::common::proxied;
use crate::finding::{Finding, Fix};
use crate::stack::{Role, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    // A site that answers 503 for now has no routes, but it is a place for them.
    let mut reached: HashSet<&str> = stack.sites.iter().map(|s| s.service.as_str()).collect();
    reached.extend(stack.sites.iter().flat_map(proxied).map(|(_, service, _)| service));
    for service in stack.services.iter().filter(|s| s.role == Role::App && !s.internal) {
        let open = service.listens.is_empty()
            || !service.publish.is_empty()
            || service.overrides.contains_key("ports");
        if open || reached.contains(service.name.as_str()) {
            continue;
        }
        let ports = service.listens.iter().map(u16::to_string).collect::<Vec<_>>().join(" and ");
        let message = format!("`{}` listens on {ports}, but nothing leads to it", service.name);
        out.push(
            Finding::warning("unrouted-service", service.place.on_key(), message)
                .fix(Fix::risky("add `internal: true`").set(service.place.join("internal"), true))
                .help("add its public `url`, or `internal: true` if only other services use it"),
        );
    }
}
