//! A service does not wait until what it depends on is well, or waits for a health check that does not exist.
//!
//! The short form of `depends_on` waits until a container has started, which says nothing: PostgreSQL takes seconds more,
//! and longer after a crash. The program then fails at every start of the machine, or worse, only now and then.
//! `service_healthy` on a service without a health check is refused by Compose.
//! Source: <https://docs.docker.com/compose/how-tos/startup-order/>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", depends_on: [queue] }
//!   queue:
//!     <<: *base
//!     image: ghcr.io/example/queue:2.0.1
//!     healthcheck: { test: [CMD, /queue, ready] }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app:
//!     <<: *base
//!     image: ghcr.io/example/app:1.4.2
//!     depends_on: { queue: { condition: service_healthy } }
//!   queue:
//!     <<: *base
//!     image: ghcr.io/example/queue:2.0.1
//!     healthcheck: { test: [CMD, /queue, ready] }
//! ```

use super::common::by_name;
use crate::finding::Finding;
use crate::stack::{Condition, Role, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let services = by_name(stack);
    // A proxy answers for what is up already, and says 502 for the rest.
    for service in stack.services.iter().filter(|s| s.found.is_some() && s.role != Role::Proxy) {
        for dependency in &service.depends_on {
            let Some(other) = services.get(dependency.service.as_str()) else { continue };
            let off = other.overrides.contains_key("healthcheck");
            // An image that is not known may have a health check of its own.
            let none = other.healthcheck.is_none() && (off || other.found.as_ref().is_some_and(|f| f.known));
            let (message, help) = match dependency.condition {
                Condition::Started if other.healthcheck.is_some() => (
                    format!("`{}` does not wait until `{}` is well", service.name, other.name),
                    "write `condition: service_healthy`",
                ),
                Condition::Healthy if none => (
                    format!(
                        "`{}` waits for a health check that `{}` does not have",
                        service.name, other.name
                    ),
                    "add a `healthcheck` there; Compose refuses this",
                ),
                _ => continue,
            };
            out.push(
                Finding::warning("dependency-not-awaited", dependency.place.on_key(), message).help(help),
            );
        }
    }
}
