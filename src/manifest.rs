//! What a user writes: serde types one to one with `schemas/stack.schema.json`, which is made from them.
//!
//! Field docs are the descriptions an editor shows. A type renamed `Name|field` may be written short, as just that
//! field's value. Nothing here says what a value means; that is `stack`.

mod backup;
mod databases;
mod dns;
mod monitoring;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

mod security;
pub use security::{Logins, Security, Upgrades, Waf, WafChoice, WafMode};

use crate::scalar::{
    Bytes, Cidr, ContainerName, Date, Email, EnvName, HostName, ImageRef, Line, Name, Port, Rate, Raw,
    Seconds, SecretName, Url, UrlPath, Version, VolumeName,
};

pub use backup::{Backups, Drill, Keep, Store, TimeOfDay};
pub use databases::{Pool, PoolMode, PoolSize};
pub use dns::*;
pub use monitoring::{Alerts, Monitoring};

/// A map that keeps the order it was written in.
pub type Map<K, V> = IndexMap<K, V>;

/// One stack: everything one server runs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Manifest {
    /// Version of the manifest format; always 1.
    pub stackgen: FormatVersion,
    /// Name of the stack.
    pub name: Name,
    /// Compose project; prefixes volume and network names, so changing it loses data. Default: the name.
    pub project: Option<Name>,
    /// What the stack is for.
    pub title: Option<Line>,
    /// The domain the stack lives under.
    pub domain: Option<HostName>,
    /// Time zone of every service, as in the tz database: Asia/Manila.
    pub timezone: Option<Timezone>,
    /// The server.
    #[serde(default)]
    pub host: Host,
    /// The reverse proxy (nginx) in front of the services.
    #[serde(default)]
    pub proxy: Proxy,
    /// How certificates are had.
    #[serde(default)]
    pub certificates: Certificates,
    /// Mail transports, by name.
    #[serde(default)]
    pub mail: Map<Name, Mail>,
    /// Database servers outside the stack, by name.
    #[serde(default)]
    pub databases: Map<Name, Database>,
    /// Services outside the stack, by name.
    #[serde(default)]
    pub external: Map<Name, External>,
    /// Backups: where to, when, how many.
    pub backup: Option<Backups>,
    /// Who may reach the server.
    #[serde(default)]
    pub firewall: Firewall,
    /// Rate limits that routes refer to, by name.
    #[serde(default)]
    pub rate_limits: Map<Name, RateLimit>,
    /// What is known about secrets, by name; never their values.
    #[serde(default)]
    pub secrets: Map<SecretName, Secret>,
    /// The services, by name.
    #[serde(default)]
    pub services: Map<Name, Service>,
    /// Prometheus, alerts and Grafana.
    pub monitoring: Option<Monitoring>,
    /// Volumes that belong to no service (any more), by name.
    #[serde(default)]
    pub volumes: Map<Name, Volume>,
    /// Names in the DNS: writes a zone file and a table.
    pub dns: Option<Dns>,
    /// Writes a script that asks the running stack from outside whether it is as written here.
    pub probe: Option<OutsideProbe>,
    /// Web application firewall, login limits and hardening of the server; nothing of it without this block.
    #[serde(default)]
    pub security: Security,
    /// Findings that are accepted, each with a reason.
    #[serde(default)]
    pub allow: Vec<Allow>,
    /// Free text for people; `stackgen docs` prints it.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Manifest {
    /// The service of that name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|(key, _)| key.as_str() == name).map(|(_, service)| service)
    }
}

/// The only manifest version there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
pub struct FormatVersion(pub u16);

impl TryFrom<u16> for FormatVersion {
    type Error = String;
    fn try_from(number: u16) -> Result<Self, String> {
        if number == 1 {
            Ok(Self(1))
        } else {
            Err(format!("expected manifest version 1, found {number}; this stackgen knows no other"))
        }
    }
}

impl JsonSchema for FormatVersion {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FormatVersion".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "integer", "const": 1 })
    }
}

