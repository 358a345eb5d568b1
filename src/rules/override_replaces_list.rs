//! A list under `compose:` replaces the one that stackgen writes, instead of adding to it.
//!
//! Maps are merged, lists are not: who adds one entry to `volumes` takes away the volume with the data and the mounted
//! configuration, and with `networks` the way to the proxy. The container starts, and starts empty.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//!     compose: { volumes: ["./extra:/extra:ro"] }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   redis:
//!     kind: redis
//!     mounts: [{ source: ./extra, target: /extra }]
//! ```

use serde_json::Value as Json;

use crate::finding::Finding;
use crate::stack::{Role, Service, Stack};

/// Lists that are written: their key, how many entries a service has, and what to write instead.
type List = (&'static str, fn(&Service) -> usize, &'static str);

const LISTS: &[List] = &[
    ("volumes", |s| s.mounts.len(), "use `mounts:` and `volumes:` of the service, which add"),
    (
        "networks",
        |s| s.networks.len(),
        "remove it; networks follow from routes, `depends_on`, `database` and `redis`",
    ),
    ("secrets", |s| s.secret_files.len(), "use `env: { NAME: { secret: NAME } }`"),
    ("environment", |s| s.env.len(), "write a map, which is merged, or use `env:`"),
    ("depends_on", |s| s.depends_on.len(), "use `depends_on:` of the service, which adds"),
    ("ports", |s| s.publish.len(), "use `publish:` of the service, which adds"),
    ("tmpfs", |s| s.hardening.tmpfs.len(), "use `hardening.tmpfs`, which adds"),
    ("security_opt", |s| usize::from(!s.hardening.new_privileges), "add `no-new-privileges:true` to it"),
];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in stack.services.iter().filter(|s| !s.overrides.is_empty()) {
        for (key, count, help) in LISTS {
            let replaces = match service.overrides.get(*key) {
                // What is written as a map is merged with a map; a list and a map replace one another.
                Some(Json::Array(_)) => true,
                Some(Json::Object(_)) => !matches!(*key, "environment" | "depends_on"),
                _ => false,
            };
            let kept = |list: &Json| list.as_array().is_some_and(|l| l.iter().any(is_no_new_privileges));
            if *key == "security_opt" && service.overrides.get(*key).is_some_and(kept) {
                continue;
            }
            // The proxy has no `publish:`; whether its own ports stay is `required-port-closed`'s.
            let proxy = service.role == Role::Proxy && *key == "ports";
            let count = if proxy { 0 } else { count(service) };
            if replaces && count > 0 {
                let message = format!("`{key}` replaces {count} that stackgen writes for `{}`", service.name);
                let place = service.key_place(key);
                out.push(Finding::error("override-replaces-list", place, message).help(*help));
            }
        }
    }
}

fn is_no_new_privileges(option: &Json) -> bool {
    option.as_str().is_some_and(|o| o.starts_with("no-new-privileges"))
}
