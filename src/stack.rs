//! What a manifest means: the one model every rule and every target sees.
//!
//! Nothing here names a file format. Everything that came from the manifest carries the [`Place`] it came from, so a
//! finding or a diff can point there. A secret is a name; no variant holds a value.

mod backup;
mod databases;
mod dns;
mod monitoring;
mod security;

use std::fmt;
use std::sync::Arc;

use ipnet::Ipv6Net;

use crate::finding::{Place, Step};
use crate::format::nginx::Directive;
use crate::manifest::{
    Backup, Class, Encryption, Issuer, KeyType, ProbeTool, Protocol, Provider, Restart, RunsIn, SslMode,
    Status,
};
use crate::scalar::{Bytes, Seconds};
use crate::table::Table;

pub use backup::{Backups, Item, Kept, SavedDatabase, Store};
pub use databases::{Login, Pool};
pub use dns::*;
pub use monitoring::{Alerts, Expectation, Monitoring, PublicProbe, Target};
pub use security::{Ban, Exclusion, Guard, LoginLimit, LoginPath, Security, SiteWaf, Upgrades, Waf};

/// Everything one server runs.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Name of the stack.
    pub name: String,
    /// What the stack is for.
    pub title: Option<String>,
    /// Prefix of everything that holds data.
    pub project: String,
    /// The domain the stack lives under.
    pub domain: Option<String>,
    /// Time zone of every service.
    pub timezone: Option<String>,
    /// The server.
    pub host: Host,
    /// Everything that runs as a container, in the order of the manifest; the proxy and its helpers last.
    pub services: Vec<Service>,
    /// The reverse proxy, when anything has a public name.
    pub proxy: Option<Proxy>,
    /// Public names and what answers them.
    pub sites: Vec<Site>,
    /// Rate limits that routes refer to.
    pub rate_limits: Vec<RateLimit>,
    /// Database servers, outside and inside the stack.
    pub databases: Vec<Database>,
    /// Named volumes, in use or kept.
    pub volumes: Vec<Volume>,
    /// Networks; services on none of the same cannot reach one another.
    pub networks: Vec<Network>,
    /// Certificates to be had.
    pub certificates: Vec<Certificate>,
    /// How they are had.
    pub acme: Acme,
    /// Secrets, by name.
    pub secrets: Vec<Secret>,
    /// Who may reach the server and whom it may reach.
    pub firewall: Firewall,
    /// Backups, when there are any.
    pub backup: Option<Backups>,
    /// Web application firewall, login limits and hardening of the server.
    pub security: Security,
    /// Mail transports.
    pub mail: Vec<Mail>,
    /// What is watched, when anything is.
    pub monitoring: Option<Monitoring>,
    /// Services somebody else runs.
    pub external: Vec<External>,
    /// Services that do not run yet, and what they will take.
    pub planned: Vec<Planned>,
    /// What was there once: names that must not be reused by accident.
    pub tombstones: Vec<Tombstone>,
    /// Names in the DNS, when their files are asked for.
    pub dns: Option<Dns>,
    /// What is asked from outside, when its script is asked for.
    pub probe: Option<OutsideProbe>,
    /// Accepted findings.
    pub allowed: Vec<Allowed>,
    /// The services as the manifest lists them, whether anything of them runs or not: for people.
    pub entries: Vec<Entry>,
    /// What the manifest notes about the whole stack: for people.
    pub notes: Vec<String>,
    /// What files say that stackgen did not write; nothing where a manifest decides it all.
    pub foreign: Option<Foreign>,
}

impl Stack {
    /// Whether this much of the stack could be seen; of a manifest all can.
    pub fn sees(&self, aspect: Aspect) -> bool {
        self.foreign.as_ref().is_none_or(|f| f.seen.contains(&aspect))
    }

    /// The service of that name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|s| s.name == name)
    }

    /// The database server of that name.
    pub fn database(&self, name: &str) -> Option<&Database> {
        self.databases.iter().find(|d| d.name == name)
    }
}

/// A part of what a rule may have to see before it can judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Aspect {
    /// What is meant: which services are internal, planned or gone, which volumes are saved. Only a manifest says it.
    Intent,
    /// The containers.
    Containers,
    /// The configuration of the proxy.
    Proxy,
    /// Configuration files of the products.
    Settings,
    /// Who may reach the server and whom it may reach.
    Firewall,
    /// Which certificates are ordered.
    Certificates,
    /// The server.
    Host,
}

