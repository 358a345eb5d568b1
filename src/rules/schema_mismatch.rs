//! A value is not what stands at this place: the wrong type, a name with letters it cannot have, a part that is
//! missing, an expression that cannot be filled in, or a text that is no YAML or TOML at all.
//!
//! Nothing can be made of such a manifest, so this cannot be accepted. The help says what is expected.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//!     memory: 512MB
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//!     memory: 512MiB
//! ```
