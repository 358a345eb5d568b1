//! What is saved, together with what, how often, and where to.

use crate::finding::Place;
use crate::manifest::{Backup, Drill, Keep, TimeOfDay};
use crate::scalar::Seconds;

/// Backups of a stack.
#[derive(Debug, Clone)]
pub struct Backups {
    /// Where they are kept.
    pub store: Store,
    /// Secret with the password that encrypts them.
    pub password: String,
    /// Time of the daily run.
    pub at: TimeOfDay,
    /// How often a restore is tried.
    pub drill: Drill,
    /// How many are kept, when the manifest says so.
    pub keep: Option<Keep>,
    /// What is saved.
    pub items: Vec<Item>,
    /// Volumes that are only kept for a while, by key: they can be saved once.
    pub archived: Vec<String>,
    /// Where it is declared.
    pub place: Place,
}

/// Where backups are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// A bucket that speaks S3.
    Bucket {
        /// Where, as restic reads it.
        repository: String,
        /// Region.
        region: Option<String>,
        /// Secret with the id of the access key.
        access_key: String,
        /// Secret with the access key.
        secret_key: String,
    },
    /// A directory of the server.
    Directory(String),
}

/// Everything that is saved and restored together, since one part is of no use without the others of the same moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The service it belongs to, or the volume.
    pub name: String,
    /// How often it is saved.
    pub often: Backup,
    /// Databases, saved first.
    pub databases: Vec<SavedDatabase>,
    /// Volumes, by key.
    pub volumes: Vec<String>,
    /// Paths below the volumes that no backup holds: key of the volume, and path.
    pub left_out: Vec<(String, String)>,
    /// Services that are stopped while it is restored.
    pub services: Vec<String>,
    /// Services that are stopped while the volumes are copied.
    pub stopped: Vec<String>,
    /// What becomes of old backups.
    pub keep: Kept,
}

/// A database that is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedDatabase {
    /// Service that saves and restores it.
    pub tool: String,
    /// Database.
    pub name: String,
    /// Role that owns it.
    pub user: String,
    /// Secret with the role's password.
    pub password: String,
}

/// What becomes of old backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The newest of so many hours, days, weeks and months stay.
    Newest(Keep),
    /// All of that long stay.
    Within(Seconds),
}
