//! A key of a configuration file holds a value that the product does not accept.
//!
//! Odoo ends at its start for `workers = auto` or `limit_memory_hard = 2GB`. Worse is what it accepts: only True, true,
//! False and false are booleans, so `list_db = no` leaves the database manager open.
//! Source: `odoo/tools/config.py` of Odoo 18, listed in `templates/kinds/odoo.settings.tsv`
//!
//! Fix, unsafe: writes the value that was probably meant, a size in bytes.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     settings: { limit_memory_hard: 2GB }
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
//!     settings: { limit_memory_hard: 2147483648 }
//!   db:
//!     kind: postgres
//! ```

use serde_json::Value as Json;

use super::common::{owners, settings};
use super::inline_comment_in_value::is_commented;
use crate::finding::{Finding, Fix};
use crate::scalar::shown;
use crate::stack::{Origin, Stack};
use crate::table::{Lookup, Reading, ValueType};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack) {
        let Some(table) = &service.known_settings else { continue };
        for setting in settings(service) {
            let (Origin::Manifest(place), value) = (&setting.origin, setting.value.as_str()) else {
                continue;
            };
            let Lookup::Known(row) = table.find(&setting.name) else { continue };
            // What is not a value for another reason is another rule's.
            if matches!(row.reading, Reading::Removed(_)) || value.contains("${") || is_commented(value) {
                continue;
            }
            let expected = match &row.value {
                // A configuration file knows fewer booleans than an environment.
                ValueType::Bool if !matches!(value, "True" | "true" | "False" | "false") => {
                    "expected True or False".into()
                }
                ValueType::Bool => continue,
                kind => match kind.check(value) {
                    Err(expected) => expected,
                    Ok(()) => continue,
                },
            };
            let found = if row.secret { "something else".to_string() } else { shown(value) };
            let note = if row.note.is_empty() { String::new() } else { format!("; {}", row.note) };
            let fix = meant(&row.value, value)
                .filter(|_| !row.secret)
                .map(|new| Fix::risky(format!("set `{}` to `{new}`", setting.name)).set(place.clone(), new));
            out.push(
                Finding::error("setting-value-invalid", place.clone(), format!("{expected}, found {found}"))
                    .fix(fix)
                    .help(format!(
                        "{} reads `{}` as {}{note}",
                        service.kind,
                        setting.name,
                        row.value.describe()
                    )),
            );
        }
    }
}

/// The value that was probably meant: a boolean or a word as the file knows it, or a size in bytes.
fn meant(kind: &ValueType, value: &str) -> Option<Json> {
    match kind {
        ValueType::Bool => {
            let (word, _) = kind.meant(value)?;
            Some(Json::from(if word == "true" { "True" } else { "False" }))
        }
        ValueType::Int(..) => {
            let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            let unit = match value[digits.len()..].trim_end_matches(['B', 'b']).trim_end_matches('i') {
                "K" | "k" => 10,
                "M" | "m" => 20,
                "G" | "g" => 30,
                _ => return None,
            };
            let bytes = digits.trim().parse::<u32>().ok().map(|n| u64::from(n) << unit)?;
            kind.check(&bytes.to_string()).is_ok().then(|| Json::from(bytes))
        }
        kind => kind.meant(value).map(|(word, _)| Json::from(word)),
    }
}
