//! A health check asks a port on which the service does not listen.
//!
//! The probe then fails however well the service is. It happens when the port of a service is moved and the probe
//! stays behind. For a container without a kind this is a warning: only its image knows what else it listens on.
//!
//! Fix, safe: removes the `port` of the health check, where a kind knows it.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     healthcheck: { port: 8080 }
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
//!   db:
//!     kind: postgres
//! ```

use super::common::{asked, listening, place};
use crate::finding::{Finding, Fix};
use crate::stack::{Probe, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in &stack.services {
        let Some(healthcheck) = &service.healthcheck else { continue };
        let port = match &healthcheck.probe {
            Probe::Http { port, .. } => *port,
            Probe::Command(words) => match asked(words) {
                Some((port, _)) => port,
                None => continue,
            },
        };
        let ports = listening(service);
        if ports.is_empty() || ports.contains(&port) {
            continue;
        }
        let expected = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ");
        let message =
            format!("expected a probe of port {expected}, where `{}` listens, found {port}", service.name);
        let place = place(&healthcheck.origin, service, ["healthcheck"]);
        let finding = if service.kind == "container" {
            Finding::warning("healthcheck-wrong-target", place, message)
        } else {
            Finding::error("healthcheck-wrong-target", place, message)
        };
        // A kind knows the port of its product.
        let fix = Fix::safe("remove `port` of the health check")
            .remove(service.place.join("healthcheck").join("port"));
        let finding = finding.fix((service.kind != "container").then_some(fix));
        out.push(finding.help("remove `port:` from the health check, or correct `listen:`"));
    }
}
