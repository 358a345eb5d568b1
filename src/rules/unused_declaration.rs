//! Something is declared that no running service uses: a database server, a rate limit, a mail transport, a secret.
//!
//! It may wait for something planned. It may also be what is left of a service that moved: one server kept a local
//! PostgreSQL for months beside the managed one that everybody used.
//!
//! Fix, unsafe: removes the declaration.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! rate_limits:
//!   api: { rate: 10r/s }
//! services:
//!   redis:
//!     kind: redis
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//! ```

use std::collections::HashSet;

use crate::finding::{Finding, Fix, Place};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let mut say = |place: &Place, what: String| {
        out.push(
            Finding::info("unused-declaration", place.on_key(), format!("no running service uses {what}"))
                .fix(Fix::risky(format!("remove {what}")).remove(place.clone()))
                .help("remove it, unless something planned needs it"),
        );
    };
    // What something planned will use waits for it.
    let later = stack.planned.iter().filter_map(|p| p.database.as_ref());
    let servers: HashSet<&str> = (stack.services.iter().filter_map(|s| s.database.as_ref()).chain(later))
        .map(|d| d.server.as_str())
        .collect();
    for database in stack.databases.iter().filter(|d| !servers.contains(d.name.as_str())) {
        say(&database.place, format!("the database server `{}`", database.name));
    }
    let limits: HashSet<&str> =
        stack.sites.iter().flat_map(|s| &s.routes).filter_map(|r| r.rate_limit.as_deref()).collect();
    for limit in stack.rate_limits.iter().filter(|l| !limits.contains(l.name.as_str())) {
        say(&limit.place, format!("the rate limit `{}`", limit.name));
    }
    for mail in stack.mail.iter().filter(|m| m.used_by.is_empty()) {
        if stack.planned.iter().any(|p| p.mail.as_ref() == Some(&mail.name)) {
            continue;
        }
        say(&mail.place, format!("the mail transport `{}`", mail.name));
    }
    let admins: HashSet<&str> = stack.databases.iter().filter_map(|d| d.admin_password.as_deref()).collect();
    let mails: HashSet<&str> = stack.mail.iter().filter_map(|m| m.password.as_deref()).collect();
    for secret in &stack.secrets {
        let name = secret.name.as_str();
        let waits = stack.planned.iter().any(|p| p.secrets.iter().any(|s| s == name));
        if secret.used_by.is_empty() && !waits && !admins.contains(name) && !mails.contains(name) {
            say(&secret.place, format!("the secret `{name}`"));
        }
    }
}
