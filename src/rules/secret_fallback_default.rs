//! A secret has a default in the Compose file.
//!
//! `${DB_PASSWORD:-changeme}` starts without a word when the variable is missing, with a password that stands in the
//! repository. The one time it is forgotten is the one that counts.
//! Source: <https://docs.docker.com/reference/compose-file/interpolation/>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", environment: { DB_PASSWORD: "${DB_PASSWORD:-changeme}" } }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", environment: { DB_PASSWORD: "${DB_PASSWORD:?}" } }
//! ```

use crate::finding::Finding;
use crate::secrecy::names_a_secret;
use crate::stack::{Stack, Unset};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for variable in stack.foreign.iter().flat_map(|f| &f.variables) {
        let secret = names_a_secret(&variable.name) || names_a_secret(&variable.into);
        if secret && variable.unset == Unset::Fallback {
            let message = format!("the secret `{}` has a default that everybody can read", variable.name);
            out.push(
                Finding::error("secret-fallback-default", variable.place.clone(), message)
                    .help(format!("write `${{{}:?}}`, which refuses to start without it", variable.name)),
            );
        }
    }
}
