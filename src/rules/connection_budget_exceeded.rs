//! The services may together open more connections than the database server allows.
//!
//! It works until the day all of them are busy. Then whoever comes last gets "too many connections", which may be the
//! shop, the backup or the administrator. A server in the stack keeps three connections for its superuser.
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

use std::collections::HashMap;

use crate::finding::Finding;
use crate::stack::{Database, Service, Stack};

/// `superuser_reserved_connections` of PostgreSQL.
const RESERVED: u32 = 3;

/// What a server allows its services, and what those that run may take of it.
pub(super) fn budget(stack: &Stack, database: &Database) -> Option<(u32, u64)> {
    let kept = if database.service.is_some() { RESERVED } else { 0 };
    let users = stack.services.iter().filter(|s| s.role.stays()).filter_map(|s| s.database.as_ref());
    let wanted = users.filter(|d| d.server == database.name).map(|d| u64::from(d.connections)).sum();
    Some((database.connections?.saturating_sub(kept), wanted))
}

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let mut users: HashMap<&str, Vec<(&Service, u32)>> = HashMap::new();
    // A job is over before the others start.
    for service in stack.services.iter().filter(|s| s.role.stays()) {
        if let Some(used) = &service.database {
            users.entry(&used.server).or_default().push((service, used.connections));
        }
    }
    for database in &stack.databases {
        let Some((allowed, wanted)) = budget(stack, database) else { continue };
        let users = users.get(database.name.as_str()).map(Vec::as_slice).unwrap_or_default();
        if wanted <= u64::from(allowed) {
            continue;
        }
        let mut list: Vec<_> = users.iter().collect();
        list.sort_by_key(|(s, n)| (std::cmp::Reverse(*n), &s.name));
        let who = list.iter().take(4).map(|(s, n)| format!("{} {n}", s.name)).collect::<Vec<_>>().join(", ");
        let more = if list.len() > 4 { ", ..." } else { "" };
        let message = format!(
            "expected at most {allowed} connections to `{}`, found {wanted} ({who}{more})",
            database.name
        );
        out.push(
            Finding::error("connection-budget-exceeded", database.place.clone(), message)
                .help("lower the number of workers of the largest, or allow more connections"),
        );
    }
}
