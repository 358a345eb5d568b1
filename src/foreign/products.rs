//! Which product an image is: found by the images that the kinds name.

use std::rc::Rc;

use minijinja::Value;

use crate::expr::{self, Expander};
use crate::finding::Finding;
use crate::kinds::{Container, Kind, Kinds, built_in};
use crate::manifest::Class;
use crate::stack::Facts;
use crate::text::Sources;

/// Registries under which the images of Docker Hub are known too.
const SAME: &[&str] =
    &["docker.io/", "index.docker.io/", "registry.hub.docker.com/", "docker.n8n.io/", "library/"];

/// Images that keep data for others and have no kind, by the last part of their name.
const STORES: &[&str] = &[
    "mysql",
    "mariadb",
    "percona",
    "mongo",
    "mongodb",
    "valkey",
    "memcached",
    "postgis",
    "pgvector",
    "timescaledb",
    "timescaledb-ha",
    "postgresql",
    "cassandra",
    "couchdb",
    "clickhouse-server",
    "influxdb",
    "elasticsearch",
    "opensearch",
    "rabbitmq",
    "keydb",
    "dragonfly",
    "etcd",
    "redis-stack",
    "redis-stack-server",
];
/// Images of proxies, by the last part of their name.
const PROXIES: &[&str] = &[
    "traefik",
    "caddy",
    "haproxy",
    "nginx-proxy",
    "nginx-proxy-manager",
    "envoy",
    "httpd",
    "openresty",
    "swag",
    "kong",
    "caddy-docker-proxy",
];

/// A product that an image was recognised as.
pub(super) struct Product {
    pub kind: Rc<Kind>,
    /// Which companion of the kind it is.
    pub companion: Option<String>,
    /// Its version as numbers and dots; empty where the tag does not say.
    pub version: String,
    /// Whether the version is that of the kind's tables.
    pub current: bool,
}

impl Product {
    pub fn container(&self) -> &Container {
        self.companion
            .as_ref()
            .and_then(|name| self.kind.companions.iter().find(|(n, _)| n.as_str() == name))
            .map_or(&self.kind.service, |(_, container)| container)
    }

    /// Directories of the container in which it keeps what must survive.
    pub fn state(&self) -> Vec<String> {
        // A moving tag is newer than anything a condition asks for.
        let version = if self.version.is_empty() { "999" } else { &self.version };
        let facts = Facts {
            service: crate::stack::ServiceFacts { version: version.to_string(), ..Default::default() },
            ..Facts::default()
        };
        let (expander, scope) = (Expander::default(), expr::scope(&facts, &Value::UNDEFINED));
        let kept = self
            .container()
            .volumes
            .values()
            .filter(|v| v.class == Class::Critical || v.class == Class::Important);
        kept.filter(|v| v.when.as_deref().is_none_or(|w| expander.holds(w, &scope).unwrap_or(false)))
            .map(|v| v.mount.0.clone())
            .collect()
    }
}

/// The name of an image without registry and tag, and the tag; a digest counts for nothing here.
pub(super) fn name_and_tag(reference: &str) -> (&str, Option<&str>) {
    let plain = reference.split('@').next().unwrap_or_default();
    // A variable in the tag may hold colons: `${TAG:-1}` was filled in before, so what is left has none.
    let (mut name, tag) = match plain.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (plain, None),
    };
    while let Some(rest) = SAME.iter().find_map(|s| name.strip_prefix(s)) {
        name = rest;
    }
    (name, tag)
}

/// Whether a tag is moved to whatever is newest.
pub(super) fn moves(tag: Option<&str>) -> bool {
    tag.is_none_or(|t| !t.contains('$') && !t.bytes().any(|b| b.is_ascii_digit()))
}

/// Numbers and dots at the start of a tag.
pub(super) fn version(tag: Option<&str>) -> String {
    let tag = tag.unwrap_or_default();
    let tag = tag.strip_prefix('v').unwrap_or(tag);
    let end = tag.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(tag.len());
    tag[..end].trim_end_matches('.').to_string()
}

/// The product of an image.
pub(super) fn recognise(
    reference: &str,
    kinds: &mut Kinds,
    sources: &mut Sources,
    out: &mut Vec<Finding>,
) -> Option<Product> {
    let (name, tag) = name_and_tag(reference);
    // Only kinds that name the image are read.
    let line = format!("image: {name}\n");
    let (kind_name, _) = built_in().find(|(_, text)| text.contains(&line))?;
    let kind = kinds.get(kind_name, sources, out)?;
    let companion = if kind.image.as_ref().is_some_and(|i| i.as_str() == name) {
        None
    } else {
        Some(
            kind.companions
                .iter()
                .find(|(_, c)| c.image.as_ref().is_some_and(|i| i.as_str() == name))?
                .0
                .to_string(),
        )
    };
    Some(product(kind, companion, tag))
}

/// The product of a kind, whatever its image is called.
pub(super) fn of_kind(
    name: &str,
    kinds: &mut Kinds,
    sources: &mut Sources,
    out: &mut Vec<Finding>,
) -> Option<Product> {
    Some(product(kinds.get(name, sources, out)?, None, Some("$")))
}

fn product(kind: Rc<Kind>, companion: Option<String>, tag: Option<&str>) -> Product {
    let version = version(tag);
    let major = |v: &str| v.split('.').next().unwrap_or_default().to_string();
    let of_kind = kind.version.as_ref().map_or(String::new(), |v| major(v.as_str()));
    let current = match kind.kind.as_str() {
        // The newest Odoo may be another than that of the table.
        "odoo" => major(&version) == of_kind,
        "n8n" | "superset" => moves(tag) || major(&version) == of_kind,
        _ => true,
    };
    Product { kind, companion, version, current }
}

/// Whether an image without a kind keeps data for others.
pub(super) fn is_store(reference: &str) -> bool {
    STORES.contains(&last(reference))
}

/// Whether an image is a proxy.
pub(super) fn is_proxy(reference: &str) -> bool {
    PROXIES.contains(&last(reference))
}

fn last(reference: &str) -> &str {
    let (name, _) = name_and_tag(reference);
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_recognised_by_their_kinds() {
        let (mut kinds, mut sources, mut out) = (Kinds::default(), Sources::default(), Vec::new());
        for (reference, kind, version) in [
            ("odoo:18", "odoo", "18"),
            ("docker.n8n.io/n8nio/n8n:2.40.7", "n8n", "2.40.7"),
            ("docker.io/library/postgres:16-alpine", "postgres", "16"),
            ("n8nio/runners", "n8n", ""),
            ("nginx:1.27-alpine@sha256:12", "nginx", "1.27"),
            ("apache/superset:${TAG}", "superset", ""),
        ] {
            let found = recognise(reference, &mut kinds, &mut sources, &mut out).unwrap();
            assert_eq!((found.kind.kind.as_str(), found.version.as_str()), (kind, version), "{reference}");
        }
        assert!(recognise("ghcr.io/x/odoo:1", &mut kinds, &mut sources, &mut out).is_none());
        let state = |r: &str| {
            recognise(r, &mut Kinds::default(), &mut Sources::default(), &mut Vec::new()).unwrap().state()
        };
        assert_eq!(state("postgres:17"), ["/var/lib/postgresql/data"]);
        assert_eq!(state("postgres:18"), ["/var/lib/postgresql"]);
        assert!(is_store("bitnami/postgresql:15") && is_proxy("traefik") && !is_proxy("nginx:1"));
    }
}
