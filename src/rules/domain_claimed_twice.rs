//! Two stacks of one host answer for the same public name.
//!
//! A request reaches only one of them. Which one depends on who got port 443 or comes first in the configuration, and
//! the certificate of the other is never renewed.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: blue
//! host: { address: 203.0.113.7 }
//! services:
//!   www: { kind: static, url: "https://www.example.com", root: /srv/blue }
//! ```
//!
//! ```yaml flagged beside
//! stackgen: 1
//! name: green
//! host: { address: 203.0.113.7 }
//! proxy: { compose: { ports: ["8443:443"] } }
//! allow:
//!   - { rule: required-port-closed, reason: the load balancer asks port 8443 }
//!   - { rule: port-outside-firewall-policy, reason: the load balancer asks port 8443 }
//! services:
//!   www: { kind: static, url: "https://www.example.com", root: /srv/green }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: blue
//! host: { address: 203.0.113.7 }
//! services:
//!   www: { kind: static, url: "https://www.example.com", root: /srv/blue }
//! ```
//!
//! ```yaml accepted beside
//! stackgen: 1
//! name: green
//! host: { address: 203.0.113.8 }
//! services:
//!   www: { kind: static, url: "https://www.example.com", root: /srv/green }
//! ```

use super::claims::{Claims, Clash, twice};
use crate::finding::Finding;

pub(super) fn check(stacks: &[&Claims], out: &mut Vec<Clash>) {
    twice(
        stacks,
        |s| &s.domains,
        |(stack, claim), (other, first)| {
            let message = format!(
                "`{}` and `{}` both answer for `{}`",
                stacks[stack].stack, stacks[other].stack, claim.what
            );
            let finding = Finding::error("domain-claimed-twice", claim.place.clone(), message)
                .label("the same on the same host")
                .help("remove the name from one of them, or give it another");
            out.push(Clash {
                stack,
                finding,
                other,
                place: first.place.clone(),
                text: "the other stack".into(),
            });
        },
    );
}
