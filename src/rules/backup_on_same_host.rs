//! Backups are kept on the server that they are to save.
//!
//! A disk that dies, a provider that closes an account or somebody who breaks in takes both at once.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   redis: { kind: redis }
//! backup:
//!   store: { directory: /srv/backup }
//!   password: { secret: BACKUP_PASSWORD }
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
//! ```

use crate::finding::{Finding, Place};
use crate::stack::{Stack, Store};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let Some(backups) = &stack.backup else { return };
    if let Store::Directory(directory) = &backups.store {
        let message =
            format!("expected backups on another machine, found the directory `{directory}` of this one");
        let place = Place::manifest(["backup", "store", "directory"]);
        out.push(
            Finding::warning("backup-on-same-host", place, message)
                .help("write `endpoint`, `bucket` and keys of an S3 store; if another machine's file system is mounted there, accept this and say so"),
        );
    }
}
