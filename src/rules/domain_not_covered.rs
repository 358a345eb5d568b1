//! A site is served over TLS with a certificate that does not hold its name, or with none.
//!
//! The browser then shows a full-page warning, and a client that is no browser simply fails. It happens to the name
//! nobody tests: an alias that only redirects, or a name left out when certificates were grouped by hand.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! certificates:
//!   groups:
//!     shop.example.com: [shop.example.com]
//! services:
//!   shop:
//!     image: ghcr.io/example/shop:2.0.1
//!     listen: 8000
//!     url: https://shop.example.com
//!     aliases: [store.example.com]
//!     healthcheck: { http: /health, tool: curl }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! certificates:
//!   groups:
//!     shop.example.com: [shop.example.com, store.example.com]
//! services:
//!   shop:
//!     image: ghcr.io/example/shop:2.0.1
//!     listen: 8000
//!     url: https://shop.example.com
//!     aliases: [store.example.com]
//!     healthcheck: { http: /health, tool: curl }
//! ```

use std::collections::{HashMap, HashSet};

use crate::finding::Finding;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let certificates: HashMap<&str, HashSet<&str>> = stack
        .certificates
        .iter()
        .map(|c| (c.name.as_str(), c.names.iter().map(String::as_str).collect()))
        .collect();
    for site in stack.sites.iter().filter(|s| s.https) {
        let key = site.certificate.as_deref().unwrap_or_default();
        let names = certificates.get(key);
        for host in std::iter::once(&site.host).chain(&site.aliases) {
            let wild = host.split_once('.').map(|(_, rest)| format!("*.{rest}"));
            let has = |n: &HashSet<&str>| {
                n.contains(host.as_str()) || wild.as_deref().is_some_and(|w| n.contains(w))
            };
            if names.is_some_and(has) {
                continue;
            }
            let finding = match stack.certificates.iter().find(|c| c.name == key) {
                Some(certificate) => Finding::error(
                    "domain-not-covered",
                    site.place.clone(),
                    format!(
                        "expected `{host}` on the certificate `{key}`, found only {}",
                        listed(&certificate.names)
                    ),
                )
                .related(certificate.place.clone(), "the certificate")
                .help(format!("add `{host}` to the names of the group `{key}`")),
                None => Finding::error(
                    "domain-not-covered",
                    site.place.clone(),
                    format!("no certificate holds `{host}`"),
                )
                .help("remove the group of certificates that took its name away, or add the name to one"),
            };
            out.push(finding);
        }
    }
}

fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(5);
    let shown = names.iter().take(5).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
