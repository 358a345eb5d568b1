//! Volumes are to be saved, and nothing saves them: the manifest has no `backup` block.
//!
//! `backup: daily` at a volume says what is meant. Only the block makes it so: scripts, timers, encryption, a store
//! elsewhere. Whoever saves in another way accepts this with its name.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   wiki:
//!     image: ghcr.io/example/wiki@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
//!     internal: true
//!     healthcheck: { command: [/wiki, ready] }
//!     memory: 256MiB
//!     hardening: { read_only: true, capabilities: [] }
//!     volumes: { pages: { mount: /pages, class: critical, backup: daily } }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   wiki:
//!     image: ghcr.io/example/wiki@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
//!     internal: true
//!     healthcheck: { command: [/wiki, ready] }
//!     memory: 256MiB
//!     hardening: { read_only: true, capabilities: [] }
//!     volumes: { pages: { mount: /pages, class: cache } }
//! ```

use crate::finding::Finding;
use crate::manifest::{Backup, Class};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    if stack.backup.is_some() {
        return;
    }
    let critical = stack.volumes.iter().filter(|v| v.class == Class::Critical && v.backup != Backup::None);
    let mut places = critical.map(|v| (&v.name, v.place.join("backup")));
    let Some((first, place)) = places.next() else { return };
    let more = match places.count() {
        0 => String::new(),
        1 => " and another volume".into(),
        n => format!(" and {n} others"),
    };
    out.push(
        Finding::info("backup-missing", place, format!("expected something that saves `{first}`{more}, found no `backup` block"))
            .help("add `backup:` with a store; `stackgen explain backup` shows how, or accept this and say what saves them"),
    );
}
