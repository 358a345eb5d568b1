//! A site with TLS is served without it as well.
//!
//! On port 80 everything, passwords and session cookies too, can be read and changed on the way, and whoever once came by
//! `http://` stays there. Port 80 should answer with a redirect, and with ACME challenges.
//! Source: <https://nginx.org/en/docs/http/configuring_https_servers.html>
//!
//! ```nginx nginx/conf.d/app.conf flagged
//! server {
//!     listen 443 ssl;
//!     server_name app.example.com;
//!     location / { proxy_pass http://127.0.0.1:8000; }
//! }
//! server {
//!     listen 80;
//!     server_name app.example.com;
//!     location / { proxy_pass http://127.0.0.1:8000; }
//! }
//! ```
//!
//! ```nginx nginx/conf.d/app.conf accepted
//! server {
//!     listen 443 ssl;
//!     server_name app.example.com;
//!     location / { proxy_pass http://127.0.0.1:8000; }
//! }
//! server {
//!     listen 80;
//!     server_name app.example.com;
//!     location / { return 301 https://$host$request_uri; }
//! }
//! ```

use super::common::{firsts, passes, servers};
use crate::finding::{Finding, Place};
use crate::format::nginx::Directive;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let tls =
        |block: &[Directive]| block.iter().any(|d| d.name == "listen" && d.args.iter().any(|a| a == "ssl"));
    let names = |block: &[Directive]| -> Vec<String> {
        block.iter().filter(|d| d.name == "server_name").flat_map(|d| d.args.clone()).collect()
    };
    let secure: Vec<String> = servers(stack).filter(|(_, b)| tls(b)).flat_map(|(_, b)| names(b)).collect();
    for (server, block) in servers(stack) {
        let plain = |d: &&Directive| {
            d.name == "listen"
                && !d.args.iter().any(|a| a == "ssl")
                && d.args.first().is_some_and(|a| a == "80" || a.ends_with(":80"))
        };
        let Some(listen) = block.iter().find(plain) else { continue };
        let Some(name) = names(block).into_iter().find(|n| secure.contains(n)) else { continue };
        // What answers at once, with a redirect or nothing, serves nothing.
        let answered = firsts(block, "return").next().is_some()
            || block.iter().any(|d| d.name == "if" && d.block.iter().flatten().any(|d| d.name == "return"));
        if answered || !passes(server) {
            continue;
        }
        let message = format!("`{name}` is served on port 80 as it is on 443, without TLS");
        out.push(
            Finding::warning("plain-http-served", Place::Text(listen.head()), message)
                .help("answer with `location / { return 301 https://$host$request_uri; }` there"),
        );
    }
}
