//! Odoo writes its log into a file inside the container.
//!
//! Nobody sees it there: `docker logs` stays empty, the file grows until the disk is full, and it is gone with the
//! container, which is when it is wanted. Source: <https://docs.docker.com/engine/logging/>
//!
//! Fix, safe: removes the setting.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     settings: { logfile: /var/log/odoo/odoo.log }
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

use super::common::{owners, place, setting};
use crate::finding::{Finding, Fix};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack) {
        let Some(file) = setting(service, "logfile") else { continue };
        if matches!(file.value.as_str(), "" | "False" | "false" | "None" | "/dev/stdout" | "/dev/stderr") {
            continue;
        }
        let message =
            format!("`{}` logs to {} inside its container", service.name, crate::scalar::shown(&file.value));
        out.push(
            Finding::warning(
                "log-file-in-container",
                place(&file.origin, service, ["settings", "logfile"]),
                message,
            )
            .fix(file.origin.is_manifest().then(|| {
                Fix::safe("remove `logfile`").remove(place(&file.origin, service, ["settings", "logfile"]))
            }))
            .help("remove the setting; Docker keeps the output, three files of 10 MB"),
        );
    }
}
