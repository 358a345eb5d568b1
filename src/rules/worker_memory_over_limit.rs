//! Odoo's processes may together use more memory than their container has.
//!
//! Each process may grow to `limit_memory_soft` before it is renewed. When the sum is above the container's limit, the
//! kernel ends a process in the middle of a request instead, which users see as errors without any trace in the log.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     memory: 2GiB
//!     options: { workers: 8 }
//!   db:
//!     kind: postgres
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     memory: 7GiB
//!     options: { workers: 8 }
//!   db:
//!     kind: postgres
//! ```

use super::common::{number, owners, place, setting};
use crate::finding::Finding;
use crate::scalar::Bytes;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack) {
        let (Some(memory), Some(soft)) = (service.memory, number(service, "limit_memory_soft")) else {
            continue;
        };
        let workers = number(service, "workers").unwrap_or(0);
        // The threaded mode is one process; with workers there are those for cron and one for websockets too.
        let processes = match workers {
            0 => 1,
            n => n.saturating_add(number(service, "max_cron_threads").unwrap_or(2)).saturating_add(1),
        };
        let wanted = Bytes(processes.saturating_mul(soft) >> 20 << 20);
        if soft == 0 || wanted <= memory {
            continue;
        }
        let message = format!(
            "expected at most {memory} for the {processes} processes of `{}`, found {wanted} by `limit_memory_soft`",
            service.name
        );
        let at = setting(service, "workers")
            .map_or(service.place.clone(), |s| place(&s.origin, service, ["options", "workers"]));
        out.push(
            Finding::warning("worker-memory-over-limit", at, message)
                .help("lower `options.workers`, or raise `memory`"),
        );
    }
}
