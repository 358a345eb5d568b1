//! The stack is monitored, but of a public service nobody knows what it answers when it is well.
//!
//! What is asked of a site follows from the HTTP path of its service's health check: it has to answer 200, by the
//! public name. Without one, or with one that the site does not lead to, all that can be seen is that something answers
//! at all. A program that answers every page with an error does so too.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! mail:
//!   out: { host: smtp.example.com, port: 2525, from: demo@example.com }
//! monitoring:
//!   alerts: { mail: out, to: [admin@example.com] }
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     healthcheck: { command: [/app, ready] }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! mail:
//!   out: { host: smtp.example.com, port: 2525, from: demo@example.com }
//! monitoring:
//!   alerts: { mail: out, to: [admin@example.com] }
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     healthcheck: { http: /health, tool: curl }
//! ```

use crate::finding::Finding;
use crate::stack::{Answer, Expectation, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let Some(monitoring) = &stack.monitoring else { return };
    for site in stack.sites.iter().filter(|s| s.answer == Answer::Live) {
        let mut probes = monitoring.probes.iter().filter(|p| p.site == site.host);
        if probes.any(|p| p.expects == Expectation::Status(200)) {
            continue;
        }
        let message =
            format!("expected a path of `{}` that answers 200 when it is well, found none", site.host);
        out.push(
            Finding::warning("route-not-watched", site.place.clone(), message)
                .help("give its service `healthcheck: { http: PATH }` with a path that the site leads to"),
        );
    }
}
