//! A value is not what stands at this place: the wrong type, a name with letters it cannot have, a part that is
//! missing, an expression that cannot be filled in, or a text that is no YAML or TOML at all.
//!
//! Nothing can be made of such a manifest, so this cannot be accepted. The help says what is expected.
//!
//! Fix, safe: writes text, a number or a boolean as what it is to be, and a choice that is one slip away from one;
//! unsafe where the nearest choice is a guess.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//!     restart: unless-stoped
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//!     restart: unless-stopped
//! ```
