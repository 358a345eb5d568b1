//! Something removed or deprecated does not say since when, until when, or why.
//!
//! The entry is there so that nobody takes its data for rubbish, or keeps it for ever out of fear. One team dropped
//! six databases in use because a list called them "unused".
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//!   wiki:
//!     status: removed
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//!   wiki:
//!     status: removed
//!     removed: "2026-02-01"
//!     reason: moved to the company's wiki
//! ```

use crate::finding::{Finding, Place};
use crate::manifest::Class;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let mut say = |place: &Place, what: String, missing: [(bool, &str); 2]| {
        let list: Vec<&str> = missing.iter().filter(|(m, _)| *m).map(|(_, key)| *key).collect();
        if !list.is_empty() {
            let keys = list.iter().map(|k| format!("`{k}:`")).collect::<Vec<_>>().join(" and ");
            let message = format!("expected {keys} for {what}");
            out.push(
                Finding::warning("removed-without-date", place.on_key(), message).help(format!("add {keys}")),
            );
        }
    };
    for tomb in &stack.tombstones {
        let missing = [(tomb.removed.is_none(), "removed"), (tomb.reason.is_none(), "reason")];
        say(&tomb.place, format!("`{}`, which is removed", tomb.service), missing);
    }
    for volume in stack.volumes.iter().filter(|v| v.class == Class::Deprecated) {
        let missing = [(volume.keep_until.is_none(), "keep_until"), (volume.reason.is_none(), "reason")];
        say(&volume.place, format!("the volume `{}`, which is deprecated", volume.name), missing);
    }
}
