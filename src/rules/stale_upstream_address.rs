//! nginx asks for the address of a container once, when it starts.
//!
//! A container that is made anew gets another address. nginx goes on asking the old one, which is nobody or, worse,
//! another container, until it is reloaded: every deployment of the service is followed by 502. With a `resolver` and the
//! name in a variable, or with `resolve` in an `upstream`, nginx asks again.
//! Source: <https://nginx.org/en/docs/http/ngx_http_upstream_module.html#resolve>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   nginx:
//!     <<: *base
//!     image: nginx:1.30.0
//!     ports: ["80:80"]
//!     volumes: ["./nginx/conf.d:/etc/nginx/conf.d:ro"]
//!     healthcheck: { test: [CMD, curl, -f, "http://localhost/"] }
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2" }
//! ```
//!
//! ```nginx nginx/conf.d/app.conf flagged
//! server {
//!     listen 80;
//!     server_name app.example.com;
//!     location / { proxy_pass http://app:8000; }
//! }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   nginx:
//!     <<: *base
//!     image: nginx:1.30.0
//!     ports: ["80:80"]
//!     volumes: ["./nginx/conf.d:/etc/nginx/conf.d:ro"]
//!     healthcheck: { test: [CMD, curl, -f, "http://localhost/"] }
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2" }
//! ```
//!
//! ```nginx nginx/conf.d/app.conf accepted
//! server {
//!     listen 80;
//!     server_name app.example.com;
//!     resolver 127.0.0.11 valid=10s;
//!     location / {
//!         set $app http://app:8000;
//!         proxy_pass $app;
//!     }
//! }
//! ```

use std::collections::HashSet;

use super::common::{each, foreign};
use crate::finding::{Finding, Place};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    // Names of containers are known only where the proxy is one.
    let contained = stack.proxy.as_ref().is_some_and(|p| p.service.is_some());
    let Some(directives) = foreign(stack).filter(|_| contained) else { return };
    let named = directives.iter().filter(|d| d.name == "upstream");
    let upstreams: HashSet<&str> = named.filter_map(|d| Some(d.args.first()?.as_str())).collect();
    let mut seen = HashSet::new();
    each(directives, &mut |directive, _| {
        let target = match (directive.name.as_str(), directive.args.as_slice()) {
            (name, [target]) if name.ends_with("_pass") => target,
            // In an upstream; the commercial version and the free one since 1.27.3 ask again with `resolve`.
            ("server", [target, rest @ ..])
                if directive.block.is_none() && !rest.iter().any(|a| a == "resolve") =>
            {
                target
            }
            _ => return,
        };
        let host = target.split_once("://").map_or(target.as_str(), |(_, rest)| rest);
        let host = host.split([':', '/']).next().unwrap_or_default();
        // The name of an upstream is looked for among those first.
        if upstreams.contains(&host) {
            return;
        }
        // One of itself keeps its address.
        let service = stack
            .service(host)
            .filter(|s| stack.proxy.as_ref().is_none_or(|p| p.service.as_ref() != Some(&s.name)));
        let Some(service) = service.filter(|s| seen.insert(s.name.clone())) else { return };
        let message = format!(
            "nginx asks for the address of `{}` once, and keeps it when the container is made anew",
            service.name
        );
        out.push(
            Finding::warning("stale-upstream-address", Place::Text(directive.head()), message).help(
                "add `resolver 127.0.0.11 valid=10s;` and put the address into a variable: `set $up http://NAME:PORT; proxy_pass $up;`",
            ),
        );
    });
}
