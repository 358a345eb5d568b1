//! An image is named by a tag without a digest.
//!
//! A tag can be moved to another image by whoever owns it, or whoever gets at the account. Only a digest names the same
//! bytes for ever. It has to be renewed with every update, so this is looked for only where it is asked for
//! (`--pedantic`). Source: <https://docs.docker.com/build/building/best-practices/#pin-base-image-versions>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2", security_opt: ["no-new-privileges:true"], cap_drop: [ALL] }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", security_opt: ["no-new-privileges:true"], cap_drop: [ALL] }
//! ```

use super::common::written;
use crate::finding::Finding;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in stack.services.iter().filter(|s| s.build.is_none()) {
        let reference = &service.image.reference;
        if !reference.contains('@') && !reference.contains('$') {
            let message = format!("expected a digest behind `{reference}`");
            out.push(
                Finding::info("image-not-digest-pinned", written(&service.image.origin, service), message)
                    .help(format!(
                        "write `{reference}@sha256:...`; `docker buildx imagetools inspect` shows it"
                    )),
            );
        }
    }
}
