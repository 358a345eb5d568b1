//! Certificates are ordered here once, and nothing here renews them.
//!
//! They run out after 90 days (45 from 2028 on), on a day when nobody thinks of them. Something outside of these files may
//! renew them, such as a timer of the server; then say so where the next reader looks.
//! Source: <https://letsencrypt.org/docs/faq/#what-is-the-lifetime-for-let-s-encrypt-certificates-for-how-long-are-they-valid>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   certbot:
//!     <<: *base
//!     image: certbot/certbot:v5.8.0
//!     command: certonly --standalone -d app.example.com
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   certbot:
//!     <<: *base
//!     image: certbot/certbot:v5.8.0
//!     entrypoint: ["/bin/sh", "-c", "while :; do certbot renew --deploy-hook /reload; sleep 12h; done"]
//! ```

use crate::finding::Finding;
use crate::stack::{Role, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let Some(foreign) = &stack.foreign else { return };
    let words = |s: &crate::stack::Service| s.found.as_ref().map_or(String::new(), |f| f.words.clone());
    let renews = stack.services.iter().any(|s| words(s).contains("renew"));
    if renews || foreign.scripts.renews {
        return;
    }
    for service in stack.services.iter().filter(|s| s.role == Role::Acme && words(s).contains("certonly")) {
        let message = format!("`{}` orders certificates, and nothing here renews them", service.name);
        out.push(Finding::warning("renewal-missing", service.place.on_key(), message).help(
            "run `certbot renew` twice a day: in a loop in this container, or by a timer of the server",
        ));
    }
}
