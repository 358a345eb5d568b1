//! n8n is told to keep its data in SQLite although it has a database.
//!
//! The database stays empty, everything is in a file inside a volume, and a backup of the database saves nothing.
//! Several workers cannot share that file at all.
//! Source: <https://docs.n8n.io/hosting/configuration/environment-variables/database/>
//!
//! Fix, unsafe: removes `DB_TYPE`; what is in the SQLite file stays there.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     internal: true
//!     database: db
//!     env: { DB_TYPE: sqlite }
//!   db:
//!     kind: postgres
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     internal: true
//!     database: db
//!   db:
//!     kind: postgres
//! ```

use super::common::{owners, place, variable};
use crate::finding::{Finding, Fix};
use crate::stack::{Service, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack).filter(|s| s.kind == "n8n") {
        untold(service, out);
        let (Some(used), Some(kind)) = (&service.database, variable(service, "DB_TYPE")) else { continue };
        if kind.value.plain().as_deref() == Some("sqlite") {
            let message = format!(
                "expected `{}` to use its database on `{}`, found `DB_TYPE: sqlite`",
                service.name, used.server
            );
            out.push(
                Finding::error("sqlite-fallback", place(&kind.origin, service, ["env", "DB_TYPE"]), message)
                    .fix(Fix::risky("remove `DB_TYPE`").remove(service.place.join("env").join("DB_TYPE")))
                    .related(used.place.clone(), "the database it was given")
                    .help("remove `DB_TYPE`; it follows from `database`"),
            );
        }
    }
}

/// Settings of a database without the one that makes n8n use it.
fn untold(service: &Service, out: &mut Vec<Finding>) {
    let told = variable(service, "DB_TYPE").is_some() || variable(service, "DB_TYPE_FILE").is_some();
    let set = service.env.iter().find(|e| e.name.starts_with("DB_POSTGRESDB_"));
    let complete = service.found.as_ref().is_some_and(|f| f.env_files.is_empty());
    if let (Some(set), false, true) = (set, told, complete) {
        let message =
            format!("expected `DB_TYPE: postgresdb` of `{}` with `{}`, found none", service.name, set.name);
        out.push(
            Finding::error("sqlite-fallback", super::common::written(&set.origin, service), message)
                .help("add `DB_TYPE: postgresdb`; without it everything is kept in SQLite"),
        );
    }
}
