//! A key of a configuration file that the product does not have.
//!
//! Odoo accepts any key without a word. `db_filter` instead of `dbfilter` shows every database to everybody. A name
//! near a known one is an error; one that resembles nothing is a warning, since an add-on may read it.
//! Source: `odoo/tools/config.py` of Odoo 18, listed in `templates/kinds/odoo.settings.tsv`
//!
//! Fix, safe: renames a key that is one slip away from a known one; unsafe where the nearest is a guess.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     settings: { db_filter: "^db$" }
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
//!     settings: { dbfilter: "^odoo$" }
//!   db:
//!     kind: postgres
//! ```

use super::common::{owners, settings};
use crate::finding::{Finding, Fix};
use crate::stack::{Origin, Stack};
use crate::table::Lookup;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack) {
        let Some(table) = &service.known_settings else { continue };
        for setting in settings(service) {
            let Origin::Manifest(place) = &setting.origin else { continue };
            if table.find(&setting.name) != Lookup::Unknown {
                continue;
            }
            let (place, name, kind) = (place.on_key(), &setting.name, &service.kind);
            out.push(match table.nearest(name) {
                Some(near) => {
                    let message = format!("expected `{near}`, found `{name}`, which {kind} does not have");
                    let fix = Fix::new(table.is_slip(name), format!("rename `{name}` to `{near}`"))
                        .rename(place.clone(), near);
                    Finding::error("unknown-option", place, message)
                        .help(format!("did you mean `{near}`?"))
                        .fix(fix)
                }
                None => {
                    let message = format!("{kind} is not known to have `{name}`");
                    Finding::warning("unknown-option", place, message)
                        .help("remove it, or accept this finding and name the add-on that reads it")
                }
            });
        }
    }
}
