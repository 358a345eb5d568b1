//! A value that readers of YAML 1.1 and 1.2 take for different things.
//!
//! `yes`, `on` and `22:22` are text to one and true or the number 1342 to the other; `1.20` loses its zero. stackgen
//! reads YAML 1.2, but whoever else reads the manifest may not.
//!
//! Fix, safe: puts it in quotes; unsafe for a number, which becomes text.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     internal: true
//!     env: { N8N_DEFAULT_LOCALE: no }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     internal: true
//!     env: { N8N_DEFAULT_LOCALE: "no" }
//! ```
