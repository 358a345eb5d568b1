//! Backups are kept for ever, or nobody ever tries whether one can be restored.
//!
//! A store that only grows ends as a bill, or full. And a backup that was never restored is a hope: the usual end of
//! it is a dump that was empty for a year.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   redis: { kind: redis }
//! backup:
//!   store:
//!     endpoint: https://sgp1.digitaloceanspaces.com
//!     bucket: demo-backup
//!     access_key: { secret: BACKUP_ACCESS_KEY }
//!     secret_key: { secret: BACKUP_SECRET_KEY }
//!   password: { secret: BACKUP_PASSWORD }
//!   keep: { daily: 0 }
//!   drill: never
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   redis: { kind: redis }
//! backup:
//!   store:
//!     endpoint: https://sgp1.digitaloceanspaces.com
//!     bucket: demo-backup
//!     access_key: { secret: BACKUP_ACCESS_KEY }
//!     secret_key: { secret: BACKUP_SECRET_KEY }
//!   password: { secret: BACKUP_PASSWORD }
//!   keep: { daily: 7, monthly: 6 }
//!   drill: weekly
//! ```

use crate::finding::{Finding, Place};
use crate::manifest::{Drill, Keep};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let Some(backups) = &stack.backup else { return };
    let mut say = |key: &str, message: &str, help: &str| {
        let place = Place::manifest(["backup", key]);
        out.push(Finding::warning("backup-without-retention", place, message).help(help));
    };
    if backups.keep == Some(Keep { hourly: 0, daily: 0, weekly: 0, monthly: 0 }) {
        say(
            "keep",
            "expected how many backups are kept, found none: then all are, for ever",
            "write numbers for hourly, daily, weekly or monthly, or remove `keep`",
        );
    }
    if backups.drill == Drill::Never {
        say(
            "drill",
            "expected a restore that is tried now and then, found `never`",
            "write `drill: monthly`; it touches nothing that is in use",
        );
    }
}
