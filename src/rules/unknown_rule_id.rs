//! An entry of `allow` names a rule that does not exist.
//!
//! It would accept nothing, and the finding it was meant for would still stop the build.
//!
//! Fix, safe: writes the name that is one slip away; unsafe where the nearest is a guess.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//! allow:
//!   - { rule: moving-image-tags, reason: pinned by digest in the registry mirror }
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
//!   - { rule: CO001, reason: pinned by digest in the registry mirror }
//! ```
