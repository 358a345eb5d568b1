//! odoo.conf does not set the master password, which is then `admin`.
//!
//! With it anybody who reaches the database manager can copy, replace and drop every database.
//! Source: <https://www.odoo.com/documentation/18.0/administration/on_premise/deploy.html#database-manager-security>
//!
//! ```ini odoo.conf flagged
//! [options]
//! db_host = db
//! proxy_mode = True
//! ```
//!
//! ```ini odoo.conf accepted
//! [options]
//! db_host = db
//! proxy_mode = True
//! list_db = False
//! ```

use super::common::{owners, setting, written};
use crate::finding::Finding;
use crate::stack::{Aspect, Origin, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack) {
        let Some(password) = setting(service, "admin_passwd").filter(|s| s.origin == Origin::Default) else {
            continue;
        };
        let open =
            setting(service, "list_db").is_some_and(|s| !matches!(s.value.as_str(), "False" | "false"));
        // The first setting stands for the file.
        let first = service.settings.first().and_then(|g| g.settings.first());
        let Some(first) = first.filter(|_| open) else { continue };
        let message = format!("`{}` has the master password `admin`, since none is set", service.name);
        let mut finding =
            Finding::error("default-admin-password", written(&first.origin, service).on_key(), message)
                .help("set `list_db = False`, or `admin_passwd` to a hash that Odoo itself makes");
        if stack.sees(Aspect::Containers) {
            finding = finding.related(written(&password.origin, service), "its service");
        }
        out.push(finding);
    }
}
