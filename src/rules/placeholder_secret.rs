//! A secret has a value that everybody knows: `changeme`, `admin`, the default of the product.
//!
//! It is in guides and in the lists that every scanner tries first. Superset refuses only its own placeholder; any
//! other weak key it accepts, and whoever knows the key makes himself an administrator's session.
//!
//! Fix, unsafe: writes the name of a secret in its place.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     healthcheck: { command: [/app, ready] }
//!     env: { ADMIN_PASSWORD: changeme }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! secrets:
//!   ADMIN_PASSWORD: { description: password of the administrator, generate: openssl rand -hex 16 }
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     healthcheck: { command: [/app, ready] }
//!     env: { ADMIN_PASSWORD: { secret: ADMIN_PASSWORD } }
//! ```

use super::common::owners;
use super::secret_literal::{is_placeholder, literals};
use crate::finding::Finding;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack) {
        for literal in literals(service).into_iter().filter(is_placeholder) {
            let message = format!("the value of `{}` is one that everybody knows", literal.name);
            let help = if literal.setting {
                "remove it; what the kind sets is safe"
            } else {
                "write `{ secret: NAME }`, and make a value with `openssl rand -hex 32`"
            };
            let fix = literal.fix();
            out.push(Finding::error("placeholder-secret", literal.place, message).help(help).fix(fix));
        }
    }
}
