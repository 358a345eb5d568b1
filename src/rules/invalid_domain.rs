//! A server has a name that no browser can ask for and no issuer certifies.
//!
//! Host names have letters, digits and hyphens. With an underscore the name may resolve, but no public issuer gives a
//! certificate for it, and cookies of it are refused. Source: <https://www.rfc-editor.org/rfc/rfc1123#page-13>
//!
//! ```nginx nginx/conf.d/app.conf flagged
//! server {
//!     listen 443 ssl;
//!     server_name erp_insight.example.com;
//! }
//! ```
//!
//! ```nginx nginx/conf.d/app.conf accepted
//! server {
//!     listen 443 ssl;
//!     server_name erp-insight.example.com;
//! }
//! ```

use crate::finding::Finding;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for site in stack.sites.iter().filter(|_| stack.foreign.is_some()) {
        for name in std::iter::once(&site.host).chain(&site.aliases) {
            // Patterns, names that are made elsewhere, and the catch-all.
            if name.is_empty()
                || name == "_"
                || name.starts_with('~')
                || name.contains(['$', '*', '{'])
                || name.starts_with('.')
            {
                continue;
            }
            let label = |l: &str| {
                !l.is_empty()
                    && l.len() <= 63
                    && !l.starts_with('-')
                    && !l.ends_with('-')
                    && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            };
            // An address or a name of one label is asked for by programs, not by browsers of strangers.
            if !name.contains('.') || name.split('.').all(label) || name.parse::<std::net::IpAddr>().is_ok() {
                continue;
            }
            let message = format!(
                "expected a host name of letters, digits and hyphens, found {}",
                crate::scalar::shown(name)
            );
            out.push(
                Finding::error("invalid-domain", site.place.clone(), message).help(
                    "choose another name, in the DNS too; international names are written as `xn--...`",
                ),
            );
        }
    }
}
