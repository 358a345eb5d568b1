//! A tool that administers something, without a login or with a known one, is published for everybody.
//!
//! Database browsers, mail catchers and dashboards are found by scanners within hours; most ask for nothing at all.
//! Sources: the pages of the images on Docker Hub.
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   adminer: { <<: *base, image: "adminer:5.3.0", ports: ["10.0.0.5:8080:8080"] }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   adminer: { <<: *base, image: "adminer:5.3.0", ports: ["127.0.0.1:8080:8080"] }
//! ```

use super::common::published;
use crate::finding::Finding;
use crate::stack::Stack;

/// Last parts of image names, and the ports on which they administer.
const TOOLS: &[(&str, &[u16])] = &[
    ("adminer", &[8080]),
    ("phpmyadmin", &[80]),
    ("pgadmin4", &[80, 443]),
    ("pgweb", &[8081]),
    ("mongo-express", &[8081]),
    ("redis-commander", &[8081]),
    ("redisinsight", &[5540]),
    ("mailpit", &[8025]),
    ("mailhog", &[8025]),
    ("maildev", &[1080]),
    ("portainer-ce", &[9000, 9443]),
    ("dozzle", &[8080]),
    ("cadvisor", &[8080]),
    ("prometheus", &[9090]),
    ("alertmanager", &[9093]),
    ("minio", &[9001]),
    ("kibana", &[5601]),
    ("flower", &[5555]),
    ("spark-master", &[8080]),
    ("jupyter", &[8888]),
    ("traefik", &[8080]),
];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in &stack.services {
        let plain = service.image.reference.split(['@', '$']).next().unwrap_or_default();
        let name = plain.rsplit('/').next().unwrap_or_default().split(':').next().unwrap_or_default();
        let Some((tool, ports)) = TOOLS.iter().find(|(tool, _)| *tool == name) else { continue };
        // Traefik's dashboard is open only if that is asked for.
        let words = service.found.as_ref().map_or("", |f| f.words.as_str());
        if *tool == "traefik" && !words.contains("api.insecure=true") && !words.contains("--api.insecure ") {
            continue;
        }
        for port in published(service).into_iter().filter(|p| ports.contains(&p.port) && !p.loopback()) {
            let message =
                format!("`{}` administers, and everybody reaches it on port {}", service.name, port.shown());
            out.push(
                Finding::warning("admin-ui-public", port.place, message)
                    .help("publish it on 127.0.0.1 and reach it by `ssh -L`, or put a login before it"),
            );
        }
    }
}
