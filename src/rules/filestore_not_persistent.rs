//! Odoo keeps its files where no volume is.
//!
//! Every attachment, image and generated asset is a file in `data_dir`; the database only names them. In a container
//! without a volume there they are gone with the next deployment, and pages lose their styles first.
//!
//! Fix, unsafe: removes the setting; files that are there already have to be moved.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     settings: { data_dir: /srv/odoo }
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
//!     settings: { data_dir: /srv/odoo }
//!     volumes: { data: { mount: /srv/odoo } }
//!   db:
//!     kind: postgres
//! ```

use super::common::{owners, place, setting};
use crate::finding::{Finding, Fix};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack) {
        let Some(dir) = setting(service, "data_dir") else { continue };
        let below = |target: &str| {
            let rest = dir.value.strip_prefix(target.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if service.mounts.iter().any(|m| m.writable && below(&m.target)) {
            continue;
        }
        let message = format!("no volume of `{}` holds {}", service.name, crate::scalar::shown(&dir.value));
        out.push(
            Finding::error(
                "filestore-not-persistent",
                place(&dir.origin, service, ["settings", "data_dir"]),
                message,
            )
            .fix(dir.origin.is_manifest().then(|| {
                Fix::risky("remove `data_dir`").remove(place(&dir.origin, service, ["settings", "data_dir"]))
            }))
            .help("remove the setting, or set `mount:` of a volume to this directory"),
        );
    }
}
