//! A key under `compose:` is none that Docker Compose knows for a service.
//!
//! What stands there is merged into the service as it is. Compose refuses the whole file for one unknown key, so a
//! typing error would stop every service at the next deployment.
//! Source: <https://github.com/compose-spec/compose-spec/blob/main/05-services.md>
//!
//! Fix, safe: renames a key that is one slip away from a known one; unsafe where the nearest is a guess.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     healthcheck: { command: [/app, ready] }
//!     compose: { lables: { team: shop } }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     healthcheck: { command: [/app, ready] }
//!     compose: { labels: { team: shop } }
//! ```

use crate::finding::{Finding, Fix};
use crate::stack::Stack;
use crate::text::{is_slip, nearest};

/// Keys of a service in the Compose Specification.
#[rustfmt::skip]
const KNOWN: &[&str] = &[
    "annotations", "attach", "blkio_config", "build", "cap_add", "cap_drop", "cgroup", "cgroup_parent", "command",
    "configs", "container_name", "cpu_count", "cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period",
    "cpu_rt_runtime", "cpu_shares", "cpus", "cpuset", "credential_spec", "depends_on", "deploy", "develop",
    "device_cgroup_rules", "devices", "dns", "dns_opt", "dns_search", "domainname", "driver_opts", "entrypoint",
    "env_file", "environment", "expose", "extends", "external_links", "extra_hosts", "gpus", "group_add",
    "healthcheck", "hostname", "image", "init", "ipc", "isolation", "label_file", "labels", "links", "logging",
    "mac_address", "mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit", "models", "network_mode",
    "networks", "oom_kill_disable", "oom_score_adj", "pid", "pids_limit", "platform", "ports", "post_start",
    "pre_stop", "privileged", "profiles", "provider", "pull_policy", "pull_refresh_after", "read_only", "restart",
    "runtime", "scale", "secrets", "security_opt", "shm_size", "stdin_open", "stop_grace_period", "stop_signal",
    "storage_opt", "sysctls", "tmpfs", "tty", "ulimits", "use_api_socket", "user", "userns_mode", "uts", "volumes",
    "volumes_from", "working_dir",
];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in &stack.services {
        for key in service.overrides.keys() {
            if KNOWN.contains(&key.as_str()) || key.starts_with("x-") {
                continue;
            }
            let place = service.key_place(key).on_key();
            let message = format!("expected a key of a Compose service, found {}", crate::scalar::shown(key));
            let near = nearest(key, KNOWN.iter().copied());
            let help = near.map_or_else(
                || "remove it; notes of your own begin with `x-`".to_string(),
                |near| format!("did you mean `{near}`?"),
            );
            let fix = near.filter(|near| !service.overrides.contains_key(*near)).map(|near| {
                let title = format!("rename {} to `{near}`", crate::scalar::shown(key));
                Fix::new(is_slip(key, KNOWN.iter().copied()), title).rename(place.clone(), near)
            });
            out.push(Finding::error("unknown-compose-key", place, message).help(help).fix(fix));
        }
    }
}
