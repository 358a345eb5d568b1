//! What watches the stack: services made from the kinds of Prometheus and its exporters, and what they ask.
//!
//! Nothing is asked that the model does not have: targets are services with measurements, probes are routes of sites.

use std::sync::Arc;

use super::databases::sslmode;
use super::facts::{Draft, ca_path, screaming};
use super::mounts::ca;
use super::{Resolver, at, seconds};
use crate::finding::Finding;
use crate::kinds::Metrics;
use crate::manifest::{Protocol, RunsIn, Service as Written};
use crate::scalar::{Name, Seconds};
use crate::stack::{
    Action, Alerts, Answer, DatabaseFacts, Expectation, Facts, HostFacts, Login, Monitoring, Mount,
    MountSource, Origin, Probe, PublicProbe, Publish, Role, Service, ServiceFacts, Site, Target,
};

/// Names of the services; their kinds are called alike.
pub(super) const PROMETHEUS: &str = "prometheus";
pub(super) const BLACKBOX: &str = "blackbox-exporter";
const ALERTMANAGER: &str = "alertmanager";
const NODE: &str = "node-exporter";
const POSTGRES: &str = "postgres-exporter";
const GRAFANA: &str = "grafana";

/// The role that only watches a database server.
const WATCHER: &str = "monitor";
/// Where the exporter of the host sees what backups report.
const BACKUP_STATUS: &str = "/etc/stackgen/backup";
/// How long measurements are kept where nothing is said.
const RETENTION: Seconds = seconds(30 * 86400);

