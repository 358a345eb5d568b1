//! A path with figures about the inside answers everybody.
//!
//! `stub_status` and `/metrics` tell how busy the server is, and n8n's metrics which workflows there are and how often
//! they fail. Odoo's database manager is `database-manager-open`'s.
//! Source: <https://nginx.org/en/docs/http/ngx_http_stub_status_module.html>
//!
//! ```nginx nginx/conf.d/app.conf flagged
//! server {
//!     listen 80;
//!     server_name app.example.com;
//!     location /nginx_status { stub_status; }
//! }
//! ```
//!
//! ```nginx nginx/conf.d/app.conf accepted
//! server {
//!     listen 80;
//!     server_name app.example.com;
//!     location /nginx_status {
//!         stub_status;
//!         allow 127.0.0.1;
//!         deny all;
//!     }
//! }
//! ```

use super::common::{by_name, foreign, proxied, route_place, servers, variable};
use crate::finding::{Finding, Place};
use crate::format::nginx::Directive;
use crate::stack::{Action, Stack};

const RULE: &str = "admin-path-public";

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    if foreign(stack).is_some() {
        for (_, block) in servers(stack) {
            // Nobody else reaches such a server.
            let local = block.iter().filter(|d| d.name == "listen").all(|d| {
                d.args.first().is_some_and(|a| {
                    a.starts_with("127.")
                        || a.starts_with("localhost")
                        || a.starts_with("unix:")
                        || a.starts_with("[::1]")
                })
            });
            if !local || !block.iter().any(|d| d.name == "listen") {
                status(block, guarded(block), out);
            }
        }
    }
    let services = by_name(stack);
    for site in &stack.sites {
        let Some((route, name, _)) = proxied(site).find(|(r, ..)| r.path == "/" && !r.exact) else {
            continue;
        };
        let Some(service) = services.get(name).filter(|s| s.kind == "n8n") else { continue };
        let on = variable(service, "N8N_METRICS").and_then(|e| e.value.plain()).as_deref() == Some("true");
        let closed = |r: &crate::stack::Route| {
            r.path.contains("/metrics") && (matches!(r.action, Action::Deny) || !r.allow_from.is_empty())
        };
        if on && !site.routes.iter().any(closed) && route.allow_from.is_empty() {
            let message = format!("the metrics of `{name}` answer everybody on `{}`", site.host);
            out.push(
                Finding::warning(RULE, route_place(route, site), message)
                    .help("close `/metrics`, or let only the monitoring reach it"),
            );
        }
    }
}

fn guarded(block: &[Directive]) -> bool {
    block.iter().any(|d| {
        matches!(d.name.as_str(), "deny" | "internal" | "auth_basic" | "auth_request" | "ssl_verify_client")
            && d.args.first().is_none_or(|a| a != "off")
    })
}

fn status(block: &[Directive], around: bool, out: &mut Vec<Finding>) {
    for location in block.iter().filter(|d| d.name == "location") {
        let inside = location.block.as_deref().unwrap_or_default();
        let closed = around || guarded(inside);
        if let Some(found) = inside.iter().find(|d| d.name == "stub_status").filter(|_| !closed) {
            let message =
                format!("{} answers everybody", super::common::shown(location).replace("location ", ""));
            out.push(
                Finding::warning(RULE, Place::Text(found.head()), message)
                    .help("add `allow` for whom it is meant, and `deny all;`"),
            );
        }
        status(inside, closed, out);
    }
}
