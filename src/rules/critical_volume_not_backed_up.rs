//! A volume that is called critical (or, as a warning, important) is never saved.
//!
//! Critical means: it exists nowhere else, and people work with it. A disk, a mistyped command or an attacker ends it.
//!
//! Fix, safe: sets `backup` to daily, or weekly for what is only important.
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

use crate::finding::{Finding, Fix};
use crate::manifest::{Backup, Class};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for volume in stack.volumes.iter().filter(|v| v.backup == Backup::None) {
        let (class, often) = match volume.class {
            Class::Critical => ("critical", "daily"),
            Class::Important => ("important", "weekly"),
            Class::Cache | Class::Deprecated => continue,
        };
        let place = volume.place.join("backup");
        let message = format!("expected backups of `{}`, which is {class}, found none", volume.name);
        let finding = if volume.class == Class::Critical {
            Finding::error("critical-volume-not-backed-up", place, message)
        } else {
            Finding::warning("critical-volume-not-backed-up", place, message)
        };
        let fix = Fix::safe(format!("set `backup` to `{often}`")).set(finding.place.clone(), often);
        out.push(
            finding
                .fix(fix)
                .help(format!("write `backup: {often}`, or `class: cache` if it can be made again")),
        );
    }
}
