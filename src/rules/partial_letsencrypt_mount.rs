//! Only a part of certbot's directory is mounted, in which there are nothing but links that lead out of it.
//!
//! The files below `live/` point into `archive/` beside it. In the container they lead nowhere, and nginx ends with "no
//! such file". Source: <https://eff-certbot.readthedocs.io/en/stable/using.html#where-are-my-certificates>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", volumes: ["/etc/letsencrypt/live:/certs:ro"] }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", volumes: ["/etc/letsencrypt:/etc/letsencrypt:ro"] }
//! ```

use crate::finding::Finding;
use crate::stack::{MountSource, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in &stack.services {
        for mount in &service.mounts {
            let MountSource::Host(path) = &mount.source else { continue };
            let Some((_, rest)) = path.split_once("/letsencrypt/live") else { continue };
            // A single file that is mounted is followed to where it leads when the container is made.
            let file = rest.ends_with(".pem");
            if (!rest.is_empty() && !rest.starts_with('/')) || file {
                continue;
            }
            let message = format!(
                "`{}` sees only links: {} points into `archive` beside it",
                service.name,
                crate::scalar::shown(path)
            );
            out.push(
                Finding::error("partial-letsencrypt-mount", mount.place.clone(), message)
                    .help("mount the whole directory, /etc/letsencrypt"),
            );
        }
    }
}
