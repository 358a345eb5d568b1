//! The services may together open more connections than the database server allows.
//!
//! It works until the day all of them are busy. Then whoever comes last gets "too many connections", which may be the
//! shop, the backup or the administrator. Counted are the pools of the services, three for a role that watches, and
//! three for an administrator; a server in the stack keeps three connections for its superuser.
//! Source: <https://www.postgresql.org/docs/current/runtime-config-connection.html>
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! databases:
//!   main: { host: db.example.com, ca: ./ca.crt, connections: 22 }
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: main
//!     options: { workers: 1 }
//!   superset:
//!     kind: superset
//!     internal: true
//!     database: main
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! databases:
//!   main: { host: db.example.com, ca: ./ca.crt, connections: 97 }
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: main
//!     options: { workers: 1 }
//!   superset:
//!     kind: superset
//!     internal: true
//!     database: main
//! ```

use std::cmp::Reverse;

use crate::finding::Finding;
use crate::stack::{Database, Login, Stack};

/// `superuser_reserved_connections` of PostgreSQL.
const RESERVED: u32 = 3;
/// What the administrator needs while everything else is busy: what keeps the roles, a dump, somebody with psql.
const ADMINISTRATION: u32 = 3;

/// What a server allows, and what those that run may take of it.
pub(super) fn budget(stack: &Stack, database: &Database) -> Option<(u32, u64)> {
    let kept = if database.service.is_some() { RESERVED } else { 0 };
    let wanted = takers(stack, database).iter().map(|(_, n)| u64::from(*n)).sum();
    Some((database.connections?.saturating_sub(kept), wanted))
}

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for database in &stack.databases {
        let Some((allowed, wanted)) = budget(stack, database) else { continue };
        if wanted <= u64::from(allowed) {
            continue;
        }
        let takers = takers(stack, database);
        let who = takers.iter().map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(" + ");
        let message =
            format!("expected at most {allowed} connections to `{}`, found {wanted} = {who}", database.name);
        let over = wanted - u64::from(allowed);
        let first = takers.first().map_or("the largest", |(name, _)| name.as_str());
        let more = if database.service.is_some() {
            "raise `options.connections` of the server"
        } else {
            "take a plan with more memory, and write it here"
        };
        out.push(Finding::error("connection-budget-exceeded", database.place.clone(), message).help(
            format!(
                "{over} too many: give `{first}`, which takes the most, fewer workers or a smaller pool, or {more}"
            ),
        ));
    }
}

/// Who takes how many connections, the largest first: the services that run on, or the pools they connect by, the role
/// that watches, the administrator.
fn takers(stack: &Stack, database: &Database) -> Vec<(String, u32)> {
    let mut list: Vec<(String, u32)> = Vec::new();
    // A job is over before the others start.
    for service in stack.services.iter().filter(|s| s.role.stays()) {
        let Some(used) = service.database.as_ref().filter(|d| d.server == database.name) else { continue };
        match used.pool.as_ref().and_then(|pool| Some((format!("pool {}", pool.name), pool.size?))) {
            Some(pool) if list.contains(&pool) => {}
            Some(pool) => list.push(pool),
            None => list.push((service.name.clone(), used.connections)),
        }
    }
    if list.is_empty() {
        return list;
    }
    list.sort_by(|(a, n), (b, m)| (Reverse(n), a).cmp(&(Reverse(m), b)));
    if database.monitor.is_some() {
        list.push(("monitoring".into(), Login::WATCHING));
    }
    // A server in the stack keeps some for its superuser besides.
    if database.service.is_none() && database.admin.is_some() {
        list.push(("administration".into(), ADMINISTRATION));
    }
    list
}
