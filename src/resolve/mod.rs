//! From what was written to what it means: manifest and kinds in, the stack model out, one file per part of it.
//!
//! Resolving never stops at a fault: it says what it found and leaves the part out.

mod backup;
mod certificates;
mod containers;
mod databases;
mod dns;
mod environment;
mod facts;
mod monitoring;
mod mounts;
mod networks;
mod planned;
mod proxy;
mod roles;
mod secrets;
mod security;
mod sites;

use std::collections::HashMap;

use minijinja::Value;

use crate::expr::Expander;
use crate::finding::{Document, Finding, Fix, Path, Place, Step};
use crate::kinds::{Kinds, UsedAs};
use crate::manifest::{Manifest, Status};
use crate::scalar::{Bytes, Seconds};
use crate::stack::{
    Acme, Allowed, Entry, External, Firewall, Host, Inbound, Mail, Outbound, RateLimit, Stack, Tombstone,
    Volume,
};
use crate::text::{Sources, is_slip, nearest, one_of};

/// Resolves a manifest. The stack is complete only if no finding is an error.
pub fn resolve(
    manifest: &Manifest,
    kinds: &mut Kinds,
    sources: &mut Sources,
    out: &mut Vec<Finding>,
) -> Stack {
    let mut stack = complete(manifest, kinds, sources, out);
    planned::foresee(manifest, &mut stack, kinds, sources, out);
    stack
}

/// What is active of a manifest.
fn complete(manifest: &Manifest, kinds: &mut Kinds, sources: &mut Sources, out: &mut Vec<Finding>) -> Stack {
    let mut resolver = Resolver {
        manifest,
        expander: Expander::default(),
        kinds,
        sources,
        out,
        stack: header(manifest),
        shared: Value::UNDEFINED,
        index: HashMap::new(),
        hosts: HashMap::new(),
        volume_names: HashMap::new(),
        volume_keys: HashMap::new(),
        made_secrets: HashMap::new(),
        searches: SEARCHES,
    };
    resolver.databases();
    let drafts = resolver.facts();
    for draft in &drafts {
        resolver.site(draft);
        resolver.containers(draft);
    }
    resolver.monitoring();
    resolver.security();
    resolver.proxy();
    resolver.certificates();
    resolver.watched();
    resolver.roles();
    resolver.volumes();
    resolver.backup();
    resolver.networks();
    resolver.without_network();
    resolver.firewall();
    resolver.secrets();
    resolver.dns();
    resolver.probe();
    resolver.stack
}

/// The state while resolving: what is read, and what is made.
struct Resolver<'a> {
    manifest: &'a Manifest,
    kinds: &'a mut Kinds,
    sources: &'a mut Sources,
    out: &'a mut Vec<Finding>,
    expander: Expander,
    stack: Stack,
    /// What every expression may use: `services`, `external`, `domain`.
    shared: Value,
    /// Position in `stack.services` by name.
    index: HashMap<String, usize>,
    /// Position in `stack.sites` by host name.
    hosts: HashMap<String, usize>,
    /// Position in `stack.volumes` by full name.
    volume_names: HashMap<String, usize>,
    /// Position in `stack.volumes` by key.
    volume_keys: HashMap<String, usize>,
    /// The service that each secret's name was made from.
    made_secrets: HashMap<String, String>,
    /// Known names that may still be compared with mistyped ones.
    searches: usize,
}

/// Names compared for suggestions in all. In a manifest of thousands where everything is wrong each is as good as the
/// first, and comparing all with all would take minutes.
const SEARCHES: usize = 200_000;

/// A place in the manifest.
fn at<const N: usize>(steps: [&str; N]) -> Place {
    Place::manifest(steps)
}

