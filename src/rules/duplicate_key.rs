//! The same thing is said twice: a key of a map, a volume, a mount, a service name.
//!
//! Most YAML readers keep the last one and say nothing, so half of what is written has no effect.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//!     mounts:
//!       - { source: ./a, target: /etc/extra }
//!       - { source: ./b, target: /etc/extra }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//!     mounts:
//!       - { source: ./a, target: /etc/extra/a }
//!       - { source: ./b, target: /etc/extra/b }
//! ```
