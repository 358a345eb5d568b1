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

use super::common::written;
use crate::finding::Finding;
use crate::stack::{Probe, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in &stack.services {
        let Some(found) = service.found.as_ref().filter(|f| f.known) else { continue };
        let Some(healthcheck) = &service.healthcheck else { continue };
        let Probe::Command(words) = &healthcheck.probe else { continue };
        // The program, or what a shell is told to start.
        let line = words.join(" ");
        let called = |tool: &str| {
            line.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';' | '|' | '&' | '(' | ')'))
                .any(|w| w.rsplit('/').next() == Some(tool))
        };
        if let Some(tool) = found.lacks.iter().find(|t| called(t)) {
            let message = format!(
                "the health check of `{}` calls `{tool}`, which its image does not have",
                service.name
            );
            out.push(
                Finding::error("healthcheck-tool-missing", written(&healthcheck.origin, service), message)
                    .help("ask with a program that the image has; `stackgen explain` of the kind names one"),
            );
        }
    }
}
