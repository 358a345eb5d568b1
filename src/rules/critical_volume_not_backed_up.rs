//! A volume that is called critical is never saved.
//!
//! Critical means: it exists nowhere else, and people work with it. A disk, a mistyped command or an attacker ends it.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   db:
//!     kind: postgres
//!     volumes: { data: { backup: none } }
//!   n8n:
//!     kind: n8n
//!     internal: true
//!     database: db
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   db:
//!     kind: postgres
//!     volumes: { data: { backup: hourly } }
//!   n8n:
//!     kind: n8n
//!     internal: true
//!     database: db
//! ```

use crate::finding::Finding;
use crate::manifest::{Backup, Class};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for volume in stack.volumes.iter().filter(|v| v.class == Class::Critical && v.backup == Backup::None) {
        let message = format!("expected backups of `{}`, which is critical, found none", volume.name);
        out.push(
            Finding::error("critical-volume-not-backed-up", volume.place.join("backup"), message)
                .help("write `backup: daily`, or another `class` if its loss does not matter"),
        );
    }
}
