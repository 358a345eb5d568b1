//! A container that runs on does not show whether it is well.
//!
//! Docker then calls it up as soon as its process exists. What depends on it starts too early, a deployment counts as
//! done while the program still fails to reach its database, and one that hangs is never noticed: in one production
//! stack a container restarted 605 times before anybody looked.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     internal: true
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
//!     healthcheck: { http: /health, tool: curl }
//! ```

use serde_json::Value as Json;

use crate::finding::Finding;
use crate::stack::{Role, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in stack.services.iter().filter(|s| s.role.stays()) {
        let over = service.overrides.get("healthcheck");
        // Of an image that is not known it is not known either whether it has a health check of its own.
        let unclear = service.found.as_ref().is_some_and(|f| !f.known || service.role == Role::Acme);
        let off = |h: &Json| h["disable"] == true || h["test"] == "NONE" || h["test"][0] == "NONE";
        let disabled = over.is_some_and(off);
        let (place, message) = if disabled {
            let place = service.key_place("healthcheck");
            (place, format!("the health check of `{}` is switched off", service.name))
        } else if !unclear
            && over.is_none()
            && service.healthcheck.is_none()
            && service.no_healthcheck.is_none()
        {
            (service.place.on_key(), format!("`{}` has no health check", service.name))
        } else {
            continue;
        };
        out.push(Finding::warning("missing-healthcheck", place, message).help(
            "add `healthcheck: { http: /PATH, tool: PROGRAM }`, with a program that the image has, or a `command`",
        ));
    }
}
