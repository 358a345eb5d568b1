//! Files of a service are saved, and the database that names them is not.
//!
//! A row without its file, or a file without its row, is no document. What belongs together is saved together, at one
//! moment, or a restore ends with half of it.
//!
//! Fix, safe: removes `backup: none` of the database, which is then saved with the files.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! databases:
//!   main: { host: db.example.com, version: 16, ca: /etc/ssl/db.crt }
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: { server: main, backup: none }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! databases:
//!   main: { host: db.example.com, version: 16, ca: /etc/ssl/db.crt }
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: { server: main, backup: hourly }
//! ```

use crate::finding::{Finding, Fix};
use crate::manifest::Backup;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in stack.services.iter().filter(|s| s.name == s.owner) {
        let Some(used) = service.database.as_ref().filter(|d| d.backup == Some(Backup::None)) else {
            continue;
        };
        let saved =
            |v: &&crate::stack::Volume| v.service.as_ref() == Some(&service.name) && v.backup != Backup::None;
        let Some(volume) = stack.volumes.iter().find(saved) else { continue };
        let place = used.place.join("backup");
        let fix = Fix::safe("remove `backup`").remove(place.clone());
        let message =
            format!("`{}` is saved, but not the database `{}` that belongs to it", volume.name, used.name);
        out.push(
            Finding::warning("database-and-files-out-of-step", place, message)
                .related(volume.place.clone(), "what is saved")
                .help("remove `backup: none`: both are saved at one moment")
                .fix(fix),
        );
    }
}
