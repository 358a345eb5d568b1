//! A file is mounted that is not there.
//!
//! Docker makes a directory of that name instead, owned by root. The program then finds a directory where its
//! configuration should be, and the real file can no longer be put there without removing it first.
//! Source: <https://docs.docker.com/engine/storage/bind-mounts/#start-a-container-with-a-bind-mount>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", volumes: ["./app.toml:/etc/app.toml:ro"] }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", volumes: ["./app.toml:/etc/app.toml:ro"] }
//! ```
//!
//! ```text app.toml accepted
//! debug = false
//! ```

use crate::finding::Finding;
use crate::stack::Stack;

/// Endings that no directory has.
#[rustfmt::skip]
const FILES: &[&str] = &[
    "cfg", "cnf", "conf", "html", "ini", "j2", "js", "json", "lua", "mjs", "php", "properties", "py", "rb", "sh", "sql",
    "template", "tmpl", "toml", "ts", "txt", "xml", "yaml", "yml",
];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for missing in stack.foreign.iter().flat_map(|f| &f.missing) {
        let name = missing.path.rsplit('/').next().unwrap_or_default();
        // What has no ending may well be meant as a directory, which Docker makes rightly.
        if !name.rsplit_once('.').is_some_and(|(_, ending)| FILES.contains(&ending)) {
            continue;
        }
        let message = format!(
            "{} is not there: `{}` will see a directory instead",
            crate::scalar::shown(&missing.path),
            missing.service
        );
        out.push(Finding::error("bind-source-missing", missing.place.clone(), message).help(
            "add the file, or correct the path; if it is made before the start, say so to whoever reads this",
        ));
    }
}
