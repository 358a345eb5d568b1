//! Service kinds: what a product is, as data. Built-in kinds are `templates/kinds/*.yaml`; a `kinds/` folder beside
//! a manifest adds to them or replaces them.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::finding::{Document, Finding, Path, Place};
use crate::format::tree::Tree;
use crate::format::{decode, yaml};
use crate::manifest::{AbsolutePath, Class, Hardening, Healthcheck, Map, Restart, Route, UserName};
use crate::scalar::{Bytes, EnvName, ImageRef, Line, Name, Port, Raw, Seconds, SecretName, Version};
use crate::table::{Table, ValueType};
use crate::text::{SourceId, Sources, Span, nearest};

/// How paths of what is part of stackgen begin.
pub const BUILT_IN_PATH: &str = "<built-in>/";

/// A kind of service.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Kind {
    /// Its name, as services refer to it.
    pub kind: Name,
    /// What it is, one line.
    pub title: Line,
    /// What an operator should know; shown by `stackgen explain`.
    #[serde(default)]
    pub about: String,
    /// Where the facts come from.
    #[serde(default)]
    pub sources: Vec<Line>,
    /// What it is used as. Default: service.
    #[serde(default)]
    pub used_as: UsedAs,
    /// Image without tag.
    pub image: Option<ImageRef>,
    /// Programs that health checks often call and that the image does not have, in any variant.
    #[serde(default)]
    pub lacks: Vec<Line>,
    /// Version that is used where a manifest names none.
    pub version: Option<Version>,
    /// Choices a service may make under `options`.
    #[serde(default)]
    pub options: Map<String, OptionKind>,
    /// Whether it uses a database.
    #[serde(default)]
    pub database: Need,
    /// Condition under which it needs a redis.
    pub redis: Option<Expression>,
    /// It can send mail by a transport.
    #[serde(default)]
    pub mail: bool,
    /// Secrets it needs, besides those of its database and mail; the service's name is put before each.
    #[serde(default)]
    pub secrets: Map<SecretName, KindSecret>,
    /// The container.
    #[serde(default)]
    pub service: Container,
    /// Containers that work beside it.
    #[serde(default)]
    pub companions: Map<Name, Container>,
}

/// What a kind is used as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UsedAs {
    /// A service of the manifest.
    #[default]
    Service,
    /// A service that keeps data for others, reached by its name; `postgres` becomes a database server.
    Store,
    /// A static site: no container, the proxy serves its files.
    Site,
    /// The proxy itself, configured under `proxy`.
    Proxy,
    /// What gets certificates, configured under `certificates`.
    Acme,
    /// What saves and restores, configured under `backup`.
    Backup,
}

/// Whether something is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// It must be.
    Required,
    /// It may be.
    Optional,
    /// It cannot be.
    #[default]
    None,
}

/// A choice a service may make.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct OptionKind {
    /// Type of the value: `string`, `bool`, `int 1..100`, `enum a|b`, `list`.
    #[serde(rename = "type")]
    pub kind: TypeText,
    /// Value when the service says nothing; an expression may compute it.
    pub default: Raw,
    /// What it does.
    pub help: Line,
}

/// The type of an option as text.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct TypeText(pub ValueType);

impl TryFrom<String> for TypeText {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        ValueType::parse(&text).map(Self).ok_or_else(|| {
            format!(
                "expected a type such as `int 1..100` or `enum a|b`, found {}",
                crate::scalar::shown(&text)
            )
        })
    }
}

impl JsonSchema for TypeText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Type".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": r"^(string|bool|int( (-?[0-9]+)?\.\.(-?[0-9]+)?)?|float|path|list|json|url|duration|enum .+)$"
        })
    }
}

/// A condition or value in minijinja's expression language, without braces.
pub type Expression = String;

/// A secret a kind needs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct KindSecret {
    /// What it is for.
    pub description: Line,
    /// Command that makes a new one.
    pub generate: Option<Line>,
    /// Needed only if this holds.
    pub when: Option<Expression>,
}

