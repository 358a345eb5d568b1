//! A secret is put into a command.
//!
//! Every process of the machine can read the arguments of every other (`ps`), and they are kept in `docker inspect`.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     database: db
//!     healthcheck: { command: [/app, ready] }
//!     command: [serve, "--db-password={{ database.password }}"]
//!   db:
//!     kind: postgres
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     database: db
//!     healthcheck: { command: [/app, ready] }
//!     command: [serve]
//!     env: { DB_PASSWORD: "{{ database.password }}" }
//!   db:
//!     kind: postgres
//! ```
