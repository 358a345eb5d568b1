//! A certificate that is ordered lists a name that no running site answers.
//!
//! Every name of an order has to pass its challenge. One that is only planned, or whose service is long gone, is often
//! not in the DNS (any more), and then the whole order fails: at the next renewal all the other names lose their
//! certificate with it. Source: <https://letsencrypt.org/docs/challenge-types/>
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! certificates:
//!   groups:
//!     app.example.com: [app.example.com, old.example.com]
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     healthcheck: { http: /health, tool: curl }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! certificates:
//!   groups:
//!     app.example.com: [app.example.com]
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     healthcheck: { http: /health, tool: curl }
//! ```

use std::collections::HashMap;

use crate::finding::Finding;
use crate::manifest::Status;
use crate::stack::{Answer, Site, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let sites: HashMap<&str, &Site> = stack
        .sites
        .iter()
        .flat_map(|s| std::iter::once(&s.host).chain(&s.aliases).map(move |n| (n.as_str(), s)))
        .collect();
    let planned = |name: &str| {
        sites.get(name).is_some_and(|s| s.answer == Answer::Placeholder { status: Status::Planned })
    };
    // A certificate of planned names alone breaks nothing but itself; own files are ordered by nobody.
    let ordered = stack.certificates.iter().filter(|c| !c.optional && c.files.is_none());
    for certificate in ordered.filter(|c| !c.names.iter().all(|n| planned(n))) {
        for name in &certificate.names {
            let why = match sites.get(name.as_str()) {
                None => "no service answers for",
                Some(_) if planned(name) => "is only planned",
                Some(_) => continue,
            };
            out.push(
                Finding::warning(
                    "certificate-lists-dead-domain",
                    certificate.place.clone(),
                    format!("the certificate `{}` lists `{name}`, which {why}", certificate.name),
                )
                .help(format!(
                    "remove `{name}` until it is served; if it fails, the other names fail with it"
                )),
            );
        }
    }
}
