//! A service is sent through a pooler that hands every transaction to another connection, and does not survive it.
//!
//! Odoo's scheduled actions and its live bus wait with LISTEN for NOTIFY, which belongs to one connection. Behind a
//! pool in transaction mode nothing ever arrives: jobs start late, messages appear only after a reload. DigitalOcean's
//! pools answer on port 25061, the server itself on 25060. Other products are refused as long as nothing says that they
//! need no LISTEN, no SET, no locks of a session and no prepared statements; a pool in session mode suits all.
//! Source: <https://www.pgbouncer.org/features.html>
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! databases:
//!   main: { host: db.example.com, provider: digitalocean, port: 25061, ca: ./ca.crt }
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: main
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! databases:
//!   main: { host: db.example.com, provider: digitalocean, port: 25060, ca: ./ca.crt }
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: main
//! ```

use super::common::{owners, variable, written};
use crate::finding::Finding;
use crate::manifest::Provider;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack) {
        let Some(used) = &service.database else { continue };
        let Some(reason) = used.pool.as_ref().and_then(|p| p.refused.as_ref()) else { continue };
        let message = format!("`{}` does not survive a transaction pool: {reason}", service.name);
        out.push(
            Finding::error("pooler-mode-incompatible", used.place.join("pool"), message)
                .help("remove `pool`, or write `pool: session`"),
        );
    }
    for service in owners(stack).filter(|s| s.kind == "odoo") {
        // A pool in the stack says by a variable how it hands connections out.
        let host = service.found.as_ref().and_then(|f| f.database_host.as_deref());
        let Some(pool) = host.and_then(|host| stack.service(host)) else { continue };
        let mode = ["POOL_MODE", "PGBOUNCER_POOL_MODE"].iter().find_map(|n| variable(pool, n));
        let Some(mode) = mode.filter(|m| m.value.plain().as_deref() == Some("transaction")) else { continue };
        let message = format!("`{}` loses what it listens for in the pool `{}`", service.name, pool.name);
        out.push(
            Finding::error("pooler-mode-incompatible", written(&mode.origin, pool), message)
                .help("connect to the server itself, or write `session`"),
        );
    }
    for database in
        stack.databases.iter().filter(|d| d.provider == Some(Provider::Digitalocean) && d.port == 25061)
    {
        let uses =
            |s: &&crate::stack::Service| s.database.as_ref().is_some_and(|d| d.server == database.name);
        if let Some(service) = owners(stack).filter(uses).find(|s| s.kind == "odoo") {
            let message = format!(
                "expected port 25060, found 25061, a pool that loses what `{}` listens for",
                service.name
            );
            out.push(
                Finding::error("pooler-mode-incompatible", database.place.join("port"), message)
                    .related(service.place.join("database"), "used here")
                    .help("use port 25060; other services may keep the pool as a second database server"),
            );
        }
    }
}