/// A time zone of the tz database, such as `Asia/Manila`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Timezone(pub String);

impl TryFrom<String> for Timezone {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'+' | b'-');
        if (1..=40).contains(&text.len())
            && text.bytes().all(ok)
            && text.starts_with(|c: char| c.is_ascii_uppercase())
        {
            return Ok(Self(text));
        }
        Err(format!("expected a time zone such as `Asia/Manila`, found {}", crate::scalar::shown(&text)))
    }
}

impl JsonSchema for Timezone {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timezone".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[A-Z][A-Za-z0-9/_+-]{0,39}$" })
    }
}

/// The server a stack runs on.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Host {
    /// Public IPv4 or IPv6 address.
    pub address: Option<Cidr>,
    /// Public IPv6 address, beside an IPv4 `address`.
    pub ipv6: Option<Cidr>,
    /// Who runs the machine; decides which firewall file is written and which mail ports are known to be blocked.
    pub provider: Option<Provider>,
    /// Region of the provider.
    pub region: Option<Name>,
    /// Number of CPUs.
    pub cpus: Option<u16>,
    /// Memory of the machine.
    pub memory: Option<Bytes>,
    /// How to reach it: `root@203.0.113.7`.
    pub ssh: Option<Line>,
    /// Directory the output is deployed to, absolute.
    pub directory: Option<AbsolutePath>,
    /// Version of Docker Compose there: `2.40`.
    pub compose: Option<Line>,
    /// Version of the Docker engine there: `28.5`.
    pub docker: Option<Line>,
}

/// Known providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// DigitalOcean: Cloud Firewall JSON is written; ports 25, 465 and 587 are blocked.
    Digitalocean,
    /// Any other.
    Other,
}

/// The reverse proxy.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Proxy {
    /// Where nginx runs. Default: container.
    #[serde(default)]
    pub runs_in: RunsIn,
    /// Version of nginx; decides the syntax that is written. Default: that of the kind.
    pub version: Option<Version>,
    /// Image, when it is not the kind's own.
    pub image: Option<ImageRef>,
    /// Name of the container.
    pub container_name: Option<ContainerName>,
    /// Memory limit of the container.
    pub memory: Option<Bytes>,
    /// What stands in front of nginx and sets the client address.
    pub edge: Option<Edge>,
    /// Strict-Transport-Security.
    #[serde(default)]
    pub hsts: Hsts,
    /// Default of the largest request body. Default: 16MiB.
    pub body_size: Option<Bytes>,
    /// Response headers of every site, beside the defaults.
    #[serde(default)]
    pub headers: Map<HeaderName, Line>,
    /// Raw nginx directives for the `http` block.
    pub nginx: Option<String>,
    /// Keys merged into the Compose service of the proxy.
    #[serde(default)]
    pub compose: serde_json::Map<String, serde_json::Value>,
}

/// Where the proxy runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunsIn {
    /// As a container of the stack; upstreams are service names.
    #[default]
    Container,
    /// On the host; upstreams are loopback ports, certbot runs on the host too.
    Host,
}

/// A proxy in front of ours.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename = "Edge|name")]
#[schemars(rename = "Edge", transform = |s: &mut Schema| short(s, "name"))]
pub struct Edge {
    /// `cloudflare`, or any name when `addresses` are given.
    pub name: Name,
    /// Addresses the edge connects from; known for cloudflare.
    #[serde(default)]
    pub addresses: Vec<Cidr>,
    /// Header that carries the client address. Default: CF-Connecting-IP for cloudflare, else X-Forwarded-For.
    pub header: Option<HeaderName>,
    /// Open ports 80 and 443 to the edge only.
    #[serde(default)]
    pub only: bool,
}

/// Strict-Transport-Security.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Hsts {
    /// How long. Default: 730d; `max_age` of less than 180d costs the A+ grade.
    pub max_age: Option<Seconds>,
    /// Also for every sub-domain.
    #[serde(default)]
    pub include_subdomains: bool,
    /// Ask for preloading.
    #[serde(default)]
    pub preload: bool,
}

