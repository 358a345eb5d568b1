//! A service is planned, and this is what is still missing before its `status` may become `active`.
//!
//! Going live is then one changed word: everything else of it is checked already, as if it ran. What a manifest cannot
//! make is listed: secrets in `.env`, the role and database on a server, the DNS record; and whether memory and
//! connections are there for it.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! host: { address: 203.0.113.7, memory: 2GiB }
//! certificates: { email: admin@example.com }
//! databases:
//!   main: { host: db.example.com, ca: ./ca.crt, connections: 22 }
//! services:
//!   chat:
//!     status: planned
//!     kind: mattermost
//!     url: https://chat.example.com
//!     database: main
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! host: { address: 203.0.113.7 }
//! certificates: { email: admin@example.com }
//! services:
//!   chat:
//!     status: planned
//!     url: https://chat.example.com
//! ```

use super::{connection_budget_exceeded::budget, host_capacity_exceeded::memory};
use crate::finding::{Finding, Place};
use crate::stack::{DatabaseUse, Planned, Role, Stack};

/// Something that is still to be done: what is missing, and what to do about it.
type Step = (&'static str, String);

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for planned in &stack.planned {
        let (name, steps) = (&planned.service, steps(stack, planned));
        let Some((last, first)) = steps.split_last() else { continue };
        let mut missing: Vec<&str> = first.iter().map(|(what, _)| *what).collect();
        missing.dedup();
        let missing = match missing.as_slice() {
            [] => last.0.to_string(),
            list => format!("{} and {}", list.join(", "), last.0),
        };
        let mut finding = Finding::info(
            "planned-not-ready",
            planned.place.join("status"),
            format!("`{name}` is planned and waits for {missing}"),
        );
        for other in &planned.wanted_by {
            let place = Place::manifest(["services", other.as_str(), "redis"]);
            finding = finding.related(place, "goes without until then");
        }
        let todo: Vec<&str> = steps.iter().map(|(_, todo)| todo.as_str()).collect();
        out.push(finding.help(format!("{}; then write `status: active`", todo.join("; "))));
    }
}

fn steps(stack: &Stack, planned: &Planned) -> Vec<Step> {
    let mut steps = Vec::new();
    if !planned.waits_for.is_empty() {
        steps.push(("another service", format!("activate {}", quoted(&planned.waits_for))));
    }
    let known = |name: &str| stack.secrets.iter().any(|s| s.name == name && !s.used_by.is_empty());
    let secrets: Vec<String> = planned.secrets.iter().filter(|s| !known(s)).cloned().collect();
    if !secrets.is_empty() {
        steps.push(("secrets", format!("set {} in `.env`", quoted(&secrets))));
    }
    if let Some(used) = &planned.database {
        database(stack, planned, used, &mut steps);
    }
    if let Some(host) = &planned.host {
        let address = stack.host.address.as_deref().unwrap_or("this server");
        let todo = format!(
            "point `{host}` to {address} in the DNS (until then a certificate of its own may fail without harm)"
        );
        steps.push(("a DNS record", todo));
    }
    if let Some((allowed, promised)) = memory(stack) {
        let left = allowed.saturating_sub(promised);
        if planned.memory > left {
            let (needs, left) = (mib(planned.memory), mib(left));
            steps.push(("memory", format!("find memory, since it may take {needs} and {left} are left")));
        }
    }
    steps
}

fn database(stack: &Stack, planned: &Planned, used: &DatabaseUse, steps: &mut Vec<Step>) {
    let server = &used.server;
    let extensions = match planned.extensions.as_slice() {
        [] => String::new(),
        names => format!(" with the extension {}", quoted(names)),
    };
    let tool = format!("{server}-roles");
    let how = if stack.services.iter().any(|s| s.name == tool && s.role == Role::Tool) {
        format!(" (`docker compose run --rm {tool}`)")
    } else if stack.database(server).is_some_and(|d| d.service.is_some()) {
        format!(" (`docker compose exec {server} sh /docker-entrypoint-initdb.d/roles.sh`)")
    } else {
        String::new()
    };
    let (role, name) = (&used.user, &used.name);
    let todo = format!("make the role `{role}` and its database `{name}` on `{server}`{extensions}{how}");
    steps.push(("a database", todo));
    if let Some((allowed, wanted)) = stack.database(server).and_then(|d| budget(stack, d)) {
        let (needs, left) = (u64::from(used.connections), u64::from(allowed).saturating_sub(wanted));
        if needs > left {
            let todo =
                format!("find connections, since it may hold {needs} to `{server}` and {left} are left");
            steps.push(("connections", todo));
        }
    }
}

fn mib(bytes: u64) -> String {
    format!("{}MiB", bytes >> 20)
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}