/// What files say that stackgen did not write.
#[derive(Debug, Clone, Default)]
pub struct Foreign {
    /// What could be seen.
    pub seen: Vec<Aspect>,
    /// The proxy's directives below its outermost block, with what they include in its place.
    pub directives: Vec<Directive>,
    /// Places where a file asks for the value of a variable.
    pub variables: Vec<Variable>,
    /// Names that files of variables set; `None` where there is no such file.
    pub provided: Option<Vec<String>>,
    /// Volumes and networks that somebody else must have made.
    pub outside: Vec<Outside>,
    /// Files that a container is to see and that are not there.
    pub missing: Vec<Missing>,
    /// Files with secrets in them that are under version control.
    pub tracked: Vec<(String, Place)>,
    /// Empty lists that were meant to take away what a file below them says: the key, and where.
    pub not_reset: Vec<(String, Place)>,
    /// Whether a script beside the files makes certificates, or asks for them again.
    pub scripts: Scripts,
}

/// What scripts beside the files do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scripts {
    /// One makes a certificate for the first start.
    pub first_certificate: bool,
    /// One renews certificates.
    pub renews: bool,
    /// One makes the proxy read its files again.
    pub reloads: bool,
}

/// A place where a file asks for the value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What it is put into: the name of an environment variable, or of a key.
    pub into: String,
    /// What happens when it is not set.
    pub unset: Unset,
    /// Where.
    pub place: Place,
}

/// What happens when a variable is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unset {
    /// Nothing takes its place, with a warning at most.
    Empty,
    /// Nothing takes its place, and the file says so.
    Optional,
    /// A text of the file takes its place.
    Fallback,
    /// Nothing is started.
    Refused,
}

/// A volume or network that somebody else must have made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// `volume` or `network`.
    pub what: &'static str,
    /// Full name.
    pub name: String,
    /// Whether a script beside the files makes it.
    pub made: bool,
    /// Where.
    pub place: Place,
}

/// A file that a container is to see and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The path, as written.
    pub path: String,
    /// The service.
    pub service: String,
    /// Where.
    pub place: Place,
}

/// What files say about a container that a manifest decides by itself.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Keys whose value is known only where it runs.
    pub unknown: Vec<&'static str>,
    /// What becomes of its output.
    pub log: Log,
    /// Files of variables that it is given.
    pub env_files: Vec<EnvFile>,
    /// Directories in which the product keeps what must survive the container.
    pub state: Vec<String>,
    /// Names it has on its networks besides its own.
    pub aliases: Vec<String>,
    /// Program and arguments as one text.
    pub words: String,
    /// Programs that probes often call and that its image does not have.
    pub lacks: Vec<String>,
    /// Where it looks for its database, as far as its settings say.
    pub database_host: Option<String>,
    /// Whether it is written that it is never started again.
    pub restarts_never: bool,
    /// Whether the product is known by its image, so that what the image brings is known too.
    pub known: bool,
}

/// What becomes of a container's output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Log {
    /// Not known.
    #[default]
    Unknown,
    /// Kept up to a size, or handed on.
    Bounded,
    /// Kept for ever, as far as these files say.
    Endless,
}

/// A file of variables that a container is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile {
    /// Path, as written.
    pub path: String,
    /// Secrets that it is known to hold.
    pub secrets: Vec<String>,
    /// Where.
    pub place: Place,
}

/// The server.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// Public address.
    pub address: Option<String>,
    /// Public IPv6 address beside it.
    pub ipv6: Option<String>,
    /// Who runs the machine.
    pub provider: Option<Provider>,
    /// Region of the provider.
    pub region: Option<String>,
    /// Number of CPUs.
    pub cpus: Option<u16>,
    /// Memory in bytes.
    pub memory: Option<Bytes>,
    /// How to log in.
    pub ssh: Option<String>,
    /// Deploy directory there.
    pub directory: Option<String>,
    /// Version of Docker Compose there.
    pub compose: Option<String>,
    /// Version of the Docker engine there.
    pub docker: Option<String>,
}

