//! Two servers have the same name on the same port.
//!
//! nginx takes the one it reads first, which depends on the names of files, and only warns about the other: "conflicting
//! server name, ignored". Whoever edits the ignored one sees no effect.
//! Source: <https://nginx.org/en/docs/http/server_names.html>
//!
//! ```nginx nginx/conf.d/app.conf flagged
//! server {
//!     listen 80;
//!     server_name app.example.com;
//!     root /srv/one;
//! }
//! server {
//!     listen 80;
//!     server_name app.example.com;
//!     root /srv/two;
//! }
//! ```
//!
//! ```nginx nginx/conf.d/app.conf accepted
//! server {
//!     listen 80;
//!     server_name app.example.com;
//!     root /srv/one;
//! }
//! server {
//!     listen 80;
//!     server_name www.example.com;
//!     root /srv/two;
//! }
//! ```

use std::collections::HashMap;

use super::common::{firsts, servers};
use crate::finding::{Finding, Place};
use crate::format::nginx::Directive;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let mut seen: HashMap<(String, String), &Directive> = HashMap::new();
    for (server, block) in servers(stack) {
        let mut addresses: Vec<&str> = firsts(block, "listen").collect();
        if addresses.is_empty() {
            addresses.push("80");
        }
        let written = block.iter().filter(|d| d.name == "server_name");
        let mut told = false;
        for (directive, name) in written.flat_map(|d| d.args.iter().map(move |a| (d, a))) {
            for address in &addresses {
                // `80`, `*:80` and `0.0.0.0:80` are one.
                let address = address.trim_start_matches("*:").trim_start_matches("0.0.0.0:");
                let key = (name.to_ascii_lowercase(), address.to_string());
                let Some(other) = seen.get(&key).filter(|o| !std::ptr::eq(**o, server) && !told) else {
                    seen.entry(key).or_insert(server);
                    continue;
                };
                told = true;
                // Of names that are filled in later nothing is known.
                if name.contains('$') {
                    continue;
                }
                let message =
                    format!("another server is called `{name}` on {address} too: nginx ignores this one");
                out.push(
                    Finding::error("duplicate-server-name", Place::Text(directive.head()), message)
                        .related(Place::Text(other.head()), "the one that answers")
                        .help("put both into one block, or rename one"),
                );
            }
        }
    }
}
