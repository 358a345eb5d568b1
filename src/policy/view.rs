//! The model as the expressions of a policy see it; `stackgen schema model` describes it.
//!
//! Sizes are bytes and times are seconds, so that they can be compared. What may be a secret is `(secret)`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use minijinja::context;
use minijinja::value::{Serde, Value};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value as Json;

use crate::expr::globals;
use crate::finding::Place;
use crate::rules::may_be_secret;
use crate::stack::{
    Action, Answer, Certificate, Database, Env, MountSource, Origin, Publish, Route, Secret, Service,
    Setting, Site, Stack, Volume,
};
use crate::table::Table;

use super::Each;

/// Stands for what is not shown.
const HIDDEN: &str = "(secret)";

/// A stack.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StackView {
    /// Name.
    pub name: String,
    /// Compose project.
    pub project: String,
    /// What it is for.
    pub title: Option<String>,
    /// The domain it lives under.
    pub domain: Option<String>,
    /// Time zone.
    pub timezone: Option<String>,
    /// The server.
    pub host: HostView,
    /// Whether nginx runs in a container of the stack; null without a proxy.
    pub proxy_in_container: Option<bool>,
    /// Containers.
    pub services: Vec<ServiceView>,
    /// Public names.
    pub sites: Vec<SiteView>,
    /// Volumes.
    pub volumes: Vec<VolumeView>,
    /// Database servers.
    pub databases: Vec<DatabaseView>,
    /// Secrets, by name.
    pub secrets: Vec<SecretView>,
    /// Certificates.
    pub certificates: Vec<CertificateView>,
    /// Ports the firewall opens inwards.
    pub open_ports: Vec<u16>,
}

/// The server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HostView {
    /// Who runs it.
    pub provider: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// CPUs.
    pub cpus: Option<u16>,
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Version of Docker Compose.
    pub compose: Option<String>,
}

/// A container.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ServiceView {
    /// Name.
    pub name: String,
    /// The service of the manifest it belongs to: itself, or what it works for.
    pub owner: String,
    /// Kind.
    pub kind: String,
    /// Version of the product.
    pub version: String,
    /// `app`, `worker`, `job`, `store`, `proxy` or `acme`.
    pub role: String,
    /// What it is.
    pub title: String,
    /// Image with tag or digest.
    pub image: String,
    /// Tag of the image.
    pub tag: Option<String>,
    /// Whether the image is named by its digest.
    pub pinned: bool,
    /// Whether the image is built here.
    pub built: bool,
    /// Public URL.
    pub url: Option<String>,
    /// Fixed container name.
    pub container_name: Option<String>,
    /// User it runs as, when not the image's own.
    pub user: Option<String>,
    /// Environment: values by name; `(secret)` for what may be one.
    pub env: BTreeMap<String, String>,
    /// Keys of its configuration file, like the environment.
    pub settings: BTreeMap<String, String>,
    /// Secrets it gets, by name.
    pub secrets: Vec<String>,
    /// Ports it listens on.
    pub listens: Vec<u16>,
    /// Ports published on the server.
    pub publish: Vec<PortView>,
    /// Networks.
    pub networks: Vec<String>,
    /// What it sees of volumes and the server.
    pub mounts: Vec<MountView>,
    /// Services it waits for.
    pub depends_on: Vec<String>,
    /// Whether it has a health check.
    pub healthcheck: bool,
    /// When it is started again.
    pub restart: String,
    /// Seconds it may take to stop.
    pub stop_grace: Option<u32>,
    /// Memory limit in bytes.
    pub memory: Option<u64>,
    /// CPU limit.
    pub cpus: Option<f64>,
    /// How many of it run.
    pub replicas: u32,
    /// Whether its own file system is read-only.
    pub read_only: bool,
    /// Whether its processes may gain privileges.
    pub new_privileges: bool,
    /// Capabilities it keeps; null is Docker's default set.
    pub capabilities: Option<Vec<String>>,
    /// Largest number of processes.
    pub pids: Option<u32>,
    /// Database server it uses.
    pub database: Option<String>,
    /// Keys it passes to Compose.
    pub compose: Vec<String>,
}

/// A port published on the server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PortView {
    /// Address on the server; null is every address.
    pub address: Option<String>,
    /// Port on the server.
    pub host_port: u16,
    /// Port in the container.
    pub port: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// Whether only the server itself reaches it.
    pub loopback: bool,
}

/// Something of the outside that a container sees.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MountView {
    /// `volume`, `host` or `output`.
    pub from: String,
    /// Volume, path of the server, or directory of the output.
    pub source: String,
    /// Where the container sees it.
    pub target: String,
    /// Whether it may write.
    pub writable: bool,
}

