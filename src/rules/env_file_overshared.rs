//! One file with secrets is given to several services whole.
//!
//! Every one of them then knows the passwords of all others: a fault in the smallest gives away the database.
//! Source: <https://docs.docker.com/compose/how-tos/environment-variables/set-environment-variables/>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", env_file: .env }
//!   web: { <<: *base, image: "ghcr.io/example/web:1.4.2", env_file: .env }
//! ```
//!
//! ```text .env.example flagged
//! DB_PASSWORD=
//! MAIL_PASSWORD=
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", env_file: app.env }
//!   web: { <<: *base, image: "ghcr.io/example/web:1.4.2" }
//! ```
//!
//! ```text app.env.example accepted
//! DB_PASSWORD=
//! ```

use std::collections::HashMap;

use crate::finding::{Finding, Place};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let mut users: HashMap<&str, (&str, &str, &Place)> = HashMap::new();
    let mut told = std::collections::HashSet::new();
    for service in &stack.services {
        for file in service.found.iter().flat_map(|f| &f.env_files).filter(|f| !f.secrets.is_empty()) {
            let Some((other, image, first)) = users.get(file.path.as_str()) else {
                users.insert(&file.path, (&service.name, &service.image.reference, &file.place));
                continue;
            };
            // A worker is the same program.
            if *image == service.image.reference || !told.insert(&file.path) {
                continue;
            }
            let message = format!(
                "`{}` and `{other}` both get every secret of {}: {}",
                service.name,
                crate::scalar::shown(&file.path),
                file.secrets.iter().take(4).map(String::as_str).collect::<Vec<_>>().join(", ")
            );
            out.push(
                Finding::warning("env-file-overshared", file.place.clone(), message)
                    .related((*first).clone(), "also given here")
                    .help("give each service the variables it reads: `environment: { NAME: \"${NAME:?}\" }`"),
            );
        }
    }
}
