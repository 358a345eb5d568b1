//! Two stacks of one host mount the same volume.
//!
//! Two servers on one data directory destroy it, and whoever removes one stack with its volumes removes the other's
//! data. A volume that one of them only keeps, of class `deprecated`, is not meant.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: blue
//! host: { address: 203.0.113.7 }
//! services:
//!   cache: { kind: redis, volumes: { data: { exact_name: shared } } }
//! ```
//!
//! ```yaml flagged beside
//! stackgen: 1
//! name: green
//! host: { address: 203.0.113.7 }
//! services:
//!   cache: { kind: redis, volumes: { data: { exact_name: shared } } }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: blue
//! host: { address: 203.0.113.7 }
//! services:
//!   cache: { kind: redis, volumes: { data: { exact_name: shared } } }
//! ```
//!
//! ```yaml accepted beside
//! stackgen: 1
//! name: green
//! host: { address: 203.0.113.7 }
//! services:
//!   cache: { kind: redis }
//! ```

use super::claims::{Claims, Clash, twice};
use crate::finding::Finding;

pub(super) fn check(stacks: &[&Claims], out: &mut Vec<Clash>) {
    twice(
        stacks,
        |s| &s.volumes,
        |(stack, claim), (other, first)| {
            // Then all volumes are the same, and `project-claimed-twice` says so once.
            if stacks[stack].project.what == stacks[other].project.what {
                return;
            }
            let message = format!(
                "`{}` and `{}` both mount the volume `{}`",
                stacks[stack].stack, stacks[other].stack, claim.what
            );
            let finding = Finding::error("volume-claimed-twice", claim.place.clone(), message)
                .label("the same on the same host")
                .help("give one of them another name; if its data is wanted, copy it");
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