/// What a container is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Serves people or programs.
    App,
    /// Works beside an app.
    Worker,
    /// Runs once and ends.
    Job,
    /// Runs when somebody or a timer asks for it, and ends; `up` leaves it alone.
    Tool,
    /// Keeps data for others.
    Store,
    /// Takes requests from outside.
    Proxy,
    /// Gets certificates.
    Acme,
    /// Watches the others.
    Monitor,
}

impl Role {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Worker => "worker",
            Self::Job => "job",
            Self::Tool => "tool",
            Self::Store => "store",
            Self::Proxy => "proxy",
            Self::Acme => "acme",
            Self::Monitor => "monitor",
        }
    }

    /// Whether it runs all the time: it has a container, is watched and takes its share of the server.
    pub fn stays(self) -> bool {
        !matches!(self, Self::Job | Self::Tool)
    }
}

/// One container (or several alike).
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name; also its address on the networks.
    pub name: String,
    /// The service of the manifest it belongs to: itself, or what it works for.
    pub owner: String,
    /// Kind it was made from.
    pub kind: String,
    /// Version of the product.
    pub version: String,
    /// What it is there for.
    pub role: Role,
    /// Where it is declared.
    pub place: Place,
    /// What it is, one line.
    pub title: String,
    /// Image it runs.
    pub image: Image,
    /// How the image is built, if it is.
    pub build: Option<Build>,
    /// Fixed container name.
    pub container_name: Option<String>,
    /// Program that starts; the image's own when empty.
    pub entrypoint: Vec<String>,
    /// Arguments; the image's own when empty.
    pub command: Vec<String>,
    /// User and group.
    pub user: Option<String>,
    /// Working directory.
    pub working_dir: Option<String>,
    /// Environment.
    pub env: Vec<Env>,
    /// Secrets handed over as files below `/run/secrets`.
    pub secret_files: Vec<String>,
    /// What it sees of volumes and the server's files.
    pub mounts: Vec<Mount>,
    /// Ports it listens on inside.
    pub listens: Vec<u16>,
    /// Ports published on the server.
    pub publish: Vec<Publish>,
    /// Networks it is on.
    pub networks: Vec<String>,
    /// Whether it may have no public name although it listens.
    pub internal: bool,
    /// How it shows that it is well.
    pub healthcheck: Option<Healthcheck>,
    /// Why it has no health check, where the kind says so.
    pub no_healthcheck: Option<String>,
    /// What must be up first.
    pub depends_on: Vec<Dependency>,
    /// When it is started again.
    pub restart: Restart,
    /// How long it may take to stop.
    pub stop_grace: Option<Seconds>,
    /// Memory limit.
    pub memory: Option<Bytes>,
    /// CPU limit.
    pub cpus: Option<f64>,
    /// Shared memory, when the default is too little.
    pub shm: Option<Bytes>,
    /// How many of it run.
    pub replicas: u32,
    /// Whether a small init process reaps children and forwards signals.
    pub init: bool,
    /// Hardening.
    pub hardening: Hardening,
    /// Databases it uses.
    pub database: Option<DatabaseUse>,
    /// Files written for it.
    pub files: Vec<File>,
    /// Keys of the product's own configuration file, in order, grouped.
    pub settings: Vec<SettingGroup>,
    /// What expressions and templates may know about it.
    pub facts: Arc<Facts>,
    /// Environment variables that the image is known to read.
    pub variables: Option<Arc<Table>>,
    /// Keys that its configuration file is known to have.
    pub known_settings: Option<Arc<Table>>,
    /// What its product is asked or told by hand.
    pub tasks: Vec<Task>,
    /// Keys merged over what is written for the service, as given.
    pub overrides: serde_json::Map<String, serde_json::Value>,
    /// What files say that stackgen did not write.
    pub found: Option<Found>,
}

impl Service {
    /// Where a key is written that is handed on as it is.
    pub fn key_place(&self, key: &str) -> Place {
        if self.found.is_some() { self.place.join(key) } else { self.place.join("compose").join(key) }
    }

    /// Whether the value of a key is known before it runs.
    pub fn knows(&self, key: &str) -> bool {
        self.found.as_ref().is_none_or(|f| !f.unknown.contains(&key))
    }
}

