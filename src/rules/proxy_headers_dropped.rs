//! A raw `proxy_set_header` makes nginx forget all the others.
//!
//! nginx takes these headers from the outer level only where the inner one has none of its own. A location that sets
//! just `Upgrade` therefore sends no Host and no X-Forwarded-Proto: the program builds links to `http://app:8000`,
//! logins loop, n8n refuses its own editor.
//! Source: <https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_set_header>
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
//!       location /live {
//!         proxy_pass http://app:8000;
//!         proxy_set_header Upgrade $http_upgrade;
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
//!     routes: [{ path: /live, websocket: true }]
//! ```

use super::common::{each, foreign, passes, replaced, snippets};
use crate::finding::{Finding, Place};
use crate::stack::Stack;

const RULE: &str = "proxy-headers-dropped";

/// What every program behind a proxy needs to know of the request.
const NEEDED: &[&str] = &["Host", "X-Forwarded-For", "X-Forwarded-Proto"];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    dropped(stack, out);
    for snippet in snippets(stack).filter(|s| !s.whole()) {
        // Beside directives of the snippet itself we write all the headers again; in a block of its own nobody does.
        let blocks = snippet.directives.iter().filter_map(|d| d.block.as_deref());
        blocks.for_each(|block| {
            each(block, &mut |directive, beside| {
                // Once for each block: at its first header.
                let first = beside.iter().find(|d| d.name == "proxy_set_header");
                if !first.is_some_and(|f| std::ptr::eq(f, directive)) {
                    return;
                }
                let set = |name: &&&str| {
                    let is = |d: &crate::format::nginx::Directive| {
                        d.name == "proxy_set_header"
                            && d.args.first().is_some_and(|a| a.eq_ignore_ascii_case(name))
                    };
                    beside.iter().any(is)
                };
                let missing: Vec<&str> = NEEDED.iter().filter(|n| !set(n)).copied().collect();
                if missing.is_empty() {
                    return;
                }
                let message =
                    format!("{} drops the headers {}", super::common::shown(directive), missing.join(", "));
                out.push(
                    Finding::error(RULE, snippet.at(directive), message)
                        .help("write a route (`websocket: true` sets Upgrade), or set all of them here"),
                );
            })
        });
    }
}

/// In a configuration that is not ours: what the blocks around set and this one loses.
fn dropped(stack: &Stack, out: &mut Vec<Finding>) {
    let sets = |list: &[&crate::format::nginx::Directive], name: &str| {
        list.iter().any(|d| d.args.first().is_some_and(|a| a.eq_ignore_ascii_case(name)))
    };
    for found in replaced(foreign(stack).unwrap_or_default(), "proxy_set_header") {
        let lost: Vec<&str> =
            NEEDED.iter().filter(|n| sets(&found.outer, n) && !sets(&found.own, n)).copied().collect();
        let (Some(first), false, true) = (found.own.first(), lost.is_empty(), passes(found.block)) else {
            continue;
        };
        let message = format!("{} drops the headers {}", super::common::shown(first), lost.join(", "));
        out.push(
            Finding::error(RULE, Place::Text(first.head()), message)
                .related(Place::Text(found.outer[0].head()), "set here for what is around")
                .help("set all of them here too, best by an `include` of one file"),
        );
    }
}