impl Resolver<'_> {
    /// Adds what watches, before the proxy: Grafana may be a site.
    pub(super) fn monitoring(&mut self) {
        let Some(written) = &self.manifest.monitoring else { return };
        let alerts = self.alerts();
        let retention = written.retention.unwrap_or(RETENTION);
        self.stack.monitoring = Some(Monitoring {
            alerts: alerts.clone(),
            retention,
            targets: Vec::new(),
            probes: Vec::new(),
            backups: written.backup_status.is_some(),
            place: at(["monitoring"]),
        });
        let options = [("retention".to_string(), retention.to_string().into())].into_iter().collect();
        self.watcher(PROMETHEUS, PROMETHEUS, Facts { options, ..Facts::default() }, |_| ());
        let mail = self.stack.mail.iter_mut().find(|m| Some(&m.name) == alerts.mail.as_ref());
        let password = mail.and_then(|mail| {
            mail.used_by.push(ALERTMANAGER.into());
            mail.password.clone()
        });
        self.watcher(ALERTMANAGER, ALERTMANAGER, Facts::default(), |service| {
            service.secret_files.extend(password.into_iter().chain(alerts.webhook));
        });
        self.watcher(BLACKBOX, BLACKBOX, Facts::default(), |_| ());
        let status = written.backup_status.as_ref().map(|path| Mount {
            source: MountSource::Host(path.0.clone()),
            target: BACKUP_STATUS.into(),
            writable: false,
            place: at(["monitoring", "backup_status"]),
        });
        self.watcher(NODE, NODE, Facts::default(), |service| {
            if status.is_some() {
                service.command.push(format!("--collector.textfile.directory={BACKUP_STATUS}"));
            }
            service.mounts.extend(status);
        });
        self.database_watchers();
        self.grafana();
    }

    /// Who is told; at least one way, and all that it needs.
    fn alerts(&mut self) -> Alerts {
        let Some(written) = self.manifest.monitoring.as_ref().map(|m| &m.alerts) else {
            return Alerts::default();
        };
        let place = at(["monitoring", "alerts"]);
        let mut fault = |key: &str, message: String, help: &str| {
            let place = if key.is_empty() { place.on_key() } else { place.join(key) };
            self.out.push(Finding::error("schema-mismatch", place, message).help(help));
        };
        match (&written.mail, written.to.is_empty()) {
            (None, true) if written.mattermost.is_none() => fault(
                "",
                "expected `mail` or `mattermost`, found neither".into(),
                "add `mail:` with a transport and `to:`, or `mattermost: { secret: NAME }`",
            ),
            (Some(_), true) => {
                fault(
                    "mail",
                    "expected addresses in `to`, found none".into(),
                    "add `to: [admin@example.com]`",
                );
            }
            (None, false) => {
                fault("to", "`to` has no effect without `mail`".into(), "add `mail:` with a transport");
            }
            _ => {}
        }
        if let Some(name) = &written.mail {
            match self.stack.mail.iter().find(|m| m.name == name.as_str()) {
                None => {
                    let known: Vec<&str> = self.manifest.mail.keys().map(Name::as_str).collect();
                    self.undefined(place.join("mail"), "mail transport", name.as_str(), &known);
                }
                Some(mail) if mail.from.is_none() => fault(
                    "mail",
                    format!("the mail transport `{name}` has no sender"),
                    "add `from:` to the transport; Alertmanager sends nothing without it",
                ),
                Some(_) => {}
            }
        }
        Alerts {
            mail: written.mail.as_ref().map(ToString::to_string),
            to: written.to.iter().map(ToString::to_string).collect(),
            webhook: written.mattermost.as_ref().map(|m| m.secret.to_string()),
        }
    }

    /// One exporter for each database server outside that services use, with a role that may only watch.
    fn database_watchers(&mut self) {
        let watched: Vec<(String, DatabaseFacts, Option<Mount>)> = self
            .stack
            .databases
            .iter_mut()
            .filter(|d| d.service.is_none())
            .filter(|d| {
                let mut uses = self.stack.services.iter().filter_map(|s| s.database.as_ref());
                uses.any(|u| u.server == d.name)
            })
            .map(|database| {
                let password = format!("{}_MONITOR_PASSWORD", screaming(&database.name));
                let login =
                    database.monitor.get_or_insert_with(|| Login { user: WATCHER.into(), password }).clone();
                let facts = DatabaseFacts {
                    server: database.name.clone(),
                    host: database.host.clone(),
                    port: database.port,
                    name: database.entry().into(),
                    user: login.user,
                    password: login.password,
                    sslmode: sslmode(database.sslmode).into(),
                    ca: database.ca.as_ref().map(|_| ca_path(&database.name)),
                    connections: database.connections,
                    ..DatabaseFacts::default()
                };
                (database.name.clone(), facts, ca(database))
            })
            .collect();
        for (server, facts, ca) in watched {
            let facts = Facts { database: Some(facts), ..Facts::default() };
            self.watcher(&format!("{POSTGRES}-{server}"), POSTGRES, facts, |s| s.mounts.extend(ca));
        }
    }

    /// Grafana, and its site where it has a URL.
    fn grafana(&mut self) {
        let url = self.manifest.monitoring.as_ref().and_then(|m| m.url.clone());
        let place = at(["monitoring", "url"]);
        let public = url.is_some();
        let sites = self.stack.sites.len();
        let service = ServiceFacts {
            url: url.as_ref().map(|u| u.as_str().trim_end_matches('/').to_string()),
            host: url.as_ref().map(|u| u.host().to_string()),
            scheme: url.as_ref().map(|u| if u.https() { "https" } else { "http" }.to_string()),
            ..ServiceFacts::default()
        };
        let Some(draft) = self.watcher_draft(GRAFANA, GRAFANA, Facts { service, ..Facts::default() }) else {
            return;
        };
        let written = Written { url, ..Written::default() };
        let draft = Draft { service: &written, ..draft };
        if public {
            self.site(&draft);
        }
        for site in &mut self.stack.sites[sites..] {
            site.place = place.clone();
            for route in &mut site.routes {
                if route.origin.is_manifest() {
                    route.origin = Origin::Manifest(place.clone());
                }
            }
        }
        let loopback = Publish {
            address: Some("127.0.0.1".into()),
            host_port: 3000,
            port: 3000,
            protocol: Protocol::Tcp,
            place: at(["monitoring"]),
        };
        self.added(&draft, "monitoring", |service, _| {
            service.role = Role::Monitor;
            service.publish.extend(Some(loopback).filter(|_| !public));
        });
    }

    /// Adds one service that watches.
    fn watcher(&mut self, name: &str, kind: &str, facts: Facts, change: impl FnOnce(&mut Service)) {
        let Some(draft) = self.watcher_draft(name, kind, facts) else { return };
        self.added(&draft, "monitoring", |service, _| {
            service.role = Role::Monitor;
            change(service);
        });
    }

    fn watcher_draft<'d>(&mut self, name: &'d str, kind: &str, facts: Facts) -> Option<Draft<'d>>
    where
        Self: 'd,
    {
        let kind = self.kinds.get(kind, self.sources, self.out)?;
        let host = &self.stack.host;
        let facts = Facts {
            service: ServiceFacts {
                name: name.to_string(),
                version: kind.version.as_ref().map(ToString::to_string).unwrap_or_default(),
                port: kind.service.listen.map(|p| p.0),
                memory: kind.service.memory.map(|m| m.0),
                body_size: super::BODY_SIZE.0,
                read_timeout: super::READ_TIMEOUT.0,
                ..facts.service
            },
            secrets: kind
                .secrets
                .keys()
                .map(|key| (key.to_string(), format!("{}_{key}", screaming(name))))
                .collect(),
            host: HostFacts { cpus: host.cpus, memory: host.memory.map(|m| m.0) },
            stack: self.stack.name.clone(),
            timezone: self.stack.timezone.clone(),
            monitored: true,
            ..facts
        };
        Some(Draft { name, service: &NOTHING_WRITTEN, kind, facts: Arc::new(facts), database: None })
    }

    /// What is asked, once everything is known.
    pub(super) fn watched(&mut self) {
        if self.stack.monitoring.is_none() {
            return;
        }
        let targets = self.targets();
        let in_container = self.stack.proxy.as_ref().is_some_and(|p| p.runs_in == RunsIn::Container);
        let probes = self.stack.sites.iter().flat_map(|site| self.probes(site, in_container)).collect();
        if let Some(monitoring) = &mut self.stack.monitoring {
            monitoring.targets = targets;
            monitoring.probes = probes;
        }
    }

    /// Services whose kind says where they answer with measurements.
    fn targets(&self) -> Vec<Target> {
        let of = |service: &Service| -> Option<(Metrics, Option<u16>)> {
            let kind = self.kinds.known(&service.kind)?;
            let listen = service.listens.first().copied();
            (service.name == service.owner)
                .then(|| kind.service.metrics.clone())
                .flatten()
                .map(|m| (m, listen))
        };
        let target = |service: &Service| {
            let (metrics, listen) = of(service)?;
            Some(Target {
                service: service.name.clone(),
                port: metrics.port.map(|p| p.0).or(listen)?,
                path: metrics.path.to_string(),
                database: (service.facts.database.as_ref())
                    .filter(|_| service.role == Role::Monitor)
                    .map(|d| d.server.clone()),
            })
        };
        self.stack.services.iter().filter_map(target).collect()
    }

    /// What is asked of a site: each of its routes, its other names, and each name without TLS.
    fn probes(&self, site: &Site, in_container: bool) -> Vec<PublicProbe> {
        let planned = matches!(site.answer, Answer::Placeholder { status: crate::manifest::Status::Planned });
        // By its real name the way to a planned site need not be there yet.
        if planned && !in_container {
            return Vec::new();
        }
        let of_name = |name: &str| {
            let certificate = self.stack.certificates.iter().find(|c| c.names.iter().any(|n| n == name));
            certificate.filter(|c| site.https && !c.optional).map(|c| c.name.clone())
        };
        let probe = |host: &str, path: &str, expects| PublicProbe {
            site: site.host.clone(),
            host: host.to_string(),
            path: path.to_string(),
            https: site.https,
            expects,
            certificate: of_name(host),
        };
        let mut list: Vec<PublicProbe> = match &site.answer {
            Answer::Placeholder { .. } => vec![probe(&site.host, "/", Expectation::Status(503))],
            Answer::Files { .. } | Answer::Live => {
                let asked = site.routes.iter().flat_map(|route| self.asked(site, route));
                asked.map(|(path, expects)| probe(&site.host, &path, expects)).collect()
            }
        };
        for alias in &site.aliases {
            list.push(probe(alias, "/", Expectation::Status(301)));
        }
        if site.https {
            for name in std::iter::once(&site.host).chain(&site.aliases) {
                let plain = probe(name, "/", Expectation::Https);
                list.push(PublicProbe { https: false, certificate: None, ..plain });
            }
        }
        list
    }

    /// Path and answer of one route, and of the health of the service behind it.
    fn asked(&self, site: &Site, route: &crate::stack::Route) -> Vec<(String, Expectation)> {
        // Who asks has an address of the server's own networks, which a list of addresses may hold or not.
        if !route.allow_from.is_empty() {
            return if route.allow_from.iter().any(|a| may_be_ours(a)) {
                Vec::new()
            } else {
                vec![(route.path.clone(), Expectation::Status(403))]
            };
        }
        match &route.action {
            Action::Deny => vec![(route.path.clone(), Expectation::Status(403))],
            Action::Redirect(_) => vec![(route.path.clone(), Expectation::Status(301))],
            Action::Files if route.path == "/" => vec![(route.path.clone(), Expectation::Status(200))],
            // What lies below another path of a directory nobody has said.
            Action::Files => Vec::new(),
            Action::Proxy { service, port } => {
                let mut list = vec![(route.path.clone(), Expectation::Answer)];
                let health = self
                    .index
                    .get(service)
                    .and_then(|i| self.stack.services[*i].healthcheck.as_ref())
                    .and_then(|h| match &h.probe {
                        Probe::Http { path, port: asked, .. } if asked == port => Some(path),
                        _ => None,
                    });
                // The most specific route that holds the path decides.
                let serving = |path: &str| {
                    let plain = path.split('?').next().unwrap_or(path);
                    site.routes
                        .iter()
                        .find(|r| if r.exact { r.path == plain } else { plain.starts_with(&r.path) })
                };
                if let Some(path) = health
                    && serving(path) == Some(route)
                {
                    let expects = Expectation::Status(200);
                    if *path == route.path {
                        list[0].1 = expects
                    } else {
                        list.insert(0, (path.clone(), expects))
                    }
                }
                list
            }
        }
    }
}

/// Services that a block of the manifest brings have nothing written about themselves.
static NOTHING_WRITTEN: std::sync::LazyLock<Written> = std::sync::LazyLock::new(Written::default);

/// Whether a network may be one of those Docker takes for containers: private ones.
fn may_be_ours(network: &str) -> bool {
    let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
    let parse = |text: &str| -> Option<ipnet::IpNet> {
        text.parse().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(ipnet::IpNet::from))
    };
    let Some(network) = parse(network) else { return true };
    private.iter().filter_map(|p| parse(p)).any(|p| p.contains(&network) || network.contains(&p))
}