impl Resolver<'_> {
    /// Reports a name that is declared nowhere.
    fn undefined(&mut self, place: Place, what: &str, name: &str, known: &[&str]) {
        let near = if known.len() <= self.searches { nearest(name, known.iter().copied()) } else { None };
        self.searches = self.searches.saturating_sub(known.len());
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => {
                format!("declare it, or remove the reference; there is no {what} yet")
            }
            None => format!("known: {}", one_of(known.iter().copied().take(12))),
        };
        let fix = near.map(|near| {
            Fix::new(is_slip(name, known.iter().copied()), format!("write `{near}`")).set(place.clone(), near)
        });
        let message = format!("there is no {what} `{name}`");
        self.out.push(Finding::error("undefined-reference", place, message).help(help).fix(fix));
    }

    /// Whether that service is only planned; if so, reports that another, which runs, needs it.
    fn waits_for_planned(&mut self, place: Place, name: &str, other: &str) -> bool {
        let planned = self.manifest.service(other).is_some_and(|s| s.status == Status::Planned);
        if planned {
            let message = format!("`{name}` runs and needs `{other}`, which is only planned");
            let finding = Finding::error("undefined-reference", place, message)
                .related(at(["services", other, "status"]), "planned here")
                .help(format!("write `status: active` for `{other}`, or `status: planned` for `{name}` too"));
            // Its companions need it as well.
            if !self.out.iter().any(|f| f.message == finding.message) {
                self.out.push(finding);
            }
        }
        planned
    }

    /// The part of the model that no other follows from.
    fn firewall(&mut self) {
        let (wall, stack) = (&self.manifest.firewall, &mut self.stack);
        let ssh_port = wall.ssh.port.map_or(22, |p| p.0);
        let text = |list: &[crate::scalar::Cidr]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut inbound = vec![Inbound {
            port: ssh_port,
            protocol: Default::default(),
            from: text(&wall.ssh.from),
            reason: "SSH".into(),
            place: at(["firewall", "ssh"]),
        }];
        if let Some(proxy) = &stack.proxy {
            let from = proxy.edge.as_ref().filter(|e| e.only).map_or_else(Vec::new, |e| e.addresses.clone());
            for (port, reason) in [(80, "HTTP, ACME challenges"), (443, "HTTPS")] {
                if port == 80 || stack.sites.iter().any(|s| s.https) {
                    let place = proxy.place.clone();
                    inbound.push(Inbound {
                        port,
                        protocol: Default::default(),
                        from: from.clone(),
                        reason: reason.into(),
                        place,
                    });
                }
            }
        }
        for (i, rule) in wall.allow.iter().enumerate() {
            inbound.push(Inbound {
                port: rule.port.0,
                protocol: rule.protocol,
                from: text(&rule.from),
                reason: rule.reason.to_string(),
                place: at(["firewall", "allow"]).join(i),
            });
        }
        let outbound = wall.outbound.as_ref().map(|rules| {
            rules
                .iter()
                .map(|r| Outbound { port: r.port.map(|p| p.0), protocol: r.protocol, to: text(&r.to) })
                .collect()
        });
        stack.firewall = Firewall {
            inbound,
            outbound,
            ssh_port,
            droplet_ids: wall.droplet_ids.clone(),
            tags: wall.tags.iter().map(ToString::to_string).collect(),
        };
    }

    /// Volumes of the stack itself: those that no service mounts (any more).
    fn volumes(&mut self) {
        for (key, volume) in &self.manifest.volumes {
            let place = at(["volumes", key.as_str()]);
            if let Some(mount) = &volume.mount {
                self.out.push(
                    Finding::error(
                        "schema-mismatch",
                        place.join("mount"),
                        format!("expected no mount here, found `{}`", mount.0),
                    )
                    .help(
                        "a volume that a service mounts is declared under that service; `volumes` holds what nobody mounts",
                    ),
                );
            }
            let name = match (&volume.exact_name, &volume.name) {
                (Some(exact), _) => exact.to_string(),
                (None, name) => {
                    format!("{}_{}", self.stack.project, name.as_ref().map_or(key.as_str(), |n| n.as_str()))
                }
            };
            let other = self.volume_names.get(&name).or_else(|| self.volume_keys.get(key.as_str()));
            if let Some(other) = other.map(|i| &self.stack.volumes[*i]) {
                self.out.push(
                    Finding::error("duplicate-key", place, format!("volume `{name}` is declared twice"))
                        .related(other.place.clone(), "also declared here")
                        .help("remove one of the two"),
                );
                continue;
            }
            let class = volume.class.unwrap_or(crate::manifest::Class::Important);
            self.stack.volumes.push(Volume {
                key: key.to_string(),
                name,
                service: None,
                class,
                backup: volume.backup.unwrap_or(mounts::default_backup(class)),
                retention: volume.retention,
                left_out: Vec::new(),
                keep_until: volume.keep_until.as_ref().map(ToString::to_string),
                reason: volume.reason.as_ref().map(ToString::to_string),
                description: volume.description.as_ref().map(ToString::to_string),
                place,
            });
        }
    }

    /// Reports an expression that cannot be evaluated.
    fn bad_expression(&mut self, place: Place, text: &str, error: &str) {
        // A value of the manifest is not shown: it may be a password with braces in it.
        let what = match &place {
            Place::At { document: Document::Manifest, .. } => "the expression".to_string(),
            _ => crate::scalar::shown(text),
        };
        let message = format!("{what} cannot be filled in: {error}");
        self.out.push(Finding::error("schema-mismatch", place, message).help(
            "expressions know service, services, database, redis, mail, options, host, external and timezone",
        ));
    }
}

/// The place of a key path in a kind's data.
fn in_kind(kind: &str, steps: &[&str]) -> Place {
    Place::value(Document::Kind(kind.to_string()), Path(steps.iter().map(|s| Step::from(*s)).collect()))
}

