//! A service with a fixed container name is to run more than once.
//!
//! Docker knows one container by a name, so Compose refuses to start the second: "container name is already in use".
//!
//! Fix, safe: removes the name.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   worker:
//!     image: ghcr.io/example/worker:1.4.2
//!     container_name: worker
//!     healthcheck: { command: [/worker, ready] }
//!     compose: { deploy: { replicas: 3 } }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   worker:
//!     image: ghcr.io/example/worker:1.4.2
//!     healthcheck: { command: [/worker, ready] }
//!     compose: { deploy: { replicas: 3 } }
//! ```

use serde_json::Value as Json;

use crate::finding::{Finding, Fix};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in &stack.services {
        let over = &service.overrides;
        let deploy = over.get("deploy").and_then(|d| d.get("replicas"));
        let replicas = deploy.or_else(|| over.get("scale")).and_then(Json::as_u64);
        let replicas = replicas.unwrap_or(u64::from(service.replicas));
        let name = over.get("container_name").and_then(Json::as_str).or(service.container_name.as_deref());
        let Some(name) = name.filter(|_| replicas > 1) else { continue };
        let place = if over.contains_key("container_name") {
            service.place.join("compose")
        } else {
            service.place.clone()
        };
        let place = place.join("container_name");
        let message =
            format!("`{}` runs {replicas} times, but only one container can be named `{name}`", service.name);
        out.push(
            Finding::error("container-name-blocks-replicas", place.clone(), message)
                .fix(Fix::safe("remove `container_name`").remove(place))
                .help("remove the name; the service name reaches all of them"),
        );
    }
}
