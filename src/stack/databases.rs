//! What a database server has besides the roles of the services: a role that only watches.

/// A role and the name of the secret with its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Role.
    pub user: String,
    /// Secret with its password.
    pub password: String,
}
