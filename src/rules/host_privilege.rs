//! A container gets rights over the server itself.
//!
//! `privileged`, the server's network or process namespace, raw devices or a capability such as SYS_ADMIN make
//! whoever gets into the program root on the server, and with the server's network it is reachable past the firewall
//! rules for containers. Source: <https://docs.docker.com/engine/security/>
//!
//! Fix, unsafe: removes it.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   agent:
//!     image: ghcr.io/example/agent:3.2.0
//!     healthcheck: { command: [/agent, ready] }
//!     compose: { privileged: true }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   agent:
//!     image: ghcr.io/example/agent:3.2.0
//!     healthcheck: { command: [/agent, ready] }
//!     hardening: { capabilities: [NET_RAW] }
//! ```

use serde_json::Value as Json;

use crate::finding::{Finding, Fix, Place};
use crate::stack::Stack;

/// Capabilities that are as good as root on the server.
const ROOT: &[&str] = &[
    "ALL",
    "SYS_ADMIN",
    "SYS_MODULE",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_BOOT",
    "DAC_READ_SEARCH",
    "NET_ADMIN",
    "BPF",
    "MAC_ADMIN",
];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in &stack.services {
        let mut say = |place: Place, what: String| {
            let fix = Fix::risky("remove it").remove(place.clone());
            out.push(
                Finding::error("host-privilege", place, format!("`{}` {what}", service.name))
                    .fix(fix)
                    .help("remove it; if the program cannot do without, accept this finding and say why"),
            );
        };
        for capability in service.hardening.capabilities.iter().flatten() {
            if ROOT.contains(&capability.as_str()) {
                let place = service.place.join("hardening").join("capabilities");
                say(
                    place,
                    format!("keeps the capability {capability}, which is as good as root on the server"),
                );
            }
        }
        for (key, value) in &service.overrides {
            let place = service.key_place(key);
            let words: Vec<&str> = match value {
                Json::Array(items) => items.iter().filter_map(Json::as_str).collect(),
                value => value.as_str().into_iter().collect(),
            };
            match key.as_str() {
                "privileged" if value.as_bool() == Some(true) => {
                    say(place, "is privileged: it may do everything that root on the server may".into());
                }
                "network_mode" | "pid" | "ipc" | "uts" | "userns_mode" | "cgroup" if words == ["host"] => {
                    say(place, format!("shares `{key}` with the server"));
                }
                "devices" if !words.is_empty() => {
                    say(place, format!("sees the server's device {}", crate::scalar::shown(words[0])));
                }
                "cap_add" => {
                    let plain = |w: &&&str| ROOT.contains(&w.trim_start_matches("CAP_"));
                    if let Some(word) = words.iter().find(plain) {
                        say(
                            place,
                            format!("gets the capability {word}, which is as good as root on the server"),
                        );
                    }
                }
                "security_opt" => {
                    let open = |w: &&&str| w.ends_with("unconfined") || w.ends_with("disable");
                    if let Some(word) = words.iter().find(open) {
                        say(place, format!("runs without a confinement: {}", crate::scalar::shown(word)));
                    }
                }
                _ => {}
            }
        }
    }
}
