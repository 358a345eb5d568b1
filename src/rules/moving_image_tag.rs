//! An image is named by a tag that is moved to whatever is newest: `latest`, `stable`, a branch, or no tag at all.
//!
//! The same manifest then means something else tomorrow. n8n and Odoo change their databases when a new major version
//! starts, and neither can go back; with `latest` that happens during a restart nobody thought about.
//! Source: <https://docs.docker.com/build/building/best-practices/#pin-base-image-versions>
//!
//! Fix, unsafe: removes a `version` that moves, so that the one of the kind follows.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     version: latest
//!     internal: true
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     version: 2.40.7
//!     internal: true
//! ```

use serde_json::Value as Json;

use super::common::place;
use crate::finding::{Finding, Fix, Place, Step};
use crate::stack::{Origin, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in &stack.services {
        // What is built here moves only when it is built; what it is built from may move by itself.
        let reference = match &service.build {
            Some(build) => build.base.as_deref(),
            None => Some(service.image.reference.as_str()),
        };
        let origin = &service.image.origin;
        if let Some(reference) = reference {
            let mut found = Vec::new();
            say(reference, place(origin, service, ["version"]), &mut found);
            // Without a version of its own it runs the one its kind is tested with.
            let version = matches!(origin, Origin::Manifest(Place::At { path, .. }) if path.0.last() == Some(&Step::from("version")));
            out.extend(found.into_iter().map(|finding| {
                let fix = Fix::risky(format!("remove `version`: that of kind {} follows", service.kind));
                let fix = version.then(|| fix.remove(finding.place.clone()));
                finding.fix(fix)
            }));
        }
        if let Some(reference) = service.overrides.get("image").and_then(Json::as_str) {
            say(reference, service.key_place("image"), out);
        }
    }
}

fn say(reference: &str, place: Place, out: &mut Vec<Finding>) {
    if reference.contains('@') || reference.contains('$') {
        return;
    }
    let tag = reference.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'));
    let message = match tag {
        None => format!("expected a version, found `{reference}` without a tag"),
        // Every version has a number in it, and no name of a branch that is in use does.
        Some(tag) if !tag.bytes().any(|b| b.is_ascii_digit()) => {
            format!("expected a version, found the tag `{tag}`, which moves")
        }
        Some(_) => return,
    };
    out.push(
        Finding::warning("moving-image-tag", place, message)
            .help("name the version that runs today; `docker image inspect` shows it"),
    );
}
