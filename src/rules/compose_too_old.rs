//! The server's Docker Compose is too old for the files that are written.
//!
//! Compose v1 (`docker-compose`, a Python program) got its last release in 2021 and no support since July 2023. It
//! reads YAML by other rules, knows no secrets from the environment, and left containers named `c95d05274029_app`
//! behind, which ended up as upstreams in a production nginx.conf.
//! Source: <https://docs.docker.com/compose/releases/migrate/>. What is written here needs Compose 2.26 or newer.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! host: { compose: "1.29.2" }
//! services:
//!   redis:
//!     kind: redis
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! host: { compose: "2.40" }
//! services:
//!   redis:
//!     kind: redis
//! ```

use crate::expr::version_at_least;
use crate::finding::{Finding, Place};
use crate::stack::Stack;

/// The oldest version that reads everything that is written.
const OLDEST: &str = "2.26";

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let Some(version) = &stack.host.compose else { return };
    let at_least = |least: &str| version_at_least(version.trim_start_matches('v'), least).unwrap_or(true);
    if at_least(OLDEST) {
        return;
    }
    let place = Place::manifest(["host", "compose"]);
    let message =
        format!("expected Docker Compose {OLDEST} or newer, found {}", crate::scalar::shown(version));
    let finding = if at_least("2") {
        Finding::warning("compose-too-old", place, message).help("upgrade the package docker-compose-plugin")
    } else {
        Finding::error("compose-too-old", place, message)
            .help("install the package docker-compose-plugin, and call `docker compose` instead of `docker-compose`")
    };
    out.push(finding);
}
