//! The output of a container is kept without a limit.
//!
//! Docker's own driver, `json-file`, never throws anything away unless it is told to. One program that logs every request
//! fills the disk in weeks, and then nothing on the server works. The daemon can be given a limit for all containers; it
//! counts only for those made after that, and these files do not say so.
//! Source: <https://docs.docker.com/engine/logging/drivers/json-file/>
//!
//! ```yaml docker-compose.yml flagged
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     restart: unless-stopped
//!     mem_limit: 256m
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2" }
//! ```

use crate::finding::Finding;
use crate::stack::{Log, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in stack.services.iter().filter(|s| s.role.stays()) {
        if service.found.as_ref().is_some_and(|f| f.log == Log::Endless) {
            let message = format!("`{}` sets no limit for its log", service.name);
            out.push(Finding::warning("no-log-rotation", service.place.on_key(), message).help(
                "add `logging: { options: { max-size: 10m, max-file: \"3\" } }`, or accept this if the daemon has a limit",
            ));
        }
    }
}
