//! A variable holds a value that the program does not accept.
//!
//! Some programs refuse to start, others log one line and use their default: n8n takes `N8N_PROTOCOL: htps` for
//! http, and every link it sends is wrong. The types come from the tables of the kinds, which name their sources.
//!
//! Fix, unsafe: writes the value that was probably meant; safe where it is certain.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     internal: true
//!     env: { N8N_LOG_LEVEL: warning }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     internal: true
//!     env: { N8N_LOG_LEVEL: warn }
//! ```

use super::common::owners;
use crate::finding::{Finding, Fix};
use crate::scalar::shown;
use crate::stack::{Origin, Stack};
use crate::table::{Lookup, Reading};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack) {
        let Some(table) = &service.variables else { continue };
        for env in &service.env {
            let (Origin::Manifest(place), Some(value)) = (&env.origin, env.value.plain()) else { continue };
            let Lookup::Known(row) = table.find(&env.name) else { continue };
            // What is no value at all is another rule's: it is not read, or it is never expanded.
            if matches!(row.reading, Reading::Removed(_)) || value.contains("${") {
                continue;
            }
            let Err(expected) = row.value.check(&value) else { continue };
            let found = if row.secret { "something else".to_string() } else { shown(&value) };
            let note = if row.note.is_empty() { String::new() } else { format!("; {}", row.note) };
            let fix = row.value.meant(&value).filter(|_| !row.secret).map(|(new, safe)| {
                Fix::new(safe, format!("set `{}` to `{new}`", env.name)).set(place.clone(), new)
            });
            out.push(
                Finding::error("env-value-invalid", place.clone(), format!("{expected}, found {found}"))
                    .fix(fix)
                    .help(format!("{} reads `{}` as {}{note}", service.kind, env.name, row.value.describe())),
            );
        }
    }
}