impl Service {
    /// Whether a new container may run beside the one it replaces for a moment; if not, why.
    ///
    /// # Errors
    ///
    /// The reason, as a phrase.
    pub fn start_first(&self) -> Result<(), &'static str> {
        let writes = |m: &Mount| m.writable && !matches!(m.source, MountSource::Output(_));
        match self.role {
            Role::Job | Role::Tool => return Err("it runs once and ends"),
            Role::Store => return Err("only one may have its data"),
            Role::Proxy => return Err("only one may have the ports of the server"),
            Role::Acme => return Err("only one may ask for certificates"),
            Role::App | Role::Worker | Role::Monitor => {}
        }
        if self.mounts.iter().any(writes) {
            Err("it writes to a volume or a directory that only one may have")
        } else if !self.publish.is_empty() {
            Err("only one may have its published port")
        } else if self.container_name.is_some() {
            Err("only one may have its container name")
        } else if self.healthcheck.is_none() {
            Err("nothing tells when the new one is ready")
        } else {
            Ok(())
        }
    }

    /// The kind that says what the manifest leaves out, for a path in the service; nothing where the kind says nothing.
    pub fn kind_of(&self, path: &[Step]) -> Option<&str> {
        let key = |i: usize| match path.get(i) {
            Some(Step::Key(key)) => key.as_str(),
            _ => "",
        };
        let origin = match key(0) {
            "env" => &self.env.iter().find(|e| e.name == key(1))?.origin,
            "settings" => &self.settings.iter().flat_map(|g| &g.settings).find(|s| s.name == key(1))?.origin,
            "options" => return self.facts.options.contains_key(key(1)).then_some(&self.kind),
            "healthcheck" => &self.healthcheck.as_ref()?.origin,
            "image" | "version" => &self.image.origin,
            "volumes" => return Some(&self.kind),
            _ => return None,
        };
        match origin {
            Origin::Kind(kind) => Some(kind),
            Origin::Manifest(_) | Origin::Default => None,
        }
    }
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Reference with tag or digest.
    pub reference: String,
    /// Where the reference or the version in it comes from.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Written in the manifest.
    Manifest(Place),
    /// From the data of a kind.
    Kind(String),
    /// What the product takes where nothing is written.
    Default,
}

impl Origin {
    /// Whether the manifest says it.
    pub fn is_manifest(&self) -> bool {
        matches!(self, Origin::Manifest(_))
    }
}

/// How an image is built.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Build {
    /// Directory with the sources, relative to the deploy directory.
    pub context: String,
    /// Image it adds to, when a kind's Dockerfile is built.
    pub base: Option<String>,
    /// Dockerfile in it.
    pub dockerfile: Option<String>,
    /// Stage.
    pub target: Option<String>,
    /// Arguments.
    pub args: Vec<(String, String)>,
}

/// One environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Env {
    /// Its name.
    pub name: String,
    /// Its value, in pieces.
    pub value: Text,
    /// Where it comes from.
    pub origin: Origin,
}

/// Text that may hold secrets: by name, never by value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(pub Vec<Piece>);

/// A piece of a [`Text`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text as it is.
    Literal(String),
    /// The value of a secret, known only where it runs.
    Secret(String),
    /// The path of the file that holds a secret.
    SecretFile(String),
}

impl Text {
    /// Plain text.
    pub fn literal(text: impl Into<String>) -> Self {
        Self(vec![Piece::Literal(text.into())])
    }

    /// The text if it holds no secret value.
    pub fn plain(&self) -> Option<String> {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => Some(text.clone()),
                Piece::SecretFile(name) => Some(secret_path(name)),
                Piece::Secret(_) => None,
            })
            .collect()
    }

    /// Names of the secrets whose values the text holds.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Secret(name) => Some(name.as_str()),
            Piece::Literal(_) | Piece::SecretFile(_) => None,
        })
    }
}

/// Where a container finds the file of a secret.
pub fn secret_path(name: &str) -> String {
    format!("/run/secrets/{name}")
}

/// The secret's name stands for its value.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Literal(text) => f.write_str(text),
            Piece::Secret(name) => write!(f, "${{{name}}}"),
            Piece::SecretFile(name) => f.write_str(&secret_path(name)),
        })
    }
}

