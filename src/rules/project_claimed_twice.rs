//! Two stacks of one host have the same Compose project.
//!
//! Compose takes everything of a project for its own: `up` in one stack replaces the other's containers of the same
//! name, `down` or `--remove-orphans` removes the rest, and both write to the same volumes.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: blue
//! project: deploy
//! host: { address: 203.0.113.7 }
//! ```
//!
//! ```yaml flagged beside
//! stackgen: 1
//! name: green
//! project: deploy
//! host: { ssh: root@203.0.113.7 }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: blue
//! host: { address: 203.0.113.7 }
//! ```
//!
//! ```yaml accepted beside
//! stackgen: 1
//! name: green
//! project: deploy
//! host: { ssh: root@203.0.113.7 }
//! ```

use super::claims::{Claims, Clash, twice};
use crate::finding::Finding;

pub(super) fn check(stacks: &[&Claims], out: &mut Vec<Clash>) {
    twice(
        stacks,
        |s| std::slice::from_ref(&s.project),
        |(stack, claim), (other, first)| {
            let message = format!(
                "`{}` and `{}` have the same project `{}`",
                stacks[stack].stack, stacks[other].stack, claim.what
            );
            let finding = Finding::error("project-claimed-twice", claim.place.clone(), message)
                .label("the same on the same host")
                .help("give the newer stack a `project` of its own; that of a running one names its volumes");
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