/// A container of a kind. Texts may hold `{{ expressions }}`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Container {
    /// It exists only if this holds; for companions.
    pub when: Option<Expression>,
    /// What it is, one line; for companions.
    pub title: Option<Line>,
    /// What it is there for. Default: app; worker for companions.
    pub role: Option<RoleText>,
    /// Image without tag, when not the kind's.
    pub image: Option<ImageRef>,
    /// Port of its main listener.
    pub listen: Option<Port>,
    /// Further ports it listens on.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// User in the image, as the image sets it; written out only for the record.
    pub user: Option<UserName>,
    /// Run a small init process: the program does not reap children.
    #[serde(default)]
    pub init: bool,
    /// Program that starts.
    #[serde(default)]
    pub entrypoint: Vec<Raw>,
    /// Arguments.
    #[serde(default)]
    pub command: Vec<Raw>,
    /// Table of the variables it reads: the name of a `.variables.tsv`. Default: the kind's.
    pub variables: Option<Name>,
    /// A companion also gets the environment and secret files of the service.
    #[serde(default)]
    pub same_environment: bool,
    /// Environment, in groups.
    #[serde(default)]
    pub env: Vec<EnvGroup>,
    /// Secrets handed over as files, as expressions: `database.password`, `secrets.ENCRYPTION_KEY`.
    #[serde(default)]
    pub secret_files: Vec<SecretFile>,
    /// Volumes.
    #[serde(default)]
    pub volumes: Map<Name, KindVolume>,
    /// Volumes of the service that a companion sees too.
    #[serde(default)]
    pub same_volumes: Vec<Name>,
    /// A copy of its volumes is of use only if it stands still meanwhile, if this holds: it keeps a database in them.
    pub saved_stopped: Option<Expression>,
    /// A list option whose paths are mounted.
    pub mount_each: Option<MountEach>,
    /// Where the container sees its own output directory.
    pub config_dir: Option<AbsolutePath>,
    /// Files written to its output directory.
    #[serde(default)]
    pub files: Vec<KindFile>,
    /// The image is built from a Dockerfile among `files` if this holds.
    pub build: Option<Expression>,
    /// Keys of its configuration file, in groups.
    #[serde(default)]
    pub settings: Vec<SettingGroup>,
    /// Routes of its site, in groups.
    #[serde(default)]
    pub routes: Vec<RouteGroup>,
    /// Largest request body it accepts.
    pub body_size: Option<Bytes>,
    /// How long an answer may take.
    pub read_timeout: Option<Seconds>,
    /// How it shows that it is well.
    pub healthcheck: Option<Healthcheck>,
    /// Why it has no health check, where it has none.
    pub no_healthcheck: Option<Line>,
    /// How many of it run.
    pub replicas: Option<Expression>,
    /// Connections to the database it may hold at most.
    pub connections: Option<Expression>,
    /// How long it may take to stop.
    pub stop_grace: Option<Seconds>,
    /// Memory limit.
    pub memory: Option<Bytes>,
    /// Shared memory (/dev/shm), when Docker's 64 MiB are too little.
    pub shm: Option<Bytes>,
    /// When it is started again.
    pub restart: Option<Restart>,
    /// What is asked of the product or told to it by hand.
    #[serde(default)]
    pub tasks: Vec<KindTask>,
    /// Hardening known to work with the image.
    pub hardening: Option<Hardening>,
}

/// Roles as kinds write them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoleText {
    /// Serves people or programs.
    App,
    /// Works beside an app.
    Worker,
    /// Runs once before the app and ends.
    Job,
    /// Runs when somebody or a timer asks for it: `docker compose run --rm NAME`.
    Tool,
    /// Keeps data for others.
    Store,
}

/// Environment variables under one condition.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct EnvGroup {
    /// Set only if this holds.
    pub when: Option<Expression>,
    /// The variables.
    pub set: Map<EnvName, Raw>,
}

/// A secret handed over as a file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename = "SecretFile|secret")]
#[schemars(rename = "SecretFile", transform = |s: &mut schemars::Schema| crate::manifest::short(s, "secret"))]
pub struct SecretFile {
    /// Expression for it, or for a list of them: `database.password`, `secrets.ENCRYPTION_KEY`.
    pub secret: Expression,
    /// Only if this holds.
    pub when: Option<Expression>,
}

