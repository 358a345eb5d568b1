//! A product keeps its data in a directory of the container where no volume is.
//!
//! The data is gone with the container: at the next update, at `docker compose down`, at a change of any setting. For
//! PostgreSQL the directory has moved with version 18: a volume at the old place holds nothing.
//! Source: <https://github.com/docker-library/docs/blob/master/postgres/README.md#pgdata>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   db:
//!     <<: *base
//!     image: postgres:17.6
//!     healthcheck: { test: [CMD, pg_isready, -U, postgres] }
//!     environment: { POSTGRES_PASSWORD: "${POSTGRES_PASSWORD:?}" }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   db:
//!     <<: *base
//!     image: postgres:17.6
//!     healthcheck: { test: [CMD, pg_isready, -U, postgres] }
//!     environment: { POSTGRES_PASSWORD: "${POSTGRES_PASSWORD:?}" }
//!     volumes: ["db:/var/lib/postgresql/data"]
//! volumes: { db: {} }
//! ```

use super::common::variable;
use crate::finding::Finding;
use crate::stack::{Role, Service, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in stack
        .services
        .iter()
        .filter(|s| !matches!(s.role, Role::Job | Role::Tool | Role::Worker | Role::Proxy | Role::Acme))
    {
        let Some(found) = &service.found else { continue };
        for path in &found.state {
            let moved = variable(service, "PGDATA").map(|e| e.value.plain());
            let path = match &moved {
                Some(Some(moved)) => moved,
                // Where it is then cannot be known.
                Some(None) => continue,
                None => path,
            };
            // A cache may be meant to be lost, a queue is not.
            if is_kept(service, path) || service.kind == "redis" && !is_queue(stack, &service.name) {
                continue;
            }
            let below = service.mounts.iter().find(|m| m.target.starts_with(&format!("{path}/")));
            let message = format!(
                "no volume of `{}` holds {}, where its data is",
                service.name,
                crate::scalar::shown(path)
            );
            let (place, help) = match below {
                Some(mount) => (mount.place.clone(), format!("mount it at `{path}` itself")),
                None => (
                    service.place.on_key(),
                    format!("add `volumes: [NAME:{path}]`, and NAME under the `volumes` of the file"),
                ),
            };
            let finding = if service.kind == "redis" {
                Finding::warning("stateful-without-volume", place, message)
            } else {
                Finding::error("stateful-without-volume", place, message)
            };
            out.push(finding.help(help));
        }
    }
}

/// Whether something that outlives the container is mounted at a directory or around it.
pub(super) fn is_kept(service: &Service, path: &str) -> bool {
    service.mounts.iter().filter(|m| m.writable).any(|m| {
        path.strip_prefix(m.target.trim_end_matches('/')).is_some_and(|r| r.is_empty() || r.starts_with('/'))
    })
}

/// Whether somebody keeps jobs there.
fn is_queue(stack: &Stack, name: &str) -> bool {
    stack.services.iter().any(|s| {
        variable(s, "QUEUE_BULL_REDIS_HOST").is_some_and(|e| e.value.plain().as_deref() == Some(name))
    })
}
