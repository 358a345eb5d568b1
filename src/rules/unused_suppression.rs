//! An entry of `allow` accepts something that is not found (any more), or that cannot be accepted.
//!
//! Left in place it would silently accept the next fault of that kind, for a reason that no longer holds. An entry for
//! a rule across stacks is not judged: the other stack may only not have been looked at.
//!
//! Fix, safe: removes the entry.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//! allow:
//!   - { rule: moving-image-tag, at: services.redis, reason: pinned by digest in the registry mirror }
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
//!   - { rule: moving-image-tag, at: services.redis, reason: pinned by digest in the registry mirror }
//! ```
