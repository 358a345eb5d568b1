//! The proxy refuses uploads that the program would accept.
//!
//! The user sees "413 Request Entity Too Large" from nginx, often after minutes of uploading, and the program's own
//! limit, the one that was raised, never comes into play.
//!
//! Fix, safe: sets `body_size` to what the program accepts.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     url: https://n8n.example.com
//!     env: { N8N_PAYLOAD_SIZE_MAX: 64 }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     url: https://n8n.example.com
//!     env: { N8N_PAYLOAD_SIZE_MAX: 64 }
//!     body_size: 64MiB
//! ```

use super::common::{by_name, place, variable};
use crate::finding::{Finding, Fix, Place};
use crate::scalar::Bytes;
use crate::stack::{Service, Stack};
use crate::table::Lookup;

/// Variables with the largest body a program accepts, and the bytes their unit has.
const LIMITS: &[(&str, u64)] = &[("N8N_PAYLOAD_SIZE_MAX", 1 << 20), ("MM_FILESETTINGS_MAXFILESIZE", 1)];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let services = by_name(stack);
    for site in &stack.sites {
        let Some(service) = services.get(site.service.as_str()) else { continue };
        let root = site.routes.iter().rfind(|r| !r.exact && r.path.ends_with('/'));
        let passes = root.and_then(|r| r.body_size).unwrap_or(site.body_size);
        for (name, unit) in LIMITS {
            let Some((limit, place)) = accepted(service, name) else { continue };
            let limit = Bytes(limit.saturating_mul(*unit));
            if passes < limit {
                let message = format!(
                    "expected the proxy to pass {limit}, `{name}` of `{}`, found {passes}",
                    service.name
                );
                let fix = Fix::safe(format!("set `body_size` to {limit}"))
                    .set(service.place.join("body_size"), limit.to_string());
                let own = root.is_none_or(|r| r.body_size.is_none()) && service.name == service.owner;
                out.push(
                    Finding::warning("body-limit-mismatch", place, message)
                        .fix(own.then_some(fix))
                        .help(format!("set `body_size: {limit}`, or lower `{name}`")),
                );
            }
        }
    }
}

/// The limit that is set, or the program's default.
fn accepted(service: &Service, name: &str) -> Option<(u64, Place)> {
    if let Some(env) = variable(service, name) {
        return Some((env.value.plain()?.parse().ok()?, place(&env.origin, service, ["env", name])));
    }
    let table = service.variables.as_ref()?;
    match table.find(name) {
        Lookup::Known(row) => Some((row.default.parse().ok()?, service.place.join("body_size"))),
        _ => None,
    }
}