/// What a stack says about itself, before anything is resolved.
fn header(m: &Manifest) -> Stack {
    let text = |t: &Option<crate::scalar::Line>| t.as_ref().map(ToString::to_string);
    let host = Host {
        address: m.host.address.as_ref().map(ToString::to_string),
        ipv6: m.host.ipv6.as_ref().map(ToString::to_string),
        provider: m.host.provider,
        region: m.host.region.as_ref().map(ToString::to_string),
        cpus: m.host.cpus,
        memory: m.host.memory,
        ssh: text(&m.host.ssh),
        directory: m.host.directory.as_ref().map(|path| path.0.clone()),
        compose: text(&m.host.compose),
        docker: text(&m.host.docker),
    };
    let mail = m.mail.iter().map(|(name, mail)| Mail {
        name: name.to_string(),
        host: mail.host.to_string(),
        port: mail.port.map_or(587, |p| p.0),
        user: text(&mail.user),
        password: mail.password.as_ref().map(|p| p.secret.to_string()),
        encryption: mail.encryption,
        from: mail.from.as_ref().map(ToString::to_string),
        used_by: m
            .services
            .iter()
            .filter(|(_, s)| s.status == Status::Active && s.mail.as_ref() == Some(name))
            .map(|(n, _)| n.to_string())
            .collect(),
        place: at(["mail", name.as_str()]),
    });
    let external = m.external.iter().map(|(name, e)| External {
        name: name.to_string(),
        url: e.url.to_string(),
        project: text(&e.project),
        region: text(&e.region),
        used_for: e.used_for.iter().map(ToString::to_string).collect(),
        place: at(["external", name.as_str()]),
    });
    let rate_limits = m.rate_limits.iter().map(|(name, limit)| RateLimit {
        name: name.to_string(),
        rate: limit.rate.0.clone(),
        burst: limit.burst.unwrap_or(0),
        memory: limit.memory.unwrap_or(crate::scalar::Bytes(10 << 20)),
        place: at(["rate_limits", name.as_str()]),
    });
    let tombstones =
        m.services.iter().filter(|(_, s)| s.status == Status::Removed).map(|(name, s)| Tombstone {
            service: name.to_string(),
            removed: s.removed.as_ref().map(ToString::to_string),
            reason: text(&s.reason),
            place: at(["services", name.as_str()]),
        });
    let allowed = m.allow.iter().enumerate().map(|(i, a)| Allowed {
        rule: a.rule.to_string(),
        at: text(&a.at),
        reason: a.reason.to_string(),
        until: a.until.as_ref().map(ToString::to_string),
        place: at(["allow"]).join(i),
    });
    let entries = m.services.iter().map(|(name, s)| Entry {
        name: name.to_string(),
        title: text(&s.title),
        kind: s.kind.as_ref().map(ToString::to_string),
        status: s.status,
        url: s.url.as_ref().map(|url| url.as_str().to_string()),
        reason: text(&s.reason),
        notes: s.notes.clone(),
    });
    Stack {
        name: m.name.to_string(),
        title: text(&m.title),
        project: m.project.as_ref().unwrap_or(&m.name).to_string(),
        domain: m.domain.as_ref().map(ToString::to_string),
        timezone: m.timezone.as_ref().map(|t| t.0.clone()),
        host,
        services: Vec::new(),
        proxy: None,
        sites: Vec::new(),
        rate_limits: rate_limits.collect(),
        databases: Vec::new(),
        volumes: Vec::new(),
        networks: Vec::new(),
        certificates: Vec::new(),
        acme: Acme {
            email: m.certificates.email.as_ref().map(ToString::to_string),
            issuer: m.certificates.issuer.clone(),
            key: m.certificates.key,
            service: None,
        },
        secrets: Vec::new(),
        firewall: Firewall::default(),
        backup: None,
        security: Default::default(),
        mail: mail.collect(),
        monitoring: None,
        external: external.collect(),
        planned: Vec::new(),
        tombstones: tombstones.collect(),
        dns: None,
        probe: None,
        allowed: allowed.collect(),
        entries: entries.collect(),
        notes: m.notes.clone(),
        foreign: None,
    }
}

/// Whether a kind becomes a service with containers.
fn runs(used_as: UsedAs) -> bool {
    matches!(used_as, UsedAs::Service | UsedAs::Store)
}

/// Largest request body where neither service, kind nor proxy says anything.
const BODY_SIZE: Bytes = Bytes(16 << 20);
/// How long the proxy waits where neither service nor kind says anything.
const READ_TIMEOUT: Seconds = seconds(60);

/// A default in seconds.
const fn seconds(n: u32) -> Seconds {
    Seconds(n)
}