/// The name of an HTTP header.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct HeaderName(pub String);

impl TryFrom<String> for HeaderName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if (1..=80).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Ok(Self(text));
        }
        Err(format!("expected the name of a header, found {}", crate::scalar::shown(&text)))
    }
}

impl JsonSchema for HeaderName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HeaderName".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9-]{1,80}$" })
    }
}

/// How certificates are had. By default one certificate covers the names of all active services.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Certificates {
    /// Address of the ACME account; Let's Encrypt sends no expiry mail any more.
    pub email: Option<Email>,
    /// Who issues them. Default: letsencrypt.
    #[serde(default)]
    pub issuer: Issuer,
    /// Kind of key. Default: ecdsa.
    #[serde(default)]
    pub key: KeyType,
    /// Version of certbot. Default: that of the kind.
    pub version: Option<Version>,
    /// Image of certbot, when it is not the kind's own.
    pub image: Option<ImageRef>,
    /// Name that the default certificate has on disk. Default: its first name.
    pub name: Option<HostName>,
    /// Certificates grouped by hand, by their name on disk; names not listed stay on the default one.
    #[serde(default)]
    pub groups: Map<HostName, CertificateGroup>,
}

/// One certificate made by hand.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename = "CertificateGroup|names")]
#[schemars(rename = "CertificateGroup", transform = |s: &mut Schema| short(s, "names"))]
pub struct CertificateGroup {
    /// Host names it covers.
    pub names: Vec<HostName>,
    /// Own certificate file (full chain, PEM), absolute on the server; not renewed by certbot.
    pub certificate: Option<AbsolutePath>,
    /// Key of the own certificate.
    pub key: Option<AbsolutePath>,
}

/// Who issues certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Issuer {
    /// Let's Encrypt.
    #[default]
    Letsencrypt,
    /// Let's Encrypt's staging service: untrusted certificates, generous limits.
    LetsencryptStaging,
}

/// Kind of certificate key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// ECDSA P-256.
    #[default]
    Ecdsa,
    /// RSA 2048.
    Rsa,
}

/// A mail transport.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Mail {
    /// SMTP host.
    pub host: HostName,
    /// SMTP port. Default: 587.
    pub port: Option<Port>,
    /// SMTP user.
    pub user: Option<Line>,
    /// Secret with the password.
    pub password: Option<SecretRef>,
    /// How the connection is encrypted. Default: starttls.
    #[serde(default)]
    pub encryption: Encryption,
    /// Sender address.
    pub from: Option<Email>,
}

/// How an SMTP connection is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// Plain connection upgraded by STARTTLS.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// None.
    None,
}

/// A reference to a secret: `{ secret: DB_PASSWORD }`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct SecretRef {
    /// Name of the secret.
    pub secret: SecretName,
}

/// A database server outside the stack.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Database {
    /// Engine. Default: postgres.
    #[serde(default)]
    pub engine: Engine,
    /// Major version: 16.
    pub version: Option<u16>,
    /// Who runs it; `digitalocean` knows the port of the pooler and the number of connections of a plan.
    pub provider: Option<Provider>,
    /// Host name.
    pub host: HostName,
    /// Port. Default: 5432.
    pub port: Option<Port>,
    /// TLS mode of every client. Default: verify-full with `ca`, else require.
    pub sslmode: Option<SslMode>,
    /// CA certificate of the server (PEM), below the deploy directory or absolute.
    pub ca: Option<HostPath>,
    /// Role that administers the cluster; no service logs in as it.
    pub admin: Option<Line>,
    /// Secret with the administrator's password.
    pub password: Option<SecretRef>,
    /// Connections the server allows to all services together.
    pub connections: Option<u32>,
    /// Memory of the cluster; gives `connections` for DigitalOcean (25 per GiB less 3).
    pub memory: Option<Bytes>,
    /// Region.
    pub region: Option<Name>,
    /// Id of the cluster at the provider, for the scripts that configure it. Default: looked up by the host name.
    pub cluster_id: Option<Name>,
}

