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

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let Some(memory) = stack.host.memory else { return };
    let limit = |s: &Service| s.memory.map_or(0, |m| m.0.saturating_mul(u64::from(s.replicas)));
    // Jobs run before the others, one after another.
    let mut services: Vec<(&str, u64)> =
        stack.services.iter().filter(|s| s.role.stays()).map(|s| (s.name.as_str(), limit(s))).collect();
    let wanted = services.iter().fold(0u64, |sum, (_, m)| sum.saturating_add(*m));
    let allowed = memory.0.saturating_sub(SYSTEM);
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