/// A volume of a kind.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct KindVolume {
    /// Where the container sees it.
    pub mount: AbsolutePath,
    /// What its loss would mean.
    pub class: Class,
    /// What is in it.
    pub description: Option<Line>,
    /// It exists only if this holds.
    pub when: Option<Expression>,
    /// The container only reads it.
    #[serde(default)]
    pub read_only: bool,
    /// Paths in it that no backup needs: caches, sessions.
    #[serde(default)]
    pub left_out: Vec<Line>,
}

/// Mounts the paths of a list option.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct MountEach {
    /// The option.
    pub option: String,
    /// Where the container sees the first; the others get `-2`, `-3` behind it.
    pub target: AbsolutePath,
}

/// A file a kind writes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct KindFile {
    /// Its name.
    pub name: FileName,
    /// Template: built-in, or a file beside the kind.
    pub template: TemplateName,
    /// It can be run.
    #[serde(default)]
    pub executable: bool,
    /// Only if this holds.
    pub when: Option<Expression>,
}

/// The name of a file without any directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct FileName(pub String);

impl TryFrom<String> for FileName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        if !text.is_empty() && text.len() <= 100 && text.bytes().all(ok) && !text.starts_with('.') {
            return Ok(Self(text));
        }
        Err(format!("expected the name of a file, found {}", crate::scalar::shown(&text)))
    }
}

impl JsonSchema for FileName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FileName".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$" })
    }
}

/// The name of a template: at most one directory, ends in `.j2`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TemplateName(pub String);

impl TryFrom<String> for TemplateName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let parts: Vec<_> = text.split('/').collect();
        if parts.len() <= 2
            && text.ends_with(".j2")
            && parts.iter().all(|p| FileName::try_from((*p).to_string()).is_ok())
        {
            return Ok(Self(text));
        }
        Err(format!("expected a template such as `odoo.conf.j2`, found {}", crate::scalar::shown(&text)))
    }
}

impl JsonSchema for TemplateName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TemplateName".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": r"^([A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}/)?[A-Za-z0-9_-][A-Za-z0-9_.-]{0,96}\.j2$"
        })
    }
}

/// Something to do by hand, with commands in the deploy directory of the server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct KindTask {
    /// What is done, one line.
    pub title: Raw,
    /// The commands; expressions may stand in them.
    pub commands: Vec<Raw>,
    /// What to know before.
    pub note: Option<Raw>,
}

/// Settings under one heading.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct SettingGroup {
    /// Heading.
    pub about: Line,
    /// Set only if this holds.
    pub when: Option<Expression>,
    /// The settings.
    pub set: Map<String, Raw>,
}

/// Routes under one condition.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct RouteGroup {
    /// They exist only if this holds.
    pub when: Option<Expression>,
    /// The routes.
    pub routes: Vec<Route>,
}

/// A built-in kind: name, its YAML, the table of variables, the table of settings.
struct BuiltIn {
    name: &'static str,
    text: &'static str,
}

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        const BUILT_IN: &[BuiltIn] = &[$(BuiltIn { name: $name, text: include_str!(concat!("../templates/kinds/", $name, ".yaml")) }),*];
    };
}

built_in!(
    "certbot",
    "container",
    "n8n",
    "nginx",
    "odoo",
    "postgres",
    "postgres-client",
    "redis",
    "restic",
    "static",
    "superset"
);

macro_rules! tables {
    ($($name:literal),* $(,)?) => {
        const TABLES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../templates/kinds/", $name, ".tsv")))),*];
    };
}

tables!(
    "certbot.variables",
    "mattermost.variables",
    "n8n-runner.variables",
    "n8n.variables",
    "nginx.variables",
    "odoo.settings",
    "odoo.variables",
    "postgres.variables",
    "redis.variables",
    "superset.variables",
);

