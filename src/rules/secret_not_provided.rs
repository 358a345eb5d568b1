//! A secret is used that `.env`, or the example it is copied from, does not have.
//!
//! Whoever sets up the server fills in what the file asks for; what it does not ask for is empty, and Compose only warns.
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", environment: { API_TOKEN: "${API_TOKEN}" } }
//! ```
//!
//! ```text .env.example flagged
//! TZ=UTC
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", environment: { API_TOKEN: "${API_TOKEN:?}" } }
//! ```
//!
//! ```text .env.example accepted
//! TZ=UTC
//! API_TOKEN=
//! ```

use std::collections::HashSet;

use crate::finding::Finding;
use crate::secrecy::names_a_secret;
use crate::stack::{Stack, Unset};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let mut seen = HashSet::new();
    for variable in stack.foreign.iter().flat_map(|f| &f.variables) {
        let needed =
            matches!(variable.unset, Unset::Empty | Unset::Refused) && names_a_secret(&variable.name);
        if needed && not_provided(stack, &variable.name) && seen.insert(&variable.name) {
            let message = format!("`.env` or its example does not have the secret `{}`", variable.name);
            out.push(
                Finding::error("secret-not-provided", variable.place.clone(), message)
                    .help(format!("add `{}=` to it", variable.name)),
            );
        }
    }
}

/// Whether there are files of variables, and none of them has the name.
pub(super) fn not_provided(stack: &Stack, name: &str) -> bool {
    let provided = stack.foreign.as_ref().and_then(|f| f.provided.as_ref());
    provided.is_some_and(|names| !names.iter().any(|n| n == name))
}
