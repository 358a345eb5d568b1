//! Two services claim the same public name, or one writes the same path twice.
//!
//! nginx takes the first of two servers of one name and only warns about the other: "conflicting server name,
//! ignored". Which one that is depends on the order of files.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://www.example.com
//!     healthcheck: { http: /health, tool: curl }
//!   site:
//!     kind: static
//!     url: https://www.example.com
//!     root: /srv/www
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     healthcheck: { http: /health, tool: curl }
//!   site:
//!     kind: static
//!     url: https://www.example.com
//!     root: /srv/www
//! ```
