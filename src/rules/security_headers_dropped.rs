//! A raw `add_header` makes nginx forget the security headers of the site.
//!
//! nginx takes response headers from the outer level only where the inner one adds none. One Cache-Control in a
//! location, and its answers have no Strict-Transport-Security, no X-Content-Type-Options and so on.
//! Source: <https://nginx.org/en/docs/http/ngx_http_headers_module.html#add_header>
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     healthcheck: { http: /health, tool: curl }
//!     nginx: |
//!       location /static/ {
//!         proxy_pass http://app:8000;
//!         add_header Cache-Control "public, immutable";
//!       }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     healthcheck: { http: /health, tool: curl }
//!     routes:
//!       - path: /static/
//!         headers: { Cache-Control: "public, immutable" }
//! ```

use super::common::{each, foreign, replaced, snippets};
use crate::finding::{Finding, Place};
use crate::stack::Stack;

const RULE: &str = "security-headers-dropped";

/// Response headers by which browsers protect a visitor.
const SECURITY: &[&str] = &[
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "Content-Security-Policy",
    "Referrer-Policy",
    "Permissions-Policy",
];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    dropped(stack, out);
    for snippet in snippets(stack).filter(|s| !s.whole()) {
        // Beside directives of the snippet itself we write all the headers again; in a block of its own nobody does.
        let blocks = snippet.directives.iter().filter_map(|d| d.block.as_deref());
        blocks.for_each(|block| {
            each(block, &mut |directive, beside| {
                let first = beside.iter().find(|d| d.name == "add_header");
                // nginx 1.29.3 and newer can be told to keep the others.
                let merged = beside.iter().any(|d| d.name == "add_header_inherit" && d.args == ["merge"]);
                if merged || !first.is_some_and(|f| std::ptr::eq(f, directive)) {
                    return;
                }
                let message =
                    format!("{} drops the security headers of the site", super::common::shown(directive));
                out.push(Finding::warning(RULE, snippet.at(directive), message).help(
                "write it under `headers:` of the route, the service or the proxy, which keeps the others",
            ));
            })
        });
    }
}

/// In a configuration that is not ours: what the blocks around add and this one loses.
fn dropped(stack: &Stack, out: &mut Vec<Finding>) {
    let adds = |list: &[&crate::format::nginx::Directive], name: &str| {
        list.iter().any(|d| d.args.first().is_some_and(|a| a.eq_ignore_ascii_case(name)))
    };
    for found in replaced(foreign(stack).unwrap_or_default(), "add_header") {
        let merged = found.block.block.iter().flatten().any(|d| d.name == "add_header_inherit");
        let lost: Vec<&str> =
            SECURITY.iter().filter(|n| adds(&found.outer, n) && !adds(&found.own, n)).copied().collect();
        let (Some(first), false, false) = (found.own.first(), lost.is_empty(), merged) else { continue };
        let message = format!("{} drops {}", super::common::shown(first), lost.join(", "));
        out.push(
            Finding::warning(RULE, Place::Text(first.head()), message)
                .related(Place::Text(found.outer[0].head()), "added here for what is around")
                .help("add all of them here too, best by an `include` of one file"),
        );
    }
}
