//! Strict-Transport-Security is too short to count, or covers sub-domains that have no TLS.
//!
//! Browsers keep the promise for as long as they were told. Below half a year it costs the best grade of the usual
//! tests; and a sub-domain served by http is locked out of every browser that saw `includeSubDomains` before.
//! Preloading asks for a year, all sub-domains, and takes months to undo.
//! Source: <https://hstspreload.org/>
//!
//! Fix, unsafe: removes `max_age` or `preload`, so that the default follows.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! proxy:
//!   hsts: { max_age: 30d }
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
//! proxy:
//!   hsts: { max_age: 730d }
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     healthcheck: { http: /health, tool: curl }
//! ```

use std::collections::HashSet;

use crate::finding::{Finding, Fix};
use crate::stack::Stack;

const DAY: u32 = 86400;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let Some(proxy) = &stack.proxy else { return };
    if let Some(directives) = super::common::foreign(stack) {
        return written(directives, out);
    }
    let secure: HashSet<&str> = stack.sites.iter().filter(|s| s.https).map(|s| s.host.as_str()).collect();
    if secure.is_empty() {
        return;
    }
    let (hsts, place) = (proxy.hsts, proxy.place.join("hsts"));
    if hsts.max_age.0 < 180 * DAY {
        let message = format!("expected a `max_age` of at least 180d, found {}", hsts.max_age);
        out.push(
            Finding::warning("hsts-unsafe", place.join("max_age"), message)
                .fix(Fix::risky("remove `max_age`: 730d follows").remove(place.join("max_age")))
                .help("raise it once every site works over https, or leave it out: 730d"),
        );
    }
    if hsts.preload && (!hsts.include_subdomains || hsts.max_age.0 < 365 * DAY) {
        let message = "expected `include_subdomains` and a `max_age` of 365d or more with `preload`";
        out.push(
            Finding::warning("hsts-unsafe", place.join("preload"), message)
                .fix(Fix::risky("remove `preload`").remove(place.join("preload")))
                .help("remove `preload`; the list refuses the domain otherwise"),
        );
    }
    if !hsts.include_subdomains {
        return;
    }
    for site in stack.sites.iter().filter(|s| !s.https) {
        // Every name above this one that is served by https locks it out.
        let above =
            site.host.match_indices('.').map(|(i, _)| &site.host[i + 1..]).find(|n| secure.contains(n));
        if let Some(above) = above {
            let message =
                format!("`{}` has no https, but `{above}` demands it of all its sub-domains", site.host);
            out.push(
                Finding::warning("hsts-unsafe", site.place.clone(), message)
                    .related(place.join("include_subdomains"), "demanded here")
                    .help("give it an https URL, or remove `include_subdomains`"),
            );
        }
    }
}

/// The header as a configuration that is not ours sends it.
fn written(directives: &[crate::format::nginx::Directive], out: &mut Vec<Finding>) {
    super::common::each(directives, &mut |directive, _| {
        let is = |a: &String| a.eq_ignore_ascii_case("Strict-Transport-Security");
        let ("add_header", Some(value), true) =
            (directive.name.as_str(), directive.args.get(1), directive.args.first().is_some_and(is))
        else {
            return;
        };
        let value = value.to_ascii_lowercase();
        let age = value.split("max-age=").nth(1).map(|rest| rest.trim_matches('"'));
        let age = age.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok());
        let Some(age) = age else { return };
        let preload = value.contains("preload");
        let place = crate::finding::Place::Text(directive.head());
        // 0 takes the promise back.
        if age > 0 && age < u64::from(180 * DAY) {
            let message =
                format!("expected a `max-age` of at least 180 days, found {} days", age / u64::from(DAY));
            out.push(
                Finding::warning("hsts-unsafe", place, message)
                    .help("raise it once every site works over https: 63072000"),
            );
        } else if preload && (!value.contains("includesubdomains") || age < u64::from(365 * DAY)) {
            let message = "expected `includeSubDomains` and a `max-age` of a year or more with `preload`";
            out.push(
                Finding::warning("hsts-unsafe", place, message)
                    .help("remove `preload`; the list refuses the domain otherwise"),
            );
        }
    });
}
