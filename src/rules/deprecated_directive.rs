//! A directive that this version of nginx has dropped, or warns about.
//!
//! `listen ... http2` has been replaced by `http2 on` in 1.25.1. nginx still starts, with a warning in its log; what is
//! dropped altogether keeps it from starting after the next update.
//! Source: <https://nginx.org/en/CHANGES>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   nginx:
//!     <<: *base
//!     image: nginx:1.30.0
//!     ports: ["443:443"]
//!     volumes: ["./nginx/conf.d:/etc/nginx/conf.d:ro"]
//!     healthcheck: { test: [CMD, curl, -f, "http://localhost:443/"] }
//! ```
//!
//! ```nginx nginx/conf.d/app.conf flagged
//! server {
//!     listen 443 ssl http2;
//!     server_name app.example.com;
//!     root /srv/app;
//! }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   nginx:
//!     <<: *base
//!     image: nginx:1.30.0
//!     ports: ["443:443"]
//!     volumes: ["./nginx/conf.d:/etc/nginx/conf.d:ro"]
//!     healthcheck: { test: [CMD, curl, -f, "http://localhost:443/"] }
//! ```
//!
//! ```nginx nginx/conf.d/app.conf accepted
//! server {
//!     listen 443 ssl;
//!     http2 on;
//!     server_name app.example.com;
//!     root /srv/app;
//! }
//! ```

use super::common::{each, snippets};
use crate::finding::Finding;
use crate::stack::Stack;

/// Directives, the version that dropped them or made them do nothing, and what to write.
const GONE: &[(&str, (u16, u16, u16), &str)] = &[
    ("http2_push", (1, 25, 1), "remove it; browsers have given it up"),
    ("http2_push_preload", (1, 25, 1), "remove it; browsers have given it up"),
    ("http2_max_requests", (1, 19, 7), "write `keepalive_requests`"),
    ("http2_max_field_size", (1, 19, 7), "write `large_client_header_buffers`"),
    ("http2_max_header_size", (1, 19, 7), "write `large_client_header_buffers`"),
    ("http2_idle_timeout", (1, 19, 7), "write `keepalive_timeout`"),
    ("spdy_headers_comp", (1, 9, 5), "remove it"),
];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    const RULE: &str = "deprecated-directive";
    let version = stack.proxy.as_ref().map(|p| p.version).filter(|v| *v != (0, 0, 0));
    let Some(version) = version else { return };
    for snippet in snippets(stack) {
        each(&snippet.directives, &mut |directive, _| {
            let has = |word: &str| directive.args.iter().any(|a| a == word);
            let found = match directive.name.as_str() {
                "listen" if has("http2") && version >= (1, 25, 1) => Some((
                    "`listen ... http2` is deprecated",
                    "write `http2 on;` beside `listen`".to_string(),
                )),
                "ssl" if version >= (1, 25, 1) => {
                    Some(("`ssl` is no directive any more", "write `listen 443 ssl;`".into()))
                }
                name => GONE
                    .iter()
                    .find(|(gone, since, _)| *gone == name && version >= *since)
                    .map(|(_, _, help)| ("nginx does not know this any more", (*help).to_string())),
            };
            if let Some((what, help)) = found {
                let message = match what.starts_with('`') {
                    true => what.to_string(),
                    false => format!("{}: {what}", super::common::shown(directive)),
                };
                out.push(Finding::warning(RULE, snippet.at(directive), message).help(help));
            }
        });
    }
}
