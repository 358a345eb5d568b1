//! A service publishes port 80 or 443, which belongs to the proxy.
//!
//! Only one program can own them. Which one wins depends on the order of starting; nginx then ends with "Address
//! already in use", and no site is served. It also happens when a second proxy (Caddy, Traefik) is kept "for a while".
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     healthcheck: { http: /health, tool: curl }
//!     publish: [{ port: 8000, host_port: 443 }]
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
//! ```

use super::common::published;
use crate::finding::Finding;
use crate::manifest::{Protocol, RunsIn};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let Some(proxy) = &stack.proxy else { return };
    // Of files alone it may not be known where the proxy runs.
    if stack.foreign.is_some() && proxy.service.is_none() {
        return;
    }
    let help = match proxy.runs_in {
        RunsIn::Container => "give the service a `url`, and let the proxy answer",
        RunsIn::Host => {
            "publish it on another port, which the proxy then uses: `publish: [{ port: 80, host_port: 8080 }]`"
        }
    };
    for service in stack.services.iter().filter(|s| proxy.service.as_deref() != Some(&s.name)) {
        for port in published(service) {
            let Some(number @ (80 | 443)) = port.host_port.filter(|_| port.protocol == Protocol::Tcp) else {
                continue;
            };
            let message = format!("`{}` and the proxy both want port {number} of the server", service.name);
            out.push(
                Finding::error("edge-port-conflict", port.place, message)
                    .related(proxy.place.clone(), "the proxy")
                    .help(help),
            );
        }
    }
}
