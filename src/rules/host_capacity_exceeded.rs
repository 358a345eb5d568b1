//! The memory limits of all containers together are more than the server has.
//!
//! Each limit promises memory that is not there. When several services are busy at once the kernel ends one of them,
//! often the database. 512 MiB are kept for the system and Docker itself.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! host: { memory: 1GiB }
//! services:
//!   redis:
//!     kind: redis
//!     memory: 768MiB
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! host: { memory: 1GiB }
//! services:
//!   redis:
//!     kind: redis
//!     memory: 512MiB
//! ```

use crate::finding::{Finding, Place};
use crate::stack::{Service, Stack};

/// What the system and Docker take.
const SYSTEM: u64 = 512 << 20;

/// What containers may have of the server's memory, and what those that run are promised.
pub(super) fn memory(stack: &Stack) -> Option<(u64, u64)> {
    let services = stack.services.iter().filter(|s| s.role.stays());
    let promised = services.fold(0u64, |sum, s| sum.saturating_add(limit(s)));
    Some((stack.host.memory?.0.saturating_sub(SYSTEM), promised))
}

fn limit(service: &Service) -> u64 {
    service.memory.map_or(0, |m| m.0.saturating_mul(u64::from(service.replicas)))
}

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let Some((allowed, wanted)) = memory(stack) else { return };
    // Jobs run before the others, one after another.
    let mut services: Vec<(&str, u64)> =
        stack.services.iter().filter(|s| s.role.stays()).map(|s| (s.name.as_str(), limit(s))).collect();
    if wanted <= allowed {
        return;
    }
    services.sort_by_key(|(name, memory)| (std::cmp::Reverse(*memory), *name));
    let mib = |bytes: u64| format!("{}MiB", bytes >> 20);
    let most =
        services.iter().take(4).map(|(n, m)| format!("{n} {}", mib(*m))).collect::<Vec<_>>().join(", ");
    let message = format!(
        "expected memory limits of at most {} together, found {} ({most}, ...)",
        mib(allowed),
        mib(wanted)
    );
    out.push(
        Finding::warning("host-capacity-exceeded", Place::manifest(["host", "memory"]), message)
            .help("lower `memory` of some services, or take a larger server"),
    );
}
