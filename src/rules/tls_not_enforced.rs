//! A service may talk to a database outside the stack without encryption.
//!
//! libpq's own default, `prefer`, uses TLS when the server offers it and plain text when it (or somebody in between)
//! does not, without saying which. The password and all data then cross the network readable.
//! Source: <https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION>
//!
//! Fix, safe: sets `sslmode: require`.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! databases:
//!   main: { host: db.example.com, sslmode: prefer }
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
//!   main: { host: db.example.com, ca: ./db-ca.crt }
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: main
//! ```

use std::collections::HashSet;

use super::common::{owners, setting};
use crate::finding::{Finding, Fix};
use crate::manifest::SslMode;
use crate::stack::{Origin, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    const HELP: &str =
        "write `sslmode: require`, or `ca:` with the server's CA certificate, which also verifies it";
    let used: HashSet<&str> =
        stack.services.iter().filter_map(|s| s.database.as_ref()).map(|d| d.server.as_str()).collect();
    // A server in the stack is on a private network of the same machine.
    let outside = |name: &str| stack.database(name).is_some_and(|d| d.service.is_none());
    for database in stack.databases.iter().filter(|d| d.service.is_none() && used.contains(d.name.as_str())) {
        if database.sslmode < SslMode::Require {
            let message = format!("connections to `{}` may be unencrypted", database.name);
            let place = database.place.join("sslmode");
            let fix = Fix::safe("set `sslmode` to `require`").set(place.clone(), "require");
            out.push(Finding::error("tls-not-enforced", place, message).help(HELP).fix(fix));
        }
    }
    for service in owners(stack) {
        let Some(mode) = setting(service, "db_sslmode") else { continue };
        if let Origin::Manifest(place) = &mode.origin
            && matches!(mode.value.as_str(), "disable" | "allow" | "prefer")
            && service.database.as_ref().is_some_and(|d| outside(&d.server))
        {
            let message = format!("connections of `{}` to its database may be unencrypted", service.name);
            let fix = Fix::safe("remove `db_sslmode`, which follows from the database").remove(place.clone());
            out.push(Finding::error("tls-not-enforced", place.clone(), message).help(HELP).fix(fix));
        }
    }
}
