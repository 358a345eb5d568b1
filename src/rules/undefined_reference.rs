//! A name is used that is declared nowhere: a service, a database server, a mail transport, a rate limit, a kind.
//!
//! Fix, safe: writes the name that is one slip away; unsafe where the nearest is a guess.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     healthcheck: { command: [/app, ready] }
//!     depends_on: [rediss]
//!   redis:
//!     kind: redis
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     healthcheck: { command: [/app, ready] }
//!     depends_on: [redis]
//!   redis:
//!     kind: redis
//! ```
