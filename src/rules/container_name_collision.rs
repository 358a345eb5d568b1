//! Two services ask for the same fixed container name.
//!
//! Docker knows one container by a name. The second service does not start, and if it is the one started first after
//! a reboot, the other is missing.
//!
//! Fix, unsafe: removes the second of the names.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   blue:
//!     image: ghcr.io/example/app:1.4.2
//!     container_name: app
//!     healthcheck: { command: [/app/ready] }
//!   green:
//!     image: ghcr.io/example/app:1.5.0
//!     container_name: app
//!     healthcheck: { command: [/app/ready] }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   blue:
//!     image: ghcr.io/example/app:1.4.2
//!     container_name: app
//!     healthcheck: { command: [/app/ready] }
//!   green:
//!     image: ghcr.io/example/app:1.5.0
//!     healthcheck: { command: [/app/ready] }
//! ```

use std::collections::HashMap;

use serde_json::Value as Json;

use crate::finding::{Finding, Fix, Place};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let mut seen: HashMap<&str, Place> = HashMap::new();
    for service in &stack.services {
        let over = service.overrides.get("container_name").and_then(Json::as_str);
        let (name, place) = match (over, service.container_name.as_deref()) {
            (Some(name), _) => (name, service.key_place("container_name")),
            (None, Some(name)) => (name, service.place.join("container_name")),
            (None, None) => continue,
        };
        if let Some(other) = seen.get(name) {
            out.push(
                Finding::error(
                    "container-name-collision",
                    place.clone(),
                    format!("two containers are named `{name}`"),
                )
                .fix(Fix::risky(format!("remove the name `{name}` here")).remove(place))
                .related(other.clone(), "the other one")
                .help("remove one of the names; services find one another by service name anyway"),
            );
            continue;
        }
        seen.insert(name, place);
    }
}
