//! Odoo's database manager answers on a public address.
//!
//! `/web/database/manager` copies, replaces and drops databases for whoever knows or guesses one password.
//! Source: <https://www.odoo.com/documentation/18.0/administration/on_premise/deploy.html>
//!
//! Fix, unsafe: removes the option.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     url: https://erp.example.com
//!     database: db
//!     options: { database_manager: true }
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
//!     url: https://erp.example.com
//!     database: db
//!     options: { database_manager: true }
//!     routes: [{ path: /web/database, allow_from: [203.0.113.0/24] }]
//!   db:
//!     kind: postgres
//! ```

use super::common::{by_name, proxied, setting};
use crate::finding::{Finding, Fix};
use crate::stack::{Action, Origin, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let services = by_name(stack);
    for site in &stack.sites {
        let Some((_, name, _)) = proxied(site).find(|(r, ..)| r.path.ends_with('/') && !r.exact) else {
            continue;
        };
        let Some(service) = services.get(name) else { continue };
        let Some(list) = setting(service, "list_db") else { continue };
        // Odoo takes every other text for yes.
        if matches!(list.value.as_str(), "False" | "false") {
            continue;
        }
        let guarded = site.routes.iter().any(|r| {
            r.path.contains("/web/database") && (!r.allow_from.is_empty() || matches!(r.action, Action::Deny))
        });
        if !guarded {
            let place = match &list.origin {
                Origin::Manifest(place) => place.clone(),
                Origin::Kind(_) | Origin::Default => service.place.join("options").join("database_manager"),
            };
            let message = format!("the database manager of `{name}` answers on `{}`", site.host);
            let fix = Fix::risky("close the database manager").remove(place.clone());
            out.push(
                Finding::warning("database-manager-open", place, message)
                    .fix(fix)
                    .help("remove this, or add a route `/web/database` with `allow_from:`"),
            );
        }
    }
}
