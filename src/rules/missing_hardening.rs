//! A container keeps rights that its program most likely does not need.
//!
//! Without `no-new-privileges` a program with the setuid bit makes root of anybody who gets in; without `cap_drop` the
//! container keeps fourteen capabilities, raw sockets among them. What a product needs to keep stands in its kind. It is
//! looked for only where it is asked for (`--pedantic`).
//! Source: <https://docs.docker.com/engine/security/#linux-kernel-capabilities>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", security_opt: ["no-new-privileges:true"], cap_drop: [ALL] }
//! ```

use crate::finding::Finding;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in &stack.services {
        let hardening = &service.hardening;
        let mut missing = Vec::new();
        if hardening.new_privileges {
            missing.push("`no-new-privileges`");
        }
        if hardening.capabilities.is_none() {
            missing.push("`cap_drop`");
        }
        if missing.is_empty() || service.overrides.contains_key("privileged") {
            continue;
        }
        let message = format!("expected {} of `{}`", missing.join(" and "), service.name);
        let help = if service.found.is_some() {
            "add `security_opt: [\"no-new-privileges:true\"]` and `cap_drop: [ALL]`, with `cap_add` for what it needs"
        } else {
            "write `hardening: { capabilities: [] }`, with those in the list that it needs"
        };
        out.push(Finding::info("missing-hardening", service.place.on_key(), message).help(help));
    }
}
