//! The proxy and what gets its certificates: services made from the kinds `nginx` and `certbot`.

use std::rc::Rc;
use std::sync::Arc;

use super::facts::Draft;
use super::{Resolver, at, seconds};
use crate::finding::{Finding, Place};
use crate::kinds::Kind;
use crate::manifest::{self, RunsIn, Service as Written};
use crate::scalar::{Bytes, Cidr};
use crate::stack::{
    Action, Answer, Condition, Dependency, Edge, Facts, Hsts, Mount, MountSource, Origin, Proxy, Publish,
    Raw, Role, ServiceFacts, Site,
};

/// The name of the proxy's service and of the certificates' one.
const PROXY: &str = "nginx";
const ACME: &str = "certbot";

/// Where containers see the certificate scripts.
const SCRIPTS: &str = "/etc/stackgen";

/// Addresses Cloudflare connects from. Source: https://www.cloudflare.com/ips/
const CLOUDFLARE: &[&str] = &[
    "173.245.48.0/20",
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "141.101.64.0/18",
    "108.162.192.0/18",
    "190.93.240.0/20",
    "188.114.96.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "162.158.0.0/15",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "172.64.0.0/13",
    "131.0.72.0/22",
    "2400:cb00::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2405:b500::/32",
    "2405:8100::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
];

