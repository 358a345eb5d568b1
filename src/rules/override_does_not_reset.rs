//! An empty list or map in a later Compose file is meant to take away what an earlier one has, and does nothing.
//!
//! Compose adds the entries of both. `ports: []` for production leaves every port of the first file open, and who reads
//! the second file believes the opposite. Source: <https://docs.docker.com/reference/compose-file/merge/#reset-value>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", ports: ["127.0.0.1:8000:8000"] }
//! ```
//!
//! ```yaml docker-compose.override.yml flagged
//! services:
//!   app: { ports: [] }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", ports: ["127.0.0.1:8000:8000"] }
//! ```
//!
//! ```yaml docker-compose.override.yml accepted
//! services:
//!   app: { ports: !reset [] }
//! ```

use crate::finding::Finding;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for (key, place) in stack.foreign.iter().flat_map(|f| &f.not_reset) {
        let message = format!("`{key}` stays as it was: what is empty adds nothing and takes nothing away");
        out.push(
            Finding::error("override-does-not-reset", place.clone(), message).help(format!(
                "write `{key}: !reset []`, or `!override` before a list that replaces the other"
            )),
        );
    }
}
