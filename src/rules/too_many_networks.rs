//! The stack needs more networks than Docker can number by itself.
//!
//! Every service that others reach has a network of its own. Docker's default address pools hold about 31 of them on
//! one server, its own bridge and other stacks included; then `up` ends with "all predefined address pools have been
//! fully subnetted". Source: <https://github.com/moby/moby/issues/23971>, and `default-address-pools` in
//! <https://docs.docker.com/reference/cli/dockerd/>
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   s01: &s { image: "ghcr.io/example/app:1.4.2", healthcheck: { command: [/app, ready] } }
//!   s02: *s
//!   s03: *s
//!   s04: *s
//!   s05: *s
//!   s06: *s
//!   s07: *s
//!   s08: *s
//!   s09: *s
//!   s10: *s
//!   s11: *s
//!   s12: *s
//!   s13: *s
//!   s14: *s
//!   s15: *s
//!   s16: *s
//!   s17: *s
//!   s18: *s
//!   s19: *s
//!   s20: *s
//!   s21: *s
//!   s22: *s
//!   s23: *s
//!   s24: *s
//!   s25: *s
//!   s26: *s
//!   s27: *s
//!   s28: *s
//!   s29: *s
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   s01: { image: "ghcr.io/example/app:1.4.2", healthcheck: { command: [/app, ready] } }
//! ```

use crate::finding::{Finding, Place};
use crate::stack::Stack;

/// What Docker's pools hold, less its own bridge and two networks of something else.
const MOST: usize = 28;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let count = stack.networks.len();
    if count > MOST {
        let message = format!("expected at most {MOST} networks, found {count}; Docker can number about 31");
        out.push(Finding::warning("too-many-networks", Place::manifest(["services"]).on_key(), message).help(
            "set `default-address-pools` with a smaller `size` in /etc/docker/daemon.json, and accept this finding",
        ));
    }
}
