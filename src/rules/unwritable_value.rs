//! A value that the file it belongs to cannot hold: a line break in odoo.conf, a quote where none can be escaped.
//!
//! Written anyway it would become another setting or break the file, so it is refused.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     settings: { email_from: "a@example.com\nlist_db = True" }
//!   db:
//!     kind: postgres
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     settings: { email_from: a@example.com }
//!   db:
//!     kind: postgres
//! ```
