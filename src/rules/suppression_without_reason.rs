//! An entry of `allow` does not say why.
//!
//! Whoever reads it next cannot tell a decision from a shortcut, and nobody dares to remove it.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//!     image: mirror.example.com/redis:stable
//! allow:
//!   - { rule: moving-image-tag, reason: TODO }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//!     image: mirror.example.com/redis:stable
//! allow:
//!   - { rule: moving-image-tag, reason: the mirror moves this tag only after our own tests }
//! ```
