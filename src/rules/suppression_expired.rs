//! An entry of `allow` was meant to end before today.
//!
//! It no longer hides anything, so what it accepted is found again. The day is that of whoever runs stackgen.
//!
//! Fix, unsafe: removes the entry.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//! allow:
//!   - { rule: moving-image-tag, reason: until the mirror has versions, until: "2020-01-31" }
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
//!   - { rule: moving-image-tag, reason: until the mirror has versions, until: "2999-12-31" }
//! ```