/// Database engines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL.
    #[default]
    Postgres,
}

/// libpq's TLS modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted if the server insists.
    Allow,
    /// Encrypted if the server can.
    Prefer,
    /// Always encrypted, server not verified.
    Require,
    /// Encrypted, issuer verified.
    VerifyCa,
    /// Encrypted, issuer and host name verified.
    VerifyFull,
}

/// A service somebody else runs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct External {
    /// Its URL.
    pub url: Url,
    /// Project or account there.
    pub project: Option<Line>,
    /// Region.
    pub region: Option<Line>,
    /// What it is used for.
    #[serde(default)]
    pub used_for: Vec<Line>,
}

/// Who may reach the server. Ports 80 and 443 follow from the sites.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Firewall {
    /// SSH, kept open always.
    #[serde(default)]
    pub ssh: Ssh,
    /// Further inbound ports.
    #[serde(default)]
    pub allow: Vec<FirewallRule>,
    /// Where the server may connect to. Default: everywhere.
    pub outbound: Option<Vec<Outbound>>,
    /// DigitalOcean droplet ids the firewall applies to.
    #[serde(default)]
    pub droplet_ids: Vec<u32>,
    /// DigitalOcean tags the firewall applies to.
    #[serde(default)]
    pub tags: Vec<Name>,
}

/// SSH access.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Ssh {
    /// Port. Default: 22.
    pub port: Option<Port>,
    /// Addresses it may come from. Default: anywhere.
    #[serde(default)]
    pub from: Vec<Cidr>,
}

/// One inbound rule.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct FirewallRule {
    /// Port.
    pub port: Port,
    /// Protocol. Default: tcp.
    #[serde(default)]
    pub protocol: Protocol,
    /// Addresses it may come from. Default: anywhere.
    #[serde(default)]
    pub from: Vec<Cidr>,
    /// Why it is open.
    pub reason: Line,
}

/// One outbound rule.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Outbound {
    /// Port; all when left out.
    pub port: Option<Port>,
    /// Protocol. Default: tcp.
    #[serde(default)]
    pub protocol: Protocol,
    /// Addresses. Default: everywhere.
    #[serde(default)]
    pub to: Vec<Cidr>,
}

/// Transport protocols.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// A rate limit by client address.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct RateLimit {
    /// Requests per second or minute: 10r/s.
    pub rate: Rate,
    /// Requests above the rate that still pass at once. Default: none.
    pub burst: Option<u16>,
    /// Memory for client addresses; 1MiB holds about 16,000. Default: 10MiB.
    pub memory: Option<Bytes>,
}

/// What is known about a secret.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Secret {
    /// What it is for.
    pub description: Option<Line>,
    /// A command that makes a new one: `openssl rand -hex 32`.
    pub generate: Option<Line>,
    /// Where it comes from, when it cannot be made up.
    pub source: Option<Line>,
}

