//! Two stacks of one host ask for the same fixed container name.
//!
//! Docker knows one container by a name, whatever project it belongs to. The stack that is started second does not come
//! up, and after a reboot that may be the other one. A name as general as `db` or `nginx` meets its like sooner or
//! later.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: blue
//! host: { address: 203.0.113.7 }
//! services:
//!   cache: { kind: redis, container_name: redis }
//! ```
//!
//! ```yaml flagged beside
//! stackgen: 1
//! name: green
//! host: { address: 203.0.113.7 }
//! services:
//!   queue: { kind: redis, container_name: redis }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: blue
//! host: { address: 203.0.113.7 }
//! services:
//!   cache: { kind: redis, container_name: redis }
//! ```
//!
//! ```yaml accepted beside
//! stackgen: 1
//! name: green
//! host: { address: 203.0.113.7 }
//! services:
//!   queue: { kind: redis }
//! ```

use super::claims::{Claims, Clash, twice};
use crate::finding::Finding;

pub(super) fn check(stacks: &[&Claims], out: &mut Vec<Clash>) {
    twice(
        stacks,
        |s| &s.containers,
        |(stack, claim), (other, first)| {
            let message = format!(
                "`{}` and `{}` both name a container `{}`",
                stacks[stack].stack, stacks[other].stack, claim.what
            );
            let finding = Finding::error("container-name-claimed-twice", claim.place.clone(), message)
                .label("the same on the same host")
                .help("remove one of the names: Compose then makes one from project and service");
            out.push(Clash {
                stack,
                finding,
                other,
                place: first.place.clone(),
                text: "the other stack".into(),
            });
        },
    );
}
