//! A health check asks an HTTP path, but it is not known which program in the image could ask it.
//!
//! A probe runs inside the container with what the image ships: n8n's image has no curl, Odoo's no wget. A probe whose
//! program is missing fails for ever, the container stays "unhealthy", and whatever waits for it never starts.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     internal: true
//!     healthcheck: /health
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     internal: true
//!     healthcheck: { http: /health, tool: node }
//! ```