/// Something of the outside that a container sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// What.
    pub source: MountSource,
    /// Where the container sees it.
    pub target: String,
    /// Whether it may write.
    pub writable: bool,
    /// Where it is declared.
    pub place: Place,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSource {
    /// A volume, by its key in [`Stack::volumes`].
    Volume(String),
    /// A path of the server: absolute, or relative to the deploy directory.
    Host(String),
    /// A directory of the output, by name.
    Output(String),
}

/// A port published on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Address on the server; every address when `None`.
    pub address: Option<String>,
    /// Port on the server.
    pub host_port: u16,
    /// Port in the container.
    pub port: u16,
    /// Protocol.
    pub protocol: Protocol,
    /// Where it is declared.
    pub place: Place,
}

impl Publish {
    /// Whether it can be reached only from the server itself.
    pub fn loopback(&self) -> bool {
        self.address.as_deref().is_some_and(|a| a.starts_with("127.") || a == "::1")
    }
}

/// How a container shows that it is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healthcheck {
    /// What is asked.
    pub probe: Probe,
    /// Time between probes.
    pub interval: Seconds,
    /// Time a probe may take.
    pub timeout: Seconds,
    /// Failures in a row until it counts as unhealthy.
    pub retries: u16,
    /// Time at the start during which failures do not count.
    pub start_period: Seconds,
    /// Where it comes from.
    pub origin: Origin,
}

/// What a health check asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// An HTTP path on a port of the container.
    Http {
        /// Path.
        path: String,
        /// Port.
        port: u16,
        /// Program that asks.
        tool: ProbeTool,
    },
    /// A command.
    Command(Vec<String>),
}

/// Something that must be up first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Service.
    pub service: String,
    /// How far it must be.
    pub condition: Condition,
    /// Where it is declared.
    pub place: Place,
}

/// How far a dependency must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Started.
    Started,
    /// Its health check passes.
    Healthy,
    /// It has ended well.
    Completed,
}

/// Hardening of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hardening {
    /// The container's own file system is read-only.
    pub read_only: bool,
    /// Capabilities kept; `None` leaves Docker's default set.
    pub capabilities: Option<Vec<String>>,
    /// Processes may gain privileges.
    pub new_privileges: bool,
    /// Paths writable in memory.
    pub tmpfs: Vec<String>,
    /// Largest number of processes.
    pub pids: Option<u32>,
}

/// A database that a service uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUse {
    /// Key in [`Stack::databases`].
    pub server: String,
    /// Database.
    pub name: String,
    /// Role that logs in.
    pub user: String,
    /// Secret with its password.
    pub password: String,
    /// How often it is saved, where that is written.
    pub backup: Option<Backup>,
    /// Connections it may hold at most.
    pub connections: u32,
    /// Whether its kind says that number; else it is a guess.
    pub counted: bool,
    /// Pool it connects by, instead of to the server.
    pub pool: Option<Pool>,
    /// Extensions the service needs in it.
    pub extensions: Vec<String>,
    /// Whether the service also logs in to the database `postgres`.
    pub maintenance: bool,
    /// Where it is declared.
    pub place: Place,
}

/// A file written for a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Name below the service's own output directory.
    pub name: String,
    /// Template it is made from.
    pub template: String,
    /// Text of the template, when a kind beside the manifest brings it.
    pub template_text: Option<Arc<str>>,
    /// Whether it can be run.
    pub executable: bool,
}

/// Something to do by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// What is done, one line.
    pub title: String,
    /// The commands, in the deploy directory of the server.
    pub commands: Vec<String>,
    /// What to know before.
    pub note: Option<String>,
}

/// Settings under one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingGroup {
    /// Heading.
    pub about: String,
    /// The settings.
    pub settings: Vec<Setting>,
}

/// One key of a product's configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Key.
    pub name: String,
    /// Value as text.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// What expressions and templates may know about a service; serialised into their context.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Facts {
    /// The service itself.
    pub service: ServiceFacts,
    /// Choices of the kind.
    pub options: serde_json::Map<String, serde_json::Value>,
    /// Database it uses.
    pub database: Option<DatabaseFacts>,
    /// Redis it uses.
    pub redis: Option<RedisFacts>,
    /// Mail transport it uses.
    pub mail: Option<MailFacts>,
    /// The server.
    pub host: HostFacts,
    /// Name of the stack.
    pub stack: String,
    /// Time zone.
    pub timezone: Option<String>,
    /// Proxies a request passes before it reaches the service.
    pub proxy_hops: u32,
    /// Secrets of the kind: name in the kind, and full name.
    #[serde(skip)]
    pub secrets: Vec<(String, String)>,
    /// Where the container sees the directories of the list option that is mounted.
    pub mounted: Vec<String>,
    /// Databases others keep here, when this is a database server.
    pub clients: Vec<DatabaseFacts>,
    /// Whether the stack is monitored.
    pub monitored: bool,
}