/// A public name.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SiteView {
    /// Main name.
    pub host: String,
    /// Names that redirect to it.
    pub aliases: Vec<String>,
    /// Service it belongs to.
    pub service: String,
    /// Whether it is served over TLS.
    pub https: bool,
    /// `live`, `placeholder` or `files`.
    pub answer: String,
    /// Certificate.
    pub certificate: Option<String>,
    /// Largest request body in bytes.
    pub body_size: u64,
    /// Seconds the proxy waits.
    pub read_timeout: u32,
    /// Names of the response headers of its own.
    pub headers: Vec<String>,
    /// Whether it has raw nginx directives.
    pub raw: bool,
    /// Routes.
    pub routes: Vec<RouteView>,
}

/// A route.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RouteView {
    /// Path.
    pub path: String,
    /// Only this very path.
    pub exact: bool,
    /// `proxy`, `files`, `deny` or `redirect`.
    pub action: String,
    /// Service it leads to.
    pub service: Option<String>,
    /// Port it leads to.
    pub port: Option<u16>,
    /// Carries websockets.
    pub websocket: bool,
    /// Rate limit.
    pub rate_limit: Option<String>,
    /// Largest request body in bytes, when not the site's.
    pub body_size: Option<u64>,
    /// Seconds the proxy waits, when not the site's.
    pub read_timeout: Option<u32>,
    /// Networks that may ask; everybody when empty.
    pub allow_from: Vec<String>,
    /// Whether it has raw nginx directives.
    pub raw: bool,
}

/// A volume.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct VolumeView {
    /// Key that mounts refer to.
    pub key: String,
    /// Full name on the server.
    pub name: String,
    /// Service it belongs to.
    pub service: Option<String>,
    /// `critical`, `important`, `cache` or `deprecated`.
    pub class: String,
    /// How often it is saved: `none`, `daily`, ...
    pub backup: String,
    /// Seconds that backups are kept.
    pub retention: Option<u32>,
}

/// A database server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DatabaseView {
    /// Name.
    pub name: String,
    /// Service that is the server, when it runs in the stack.
    pub service: Option<String>,
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS mode.
    pub sslmode: String,
    /// Whether its CA certificate is known.
    pub ca: bool,
    /// Major version.
    pub version: Option<u16>,
    /// Connections it allows.
    pub connections: Option<u32>,
}

/// A secret.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SecretView {
    /// Name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether a command is known that makes a new one.
    pub generated: bool,
    /// Services that need it.
    pub used_by: Vec<String>,
}

/// A certificate.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CertificateView {
    /// Name on disk.
    pub name: String,
    /// Names it covers.
    pub names: Vec<String>,
    /// Whether own files are used instead of issued ones.
    pub files: bool,
}

/// A word of the manifest for a choice.
fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Json::String(text)) => text,
        _ => String::new(),
    }
}

fn shown(name: &str, value: String, table: Option<&Table>) -> (String, String) {
    let value = if may_be_secret(table, name, &value) { HIDDEN.to_string() } else { value };
    (name.to_string(), value)
}

fn variable(service: &Service, env: &Env) -> (String, String) {
    let hidden = || (env.name.clone(), HIDDEN.to_string());
    env.value.plain().map_or_else(hidden, |value| shown(&env.name, value, service.variables.as_deref()))
}

fn setting(service: &Service, setting: &Setting) -> (String, String) {
    shown(&setting.name, setting.value.clone(), service.known_settings.as_deref())
}

impl ServiceView {
    fn new(service: &Service) -> Self {
        let reference = &service.image.reference;
        let name = reference.split('@').next().unwrap_or_default();
        let tag = name.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'));
        let secrets = service.env.iter().flat_map(|e| e.value.secrets()).map(str::to_string);
        let mut secrets: Vec<String> = secrets.chain(service.secret_files.iter().cloned()).collect();
        secrets.sort();
        secrets.dedup();
        let role = service.role.word();
        Self {
            name: service.name.clone(),
            owner: service.owner.clone(),
            kind: service.kind.clone(),
            version: service.version.clone(),
            role: role.into(),
            title: service.title.clone(),
            image: reference.clone(),
            tag: tag.map(str::to_string),
            pinned: reference.contains('@'),
            built: service.build.is_some(),
            url: service.facts.service.url.clone(),
            container_name: service.container_name.clone(),
            user: service.user.clone(),
            env: service.env.iter().map(|e| variable(service, e)).collect(),
            settings: service
                .settings
                .iter()
                .flat_map(|g| &g.settings)
                .map(|s| setting(service, s))
                .collect(),
            secrets,
            listens: service.listens.clone(),
            publish: service.publish.iter().map(port).collect(),
            networks: service.networks.clone(),
            mounts: service
                .mounts
                .iter()
                .map(|mount| {
                    let (from, source) = match &mount.source {
                        MountSource::Volume(key) => ("volume", key),
                        MountSource::Host(path) => ("host", path),
                        MountSource::Output(name) => ("output", name),
                    };
                    MountView {
                        from: from.into(),
                        source: source.clone(),
                        target: mount.target.clone(),
                        writable: mount.writable,
                    }
                })
                .collect(),
            depends_on: service.depends_on.iter().map(|d| d.service.clone()).collect(),
            healthcheck: service.healthcheck.is_some(),
            restart: word(service.restart),
            stop_grace: service.stop_grace.map(|s| s.0),
            memory: service.memory.map(|b| b.0),
            cpus: service.cpus,
            replicas: service.replicas,
            read_only: service.hardening.read_only,
            new_privileges: service.hardening.new_privileges,
            capabilities: service.hardening.capabilities.clone(),
            pids: service.hardening.pids,
            database: service.database.as_ref().map(|d| d.server.clone()),
            compose: service.overrides.keys().cloned().collect(),
        }
    }
}

