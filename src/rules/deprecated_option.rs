//! A key of a configuration file that the product has no longer, or soon will not have.
//!
//! `longpolling_port` has been ignored since Odoo 18 without a word: the port stays at its default, and a proxy that
//! was told another one answers 502.
//!
//! Fix, safe: renames the key to its successor, or removes it where there is none.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     settings: { longpolling_port: 8073 }
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

use super::common::{owners, settings};
use crate::finding::{Finding, Fix};
use crate::stack::{Origin, Stack};
use crate::table::{Lookup, Reading};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack) {
        let Some(table) = &service.known_settings else { continue };
        for setting in settings(service) {
            let Origin::Manifest(place) = &setting.origin else { continue };
            let Lookup::Known(row) = table.find(&setting.name) else { continue };
            let (place, name, kind) = (place.on_key(), &setting.name, &service.kind);
            let (finding, new) = match &row.reading {
                Reading::Read => continue,
                Reading::Deprecated(new) => {
                    (Finding::warning("deprecated-option", place, format!("{kind} will drop `{name}`")), new)
                }
                Reading::Removed(new) => {
                    (Finding::error("deprecated-option", place, format!("{kind} has dropped `{name}`")), new)
                }
            };
            let note = if row.note.is_empty() { String::new() } else { format!("; {}", row.note) };
            let help = new.as_ref().map_or("remove it".to_string(), |new| format!("use `{new}` instead"));
            let fix = match new {
                Some(new) => {
                    Fix::safe(format!("rename `{name}` to `{new}`")).rename(finding.place.clone(), new)
                }
                None => Fix::safe(format!("remove `{name}`")).remove(finding.place.clone()),
            };
            out.push(finding.help(help + &note).fix(fix));
        }
    }
}
