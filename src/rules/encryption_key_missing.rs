//! n8n makes its encryption key itself, where it is lost.
//!
//! The key protects every stored credential. Without `N8N_ENCRYPTION_KEY` n8n makes one at its first start and keeps it in
//! a file; without a volume there it is gone with the container, and all credentials with it. With a volume it lies in that
//! volume only, and a backup of the database without it restores nothing that can be used (a warning).
//! Source: <https://docs.n8n.io/hosting/configuration/configuration-examples/encryption-key/>
//!
//! ```yaml docker-compose.yml flagged
//! services:
//!   n8n:
//!     image: n8nio/n8n:2.40.7
//!     restart: unless-stopped
//!     mem_limit: 1g
//!     stop_grace_period: 40s
//!     logging: { options: { max-size: 10m } }
//!     healthcheck: { test: [CMD-SHELL, "wget -qO- http://localhost:5678/healthz"] }
//!     environment: { TZ: Europe/Paris }
//!     volumes: ["data:/home/node"]
//! volumes: { data: {} }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! services:
//!   n8n:
//!     image: n8nio/n8n:2.40.7
//!     restart: unless-stopped
//!     mem_limit: 1g
//!     stop_grace_period: 40s
//!     logging: { options: { max-size: 10m } }
//!     healthcheck: { test: [CMD-SHELL, "wget -qO- http://localhost:5678/healthz"] }
//!     environment: { N8N_ENCRYPTION_KEY: "${N8N_ENCRYPTION_KEY:?}" }
//!     volumes: ["data:/home/node/.n8n"]
//! volumes: { data: {} }
//! ```

use super::common::{owners, variable};
use super::stateful_without_volume::is_kept;
use crate::finding::Finding;
use crate::stack::{Role, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    const RULE: &str = "encryption-key-missing";
    for service in owners(stack).filter(|s| s.kind == "n8n" && s.role != Role::Worker) {
        let Some(found) = &service.found else { continue };
        let set = |name: &str| variable(service, name).is_some();
        // A file of variables that is not here may have it.
        let unclear = found.env_files.iter().any(|f| f.secrets.is_empty());
        if set("N8N_ENCRYPTION_KEY") || set("N8N_ENCRYPTION_KEY_FILE") || unclear {
            continue;
        }
        let (place, name) = (service.place.on_key(), &service.name);
        let help = "add `N8N_ENCRYPTION_KEY: \"${N8N_ENCRYPTION_KEY:?}\"`; take the key in use from its file `config` first";
        if is_kept(service, "/home/node/.n8n") {
            let message = format!("the encryption key of `{name}` exists only in its volume");
            out.push(Finding::warning(RULE, place, message).help(help));
        } else {
            let message = format!("the encryption key of `{name}` is lost with its container");
            out.push(Finding::error(RULE, place, message).help(help));
        }
    }
}