/// Facts about the service itself.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct ServiceFacts {
    /// Name.
    pub name: String,
    /// Version of the product.
    pub version: String,
    /// Public URL without trailing slash.
    pub url: Option<String>,
    /// Host name of the public URL.
    pub host: Option<String>,
    /// Scheme of the public URL.
    pub scheme: Option<String>,
    /// Port of the public URL.
    pub public_port: Option<u16>,
    /// Port it listens on.
    pub port: Option<u16>,
    /// Memory limit in bytes.
    pub memory: Option<u64>,
    /// CPU limit, or the server's CPUs.
    pub cpus: Option<f64>,
    /// Largest request body in bytes.
    pub body_size: u64,
    /// How long the proxy waits, in seconds.
    pub read_timeout: u32,
}

/// Facts about a database in use.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct DatabaseFacts {
    /// Name of the server.
    pub server: String,
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Database.
    pub name: String,
    /// Role.
    pub user: String,
    /// Secret with the password; expressions see a secret, never text.
    pub password: String,
    /// TLS mode.
    pub sslmode: String,
    /// Where the container finds the server's CA certificate.
    pub ca: Option<String>,
    /// Connections the whole server allows.
    pub connections: Option<u32>,
    /// Extensions the service needs in it.
    pub extensions: Vec<String>,
}

/// Facts about a redis in use.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct RedisFacts {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Secret with the password.
    pub password: Option<String>,
    /// It keeps work in there, which must not be evicted.
    pub queue: bool,
}

/// Facts about a mail transport.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct MailFacts {
    /// SMTP host.
    pub host: String,
    /// SMTP port.
    pub port: u16,
    /// User.
    pub user: Option<String>,
    /// Secret with the password.
    pub password: Option<String>,
    /// `starttls`, `tls` or `none`.
    pub encryption: String,
    /// Sender address.
    pub from: Option<String>,
}

/// Facts about the server.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct HostFacts {
    /// Number of CPUs.
    pub cpus: Option<u16>,
    /// Memory in bytes.
    pub memory: Option<u64>,
}

/// The reverse proxy.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Where it runs.
    pub runs_in: RunsIn,
    /// Service that is the proxy, when it runs in a container.
    pub service: Option<String>,
    /// Version, as numbers.
    pub version: (u16, u16, u16),
    /// Where the version comes from.
    pub origin: Origin,
    /// Proxy in front of ours.
    pub edge: Option<Edge>,
    /// Strict-Transport-Security, in seconds.
    pub hsts: Hsts,
    /// Largest request body where a site says nothing.
    pub body_size: Bytes,
    /// Response headers of every site.
    pub headers: Vec<(String, String)>,
    /// Raw directives for the outermost block.
    pub raw: Option<Raw>,
    /// Where it is declared.
    pub place: Place,
}

/// Raw directives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// The text, well-formed by itself.
    pub text: String,
    /// Where it is written.
    pub place: Place,
}

/// A proxy in front of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Name.
    pub name: String,
    /// Networks it connects from.
    pub addresses: Vec<String>,
    /// Header with the client's address.
    pub header: String,
    /// Nobody else may connect to ports 80 and 443.
    pub only: bool,
    /// Where it is declared.
    pub place: Place,
}

/// Strict-Transport-Security.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hsts {
    /// How long.
    pub max_age: Seconds,
    /// Also for sub-domains.
    pub include_subdomains: bool,
    /// Ask for preloading.
    pub preload: bool,
}

