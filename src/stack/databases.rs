//! What a database server has besides the roles of the services: pools in front of it, and a role that only watches.

use super::Database;
use crate::manifest::{PoolMode, Provider};

/// A role and the name of the secret with its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Role.
    pub user: String,
    /// Secret with its password.
    pub password: String,
}

/// A pool between a service and its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its name, which clients give as that of the database.
    pub name: String,
    /// When it takes a connection back.
    pub mode: PoolMode,
    /// Connections it keeps to the server; what the service may hold when not said.
    pub size: Option<u32>,
    /// Port it answers on.
    pub port: u16,
    /// Why the service does not survive it, where its kind says so.
    pub refused: Option<String>,
}

impl Login {
    /// Connections of a role that watches: an exporter, and somebody who looks by hand.
    pub const WATCHING: u32 = 3;
}

impl Database {
    /// The database that every server of this provider has: where an administrator, or what only watches, logs in.
    pub fn entry(&self) -> &'static str {
        // Source: https://docs.digitalocean.com/products/databases/postgresql/how-to/connect/
        if self.provider == Some(Provider::Digitalocean) { "defaultdb" } else { "postgres" }
    }
}
