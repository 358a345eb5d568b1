//! A directive does nothing, because the one it belongs to is missing.
//!
//! `proxy_cache_valid` without a `proxy_cache` caches nothing; nginx says nothing about it. Somebody believes that static
//! files are cached, and looks for the load elsewhere.
//! Source: <https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_cache>
//!
//! ```nginx nginx/conf.d/app.conf flagged
//! server {
//!     listen 80;
//!     server_name app.example.com;
//!     location /static/ {
//!         proxy_pass http://127.0.0.1:8000;
//!         proxy_cache_valid 200 60m;
//!     }
//! }
//! ```
//!
//! ```nginx nginx/conf.d/app.conf accepted
//! proxy_cache_path /var/cache/nginx keys_zone=app:10m;
//! server {
//!     listen 80;
//!     server_name app.example.com;
//!     location /static/ {
//!         proxy_pass http://127.0.0.1:8000;
//!         proxy_cache app;
//!         proxy_cache_valid 200 60m;
//!     }
//! }
//! ```

use super::common::foreign;
use crate::finding::{Finding, Place};
use crate::format::nginx::Directive;
use crate::stack::Stack;

/// What does nothing without another, which may stand further out.
const PAIRS: &[(&str, &str)] = &[
    ("proxy_cache_valid", "proxy_cache"),
    ("proxy_cache_key", "proxy_cache"),
    ("proxy_cache_use_stale", "proxy_cache"),
    ("proxy_cache_lock", "proxy_cache"),
    ("proxy_cache_bypass", "proxy_cache"),
    ("proxy_cache_min_uses", "proxy_cache"),
    ("proxy_cache_revalidate", "proxy_cache"),
    ("proxy_no_cache", "proxy_cache"),
    ("limit_req_status", "limit_req"),
    ("limit_conn_status", "limit_conn"),
    ("auth_basic_user_file", "auth_basic"),
    ("fastcgi_cache_valid", "fastcgi_cache"),
    ("ssl_stapling_verify", "ssl_stapling"),
];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    // Since 1.29.7 connections are kept by themselves.
    let version = stack.proxy.as_ref().map(|p| p.version).filter(|v| *v != (0, 0, 0) && *v < (1, 29, 7));
    if version.is_some() {
        kept(foreign(stack).unwrap_or_default(), out);
    }
    walk(foreign(stack).unwrap_or_default(), &mut Vec::new(), out);
}

fn walk<'a>(block: &'a [Directive], around: &mut Vec<&'a [Directive]>, out: &mut Vec<Finding>) {
    around.push(block);
    for directive in block {
        if let Some((name, partner)) = PAIRS.iter().find(|(name, _)| *name == directive.name) {
            let is = |d: &Directive| d.name == *partner && !d.args.iter().any(|a| a == "off");
            // What is included from elsewhere may bring it, and further in it may be switched on.
            let open = |d: &Directive| d.name == "include";
            let found = around.iter().any(|b| b.iter().any(|d| is(d) || open(d))) || inside(block, partner);
            if !found {
                let message = format!("`{name}` has no effect without `{partner}`");
                out.push(
                    Finding::warning("directive-without-effect", Place::Text(directive.head()), message)
                        .help(format!("add `{partner}`, or remove it")),
                );
            }
        }
        walk(directive.block.as_deref().unwrap_or_default(), around, out);
    }
    around.pop();
}

fn inside(block: &[Directive], name: &str) -> bool {
    block.iter().flat_map(|d| d.block.as_deref().unwrap_or_default()).any(|d| d.name == name)
        || block.iter().any(|d| d.block.as_deref().is_some_and(|b| inside(b, name)))
}

/// `keepalive` of an upstream to which every request says `Connection: close`, as it does where nothing else is said.
fn kept(directives: &[Directive], out: &mut Vec<Finding>) {
    fn passed<'a>(block: &'a [Directive], said: bool, found: &mut Vec<(&'a str, bool)>) {
        let own: Vec<&Directive> = block.iter().filter(|d| d.name == "proxy_set_header").collect();
        let connection =
            |d: &&Directive| d.args.first().is_some_and(|a| a.eq_ignore_ascii_case("Connection"));
        let said = if own.is_empty() { said } else { own.iter().any(connection) };
        // What is included from elsewhere may say it.
        let said = said || block.iter().any(|d| d.name == "include");
        for directive in block {
            if let ("proxy_pass", Some(target)) = (directive.name.as_str(), directive.args.first()) {
                let host = target.split_once("://").map_or(target.as_str(), |(_, rest)| rest);
                found.push((host.split('/').next().unwrap_or_default(), said));
            }
            passed(directive.block.as_deref().unwrap_or_default(), said, found);
        }
    }
    let mut found = Vec::new();
    passed(directives, false, &mut found);
    for upstream in directives.iter().filter(|d| d.name == "upstream") {
        let name = upstream.args.first().map_or("", String::as_str);
        let keepalive = upstream.block.iter().flatten().find(|d| d.name == "keepalive");
        let uses: Vec<bool> = found.iter().filter(|(host, _)| *host == name).map(|(_, said)| *said).collect();
        if let Some(directive) = keepalive.filter(|_| !uses.is_empty() && uses.iter().all(|said| !said)) {
            let message = format!(
                "`keepalive` of `{name}` has no effect: every request to it says `Connection: close`"
            );
            out.push(
                Finding::warning("directive-without-effect", Place::Text(directive.head()), message)
                    .help("add `proxy_http_version 1.1;` and `proxy_set_header Connection \"\";`"),
            );
        }
    }
}
