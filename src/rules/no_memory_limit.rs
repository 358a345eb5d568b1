//! A container may use all memory of the server.
//!
//! When it does, the kernel ends whatever is largest, which is often the database and not the culprit.
//! Source: <https://docs.docker.com/engine/containers/resource_constraints/>
//!
//! ```yaml docker-compose.yml flagged
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     restart: unless-stopped
//!     logging: { options: { max-size: 10m } }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2" }
//! ```

use crate::finding::Finding;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in stack.services.iter().filter(|s| s.found.is_some() && s.role.stays()) {
        if service.memory.is_none() && service.knows("memory") {
            let message = format!("`{}` may use all memory of the server", service.name);
            out.push(Finding::warning("no-memory-limit", service.place.on_key(), message).help(
                "add `mem_limit:` with what it needs at most, as `docker stats` shows it, and some more",
            ));
        }
    }
}
