//! Raw nginx directives allow TLS that is no longer safe.
//!
//! What stackgen writes is Mozilla's "intermediate" configuration. `HIGH:!aNULL:!MD5`, found in most old guides, is
//! nginx's own default: it still accepts CBC suites and, with an RSA key, key exchanges without forward secrecy.
//! Source: <https://wiki.mozilla.org/Security/Server_Side_TLS>
//!
//! Fix, safe: removes the directive.
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
//!     nginx: ssl_ciphers HIGH:!aNULL:!MD5;
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
//! ```

use super::common::{each, snippets};
use crate::finding::{Finding, Fix};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for snippet in snippets(stack) {
        each(&snippet.directives, &mut |directive, _| {
            let bad = match directive.name.as_str() {
                "ssl_protocols" | "proxy_ssl_protocols" => directive
                    .args
                    .iter()
                    .find(|a| !matches!(a.as_str(), "TLSv1.2" | "TLSv1.3"))
                    .map(String::as_str),
                "ssl_ciphers" => {
                    directive.args.iter().flat_map(|a| a.split([':', ' ', ','])).find(|c| weak(c))
                }
                _ => None,
            };
            if let Some(bad) = bad {
                let message = format!("`{}` allows {}", directive.name, crate::scalar::shown(bad));
                let fix = snippet.raw.map(|raw| {
                    let fix = Fix::safe(format!("remove `{}`", directive.name));
                    let rest = without(&raw.text, directive.span.range());
                    let place = raw.place.clone();
                    if rest.trim().is_empty() { fix.remove(place) } else { fix.set(place, rest) }
                });
                out.push(
                    Finding::warning("weak-tls", snippet.at(directive), message)
                        .fix(fix)
                        .help("remove the directive; TLS 1.2 and 1.3 with modern suites are set already"),
                );
            }
        });
    }
}

/// A text without a part of it, and without its lines where nothing else stands on them.
fn without(text: &str, part: std::ops::Range<usize>) -> String {
    let (before, after) =
        (text.get(..part.start).unwrap_or_default(), text.get(part.end..).unwrap_or_default());
    let line = before.rfind('\n').map_or(0, |i| i + 1);
    let (lead, tail) = (&before[line..], after.split('\n').next().unwrap_or_default());
    if lead.trim().is_empty() && tail.trim().is_empty() {
        let next = after.split_once('\n').map_or("", |(_, rest)| rest);
        return format!("{}{next}", &before[..line]);
    }
    format!("{before}{after}")
}

/// Whether a word of a cipher list lets in suites with CBC, with RC4 and its like, or without forward secrecy.
fn weak(word: &str) -> bool {
    if word.is_empty() || word.starts_with(['!', '-', '@']) {
        return false;
    }
    let word = word.trim_start_matches('+').to_ascii_uppercase();
    let modern =
        word.contains("GCM") || word.contains("CHACHA20") || word.contains("CCM") || word.starts_with("TLS_");
    let forward =
        word.contains("DHE") || word.starts_with("TLS_") || word.contains("EECDH") || word.contains("EDH");
    !(modern && forward)
}
