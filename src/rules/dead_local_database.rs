//! A database server runs that nobody uses: every service that names its database names another.
//!
//! It was left behind when the data moved, or the services were never told about it. It takes memory, and some day
//! somebody restores or drops the wrong one.
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   db:
//!     <<: *base
//!     image: postgres:17.6
//!     healthcheck: { test: [CMD, pg_isready, -U, postgres] }
//!     environment: { POSTGRES_PASSWORD: "${POSTGRES_PASSWORD:?}" }
//!     volumes: ["db:/var/lib/postgresql/data"]
//!   app:
//!     <<: *base
//!     image: ghcr.io/example/app:1.4.2
//!     environment: { DATABASE_URL: "postgres://app:${DB_PASSWORD:?}@db.example.com/app?sslmode=verify-full" }
//! volumes: { db: {} }
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
//!   app:
//!     <<: *base
//!     image: ghcr.io/example/app:1.4.2
//!     environment: { DATABASE_URL: "postgres://app:${DB_PASSWORD:?}@db/app" }
//! volumes: { db: {} }
//! ```

use super::common::settings;
use crate::finding::Finding;
use crate::stack::{Service, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for server in stack.services.iter().filter(|s| s.kind == "postgres" && s.found.is_some()) {
        let mut elsewhere = None;
        let mut used = false;
        for service in stack.services.iter().filter(|s| s.name != server.name) {
            used |= mentions(service, &server.name)
                || server.container_name.as_deref().is_some_and(|name| mentions(service, name))
                || service.kind == "container" && service.depends_on.iter().any(|d| d.service == server.name);
            if let Some(host) = service.found.as_ref().and_then(|f| f.database_host.as_deref()) {
                // What is known only where it runs may well be this one.
                used |= host == server.name || host.contains('$');
                elsewhere = elsewhere.or(Some((service, host)));
            }
        }
        if let (Some((service, host)), false) = (elsewhere, used) {
            let message = format!(
                "nobody uses `{}`: `{}` looks for its database at `{host}`",
                server.name, service.name
            );
            out.push(
                Finding::warning("dead-local-database", server.place.on_key(), message)
                    .related(service.place.on_key(), "uses another")
                    .help("name this one there, or remove it once its data is saved"),
            );
        }
    }
}

/// Whether a service says this name anywhere.
fn mentions(service: &Service, name: &str) -> bool {
    let word = |text: &str| {
        text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '.')).any(|w| w == name)
    };
    service.env.iter().any(|e| word(&e.value.to_string()))
        || settings(service).any(|s| word(&s.value))
        || service.found.as_ref().is_some_and(|f| word(&f.words))
        || service.overrides.get("network_mode").and_then(|v| v.as_str()).is_some_and(word)
}
