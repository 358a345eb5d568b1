//! A database or cache is on the same network as the proxy.
//!
//! Whoever gets into the proxy, which is what everybody on the internet talks to, can then talk to the database directly.
//! With a network of its own for it only its services can.
//! Source: <https://docs.docker.com/compose/how-tos/networking/>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   nginx:
//!     <<: *base
//!     image: nginx:1.30.0
//!     ports: ["80:80", "443:443"]
//!     healthcheck: { test: [CMD, curl, -f, "http://localhost/"] }
//!   db:
//!     <<: *base
//!     image: postgres:17.6
//!     healthcheck: { test: [CMD, pg_isready, -U, postgres] }
//!     environment: { POSTGRES_PASSWORD: "${POSTGRES_PASSWORD:?}" }
//!     volumes: ["db:/var/lib/postgresql/data"]
//! volumes: { db: {} }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   nginx:
//!     <<: *base
//!     image: nginx:1.30.0
//!     ports: ["80:80", "443:443"]
//!     networks: [edge]
//!     healthcheck: { test: [CMD, curl, -f, "http://localhost/"] }
//!   db:
//!     <<: *base
//!     image: postgres:17.6
//!     healthcheck: { test: [CMD, pg_isready, -U, postgres] }
//!     environment: { POSTGRES_PASSWORD: "${POSTGRES_PASSWORD:?}" }
//!     networks: [data]
//!     volumes: ["db:/var/lib/postgresql/data"]
//! volumes: { db: {} }
//! networks: { edge: {}, data: {} }
//! ```

use crate::finding::Finding;
use crate::stack::{Role, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let public =
        |s: &&crate::stack::Service| s.role == Role::Proxy && s.publish.iter().any(|p| !p.loopback());
    for proxy in stack.services.iter().filter(|s| s.found.is_some()).filter(public) {
        let shared = |s: &&crate::stack::Service| {
            s.role == Role::Store && s.networks.iter().any(|n| proxy.networks.contains(n))
        };
        let names: Vec<_> = stack.services.iter().filter(shared).map(|s| format!("`{}`", s.name)).collect();
        if names.is_empty() {
            continue;
        }
        let message = format!("`{}` shares a network with {}", proxy.name, names.join(", "));
        out.push(
            Finding::warning("flat-network", proxy.place.on_key(), message)
                .help("put the proxy and the services it reaches on one network, and those and their databases on another"),
        );
    }
}
