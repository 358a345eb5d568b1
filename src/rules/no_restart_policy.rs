//! A service stays down after it has failed or the machine was restarted.
//!
//! Docker starts no container again that has no `restart`. It shows weeks later, after the first update of the kernel.
//! Source: <https://docs.docker.com/engine/containers/start-containers-automatically/>
//!
//! ```yaml docker-compose.yml flagged
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     mem_limit: 256m
//!     logging: { options: { max-size: 10m } }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2" }
//! ```

use crate::finding::Finding;
use crate::manifest::Restart;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in stack.services.iter().filter(|s| s.found.is_some() && s.role.stays()) {
        if service.restart != Restart::Never || !service.knows("restart") {
            continue;
        }
        let written = service.found.as_ref().is_some_and(|f| f.restarts_never);
        // Somebody has thought about it.
        if written {
            continue;
        }
        let message = format!("`{}` is not started again after a failure or a reboot", service.name);
        out.push(
            Finding::warning("no-restart-policy", service.place.on_key(), message)
                .help("add `restart: unless-stopped`, or `restart: \"no\"` if it runs once"),
        );
    }
}
