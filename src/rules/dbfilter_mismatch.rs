//! Odoo's `dbfilter` does not match the name of its database.
//!
//! Odoo then finds no database for any request: the login page is gone, or shows a choice with nothing in it. `%d`
//! stands for the first part of the host name, which is `erp` for `erp.example.com`.
//! Source: <https://www.odoo.com/documentation/18.0/administration/on_premise/deploy.html>
//!
//! Fix, unsafe: removes the setting.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     url: https://erp.example.com
//!     database: db
//!     settings: { dbfilter: "^%d$" }
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
//!     settings: { dbfilter: "^odoo.*$" }
//!   db:
//!     kind: postgres
//! ```

use super::common::{owners, place, setting};
use crate::finding::{Finding, Fix};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack) {
        let (Some(filter), Some(name)) = (setting(service, "dbfilter"), setting(service, "db_name")) else {
            continue;
        };
        let host = service.facts.service.host.as_deref();
        if filter.value.contains('%') && host.is_none() {
            continue;
        }
        let host = host.unwrap_or_default();
        let first = host.trim_start_matches("www.").split('.').next().unwrap_or_default();
        let filled = filter.value.replace("%h", host).replace("%d", first);
        if name.value.split(',').any(|n| matches(&filled, n.trim()) != Some(false)) {
            continue;
        }
        let message = format!(
            "`dbfilter` {} does not match the database {}",
            crate::scalar::shown(&filter.value),
            crate::scalar::shown(&name.value)
        );
        out.push(
            Finding::warning(
                "dbfilter-mismatch",
                place(&filter.origin, service, ["settings", "dbfilter"]),
                message,
            )
            .fix(filter.origin.is_manifest().then(|| {
                Fix::risky("remove `dbfilter`").remove(place(
                    &filter.origin,
                    service,
                    ["settings", "dbfilter"],
                ))
            }))
            .help("remove `dbfilter`; it follows from the database"),
        );
    }
}

/// Whether a pattern matches the start of a name; nothing where it is more than text, `^`, `$` and a last `.*`.
fn matches(pattern: &str, name: &str) -> Option<bool> {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let (pattern, whole) = pattern.strip_suffix('$').map_or((pattern, false), |p| (p, true));
    let (pattern, whole) = pattern.strip_suffix(".*").map_or((pattern, whole), |p| (p, false));
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    pattern.bytes().all(plain).then(|| if whole { name == pattern } else { name.starts_with(pattern) })
}
