//! What a user writes about pools in front of a database server.

use schemars::{JsonSchema, Schema};
use serde::Deserialize;

/// A pool that the provider keeps in front of a database.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename = "Pool|mode")]
#[schemars(rename = "Pool", transform = |s: &mut Schema| super::short(s, "mode"))]
pub struct Pool {
    /// When a connection goes back to the pool.
    pub mode: PoolMode,
    /// Connections it keeps to the server. Default: what the service may hold at most.
    pub size: Option<PoolSize>,
}

/// When a pool takes a connection back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PoolMode {
    /// At the end of each transaction; what belongs to a session (LISTEN, SET, locks, prepared statements) is lost.
    Transaction,
    /// When the client disconnects.
    Session,
}

impl PoolMode {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Session => "session",
        }
    }
}

/// Connections of a pool: 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct PoolSize(pub u32);

impl TryFrom<u32> for PoolSize {
    type Error = String;
    fn try_from(number: u32) -> Result<Self, String> {
        if (1..=1000).contains(&number) {
            return Ok(Self(number));
        }
        Err(format!("expected 1 to 1000 connections, found {number}"))
    }
}

impl JsonSchema for PoolSize {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PoolSize".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 1, "maximum": 1000 })
    }
}