/// One service.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Service {
    /// Kind of service: odoo, n8n, superset, mattermost, affine, redis, postgres, static, or container for anything else. Default: container.
    pub kind: Option<Name>,
    /// What it is.
    pub title: Option<Line>,
    /// Stage of its life. Default: active.
    #[serde(default)]
    pub status: Status,
    /// The day it was removed; for `status: removed`.
    pub removed: Option<Date>,
    /// Why it is planned or was removed.
    pub reason: Option<Line>,
    /// Version of the product; the tag of the kind's image. Default: that of the kind.
    pub version: Option<Version>,
    /// Image, when it is not the kind's own.
    pub image: Option<ImageRef>,
    /// Directory or recipe the image is built from.
    pub build: Option<Build>,
    /// Fixed container name; only where something outside needs it, since it blocks scaling.
    pub container_name: Option<ContainerName>,
    /// Port the service listens on. Default: that of the kind.
    pub listen: Option<Port>,
    /// Further ports it listens on.
    #[serde(default)]
    pub further_ports: Vec<Port>,
    /// Public URL.
    pub url: Option<Url>,
    /// Further host names that redirect to the URL.
    #[serde(default)]
    pub aliases: Vec<HostName>,
    /// Whether requests reach the service. Default: live.
    #[serde(default)]
    pub serve: Serve,
    /// Routes beside and over those of the kind; the same path replaces field by field.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Directory with the files of a static site, below the deploy directory or absolute on the server.
    pub root: Option<HostPath>,
    /// Largest request body. Default: that of the kind.
    pub body_size: Option<Bytes>,
    /// How long the proxy waits for an answer. Default: that of the kind.
    pub read_timeout: Option<Seconds>,
    /// Response headers of the site.
    #[serde(default)]
    pub headers: Map<HeaderName, Line>,
    /// Database it uses.
    pub database: Option<DatabaseUse>,
    /// Service of kind redis it uses.
    pub redis: Option<Name>,
    /// Mail transport it uses.
    pub mail: Option<Name>,
    /// Choices the kind offers; see `stackgen explain KIND`.
    #[serde(default)]
    pub options: Map<String, serde_json::Value>,
    /// Keys of the product's own configuration file, such as odoo.conf.
    #[serde(default)]
    pub settings: Map<String, Raw>,
    /// Environment variables.
    #[serde(default)]
    pub env: Map<EnvName, Env>,
    /// Volumes, by name.
    #[serde(default)]
    pub volumes: Map<Name, Volume>,
    /// Directories and files of the server that the container sees.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// Command, as a list of words or one shell line.
    pub command: Option<Command>,
    /// Entrypoint, as a list of words.
    pub entrypoint: Option<Command>,
    /// User the container runs as: name, id, or id:group.
    pub user: Option<UserName>,
    /// Working directory in the container.
    pub working_dir: Option<Line>,
    /// How the service shows that it is well.
    pub healthcheck: Option<Healthcheck>,
    /// Services that must be up first.
    #[serde(default)]
    pub depends_on: Vec<Name>,
    /// Ports published on the server's loopback address, or beyond it where `address` says so.
    #[serde(default)]
    pub publish: Vec<Publish>,
    /// Reachable from inside only; says that a service with a port has no URL on purpose.
    #[serde(default)]
    pub internal: bool,
    /// Memory limit. Default: that of the kind.
    pub memory: Option<Bytes>,
    /// CPU limit.
    pub cpus: Option<Cpus>,
    /// How long it may take to stop. Default: that of the kind.
    pub stop_grace: Option<Seconds>,
    /// When it is started again. Default: unless-stopped.
    pub restart: Option<Restart>,
    /// What the web application firewall does with requests to this service. Default: as `security.waf` says.
    pub waf: Option<WafChoice>,
    /// Hardening beside that of the kind.
    pub hardening: Option<Hardening>,
    /// Raw nginx directives for the server block of its site.
    pub nginx: Option<String>,
    /// Keys merged into the Compose service.
    #[serde(default)]
    pub compose: serde_json::Map<String, serde_json::Value>,
    /// Free text for people; `stackgen docs` prints it.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// Stage of a service's life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It runs.
    #[default]
    Active,
    /// Its name is reserved: the proxy answers 503, nothing runs yet.
    Planned,
    /// It is gone; the entry stays as a tombstone so that nobody wonders, and its data is not forgotten.
    Removed,
}

/// Whether requests reach a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Serve {
    /// They do.
    #[default]
    Live,
    /// It runs, but the proxy answers 503.
    Placeholder,
}

/// How an image is built.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename = "Build|context")]
#[schemars(rename = "Build", transform = |s: &mut Schema| short(s, "context"))]
pub struct Build {
    /// Directory with the sources, relative to the deploy directory.
    pub context: Line,
    /// Dockerfile in it. Default: Dockerfile.
    pub dockerfile: Option<Line>,
    /// Stage to build.
    pub target: Option<Line>,
    /// Build arguments.
    #[serde(default)]
    pub args: Map<EnvName, Raw>,
}

