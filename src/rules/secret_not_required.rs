//! A secret is empty where its variable is not set, and everything starts all the same.
//!
//! `${DB_PASSWORD}` without more is an empty text when the variable is missing. What a program makes of an empty
//! password differs: some refuse, some let everybody in.
//! Source: <https://docs.docker.com/reference/compose-file/interpolation/>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", environment: { DB_PASSWORD: "${DB_PASSWORD}" } }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", environment: { DB_PASSWORD: "${DB_PASSWORD:?}" } }
//! ```

use std::collections::HashSet;

use super::secret_not_provided::not_provided;
use crate::finding::Finding;
use crate::secrecy::names_a_secret;
use crate::stack::{Stack, Unset};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let mut seen = HashSet::new();
    for variable in stack.foreign.iter().flat_map(|f| &f.variables) {
        let secret = names_a_secret(&variable.name) || names_a_secret(&variable.into);
        // What no file provides is another rule's.
        if !secret || variable.unset != Unset::Empty || not_provided(stack, &variable.name) {
            continue;
        }
        if seen.insert(&variable.name) {
            let message = format!("the secret `{}` is empty where it is not set", variable.name);
            out.push(
                Finding::warning("secret-not-required", variable.place.clone(), message)
                    .help(format!("write `${{{}:?}}`, which refuses to start without it", variable.name)),
            );
        }
    }
}
