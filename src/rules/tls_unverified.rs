//! Connections to a database outside the stack are encrypted, but nobody checks who answers.
//!
//! With `require` anyone who can redirect the connection can read it, password first. A provider with a CA of its own
//! (DigitalOcean has one for each project) hands it out: put the file beside the output, name it in `ca`, and
//! `verify-full` follows. Source: <https://docs.digitalocean.com/products/databases/postgresql/how-to/connect/>
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! databases:
//!   main: { host: db.example.com, sslmode: require }
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

use crate::finding::Finding;
use crate::manifest::SslMode;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let used: HashSet<&str> =
        stack.services.iter().filter_map(|s| s.database.as_ref()).map(|d| d.server.as_str()).collect();
    for database in stack.databases.iter().filter(|d| d.service.is_none() && used.contains(d.name.as_str())) {
        let (verified, file) = (database.sslmode > SslMode::Require, database.ca.is_some());
        let message = match (verified, file) {
            (true, true) => continue,
            (false, _) if database.sslmode < SslMode::Require => continue,
            (false, _) => {
                format!("connections to `{}` are encrypted, but the server is not verified", database.name)
            }
            (true, false) => format!("`{}` is to be verified, but no `ca` says by what", database.name),
        };
        out.push(
            Finding::info("tls-unverified", database.place.join("sslmode"), message).help(
                "download the server's CA certificate, write its path as `ca:`, and leave `sslmode` out",
            ),
        );
    }
}
