//! Two stacks of one host are deployed to the same directory.
//!
//! Both have a docker-compose.yml, an nginx.conf and an .env there. Whoever deploys last replaces the other's, and the
//! next `docker compose up` of the first starts the second.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: blue
//! host: { address: 203.0.113.7, directory: /srv/deploy }
//! ```
//!
//! ```yaml flagged beside
//! stackgen: 1
//! name: green
//! host: { address: 203.0.113.7, directory: /srv/deploy/ }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: blue
//! host: { address: 203.0.113.7, directory: /srv/blue }
//! ```
//!
//! ```yaml accepted beside
//! stackgen: 1
//! name: green
//! host: { address: 203.0.113.7, directory: /srv/green }
//! ```

use super::claims::{Claims, Clash, twice};
use crate::finding::Finding;

pub(super) fn check(stacks: &[&Claims], out: &mut Vec<Clash>) {
    twice(
        stacks,
        |s| &s.directory,
        |(stack, claim), (other, first)| {
            let message = format!(
                "`{}` and `{}` are both deployed to `{}`",
                stacks[stack].stack, stacks[other].stack, claim.what
            );
            let finding = Finding::error("directory-claimed-twice", claim.place.clone(), message)
                .label("the same on the same host")
                .help("give each stack a directory of its own");
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