/// A file of a `kinds/` folder: name without the folder, and text.
#[derive(Debug, Clone)]
pub struct KindsFile {
    /// Name, as `grafana.yaml`, `grafana.variables.tsv` or `grafana.ini.j2`.
    pub name: String,
    /// Where it was read from, for findings.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// The kinds one compilation may use.
#[derive(Default)]
pub struct Kinds {
    loaded: HashMap<String, Option<Rc<Kind>>>,
    tables: HashMap<String, Arc<Table>>,
    templates: HashMap<String, Arc<str>>,
    own: Vec<String>,
    trees: HashMap<String, Tree>,
}

impl Kinds {
    /// Reads a `kinds/` folder; every fault in it is a finding.
    pub fn read(files: Vec<KindsFile>, sources: &mut Sources, out: &mut Vec<Finding>) -> Self {
        let mut kinds = Self::default();
        for file in files {
            if let Some(name) = file.name.strip_suffix(".tsv") {
                match Table::parse(&file.text) {
                    Ok(table) => drop(kinds.tables.insert(name.to_string(), table)),
                    Err(error) => {
                        let id = sources.add(file.path, file.text);
                        let place = Place::Text(Span::new(id, 0, 0));
                        out.push(Finding::error("schema-mismatch", place, error).help(
                            "a table has the columns name, type, default, file, status and note, separated by tabs",
                        ));
                    }
                }
            } else if file.name.ends_with(".j2") {
                kinds.templates.insert(file.name, file.text.into());
            } else if let Some(name) =
                file.name.strip_suffix(".yaml").or_else(|| file.name.strip_suffix(".yml"))
            {
                let id = sources.add(file.path, file.text);
                kinds.own.push(name.to_string());
                let kind = kinds.load(name, id, sources, out);
                kinds.loaded.insert(name.to_string(), kind);
            }
        }
        kinds
    }

    /// The kind of that name; its first use reads it.
    pub fn get(&mut self, name: &str, sources: &mut Sources, out: &mut Vec<Finding>) -> Option<Rc<Kind>> {
        if let Some(known) = self.loaded.get(name) {
            return known.clone();
        }
        let built_in = BUILT_IN.iter().find(|b| b.name == name)?;
        let id = sources.add(format!("{BUILT_IN_PATH}kinds/{name}.yaml"), built_in.text);
        let kind = self.load(name, id, sources, out);
        self.loaded.insert(name.to_string(), kind.clone());
        kind
    }

    fn load(
        &mut self,
        name: &str,
        id: SourceId,
        sources: &Sources,
        out: &mut Vec<Finding>,
    ) -> Option<Rc<Kind>> {
        let tree = yaml::read(id, &sources.get(id).text, out)?;
        let document = Document::Kind(name.to_string());
        let kind: Option<Kind> = decode::decode(&tree, tree.root(), document.clone(), Path::default(), out);
        self.trees.insert(name.to_string(), tree);
        let kind = kind?;
        if kind.kind.as_str() != name {
            let place = Place::value(document, Path(vec!["kind".into()]));
            out.push(
                Finding::error("schema-mismatch", place, format!("expected `{name}`, as the file is called"))
                    .help("rename the file or the kind"),
            );
            return None;
        }
        Some(Rc::new(kind))
    }

    /// A kind that was read before.
    pub fn known(&self, name: &str) -> Option<Rc<Kind>> {
        self.loaded.get(name).cloned().flatten()
    }

    /// Whether a kind of that name exists.
    pub fn exists(&self, name: &str) -> bool {
        self.loaded.contains_key(name) || BUILT_IN.iter().any(|b| b.name == name)
    }

    /// Names of all kinds, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> =
            BUILT_IN.iter().map(|b| b.name).chain(self.own.iter().map(String::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The nearest name of a kind.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.names())
    }

    /// A table by its name, as `n8n.variables`.
    pub fn table(&mut self, name: &str) -> Option<Arc<Table>> {
        if let Some(table) = self.tables.get(name) {
            return Some(table.clone());
        }
        let (_, text) = TABLES.iter().find(|(n, _)| *n == name)?;
        // A built-in table that does not parse is found by the test that reads them all.
        let table = Table::parse(text).ok()?;
        self.tables.insert(name.to_string(), table.clone());
        Some(table)
    }

    /// A template of the `kinds/` folder.
    pub fn template(&self, name: &str) -> Option<Arc<str>> {
        self.templates.get(name).cloned()
    }

    /// The trees of the kinds that were read, so that findings can be placed.
    pub fn into_trees(self) -> HashMap<String, Tree> {
        self.trees
    }
}

/// Texts of the built-in kinds, by name.
pub fn built_in() -> impl Iterator<Item = (&'static str, &'static str)> {
    BUILT_IN.iter().map(|b| (b.name, b.text))
}