/// A database a service uses.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename = "DatabaseUse|server")]
#[schemars(rename = "DatabaseUse", transform = |s: &mut Schema| short(s, "server"))]
pub struct DatabaseUse {
    /// Entry of `databases`, or a service of kind postgres.
    pub server: Name,
    /// Database. Default: the service's name.
    pub name: Option<DatabaseName>,
    /// Role that owns it. Default: the database's name.
    pub user: Option<DatabaseName>,
    /// Secret with the role's password. Default: NAME_DB_PASSWORD.
    pub password: Option<SecretRef>,
    /// How often it is saved. Default: daily, or with the service's volumes where those are saved more often.
    pub backup: Option<Backup>,
    /// Connect by a pool of the provider: `transaction`, or `{ mode: session, size: 10 }`. Default: to the server.
    pub pool: Option<Pool>,
}

/// The name of a database or role.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DatabaseName(pub String);

impl TryFrom<String> for DatabaseName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        if (1..=63).contains(&text.len())
            && text.bytes().all(ok)
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
        {
            return Ok(Self(text));
        }
        Err(format!("expected the name of a database or role, found {}", crate::scalar::shown(&text)))
    }
}

impl JsonSchema for DatabaseName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DatabaseName".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]{0,62}$" })
    }
}

/// The value of an environment variable.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename = "Env|value")]
#[schemars(rename = "Env", transform = |s: &mut Schema| short(s, "value"))]
pub struct Env {
    /// The value; `{{ services.n8n.url }}` and the like are filled in.
    pub value: Option<Raw>,
    /// Name of the secret that holds it.
    pub secret: Option<SecretName>,
}

/// A volume.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Volume {
    /// Name after the project's prefix. Default: SERVICE-NAME.
    pub name: Option<VolumeName>,
    /// Exact Docker name, without the project's prefix; for volumes that exist already.
    pub exact_name: Option<VolumeName>,
    /// Where the container sees it. Default: as the kind says.
    pub mount: Option<AbsolutePath>,
    /// What its loss would mean. Default: as the kind says, else important.
    pub class: Option<Class>,
    /// How often it is saved.
    pub backup: Option<Backup>,
    /// How long backups are kept.
    pub retention: Option<Seconds>,
    /// The day it may be deleted, for class deprecated.
    pub keep_until: Option<Date>,
    /// Why it is deprecated.
    pub reason: Option<Line>,
    /// What is in it.
    pub description: Option<Line>,
}

/// What the loss of a volume would mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Data that exists nowhere else and that people work with.
    Critical,
    /// Data that would be missed.
    Important,
    /// Can be made again.
    Cache,
    /// No longer used; kept for a while.
    Deprecated,
}

/// How often a volume is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Backup {
    /// Every hour.
    Hourly,
    /// Every day.
    Daily,
    /// Every week.
    Weekly,
    /// Never.
    None,
}

/// An absolute path in a container.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AbsolutePath(pub String);

impl TryFrom<String> for AbsolutePath {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let ok = |b: u8| b.is_ascii_alphanumeric() || b"/._@+-".contains(&b);
        if text.starts_with('/') && text.bytes().all(ok) && !text.split('/').any(|p| p == "..") {
            return Ok(Self(text));
        }
        Err(format!(
            "expected an absolute path such as `/var/lib/odoo`, found {}",
            crate::scalar::shown(&text)
        ))
    }
}

impl JsonSchema for AbsolutePath {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AbsolutePath".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": "string", "pattern": "^/[A-Za-z0-9/._@+-]*$",
            "not": { "pattern": "(^|/)\\.\\.(/|$)" }
        })
    }
}

/// A directory or file of the server that a container sees.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Mount {
    /// Path on the server, absolute or relative to the deploy directory.
    pub source: HostPath,
    /// Path in the container.
    pub target: AbsolutePath,
    /// Whether the container may write. Default: it may not.
    #[serde(default)]
    pub writable: bool,
}

/// A path on the server: absolute, or relative to the deploy directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HostPath(pub String);

