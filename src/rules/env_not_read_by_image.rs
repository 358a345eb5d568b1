//! A variable is set that the program in the image does not read.
//!
//! Nothing complains: the program runs with its default instead. `DB_POSTGRESDB_URL` looks right and is found in many
//! published set-ups, but n8n has never read it and silently keeps its data in SQLite inside the container.
//! The known names stand in the tables of the kinds (`templates/kinds/*.variables.tsv`), with their sources.
//! Removed and mistyped names are errors; a name that resembles nothing is a warning, since an own image or a workflow
//! may read it; a name that is going away is a warning too.
//!
//! Fix, safe: renames a variable that is one slip away from a known one, or deprecated; removes what is not read
//! and has no successor. Unsafe where the new name makes a value count that did not, or is a guess.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     internal: true
//!     env: { N8N_PROXY_HOP: 1 }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     internal: true
//!     env: { N8N_PROXY_HOPS: 1 }
//! ```

use super::common::{own_image, owners, variable};
use super::env_overridden_by_config::beaten_by;
use crate::finding::{Finding, Fix, Place};
use crate::stack::{Env, Origin, Service, Stack};
use crate::table::{Lookup, Reading, Row, Table};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack) {
        let Some(table) = &service.variables else { continue };
        // An image of one's own may hold programs that the table does not know.
        let own = own_image(service);
        for env in &service.env {
            let Origin::Manifest(place) = &env.origin else { continue };
            out.extend(judge(service, table, env, place, own));
        }
    }
}

fn judge(service: &Service, table: &Table, env: &Env, place: &Place, own: bool) -> Option<Finding> {
    const RULE: &str = "env-not-read-by-image";
    let (name, kind, place) = (&env.name, &service.kind, place.on_key());
    Some(match table.find(name) {
        Lookup::File(_) => return None,
        Lookup::Known(row) => match &row.reading {
            Reading::Read => return None,
            Reading::Deprecated(new) => {
                let message = format!("{kind} will stop reading `{name}`");
                let (help, fix) = instead(service, table, row, new.as_deref(), env, &place);
                Finding::warning(RULE, place, message).help(help).fix(fix)
            }
            Reading::Removed(new) => {
                let message = format!("{kind} does not read `{name}`");
                let (help, fix) = instead(service, table, row, new.as_deref(), env, &place);
                Finding::error(RULE, place, message).help(help).fix(fix)
            }
        },
        Lookup::Unknown => match table.nearest(name) {
            Some(near) => {
                let message = format!("expected `{near}`, found `{name}`, which {kind} does not read");
                let fix = Fix::new(table.is_slip(name), format!("rename `{name}` to `{near}`"));
                // What only the kind sets, the manifest may set otherwise.
                let free = variable(service, near).is_none_or(|e| !e.origin.is_manifest());
                let fix = free.then(|| fix.rename(place.clone(), near));
                Finding::error(RULE, place, message).help(format!("did you mean `{near}`?")).fix(fix)
            }
            None if own => return None,
            None => Finding::warning(RULE, place, format!("{kind} is not known to read `{name}`"))
                .help("remove it, or accept this finding if something of your own reads it"),
        },
    })
}

/// What to do: use the end of the chain of replacements, unless that is set already; and what the table says.
fn instead(
    service: &Service,
    table: &Table,
    row: &Row,
    new: Option<&str>,
    env: &Env,
    place: &Place,
) -> (String, Fix) {
    let mut new = new;
    for _ in 0..8 {
        let next = new.and_then(|name| match table.find(name) {
            Lookup::Known(Row { reading: Reading::Deprecated(next) | Reading::Removed(next), .. }) => {
                next.as_deref()
            }
            _ => None,
        });
        if next.is_none() {
            break;
        }
        new = next;
    }
    let note = match row.note.as_str() {
        "" | "not read" => String::new(),
        note => format!("; {note}"),
    };
    // What is not read can go; what still is may have been what counts.
    let unread = matches!(row.reading, Reading::Removed(_));
    let name = &env.name;
    let remove = || Fix::new(unread, format!("remove `{name}`")).remove(place.clone());
    match new {
        Some(new) if beaten_by(service, new).is_some() => {
            ("remove it; `database:` says which server, database and role are used".to_string(), remove())
        }
        Some(new) if variable(service, new).is_some() => {
            (format!("remove it: `{new}` is set already{note}"), remove())
        }
        Some(new) => {
            // The same value under the new name: certain where the old one is still read and it is of the new type.
            let fits = match (table.find(new), env.value.plain()) {
                (Lookup::Known(row), Some(value)) => row.value.check(&value).is_ok(),
                _ => false,
            };
            let fix = Fix::new(!unread && fits, format!("rename `{name}` to `{new}`"));
            (format!("use `{new}` instead{note}"), fix.rename(place.clone(), new))
        }
        None => (format!("remove it{note}"), remove()),
    }
}
