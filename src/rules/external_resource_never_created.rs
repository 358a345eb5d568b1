//! A volume or network is `external`, and nothing beside the files makes it.
//!
//! Compose then waits for somebody else to have made it, and refuses to start: "network declared as external, but could
//! not be found". On the machine where it works, nobody remembers who did.
//! Source: <https://docs.docker.com/reference/compose-file/networks/#external>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", networks: [shared] }
//! networks:
//!   shared: { external: true }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", networks: [shared] }
//! networks:
//!   shared: { external: true }
//! ```
//!
//! ```text setup.sh accepted
//! docker network create shared
//! ```

use crate::finding::Finding;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for outside in stack.foreign.iter().flat_map(|f| &f.outside).filter(|o| !o.made) {
        let (what, name) = (outside.what, &outside.name);
        let message =
            format!("the {what} `{name}` must be there already, and nothing in this directory makes it");
        out.push(
            Finding::warning("external-resource-never-created", outside.place.clone(), message)
                .help(format!("put `docker {what} create {name}` into a script here, or remove `external`")),
        );
    }
}