/// A public name and what answers it.
#[derive(Debug, Clone)]
pub struct Site {
    /// Service of the manifest it belongs to.
    pub service: String,
    /// What it is, one line.
    pub title: String,
    /// Main name.
    pub host: String,
    /// Names that redirect to it.
    pub aliases: Vec<String>,
    /// Whether it is served over TLS; plain sites exist only for http URLs.
    pub https: bool,
    /// Key in [`Stack::certificates`].
    pub certificate: Option<String>,
    /// What answers.
    pub answer: Answer,
    /// Routes, most specific first.
    pub routes: Vec<Route>,
    /// Largest request body.
    pub body_size: Bytes,
    /// How long the proxy waits for an answer.
    pub read_timeout: Seconds,
    /// Response headers beside those of the proxy.
    pub headers: Vec<(String, String)>,
    /// Raw directives.
    pub raw: Option<Raw>,
    /// What keeps attacks and guessed passwords away from it.
    pub guard: Guard,
    /// Where the public name is declared.
    pub place: Place,
}

/// What answers a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The service, by its routes.
    Live,
    /// 503 with Retry-After.
    Placeholder {
        /// What the answer says.
        status: Status,
    },
    /// Files of a directory, as the proxy sees it.
    Files {
        /// Directory.
        root: String,
    },
}

/// A route of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Path.
    pub path: String,
    /// Only this very path.
    pub exact: bool,
    /// What happens to a request.
    pub action: Action,
    /// Carries websockets.
    pub websocket: bool,
    /// Key in [`Stack::rate_limits`].
    pub rate_limit: Option<String>,
    /// Largest request body, when not the site's.
    pub body_size: Option<Bytes>,
    /// How long the proxy waits, when not the site's.
    pub read_timeout: Option<Seconds>,
    /// Whether answers are buffered.
    pub buffering: bool,
    /// How long browsers may keep answers.
    pub expires: Option<Seconds>,
    /// Addresses that may ask; everybody when empty.
    pub allow_from: Vec<String>,
    /// Response headers beside those of the site.
    pub headers: Vec<(String, String)>,
    /// Raw directives.
    pub raw: Option<Raw>,
    /// Where it comes from.
    pub origin: Origin,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Sent to a service.
    Proxy {
        /// Service.
        service: String,
        /// Port.
        port: u16,
    },
    /// Answered from the site's directory.
    Files,
    /// 403.
    Deny,
    /// 301 to a URL or path.
    Redirect(String),
}

/// A rate limit by client address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// Name.
    pub name: String,
    /// Requests per second or minute: `10r/s`.
    pub rate: String,
    /// Requests above the rate that still pass.
    pub burst: u16,
    /// Memory for addresses.
    pub memory: Bytes,
    /// Where it is declared.
    pub place: Place,
}

/// A database server.
#[derive(Debug, Clone)]
pub struct Database {
    /// Name.
    pub name: String,
    /// Service that is the server, when it runs in the stack.
    pub service: Option<String>,
    /// Who runs it.
    pub provider: Option<Provider>,
    /// Major version.
    pub version: Option<u16>,
    /// Region of the provider.
    pub region: Option<String>,
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS mode of every client.
    pub sslmode: SslMode,
    /// CA certificate on the server's disk.
    pub ca: Option<String>,
    /// Role that administers it.
    pub admin: Option<String>,
    /// Secret with the administrator's password.
    pub admin_password: Option<String>,
    /// Role that may only watch, for monitoring.
    pub monitor: Option<Login>,
    /// Id of the cluster at the provider.
    pub cluster_id: Option<String>,
    /// Connections it allows.
    pub connections: Option<u32>,
    /// Where it is declared.
    pub place: Place,
}

/// A named volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Key that mounts refer to.
    pub key: String,
    /// Full name on the server.
    pub name: String,
    /// Service it belongs to.
    pub service: Option<String>,
    /// What its loss would mean.
    pub class: Class,
    /// How often it is saved.
    pub backup: Backup,
    /// How long backups are kept.
    pub retention: Option<Seconds>,
    /// Paths in it that no backup holds.
    pub left_out: Vec<String>,
    /// Until when it is kept, for class deprecated.
    pub keep_until: Option<String>,
    /// Why it is deprecated.
    pub reason: Option<String>,
    /// What is in it.
    pub description: Option<String>,
    /// Where it is declared.
    pub place: Place,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Key that services refer to: the service whose clients meet there.
    pub key: String,
    /// Full name on the server.
    pub name: String,
    /// Whether it has no way out.
    pub internal: bool,
    /// Its IPv6 addresses, when it has any.
    pub ipv6: Option<Ipv6Net>,
}