fn port(publish: &Publish) -> PortView {
    PortView {
        address: publish.address.clone(),
        host_port: publish.host_port,
        port: publish.port,
        protocol: word(publish.protocol),
        loopback: publish.loopback(),
    }
}

fn route(route: &Route) -> RouteView {
    let (action, service, port) = match &route.action {
        Action::Proxy { service, port } => ("proxy", Some(service.clone()), Some(*port)),
        Action::Files => ("files", None, None),
        Action::Deny => ("deny", None, None),
        Action::Redirect(_) => ("redirect", None, None),
    };
    RouteView {
        path: route.path.clone(),
        exact: route.exact,
        action: action.into(),
        service,
        port,
        websocket: route.websocket,
        rate_limit: route.rate_limit.clone(),
        body_size: route.body_size.map(|b| b.0),
        read_timeout: route.read_timeout.map(|s| s.0),
        allow_from: route.allow_from.clone(),
        raw: route.raw.is_some(),
    }
}

fn site(site: &Site) -> SiteView {
    let answer = match site.answer {
        Answer::Live => "live",
        Answer::Placeholder { .. } => "placeholder",
        Answer::Files { .. } => "files",
    };
    SiteView {
        host: site.host.clone(),
        aliases: site.aliases.clone(),
        service: site.service.clone(),
        https: site.https,
        answer: answer.into(),
        certificate: site.certificate.clone(),
        body_size: site.body_size.0,
        read_timeout: site.read_timeout.0,
        headers: site.headers.iter().map(|(name, _)| name.clone()).collect(),
        raw: site.raw.is_some(),
        routes: site.routes.iter().map(route).collect(),
    }
}

fn volume(volume: &Volume) -> VolumeView {
    VolumeView {
        key: volume.key.clone(),
        name: volume.name.clone(),
        service: volume.service.clone(),
        class: word(volume.class),
        backup: word(volume.backup),
        retention: volume.retention.map(|s| s.0),
    }
}

fn database(database: &Database) -> DatabaseView {
    DatabaseView {
        name: database.name.clone(),
        service: database.service.clone(),
        host: database.host.clone(),
        port: database.port,
        sslmode: word(database.sslmode),
        ca: database.ca.is_some(),
        version: database.version,
        connections: database.connections,
    }
}

fn secret(secret: &Secret) -> SecretView {
    SecretView {
        name: secret.name.clone(),
        description: secret.description.clone(),
        generated: secret.generate.is_some(),
        used_by: secret.used_by.clone(),
    }
}

fn certificate(certificate: &Certificate) -> CertificateView {
    CertificateView {
        name: certificate.name.clone(),
        names: certificate.names.clone(),
        files: certificate.files.is_some(),
    }
}

/// A stack as values, each made once.
pub struct Things<'a> {
    model: &'a Stack,
    stack: Value,
    services: Vec<Value>,
    sites: Vec<Value>,
}

impl<'a> Things<'a> {
    /// Makes the values.
    pub fn new(model: &'a Stack) -> Self {
        let services: Vec<_> = model.services.iter().map(ServiceView::new).collect();
        let sites: Vec<_> = model.sites.iter().map(site).collect();
        let values = |views: &[ServiceView]| views.iter().map(|v| Value::from(Serde(v))).collect();
        let (service_values, site_values) =
            (values(&services), sites.iter().map(|v| Value::from(Serde(v))).collect());
        let host = &model.host;
        let stack = StackView {
            name: model.name.clone(),
            project: model.project.clone(),
            title: model.title.clone(),
            domain: model.domain.clone(),
            timezone: model.timezone.clone(),
            host: HostView {
                provider: host.provider.map(word),
                region: host.region.clone(),
                cpus: host.cpus,
                memory: host.memory.map(|b| b.0),
                compose: host.compose.clone(),
            },
            proxy_in_container: model.proxy.as_ref().map(|p| p.service.is_some()),
            services,
            sites,
            volumes: model.volumes.iter().map(volume).collect(),
            databases: model.databases.iter().map(database).collect(),
            secrets: model.secrets.iter().map(secret).collect(),
            certificates: model.certificates.iter().map(certificate).collect(),
            open_ports: model.firewall.inbound.iter().map(|r| r.port).collect(),
        };
        Self { model, stack: Value::from(Serde(&stack)), services: service_values, sites: site_values }
    }

