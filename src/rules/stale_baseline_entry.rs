//! The baseline lists a finding that is no longer there.
//!
//! Somebody mended it. Left in the list, the entry would hide the same fault when it comes back. `stackgen lint
//! --write-baseline` writes the list without it.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   redis: { kind: redis }
//! ```
//!
//! ```yaml flagged baseline
//! stack.yaml:
//!   moving-image-tag:
//!     - services.redis.image
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   redis: { kind: redis, image: "mirror.example.com/redis:stable" }
//! ```
//!
//! ```yaml accepted baseline
//! stack.yaml:
//!   moving-image-tag:
//!     - services.redis.image
//! ```