impl TryFrom<String> for HostPath {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let ok = |c: char| {
            !c.is_control() && !matches!(c, ':' | '$' | '\\' | '"' | '\'' | '`' | '\u{2028}' | '\u{2029}')
        };
        let climbs = text.starts_with('/') && text.split('/').any(|p| p == "..");
        if !text.is_empty()
            && text.chars().all(ok)
            && text.trim() == text
            && !text.starts_with('~')
            && !climbs
        {
            return Ok(Self(text));
        }
        Err(format!(
            "expected a path without `:`, `$`, `~` and quotes, nor `..` after a `/` at its start, found {}",
            crate::scalar::shown(&text)
        ))
    }
}

impl JsonSchema for HostPath {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HostPath".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "absolute, or relative to the deploy directory",
            "not": { "pattern": "^/(.*/)?\\.\\.(/|$)" },
            "pattern": r#"^(?!~)(?!\s)[^\u0000-\u001f\u007f-\u009f\u2028\u2029:$\\"'`]+(?<!\s)$"#
        })
    }
}

/// A command: `[node, server.js]`, or one line for a shell.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename = "Command|words")]
#[schemars(rename = "Command", transform = |s: &mut Schema| short(s, "words"))]
pub struct Command {
    /// The program and its arguments, one item each.
    pub words: Option<Vec<Raw>>,
    /// One line for `sh -c`.
    pub shell: Option<Line>,
}

/// User and group of a container.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct UserName(pub String);

impl TryFrom<String> for UserName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        if text.split(':').count() <= 2 && text.split(':').all(|p| !p.is_empty() && p.bytes().all(ok)) {
            return Ok(Self(text));
        }
        Err(format!(
            "expected a user such as \"node\" or \"1000:1000\", found {}",
            crate::scalar::shown(&text)
        ))
    }
}

impl JsonSchema for UserName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "UserName".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)?$" })
    }
}

/// How a container shows that it is well; either an HTTP path or a command.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename = "Healthcheck|http")]
#[schemars(rename = "Healthcheck", transform = |s: &mut Schema| short(s, "http"))]
pub struct Healthcheck {
    /// Path that answers 200 on the service's own port.
    pub http: Option<UrlPath>,
    /// Port of the path. Default: `listen`.
    pub port: Option<Port>,
    /// Program in the image that asks the path. Default: that of the kind.
    pub tool: Option<ProbeTool>,
    /// Command that exits 0 when all is well.
    pub command: Option<Vec<Raw>>,
    /// Time between probes. Default: 30s.
    pub interval: Option<Seconds>,
    /// Time a probe may take. Default: 5s.
    pub timeout: Option<Seconds>,
    /// Failures in a row until it counts as unhealthy. Default: 5.
    pub retries: Option<u16>,
    /// Time at the start during which failures do not count. Default: 30s.
    pub start_period: Option<Seconds>,
}

/// A program that can ask an HTTP path from inside an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProbeTool {
    /// curl.
    Curl,
    /// wget of busybox or GNU.
    Wget,
    /// Node.js 18 or newer.
    Node,
    /// Python 3.
    Python,
}

/// A port published on the server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename = "Publish|port")]
#[schemars(rename = "Publish", transform = |s: &mut Schema| short(s, "port"))]
pub struct Publish {
    /// Port in the container.
    pub port: Port,
    /// Port on the server. Default: the same.
    pub host_port: Option<Port>,
    /// Address on the server. Default: 127.0.0.1.
    pub address: Option<Cidr>,
    /// Protocol. Default: tcp.
    #[serde(default)]
    pub protocol: Protocol,
}

/// A CPU limit: 0.5, 2.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Cpus(pub f64);

impl TryFrom<f64> for Cpus {
    type Error = String;
    fn try_from(number: f64) -> Result<Self, String> {
        if (0.01..=1024.0).contains(&number) {
            Ok(Self(number))
        } else {
            Err(format!("expected a number of CPUs from 0.01 to 1024, found {number}"))
        }
    }
}

