//! A redis that makes room by dropping keys holds work that must not be lost: the jobs of n8n's queue, of Celery or of
//! AFFiNE.
//!
//! A job that is evicted was never there, and a lock that is evicted makes two workers do the same. With `noeviction`
//! a full redis refuses to write, which everybody sees; what is cached beside the work ends by itself. A pure cache
//! wants a redis of its own, which may evict. Source: <https://docs.bullmq.io/guide/going-to-production>
//!
//! Fix, safe: writes `policy: noeviction`.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     internal: true
//!     database: db
//!     redis: redis
//!     options: { mode: queue }
//!   db: { kind: postgres }
//!   redis:
//!     kind: redis
//!     options: { policy: allkeys-lru }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     internal: true
//!     database: db
//!     redis: redis
//!     options: { mode: queue }
//!   db: { kind: postgres }
//!   redis:
//!     kind: redis
//!     options: { policy: noeviction }
//! ```

use crate::finding::{Finding, Fix};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for redis in stack.services.iter().filter(|s| s.kind == "redis" && s.name == s.owner) {
        let policy = redis.facts.options.get("policy").and_then(|p| p.as_str()).unwrap_or("noeviction");
        let works = stack.services.iter().filter(|s| s.name == s.owner);
        let mut works =
            works.filter(|s| s.facts.redis.as_ref().is_some_and(|r| r.queue && r.host == redis.name));
        let Some(client) = works.next().filter(|_| policy != "noeviction") else { continue };
        let place = redis.place.join("options").join("policy");
        let message =
            format!("expected `noeviction`, found `{policy}`: `{}` keeps its work there", client.name);
        out.push(
            Finding::error("redis-evicts-work", place.clone(), message)
                .related(client.place.join("redis"), "uses it")
                .fix(Fix::safe("write `noeviction`").set(place, "noeviction"))
                .help("write `policy: noeviction`, or give the caches a redis of their own"),
        );
    }
}
