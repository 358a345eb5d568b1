//! Routes or raw nginx directives take the path that proves to the issuer who owns the name.
//!
//! Certificates then cannot be renewed. It shows only when the old one runs out, up to 90 days later, for every name
//! on it. A location that hides dot files (`~ /\.`) is the usual cause.
//! Source: <https://letsencrypt.org/docs/challenge-types/#http-01-challenge>
//!
//! Fix, safe: removes the route.
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
//!     routes: [{ path: /.well-known/acme-challenge/, deny: true }]
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
//!     routes: [{ path: /.git, deny: true }]
//! ```

use super::common::{Block, each, route_place, servers, snippets};
use crate::finding::{Finding, Fix, Place};
use crate::stack::Stack;

const RULE: &str = "acme-challenge-shadowed";
const CHALLENGE: &str = "/.well-known/acme-challenge";

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    unreached(stack, out);
    if stack.certificates.iter().all(|c| c.files.is_some()) {
        return;
    }
    for site in stack.sites.iter().filter(|s| s.https) {
        for route in site.routes.iter().filter(|r| r.path.starts_with(CHALLENGE)) {
            let message = format!("`{}` belongs to what gets certificates", route.path);
            let place = route_place(route, site);
            let fix = Fix::safe(format!("remove the route `{}`", route.path)).remove(place.clone());
            out.push(Finding::error(RULE, place, message).help("remove the route").fix(fix));
        }
    }
    for snippet in snippets(stack).filter(|s| s.block != Block::Location && !s.whole()) {
        each(&snippet.directives, &mut |directive, _| {
            let hides = match (directive.name.as_str(), directive.args.as_slice()) {
                ("location", [path]) => path.starts_with(CHALLENGE),
                ("location", [how, path]) if how.starts_with('~') => {
                    path.trim_start_matches('^').starts_with("/\\.") && !path.contains("well-known")
                }
                ("location", [_, path]) => path.starts_with(CHALLENGE),
                _ => false,
            };
            if hides {
                let message =
                    format!("{} hides the path of ACME challenges", super::common::shown(directive));
                out.push(
                    Finding::error(RULE, snippet.at(directive), message)
                        .help("leave it out, or for dot files write `location ~ /\\.(?!well-known/)`"),
                );
            }
        });
    }
}

/// `return` at the level of a server is done before any location is looked for, that of the challenge too.
fn unreached(stack: &Stack, out: &mut Vec<Finding>) {
    for (_, block) in servers(stack) {
        let Some(answer) = block.iter().find(|d| d.name == "return") else { continue };
        let challenge = |d: &&crate::format::nginx::Directive| {
            d.name == "location" && d.args.iter().any(|a| a.contains("/.well-known"))
        };
        if let Some(location) = block.iter().find(challenge) {
            let message = format!("{} answers the path of ACME challenges too", super::common::shown(answer));
            out.push(
                Finding::error(RULE, Place::Text(answer.head()), message)
                    .related(Place::Text(location.head()), "never reached")
                    .help("put it into `location / { ... }`"),
            );
        }
    }
}