impl JsonSchema for Cpus {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cpus".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "number", "minimum": 0.01, "maximum": 1024 })
    }
}

/// When a container is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Always but after a stop by hand.
    UnlessStopped,
    /// Always.
    Always,
    /// When it failed.
    OnFailure,
    /// Never.
    Never,
}

/// Hardening of a container.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Hardening {
    /// The container's own file system is read-only.
    pub read_only: Option<bool>,
    /// Linux capabilities to keep; all others are dropped.
    pub capabilities: Option<Vec<Capability>>,
    /// Processes may gain privileges (setuid). Default: they may not.
    pub new_privileges: Option<bool>,
    /// Paths that are writable in memory.
    pub tmpfs: Option<Vec<AbsolutePath>>,
    /// Largest number of processes.
    pub pids: Option<u32>,
}

/// A Linux capability without its `CAP_`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Capability(pub String);

impl TryFrom<String> for Capability {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if (1..=40).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
            && !text.starts_with("CAP_")
        {
            return Ok(Self(text));
        }
        Err(format!(
            "expected a capability such as `NET_BIND_SERVICE`, found {}",
            crate::scalar::shown(&text)
        ))
    }
}

impl JsonSchema for Capability {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Capability".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^(?!CAP_)[A-Z_]{1,40}$" })
    }
}

/// A route of a site.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Route {
    /// Path; everything below it too, unless `exact`.
    pub path: UrlPath,
    /// Only this very path.
    pub exact: Option<bool>,
    /// Port of the service. Default: `listen`.
    pub port: Option<Port>,
    /// Carries websockets.
    pub websocket: Option<bool>,
    /// Entry of `rate_limits`.
    pub rate_limit: Option<Name>,
    /// Largest request body.
    pub body_size: Option<Bytes>,
    /// How long the proxy waits for an answer.
    pub read_timeout: Option<Seconds>,
    /// Whether answers are buffered; false for streams.
    pub buffering: Option<bool>,
    /// How long browsers may keep the answers.
    pub expires: Option<Seconds>,
    /// Answer with 403.
    pub deny: Option<bool>,
    /// Addresses that may ask; all others get 403.
    pub allow_from: Option<Vec<Cidr>>,
    /// Send the client elsewhere instead.
    pub redirect: Option<RedirectTarget>,
    /// Response headers beside those of the site.
    #[serde(default)]
    pub headers: Map<HeaderName, Line>,
    /// Raw nginx directives for the location.
    pub nginx: Option<String>,
}

/// Where a redirect leads: a URL, or a path of the same site.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RedirectTarget(pub String);

impl TryFrom<String> for RedirectTarget {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if UrlPath::try_from(text.clone()).is_ok() || Url::try_from(text.clone()).is_ok() {
            return Ok(Self(text));
        }
        Err(format!("expected a URL or a path of this site, found {}", crate::scalar::shown(&text)))
    }
}

impl JsonSchema for RedirectTarget {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RedirectTarget".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> Schema {
        let (path, url) = (generator.subschema_for::<UrlPath>(), generator.subschema_for::<Url>());
        schemars::json_schema!({ "anyOf": [path, url] })
    }
}

/// A finding that is accepted.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Allow {
    /// Name or id of the rule.
    pub rule: Line,
    /// Path it is accepted at and below: `services.odoo`. Default: everywhere.
    pub at: Option<Line>,
    /// Why.
    pub reason: Line,
    /// The day until which it is accepted.
    pub until: Option<Date>,
}

/// Lets a schema of an object also be written as the value of one of its fields.
pub(crate) fn short(schema: &mut Schema, field: &str) {
    let Some(mut value) = schema.get("properties").and_then(|p| p.get(field)).cloned() else { return };
    if let Some(object) = value.as_object_mut() {
        object.remove("description");
    }
    let mut full = std::mem::take(schema);
    let description = full.remove("description");
    let mut whole = schemars::json_schema!({ "anyOf": [value, full] });
    if let Some(description) = description {
        whole.insert("description".into(), description);
    }
    *schema = whole;
}
