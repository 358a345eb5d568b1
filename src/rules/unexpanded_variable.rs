//! A value in a configuration file or the environment holds `${...}`, which nothing expands.
//!
//! Odoo takes it literally: `${DB_PASSWORD}` is then the password, seventeen public set-ups have it. In the environment
//! Compose would expand it, but stackgen writes every value as it stands, so that a `$` in a password is one.
//! Paths of odoo.conf are the exception; Odoo expands variables there.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     settings: { email_from: "${MAIL_FROM}" }
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
//!     settings: { email_from: erp@example.com }
//!   db:
//!     kind: postgres
//! ```

use super::common::{owners, settings};
use crate::finding::{Finding, Place};
use crate::stack::{Origin, Piece, Stack};
use crate::table::{Lookup, ValueType};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let mut say = |place: &Place, name: &str| {
        let message = format!("`{name}` holds `${{...}}`, which nothing expands");
        out.push(Finding::error("unexpanded-variable", place.clone(), message).help(
            "write the value, `{{ ... }}` for what the stack knows, or under `env` `{ secret: NAME }` for a secret",
        ));
    };
    for service in owners(stack) {
        for setting in settings(service).filter(|s| s.value.contains("${")) {
            let Origin::Manifest(place) = &setting.origin else { continue };
            let row = service.known_settings.as_ref().map(|t| t.find(&setting.name));
            let expands = matches!(row, Some(Lookup::Known(row))
                if row.value == ValueType::Path || row.note.contains("are expanded"));
            if !expands {
                say(place, &setting.name);
            }
        }
        // Compose expands what is written in its own files.
        for env in service.env.iter().filter(|_| service.found.is_none()) {
            let Origin::Manifest(place) = &env.origin else { continue };
            if env.value.0.iter().any(|p| matches!(p, Piece::Literal(text) if text.contains("${"))) {
                say(place, &env.name);
            }
        }
    }
}
