//! A product runs in a version that gets no more security fixes, or one that does not work with its database.
//!
//! Known faults of it stay open for ever, and scanners look for them. The table holds what was no longer supported when
//! this version of stackgen was made. Sources: <https://www.postgresql.org/support/versioning/>,
//! <https://www.odoo.com/documentation/18.0/administration/standard_extended_support.html>, <https://nginx.org/en/download.html>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   db:
//!     <<: *base
//!     image: postgres:12.22
//!     healthcheck: { test: [CMD, pg_isready, -U, postgres] }
//!     environment: { POSTGRES_PASSWORD: "${POSTGRES_PASSWORD:?}" }
//!     volumes: ["db:/var/lib/postgresql/data"]
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
//! volumes: { db: {} }
//! ```

use super::common::written;
use crate::finding::Finding;
use crate::stack::{Service, Stack};

/// The oldest version that still gets fixes, as major and minor. Looked up in August 2026.
const OLDEST: &[(&str, (u32, u32), &str)] =
    &[("postgres", (14, 0), "PostgreSQL 14"), ("odoo", (17, 0), "Odoo 17"), ("nginx", (1, 28), "nginx 1.28")];
/// Odoo from 16 on asks for PostgreSQL 12, from 17 on it is the oldest that works.
const PAIR: (u32, u32) = (16, 12);

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    const RULE: &str = "unsupported-version";
    for service in stack.services.iter().filter(|s| s.build.is_none()) {
        let Some(version) = version(service) else { continue };
        let oldest = OLDEST.iter().find(|(kind, ..)| *kind == service.kind);
        let own = service.image.reference.contains(&service.kind);
        if let Some((_, _, words)) = oldest.filter(|(_, least, _)| version < *least && own) {
            let message =
                format!("expected {words} or newer, found {}, which gets no more fixes", shown(service));
            out.push(
                Finding::warning(RULE, written(&service.image.origin, service), message)
                    .help("plan the update: first a backup, then a trial with a copy"),
            );
        }
    }
    for service in stack.services.iter().filter(|s| s.kind == "odoo") {
        let server = service.database.as_ref().and_then(|d| stack.database(&d.server));
        let (Some((odoo, _)), Some(postgres)) = (version(service), server.and_then(|s| s.version)) else {
            continue;
        };
        if odoo >= PAIR.0 && u32::from(postgres) < PAIR.1 {
            let message = format!("Odoo {odoo} needs PostgreSQL {} or newer, found {postgres}", PAIR.1);
            out.push(
                Finding::warning(RULE, service.place.on_key(), message)
                    .help("update the database server first"),
            );
        }
    }
}

fn shown(service: &Service) -> String {
    crate::scalar::shown(&service.version)
}

fn version(service: &Service) -> Option<(u32, u32)> {
    let mut numbers = service.version.split(['.', '-']).map(str::parse);
    let major = numbers.next()?.ok()?;
    // `nginx:1` is the newest of them.
    let minor = numbers.next().and_then(Result::ok);
    Some((major, minor.unwrap_or(u32::MAX)))
}