    /// The service of a name, as a value.
    fn service(&self, name: &str) -> Value {
        let at = self.model.services.iter().position(|s| s.name == name);
        at.and_then(|i| self.services.get(i)).cloned().unwrap_or(Value::from(()))
    }

    /// Each thing of a sort: where it is, and what expressions about it see.
    pub fn each(&self, each: Each) -> Vec<(Place, Value)> {
        let (model, stack) = (self.model, &self.stack);
        match each {
            Each::Stack => vec![(Place::manifest(["name"]), context! { stack })],
            Each::Service => model
                .services
                .iter()
                .zip(&self.services)
                .map(|(s, service)| (s.place.clone(), context! { service, stack }))
                .collect(),
            Each::Site => model
                .sites
                .iter()
                .zip(&self.sites)
                .map(|(s, site)| {
                    (s.place.clone(), context! { site, service => self.service(&s.service), stack })
                })
                .collect(),
            Each::Route => model
                .sites
                .iter()
                .zip(&self.sites)
                .flat_map(|(s, site)| {
                    s.routes.iter().map(move |r| {
                        let place = match &r.origin {
                            Origin::Manifest(place) => place.clone(),
                            Origin::Kind(_) | Origin::Default => s.place.clone(),
                        };
                        let route = Value::from(Serde(&route(r)));
                        (place, context! { route, site, service => self.service(&s.service), stack })
                    })
                })
                .collect(),
            Each::Port => model
                .services
                .iter()
                .zip(&self.services)
                .flat_map(|(s, service)| {
                    s.publish.iter().map(move |p| {
                        let port = Value::from(Serde(&port(p)));
                        (p.place.clone(), context! { port, service, stack })
                    })
                })
                .collect(),
            Each::Volume => model
                .volumes
                .iter()
                .map(|v| (v.place.clone(), context! { volume => Value::from(Serde(&volume(v))), stack }))
                .collect(),
            Each::Database => model
                .databases
                .iter()
                .map(|d| (d.place.clone(), context! { database => Value::from(Serde(&database(d))), stack }))
                .collect(),
            Each::Secret => model
                .secrets
                .iter()
                .map(|s| (s.place.clone(), context! { secret => Value::from(Serde(&secret(s))), stack }))
                .collect(),
            Each::Certificate => model
                .certificates
                .iter()
                .map(|c| {
                    let certificate = Value::from(Serde(&certificate(c)));
                    (c.place.clone(), context! { certificate, stack })
                })
                .collect(),
        }
    }
}

/// The schema of the model.
pub fn schema() -> Json {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<StackView>()
        .to_value()
}

static SCHEMA: LazyLock<Json> = LazyLock::new(schema);

/// Looks a dotted name up that an expression uses.
///
/// # Errors
///
/// The part of it that is not known, and what is in its place.
pub(super) fn find(each: Each, name: &str) -> Result<(), (String, Vec<String>)> {
    let mut parts = name.split('.');
    let first = parts.next().unwrap_or_default();
    if globals().any(|known| known == first) {
        return Ok(());
    }
    let words: Vec<_> = std::iter::once(each.word()).chain(each.beside().iter().copied()).collect();
    if !words.contains(&first) {
        return Err((name.to_string(), words.into_iter().map(str::to_string).collect()));
    }
    let definition = match first {
        "stack" => None,
        "port" => Some("PortView".to_string()),
        word => Some(format!("{}{}View", word[..1].to_uppercase(), &word[1..])),
    };
    let resolve = |name: &str| SCHEMA.pointer(&format!("/$defs/{name}"));
    let mut at: &Json = match &definition {
        None => &SCHEMA,
        Some(name) => match resolve(name) {
            Some(schema) => schema,
            None => return Ok(()),
        },
    };
    let mut rest = name.strip_prefix(first).unwrap_or_default();
    for part in parts {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        // Maps by name, lists and scalars: what they hold is known only when it runs.
        let Some(properties) = at.get("properties").and_then(Json::as_object) else { return Ok(()) };
        let Some(next) = properties.get(part) else {
            return Err((rest.to_string(), properties.keys().cloned().collect()));
        };
        let reference = next.get("$ref").and_then(Json::as_str).and_then(|r| r.rsplit('/').next());
        at = reference.and_then(resolve).unwrap_or(next);
        rest = rest.strip_prefix(part).unwrap_or_default();
    }
    Ok(())
}
