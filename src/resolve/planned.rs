//! Services that do not run yet: resolved as if they did, so that every fault in them is told now and what they will
//! take is known. Nothing of it gets into the stack but [`Planned`].

use super::complete;
use crate::finding::Finding;
use crate::kinds::Kinds;
use crate::manifest::{Manifest, Service, Status};
use crate::stack::{Planned, Stack};
use crate::text::Sources;

/// Tells what the planned services of a manifest will take, and what is wrong with them.
pub(super) fn foresee(
    manifest: &Manifest,
    stack: &mut Stack,
    kinds: &mut Kinds,
    sources: &mut Sources,
    out: &mut Vec<Finding>,
) {
    // A name alone is only reserved: nothing says what will run.
    let is_known = |s: &Service| {
        s.status == Status::Planned && (s.kind.is_some() || s.image.is_some() || s.build.is_some())
    };
    let names: Vec<&str> =
        manifest.services.iter().filter(|(_, s)| is_known(s)).map(|(name, _)| name.as_str()).collect();
    if names.is_empty() {
        return;
    }
    let mut later = manifest.clone();
    for service in later.services.values_mut().filter(|s| is_known(s)) {
        service.status = Status::Active;
    }
    let mut found = Vec::new();
    let later = complete(&later, kinds, sources, &mut found);
    for finding in found {
        let same =
            |f: &Finding| f.rule == finding.rule && f.place == finding.place && f.message == finding.message;
        if !out.iter().any(same) {
            out.push(finding);
        }
    }
    stack.planned = names.iter().map(|name| planned(name, manifest, &later, kinds)).collect();
}

fn planned(name: &str, manifest: &Manifest, later: &Stack, kinds: &Kinds) -> Planned {
    let parts = || later.services.iter().filter(move |s| s.owner == name);
    let staying = || parts().filter(|s| s.role.stays());
    let written = manifest.service(name);
    let kind = written.and_then(|s| s.kind.as_ref()).and_then(|kind| kinds.known(kind.as_str()));
    let is_planned = |other: &str| manifest.service(other).is_some_and(|s| s.status == Status::Planned);
    let mut waits_for: Vec<String> = Vec::new();
    for other in parts().flat_map(|s| &s.depends_on).map(|d| &d.service) {
        if other != name && is_planned(other) && !waits_for.contains(other) {
            waits_for.push(other.clone());
        }
    }
    let redis =
        |s: &Service| s.status == Status::Active && s.redis.as_ref().is_some_and(|r| r.as_str() == name);
    Planned {
        service: name.to_string(),
        kind: kind.as_ref().map_or_else(|| "container".to_string(), |k| k.kind.to_string()),
        host: later.sites.iter().find(|s| s.service == name).map(|s| s.host.clone()),
        secrets: (later.secrets.iter().filter(|s| s.used_by.iter().any(|u| u == name)))
            .map(|s| s.name.clone())
            .collect(),
        database: parts().find_map(|s| s.database.clone()).map(|used| {
            let connections = staying().filter_map(|s| s.database.as_ref()).map(|d| d.connections).sum();
            crate::stack::DatabaseUse { connections, ..used }
        }),
        extensions: kind.iter().flat_map(|k| &k.extensions).map(ToString::to_string).collect(),
        mail: written.and_then(|s| s.mail.as_ref()).map(ToString::to_string),
        memory: staying().fold(0u64, |sum, s| {
            sum.saturating_add(s.memory.map_or(0, |m| m.0.saturating_mul(u64::from(s.replicas))))
        }),
        waits_for,
        wanted_by: manifest.services.iter().filter(|(_, s)| redis(s)).map(|(n, _)| n.to_string()).collect(),
        place: super::at(["services", name]),
    }
}
