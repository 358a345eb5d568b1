//! A value of odoo.conf ends in a comment.
//!
//! Odoo has comments on lines of their own only: `4 ; four` is no number, and it does not start.
//!
//! Fix, safe: cuts the comment off.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     settings: { limit_request: "8192 ; per worker" }
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
//!     settings: { limit_request: 8192 }
//!   db:
//!     kind: postgres
//! ```

use super::common::{owners, settings};
use super::secret_literal::may_be_secret;
use crate::finding::{Finding, Fix};
use crate::stack::{Origin, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack) {
        for setting in settings(service) {
            let Origin::Manifest(place) = &setting.origin else { continue };
            if is_commented(&setting.value) {
                let message = format!("the comment in `{}` becomes part of the value", setting.name);
                // What is left of a secret is still one.
                let table = service.known_settings.as_deref();
                let secret = may_be_secret(table, &setting.name, &setting.value);
                let signs = SIGNS.iter().filter(|_| !secret);
                let fix = signs.filter_map(|sign| setting.value.find(sign)).min().map(|end| {
                    let value = setting.value[..end].trim_end();
                    Fix::safe(format!("cut the comment off `{}`", setting.name)).set(place.clone(), value)
                });
                out.push(
                    Finding::error("inline-comment-in-value", place.clone(), message)
                        .fix(fix)
                        .help("move the comment into the manifest, behind a `#`"),
                );
            }
        }
    }
}

/// How a comment begins.
const SIGNS: [&str; 4] = [" ;", " #", "\t;", "\t#"];

/// Whether a value ends in what looks like a comment.
pub(super) fn is_commented(value: &str) -> bool {
    SIGNS.iter().any(|sign| value.contains(sign))
}