impl Resolver<'_> {
    /// Adds the proxy if anything has a public name.
    pub(super) fn proxy(&mut self) {
        if self.stack.sites.is_empty() {
            return;
        }
        let written = &self.manifest.proxy;
        let Some(kind) = self.kinds.get(PROXY, self.sources, self.out) else { return };
        let version =
            written.version.as_ref().or(kind.version.as_ref()).map(ToString::to_string).unwrap_or_default();
        let origin = match &written.version {
            Some(_) => Origin::Manifest(at(["proxy", "version"])),
            None => Origin::Kind(PROXY.into()),
        };
        let Some(numbers) = numbers(&version) else {
            self.out.push(
                Finding::error(
                    "schema-mismatch",
                    at(["proxy", "version"]),
                    format!("expected a version such as \"1.30.0\", found `{version}`"),
                )
                .help("the syntax that is written depends on it"),
            );
            return;
        };
        let edge = self.edge();
        let raw =
            written.nginx.as_ref().map(|text| Raw { text: text.clone(), place: at(["proxy", "nginx"]) });
        let container = written.runs_in == RunsIn::Container;
        self.stack.proxy = Some(Proxy {
            runs_in: written.runs_in,
            service: container.then(|| PROXY.to_string()),
            version: numbers,
            origin,
            edge,
            hsts: Hsts {
                max_age: written.hsts.max_age.unwrap_or(seconds(730 * 86400)),
                include_subdomains: written.hsts.include_subdomains,
                preload: written.hsts.preload,
            },
            body_size: written.body_size.unwrap_or(super::BODY_SIZE),
            headers: written.headers.iter().map(|(n, v)| (n.0.clone(), v.to_string())).collect(),
            raw,
            place: at(["proxy"]),
        });
        if container {
            self.in_container(&kind, &version);
        } else {
            self.on_host();
        }
    }

    fn edge(&mut self) -> Option<Edge> {
        let edge = self.manifest.proxy.edge.as_ref()?;
        let cloudflare = edge.name.as_str() == "cloudflare";
        let place = at(["proxy", "edge"]);
        let addresses: Vec<String> = if !edge.addresses.is_empty() {
            edge.addresses.iter().map(Cidr::to_string).collect()
        } else if cloudflare {
            CLOUDFLARE.iter().map(ToString::to_string).collect()
        } else {
            self.out.push(
                Finding::error(
                    "client-address-lost",
                    place,
                    format!("the addresses of the edge `{}` are not known", edge.name),
                )
                .help("list them under `addresses:`; without them every client would look like the edge"),
            );
            return None;
        };
        let header = edge.header.as_ref().map_or_else(
            || if cloudflare { "CF-Connecting-IP" } else { "X-Forwarded-For" }.to_string(),
            |h| h.0.clone(),
        );
        Some(Edge { name: edge.name.to_string(), addresses, header, only: edge.only, place })
    }

    fn in_container(&mut self, kind: &Rc<Kind>, version: &str) {
        let written = Written {
            image: self.manifest.proxy.image.clone(),
            container_name: self.manifest.proxy.container_name.clone(),
            memory: self.manifest.proxy.memory,
            compose: self.manifest.proxy.compose.clone(),
            version: self.manifest.proxy.version.clone(),
            ..Written::default()
        };
        let files: Vec<_> = self
            .stack
            .sites
            .iter_mut()
            .filter_map(|site| match &mut site.answer {
                Answer::Files { root } => {
                    let source = root.clone();
                    // An absolute directory keeps its path; one beside the output gets its site's name.
                    if !source.starts_with('/') {
                        *root = format!("/var/www/sites/{}", site.service);
                    }
                    let place = at(["services", site.service.as_str(), "root"]);
                    Some(Mount {
                        source: MountSource::Host(source),
                        target: root.clone(),
                        writable: false,
                        place,
                    })
                }
                Answer::Live | Answer::Placeholder { .. } => None,
            })
            .collect();
        let mut own_files: Vec<Mount> = Vec::new();
        for group in self.manifest.certificates.groups.iter() {
            let place = at(["certificates", "groups", group.0.as_str()]);
            for path in [&group.1.certificate, &group.1.key].into_iter().flatten() {
                own_files.push(Mount {
                    source: MountSource::Host(path.0.clone()),
                    target: path.0.clone(),
                    writable: false,
                    place: place.clone(),
                });
            }
        }
        let https = self.stack.sites.iter().any(|s| s.https);
        let issued = https
            && (self.manifest.certificates.groups.values().any(|g| g.certificate.is_none())
                || self.needs_issuing());
        self.build(PROXY, &written, kind, version, "proxy", |service, _| {
            service.role = Role::Proxy;
            service.mounts.extend(files);
            service.mounts.extend(own_files);
            for mount in &mut service.mounts {
                // Certificates and challenges are written by certbot only.
                mount.writable = false;
            }
            let ports: &[u16] = if https { &[80, 443] } else { &[80] };
            service.publish = ports
                .iter()
                .map(|port| Publish {
                    address: None,
                    host_port: *port,
                    port: *port,
                    protocol: manifest::Protocol::Tcp,
                    place: at(["proxy"]),
                })
                .collect();
        });
        if issued {
            self.acme();
        }
    }

    /// Whether any name has to get its certificate from the issuer: one that no group with own files covers.
    fn needs_issuing(&self) -> bool {
        let own: Vec<&str> = self
            .manifest
            .certificates
            .groups
            .values()
            .filter(|g| g.certificate.is_some())
            .flat_map(|g| g.names.iter().map(|n| n.as_str()))
            .collect();
        let names =
            |site: &Site| std::iter::once(site.host.clone()).chain(site.aliases.clone()).collect::<Vec<_>>();
        self.stack.sites.iter().filter(|s| s.https).flat_map(names).any(|n| !own.contains(&n.as_str()))
    }

    /// Adds certbot and the job that runs before nginx.
    fn acme(&mut self) {
        let Some(kind) = self.kinds.get(ACME, self.sources, self.out) else { return };
        let written = Written {
            image: self.manifest.certificates.image.clone(),
            version: self.manifest.certificates.version.clone(),
            ..Written::default()
        };
        let version =
            written.version.as_ref().or(kind.version.as_ref()).map(ToString::to_string).unwrap_or_default();
        let shared: Vec<Mount> = self
            .stack
            .service(PROXY)
            .map(|nginx| {
                nginx.mounts.iter().filter(|m| matches!(m.source, MountSource::Volume(_))).cloned().collect()
            })
            .unwrap_or_default();
        let start = self.stack.services.len();
        self.build(ACME, &written, &kind, &version, "certificates", |service, place| {
            service.role = Role::Acme;
            service.mounts.extend(shared.iter().cloned().map(|m| Mount { writable: true, ..m }));
            service.depends_on = vec![Dependency {
                service: PROXY.into(),
                condition: Condition::Healthy,
                place: place.clone(),
            }];
        });
        let mut before = Vec::new();
        for job in &mut self.stack.services[start..] {
            if job.role == Role::Job {
                job.mounts.extend(shared.iter().cloned().map(|m| Mount { writable: true, ..m }));
                before.push(job.name.clone());
            }
        }
        if let Some(nginx) = self.stack.services.iter_mut().find(|s| s.name == PROXY) {
            nginx.depends_on.extend(before.into_iter().map(|service| Dependency {
                service,
                condition: Condition::Completed,
                place: at(["proxy"]),
            }));
            // The script looks for changed certificates beside nginx and signals it. Sharing the process namespace
            // with certbot would be simpler, but Docker does not start certbot again after nginx crashed
            // (https://github.com/moby/moby/issues/36334).
            nginx.mounts.push(Mount {
                source: MountSource::Output(ACME.into()),
                target: SCRIPTS.into(),
                writable: false,
                place: at(["certificates"]),
            });
            let watch = format!("/bin/sh {SCRIPTS}/certificates.sh watch & exec \"$@\"");
            let own = std::mem::take(&mut nginx.command);
            nginx.command =
                ["/bin/sh".into(), "-c".into(), watch, "sh".into()].into_iter().chain(own).collect();
        }
        self.stack.acme.service = Some(ACME.into());
    }

    /// Makes the containers of a kind that no service of the manifest names.
    pub(super) fn build(
        &mut self,
        name: &str,
        written: &Written,
        kind: &Rc<Kind>,
        version: &str,
        block: &str,
        change: impl FnOnce(&mut crate::stack::Service, &Place),
    ) {
        if let Some(other) = self.manifest.services.keys().find(|n| n.as_str() == name) {
            self.out.push(
                Finding::error(
                    "duplicate-key",
                    at(["services", other.as_str()]).on_key(),
                    format!("the name `{name}` is taken by what `{block}` adds"),
                )
                .help("give this service another name"),
            );
            return;
        }
        let facts = Facts {
            service: ServiceFacts {
                name: name.to_string(),
                version: version.to_string(),
                port: kind.service.listen.map(|p| p.0),
                memory: written.memory.or(kind.service.memory).map(|m: Bytes| m.0),
                ..ServiceFacts::default()
            },
            stack: self.stack.name.clone(),
            timezone: self.stack.timezone.clone(),
            ..Facts::default()
        };
        let start = self.stack.services.len();
        let draft =
            Draft { name, service: written, kind: kind.clone(), facts: Arc::new(facts), database: None };
        self.made(&draft);
        let place = at([block]);
        for service in &mut self.stack.services[start..] {
            service.place = place.clone();
            service.internal = true;
            if let Origin::Manifest(_) = service.image.origin {
                service.image.origin =
                    Origin::Manifest(place.join(if written.version.is_some() { "version" } else { "image" }));
            }
        }
        if let Some(service) = self.stack.services.get_mut(start) {
            change(service, &place);
        }
    }

    /// On the host the proxy reaches services by loopback ports, and reads files where they are.
    fn on_host(&mut self) {
        let mut wanted: Vec<(String, u16, Place)> = Vec::new();
        for site in &self.stack.sites {
            for route in &site.routes {
                if let Action::Proxy { service, port } = &route.action
                    && !wanted.iter().any(|(s, p, _)| s == service && p == port)
                {
                    wanted.push((service.clone(), *port, site.place.clone()));
                }
            }
        }
        for (name, port, place) in wanted {
            let Some(index) = self.index.get(&name) else { continue };
            let service = &mut self.stack.services[*index];
            if !service.publish.iter().any(|p| p.port == port) {
                service.publish.push(Publish {
                    address: Some("127.0.0.1".into()),
                    host_port: port,
                    port,
                    protocol: manifest::Protocol::Tcp,
                    place,
                });
            }
        }
        let directory = self.stack.host.directory.clone();
        for site in &mut self.stack.sites {
            if let Answer::Files { root } = &mut site.answer
                && !root.starts_with('/')
            {
                match &directory {
                    Some(directory) => {
                        *root =
                            format!("{}/{}", directory.trim_end_matches('/'), root.trim_start_matches("./"))
                    }
                    None => self.out.push(
                        Finding::error(
                            "schema-mismatch",
                            at(["services", site.service.as_str(), "root"]),
                            format!("nginx on the host needs an absolute directory, found `{root}`"),
                        )
                        .help("write an absolute path, or set `host.directory`"),
                    ),
                }
            }
        }
    }
}

/// The numbers of a version: `1.30.0-alpine` is 1, 30, 0.
fn numbers(version: &str) -> Option<(u16, u16, u16)> {
    let plain = version.split('-').next()?;
    let mut parts = plain.split('.').map(str::parse);
    let (major, minor) = (parts.next()?.ok()?, parts.next()?.ok()?);
    Some((major, minor, parts.next().transpose().ok()?.unwrap_or(0)))
}
