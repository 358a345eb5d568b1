//! A variable is set that loses to the configuration file of the same service.
//!
//! Odoo's image takes `HOST`, `USER` and the like only where odoo.conf is silent. Here odoo.conf names the database,
//! so the variable does nothing, and the program connects elsewhere than the environment says. One team looked for
//! that twice within four months. Source: <https://github.com/odoo/docker/blob/master/18.0/entrypoint.sh>
//!
//! Fix, safe: removes the variable, which has no effect.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     env: { HOST: db.internal }
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
//!     internal: true
//!     database: db
//!   db:
//!     kind: postgres
//! ```

use super::common::{owners, setting};
use crate::finding::{Finding, Fix};
use crate::stack::{Origin, Service, Stack};

/// Variables of Odoo's image, and the keys that beat them; a password comes with `db_user`, by the start script.
const PAIRS: &[(&str, &str)] = &[
    ("HOST", "db_host"),
    ("PGHOST", "db_host"),
    ("PORT", "db_port"),
    ("PGPORT", "db_port"),
    ("USER", "db_user"),
    ("PGUSER", "db_user"),
    ("POSTGRES_USER", "db_user"),
    ("PASSWORD", "db_user"),
    ("PASSWORD_FILE", "db_user"),
    ("PGPASSWORD", "db_user"),
    ("POSTGRES_PASSWORD", "db_user"),
];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack) {
        for env in &service.env {
            let Origin::Manifest(place) = &env.origin else { continue };
            let Some(key) = beaten_by(service, &env.name) else { continue };
            let message = format!(
                "`{}` has no effect: the configuration file of `{}` has `{key}`",
                env.name, service.name
            );
            out.push(
                Finding::error("env-overridden-by-config", place.on_key(), message)
                    .fix(
                        Fix::safe(format!("remove `{}`, which has no effect", env.name))
                            .remove(place.clone()),
                    )
                    .help("remove it; `database:` says which server, database and role are used"),
            );
        }
    }
}

/// The key of the configuration file that beats a variable.
pub(super) fn beaten_by(service: &Service, name: &str) -> Option<&'static str> {
    let (_, key) = PAIRS.iter().find(|(n, _)| *n == name)?;
    // Only the start script of ours brings a password together with the role.
    let key = if service.found.is_some() && name.contains("PASSWORD") { "db_password" } else { key };
    setting(service, key).map(|_| key)
}
