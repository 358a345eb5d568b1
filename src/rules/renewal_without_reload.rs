//! Certificates are renewed, and the proxy is not told.
//!
//! nginx reads certificates when it starts. A renewed one lies on the disk, and nginx shows the old one until that has run
//! out. Source: <https://eff-certbot.readthedocs.io/en/stable/using.html#renewing-certificates>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   nginx:
//!     <<: *base
//!     image: nginx:1.30.0
//!     ports: ["443:443"]
//!     volumes: ["./certbot:/etc/letsencrypt"]
//!     healthcheck: { test: [CMD, curl, -f, "http://localhost/"] }
//!   certbot:
//!     <<: *base
//!     image: certbot/certbot:v5.8.0
//!     command: renew
//!     volumes: ["./certbot:/etc/letsencrypt"]
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   nginx:
//!     <<: *base
//!     image: nginx:1.30.0
//!     ports: ["443:443"]
//!     volumes: ["./certbot:/etc/letsencrypt"]
//!     command: ["/bin/sh", "-c", "while :; do sleep 6h; nginx -s reload; done & exec nginx -g 'daemon off;'"]
//!     healthcheck: { test: [CMD, curl, -f, "http://localhost/"] }
//!   certbot:
//!     <<: *base
//!     image: certbot/certbot:v5.8.0
//!     command: renew
//!     volumes: ["./certbot:/etc/letsencrypt"]
//! ```

use crate::finding::Finding;
use crate::stack::{Role, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let Some(foreign) = &stack.foreign else { return };
    let words = |s: &crate::stack::Service| s.found.as_ref().map_or(String::new(), |f| f.words.clone());
    // Another proxy than nginx may look for itself.
    let proxies = stack.services.iter().any(|s| s.kind == "nginx" && s.role == Role::Proxy);
    let told = stack.services.iter().map(words).any(|w| {
        ["reload", "deploy-hook", "post-hook", "renew-hook", "HUP", "restart"]
            .iter()
            .any(|word| w.contains(word))
    });
    let hooks = stack.services.iter().flat_map(|s| &s.mounts).any(|m| m.target.contains("renewal-hooks"));
    if !proxies || told || hooks || foreign.scripts.reloads {
        return;
    }
    for service in stack.services.iter().filter(|s| s.role == Role::Acme && words(s).contains("renew")) {
        let message =
            format!("`{}` renews certificates, and nothing here makes nginx read them", service.name);
        out.push(
            Finding::warning("renewal-without-reload", service.place.on_key(), message)
                .help("let nginx reload itself twice a day, or give `renew` a `--deploy-hook` that makes it"),
        );
    }
}
