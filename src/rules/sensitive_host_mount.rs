//! A container sees a path that rules the server: the Docker socket, `/`, `/etc`, `/var/lib/docker`.
//!
//! Who can write to the Docker socket starts a privileged container and owns the server; read-only changes nothing
//! about that, since a socket is spoken to, not written. The whole file system or `/etc` gives away every password of
//! every other service. Source: <https://docs.docker.com/engine/security/#docker-daemon-attack-surface>
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   agent:
//!     image: ghcr.io/example/agent:3.2.0
//!     healthcheck: { command: [/agent, ready] }
//!     mounts: [{ source: /var/run/docker.sock, target: /var/run/docker.sock }]
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   agent:
//!     image: ghcr.io/example/agent:3.2.0
//!     healthcheck: { command: [/agent, ready] }
//!     mounts: [{ source: /srv/agent, target: /data, writable: true }]
//! ```

use serde_json::Value as Json;

use crate::finding::{Finding, Place};
use crate::stack::{MountSource, Stack};

/// Directories that must not be mounted as a whole, and those below which nothing should be.
const WHOLE: &[&str] =
    &["", "/etc", "/root", "/home", "/usr", "/var", "/var/lib", "/run", "/var/run", "/boot", "/dev"];
const BELOW: &[&str] =
    &["/var/lib/docker", "/var/lib/containerd", "/proc", "/sys", "/root/.ssh", "/etc/shadow"];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in &stack.services {
        let mut say = |path: &str, place: Place| {
            if sensitive(path) {
                let message = format!("`{}` sees {} of the server", service.name, crate::scalar::shown(path));
                out.push(
                    Finding::error("sensitive-host-mount", place, message).help(
                        "mount only what it needs; put a proxy with few rights before the Docker socket",
                    ),
                );
            }
        };
        for mount in &service.mounts {
            if let MountSource::Host(path) = &mount.source {
                say(path, mount.place.clone());
            }
        }
        let place = service.key_place("volumes");
        let list = service.overrides.get("volumes").and_then(Json::as_array);
        for (i, volume) in list.into_iter().flatten().enumerate() {
            let source = match volume {
                Json::String(text) => text.split(':').next(),
                volume => volume.get("source").and_then(Json::as_str),
            };
            if let Some(path) = source {
                say(path, place.join(i));
            }
        }
    }
}

fn sensitive(path: &str) -> bool {
    if !path.starts_with('/') {
        return false;
    }
    let path =
        path.split('/').filter(|p| !p.is_empty() && *p != ".").fold(String::new(), |all, p| all + "/" + p);
    let below =
        |dir: &str| path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    path.ends_with("/docker.sock")
        || path.ends_with("/containerd.sock")
        || WHOLE.contains(&path.as_str())
        || BELOW.iter().any(|dir| below(dir))
}
