//! A variable tells the program another public address than the one it has.
//!
//! Links in mails, webhook addresses and the targets of logins are built from it. They then lead to localhost, to the
//! old domain, or from https to http, while the site itself looks fine. stackgen sets these variables from `url`.
//!
//! Fix, safe: removes the variable.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     url: https://n8n.example.com
//!     env: { N8N_EDITOR_BASE_URL: "http://localhost:5678/" }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     url: https://n8n.example.com
//! ```

use std::collections::HashSet;

use super::common::owners;
use crate::finding::{Finding, Fix};
use crate::stack::{Origin, Stack};

/// Which part of the public address a variable is.
enum Part {
    Host,
    Scheme,
    Whole,
}

/// Variables with the public address, of the products that are known.
const VARIABLES: &[(&str, Part)] = &[
    ("N8N_HOST", Part::Host),
    ("N8N_PROTOCOL", Part::Scheme),
    ("N8N_EDITOR_BASE_URL", Part::Whole),
    ("N8N_WEBHOOK_URL", Part::Whole),
    ("WEBHOOK_URL", Part::Whole),
    ("MM_SERVICESETTINGS_SITEURL", Part::Whole),
    ("AFFINE_SERVER_EXTERNAL_URL", Part::Whole),
    ("AFFINE_SERVER_HOST", Part::Host),
];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let https: HashSet<&str> = stack.sites.iter().filter(|s| s.https).map(|s| s.host.as_str()).collect();
    for service in owners(stack) {
        let facts = &service.facts.service;
        let (Some(url), Some(host), Some(scheme)) = (&facts.url, &facts.host, &facts.scheme) else {
            continue;
        };
        for env in &service.env {
            let (Origin::Manifest(place), Some(value)) = (&env.origin, env.value.plain()) else { continue };
            let Some((name, part)) = VARIABLES.iter().find(|(name, _)| *name == env.name) else { continue };
            let (expected, same) = match part {
                Part::Host => (host, value == *host),
                Part::Scheme => (scheme, value == *scheme),
                // Webhooks may well have a site of their own.
                Part::Whole => (url, value.trim_end_matches('/') == url || other_site(&value, host, &https)),
            };
            if !same {
                let message = format!(
                    "expected `{expected}`, the public address, found {}",
                    crate::scalar::shown(&value)
                );
                out.push(
                    Finding::warning("public-url-mismatch", place.clone(), message)
                        .fix(
                            Fix::safe(format!("remove `{name}`, which follows from `url`"))
                                .remove(place.clone()),
                        )
                        .related(service.place.join("url"), "the public address")
                        .help(format!("remove `{name}`; it follows from `url`")),
                );
            }
        }
    }
}

fn other_site(value: &str, own: &str, https: &HashSet<&str>) -> bool {
    let host = value.strip_prefix("https://").and_then(|rest| rest.split(['/', ':']).next());
    host.is_some_and(|h| h != own && https.contains(h))
}
