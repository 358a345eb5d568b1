//! `addons_path` names a directory that the container does not see.
//!
//! Odoo skips it with one line in its log. Its modules are then missing, and Odoo marks what is installed as broken.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     settings: { addons_path: /mnt/oca-addons }
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
//!     options: { addons: [./oca] }
//!   db:
//!     kind: postgres
//! ```

use super::common::{owners, setting};
use crate::finding::Finding;
use crate::stack::{Origin, Stack};

/// Where the image has modules of its own.
const IN_IMAGE: &[&str] = &["/usr/lib/python3/dist-packages/odoo/addons", "/opt/odoo"];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack) {
        let Some(paths) = setting(service, "addons_path") else { continue };
        let Origin::Manifest(place) = &paths.origin else { continue };
        let mounted = |path: &str| {
            let covers = |t: &str| {
                path.strip_prefix(t.trim_end_matches('/')).is_some_and(|r| r.is_empty() || r.starts_with('/'))
            };
            service.mounts.iter().any(|m| covers(&m.target)) || IN_IMAGE.iter().any(|t| covers(t))
        };
        // A variable or a home directory could be anywhere.
        let plain = paths.value.split(',').map(str::trim).filter(|p| p.starts_with('/') && !p.contains('$'));
        for path in plain.filter(|p| !mounted(p)) {
            let message = format!("`{}` sees nothing at {}", service.name, crate::scalar::shown(path));
            out.push(
                Finding::error("addons-path-mismatch", place.clone(), message)
                    .help("list the directory under `options.addons`, which mounts it and sets the path"),
            );
        }
    }
}