/// A certificate to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Name on disk.
    pub name: String,
    /// Names it covers, main name first.
    pub names: Vec<String>,
    /// Failing to get it is no fault: its names are planned.
    pub optional: bool,
    /// Own files instead of issued ones: certificate and key.
    pub files: Option<(String, String)>,
    /// Where it is declared.
    pub place: Place,
}

/// How certificates are had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// Address of the account.
    pub email: Option<String>,
    /// Who issues them.
    pub issuer: Issuer,
    /// Kind of key.
    pub key: KeyType,
    /// Service that gets them, when it runs in a container.
    pub service: Option<String>,
}

/// A secret: a name and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// A command that makes a new one.
    pub generate: Option<String>,
    /// Where it comes from.
    pub source: Option<String>,
    /// Services that need it.
    pub used_by: Vec<String>,
    /// Where it is declared or first used.
    pub place: Place,
}

/// Who may reach the server and whom it may reach.
#[derive(Debug, Clone, Default)]
pub struct Firewall {
    /// Inbound rules; SSH first.
    pub inbound: Vec<Inbound>,
    /// Outbound rules; everywhere when `None`.
    pub outbound: Option<Vec<Outbound>>,
    /// Port of SSH.
    pub ssh_port: u16,
    /// DigitalOcean droplets it applies to.
    pub droplet_ids: Vec<u32>,
    /// DigitalOcean tags it applies to.
    pub tags: Vec<String>,
}

/// An inbound rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// Port.
    pub port: u16,
    /// Protocol.
    pub protocol: Protocol,
    /// Networks it may come from; anywhere when empty.
    pub from: Vec<String>,
    /// Why it is open.
    pub reason: String,
    /// Where it is declared.
    pub place: Place,
}

/// An outbound rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// Port; all when `None`.
    pub port: Option<u16>,
    /// Protocol.
    pub protocol: Protocol,
    /// Networks; everywhere when empty.
    pub to: Vec<String>,
}

/// A mail transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Name.
    pub name: String,
    /// SMTP host.
    pub host: String,
    /// SMTP port.
    pub port: u16,
    /// User.
    pub user: Option<String>,
    /// Secret with the password.
    pub password: Option<String>,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// Sender address.
    pub from: Option<String>,
    /// Services that use it.
    pub used_by: Vec<String>,
    /// Where it is declared.
    pub place: Place,
}

/// A service somebody else runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// Name.
    pub name: String,
    /// URL.
    pub url: String,
    /// Project or account there.
    pub project: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// What it is used for.
    pub used_for: Vec<String>,
    /// Where it is declared.
    pub place: Place,
}

/// A service that does not run yet, and what it will take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Its name.
    pub service: String,
    /// Its kind.
    pub kind: String,
    /// Its public name.
    pub host: Option<String>,
    /// Secrets it will read.
    pub secrets: Vec<String>,
    /// Database it will use, with the connections of all its containers.
    pub database: Option<DatabaseUse>,
    /// Extensions that database needs.
    pub extensions: Vec<String>,
    /// Mail transport it will use.
    pub mail: Option<String>,
    /// Memory limits of all its containers, in bytes.
    pub memory: u64,
    /// Planned services that have to run before it.
    pub waits_for: Vec<String>,
    /// Services that run and will use it once it does.
    pub wanted_by: Vec<String>,
    /// Where it is declared.
    pub place: Place,
}

/// Something that was there once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// Service of that name.
    pub service: String,
    /// The day it was removed.
    pub removed: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Where it is declared.
    pub place: Place,
}

/// What the manifest says of one of its services to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The service.
    pub name: String,
    /// What it is, one line.
    pub title: Option<String>,
    /// Kind it is or will be made from.
    pub kind: Option<String>,
    /// Stage of its life.
    pub status: Status,
    /// Public URL.
    pub url: Option<String>,
    /// Why it is planned or was removed.
    pub reason: Option<String>,
    /// Notes.
    pub notes: Vec<String>,
}

/// An accepted finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// Name or id of the rule.
    pub rule: String,
    /// Where it is accepted; everywhere when `None`.
    pub at: Option<String>,
    /// Why.
    pub reason: String,
    /// The day until which it is accepted.
    pub until: Option<String>,
    /// Where it is declared.
    pub place: Place,
}
