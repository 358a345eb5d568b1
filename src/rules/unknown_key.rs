//! A key that the manifest, or the options of a kind, do not have.
//!
//! Most tools ignore such a key, and what was meant by it never happens: a `helthcheck` checks nothing.
//!
//! Fix, safe: renames a key that is one slip away from a known one; unsafe where the nearest is a guess.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//!     helthcheck: { interval: 30s }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//!     healthcheck: { interval: 30s }
//! ```
