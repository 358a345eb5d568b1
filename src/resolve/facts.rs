//! What expressions may know: first about every service by itself, then with what it uses of others.

use std::rc::Rc;
use std::sync::Arc;

use minijinja::context;
use serde_json::Value as Json;

use super::databases::sslmode;
use super::{Resolver, at, in_kind, runs};
use crate::expr;
use crate::finding::Finding;
use crate::kinds::{Kind, Need, UsedAs};
use crate::manifest::{Encryption, HostPath, Service, SslMode, Status};
use crate::scalar::{Name, SecretName};
use crate::stack::{
    Database, DatabaseFacts, DatabaseUse, Facts, HostFacts, MailFacts, RedisFacts, ServiceFacts,
};
use crate::table::ValueType;

/// A service of the manifest on its way into the stack.
pub(super) struct Draft<'a> {
    pub name: &'a str,
    pub service: &'a Service,
    pub kind: Rc<Kind>,
    pub facts: Arc<Facts>,
    pub database: Option<DatabaseUse>,
}

impl<'a> Resolver<'a> {
    /// Finds the kind of every service and gathers what expressions may know about it.
    pub(super) fn facts(&mut self) -> Vec<Draft<'a>> {
        let manifest = self.manifest;
        let known: Vec<_> = manifest
            .services
            .iter()
            .filter(|(_, s)| s.status != Status::Removed)
            .filter_map(|(name, service)| Some((name, service, self.kind_of(name, service)?)))
            .collect();
        for (name, service, kind) in &known {
            self.server(name, service, kind);
        }
        let basics: Vec<_> = known.iter().map(|(n, s, k)| self.service_facts(n, s, k)).collect();
        let text = |t: &Option<crate::scalar::Line>| t.as_ref().map(ToString::to_string);
        let external = expr::map(manifest.external.iter().map(|(name, e)| {
            let url = e.url.as_str().trim_end_matches('/');
            let facts = context! {
                url => url, host => e.url.host(), project => text(&e.project), region => text(&e.region),
            };
            (name.to_string(), facts)
        }));
        self.shared = context! {
            services => expr::services(&basics), external => external,
            domain => self.stack.domain.as_deref(), project => self.stack.project.as_str(),
        };
        let mut drafts: Vec<_> = known
            .into_iter()
            .zip(basics)
            .map(|((name, service, kind), basic)| self.draft(name, service, kind, basic))
            .collect();
        self.tell_servers_their_clients(&mut drafts);
        drafts
    }

    fn kind_of(&mut self, name: &Name, service: &Service) -> Option<Rc<Kind>> {
        let wanted = service.kind.as_ref().map_or("container", |k| k.as_str());
        let place = at(["services", name.as_str(), "kind"]);
        if !self.kinds.exists(wanted) {
            let names: Vec<String> = self.kinds.names().into_iter().map(str::to_string).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            self.undefined(place, "kind", wanted, &names);
            return None;
        }
        let kind = self.kinds.get(wanted, self.sources, self.out)?;
        let (block, what) = match kind.used_as {
            UsedAs::Proxy => ("proxy", "the reverse proxy"),
            UsedAs::Acme => ("certificates", "what gets certificates"),
            UsedAs::Backup => ("backup", "what saves and restores"),
            UsedAs::Roles => ("databases", "what keeps the roles of a database server"),
            UsedAs::Monitoring => ("monitoring", "what watches the others"),
            UsedAs::Service | UsedAs::Store | UsedAs::Site => return Some(kind),
        };
        self.out.push(
            Finding::error("schema-mismatch", place, format!("`{wanted}` is {what}, not a service"))
                .help(format!("remove this service; `{block}` configures it, and it is added by itself")),
        );
        None
    }

    /// A service of kind postgres is a database server for the others.
    fn server(&mut self, name: &Name, service: &Service, kind: &Kind) {
        if kind.used_as != UsedAs::Store
            || kind.kind.as_str() != "postgres"
            || service.status != Status::Active
        {
            return;
        }
        let version = service.version.as_ref().or(kind.version.as_ref()).map_or("", |v| v.as_str());
        self.stack.databases.push(Database {
            name: name.to_string(),
            service: Some(name.to_string()),
            provider: None,
            version: version.split(|c: char| !c.is_ascii_digit()).next().and_then(|v| v.parse().ok()),
            region: None,
            host: name.to_string(),
            port: 5432,
            // Both ends are on one private network of this machine.
            sslmode: SslMode::Disable,
            ca: None,
            admin: Some("postgres".into()),
            admin_password: None,
            monitor: None,
            cluster_id: None,
            connections: None,
            place: at(["services", name.as_str()]),
        });
    }

    fn service_facts(&self, name: &Name, service: &Service, kind: &Kind) -> ServiceFacts {
        let host = &self.stack.host;
        let version = service.version.as_ref().map(ToString::to_string).or_else(|| {
            // The tag of an own image says which version it is.
            let image = service.image.as_ref()?.as_str().split('@').next()?.to_string();
            let (_, tag) = image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))?;
            Some(tag.to_string())
        });
        let version = version.or_else(|| kind.version.as_ref().map(ToString::to_string)).unwrap_or_default();
        let url = service.url.as_ref();
        ServiceFacts {
            name: name.to_string(),
            version,
            url: url.map(|u| u.as_str().trim_end_matches('/').to_string()),
            host: url.map(|u| u.host().to_string()),
            scheme: url.map(|u| if u.https() { "https" } else { "http" }.to_string()),
            public_port: url.map(|u| u.port().unwrap_or(if u.https() { 443 } else { 80 })),
            port: service.listen.or(kind.service.listen).map(|p| p.0),
            memory: service.memory.or(kind.service.memory).map(|m| m.0),
            cpus: service.cpus.map(|c| c.0).or(host.cpus.map(f64::from)),
            body_size: service
                .body_size
                .or(kind.service.body_size)
                .or(self.manifest.proxy.body_size)
                .unwrap_or(super::BODY_SIZE)
                .0,
            read_timeout: service.read_timeout.or(kind.service.read_timeout).unwrap_or(super::READ_TIMEOUT).0,
        }
    }

    fn draft(
        &mut self,
        name: &'a Name,
        service: &'a Service,
        kind: Rc<Kind>,
        basic: ServiceFacts,
    ) -> Draft<'a> {
        let active = service.status == Status::Active && runs(kind.used_as);
        let database = if active { self.database_use(name, service, &kind) } else { None };
        let mut facts = Facts {
            service: basic,
            database: database.as_ref().and_then(|d| self.database_facts(d)),
            redis: if active { self.redis_facts(name, service) } else { None },
            mail: if active { self.mail_facts(name, service, &kind) } else { None },
            host: HostFacts { cpus: self.stack.host.cpus, memory: self.stack.host.memory.map(|m| m.0) },
            stack: self.stack.name.clone(),
            timezone: self.stack.timezone.clone(),
            // Our proxy alone: it replaces X-Forwarded-For, so what an edge before it added is not there.
            proxy_hops: u32::from(service.url.is_some()),
            secrets: kind
                .secrets
                .keys()
                .map(|key| (key.to_string(), format!("{}_{key}", screaming(name.as_str()))))
                .collect(),
            monitored: self.manifest.monitoring.is_some(),
            ..Facts::default()
        };
        if let Some(database) = &mut facts.database {
            database.extensions = kind.extensions.iter().map(ToString::to_string).collect();
        }
        if active {
            self.made_secrets(name, service, &facts);
        }
        if service.status == Status::Active {
            self.options(name, service, &kind, &mut facts);
            facts.mounted = mounted(&kind, &facts);
            self.check_redis(name, service, &kind, &mut facts);
            if let Some(server) =
                self.stack.databases.iter_mut().find(|d| d.service.as_deref() == Some(name.as_str()))
            {
                server.connections = facts
                    .options
                    .get("connections")
                    .and_then(Json::as_u64)
                    .and_then(|n| u32::try_from(n).ok());
                server.admin_password =
                    facts.secrets.iter().find(|(key, _)| key == "PASSWORD").map(|(_, name)| name.clone());
            }
        }
        Draft { name: name.as_str(), service, kind, facts: Arc::new(facts), database }
    }

    /// Secrets whose names are made from the service's: each must be a name, and nobody else's.
    fn made_secrets(&mut self, name: &Name, service: &Service, facts: &Facts) {
        let written = service.database.as_ref().is_some_and(|d| d.password.is_some());
        let password = facts.database.as_ref().filter(|_| !written).map(|d| d.password.clone());
        for secret in facts.secrets.iter().map(|(_, full)| full.clone()).chain(password) {
            let place = at(["services", name.as_str()]).on_key();
            if let Err(expected) = SecretName::try_from(secret.clone()) {
                let message = format!("the secret `{secret}` of this service has no proper name: {expected}");
                self.out.push(
                    Finding::error("schema-mismatch", place, message).help("shorten the service's name"),
                );
            } else if let Some(other) = self.made_secrets.insert(secret.clone(), name.to_string()) {
                self.out.push(
                    Finding::error(
                        "duplicate-key",
                        place,
                        format!("the secret `{secret}` would be that of two services"),
                    )
                    .related(at(["services", other.as_str()]).on_key(), "the other one")
                    .help("rename one of them, or name the secret of its database: `password: { secret: NAME }`"),
                );
            }
        }
    }

    fn database_use(&mut self, name: &Name, service: &Service, kind: &Kind) -> Option<DatabaseUse> {
        let place = at(["services", name.as_str(), "database"]);
        let Some(wanted) = &service.database else {
            if kind.database == Need::Required {
                let known: Vec<_> = self.stack.databases.iter().map(|d| format!("`{}`", d.name)).collect();
                let known =
                    if known.is_empty() { "an entry of `databases`".into() } else { known.join(" or ") };
                self.out.push(
                    Finding::error(
                        "schema-mismatch",
                        at(["services", name.as_str()]).on_key(),
                        format!("`{}` needs a database", kind.kind),
                    )
                    .help(format!("add `database:` with {known}")),
                );
            }
            return None;
        };
        if kind.database == Need::None && kind.kind.as_str() != "container" {
            self.out.push(
                Finding::error(
                    "schema-mismatch",
                    place.on_key(),
                    format!("`{}` uses no database", kind.kind),
                )
                .help("remove this line"),
            );
            return None;
        }
        let server = wanted.server.as_str();
        if self.stack.database(server).is_none() {
            if self.waits_for_planned(place.clone(), name.as_str(), server) {
                return None;
            }
            let known: Vec<String> = self.stack.databases.iter().map(|d| d.name.clone()).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            self.undefined(place, "database server", server, &known);
            return None;
        }
        let database = wanted.name.as_ref().map_or_else(|| name.as_str().replace('-', "_"), |n| n.0.clone());
        Some(DatabaseUse {
            server: server.to_string(),
            user: wanted.user.as_ref().map_or_else(|| database.clone(), |u| u.0.clone()),
            pool: self.pool(wanted, &database, kind, name.as_str()),
            name: database,
            password: wanted.password.as_ref().map_or_else(
                || format!("{}_DB_PASSWORD", screaming(name.as_str())),
                |p| p.secret.to_string(),
            ),
            backup: wanted.backup,
            connections: 0,
            counted: false,
            extensions: kind.extensions.iter().map(ToString::to_string).collect(),
            maintenance: kind.maintenance_database,
            place,
        })
    }

    fn database_facts(&self, used: &DatabaseUse) -> Option<DatabaseFacts> {
        let server = self.stack.database(&used.server)?;
        Some(DatabaseFacts {
            server: server.name.clone(),
            host: server.host.clone(),
            port: used.pool.as_ref().map_or(server.port, |p| p.port),
            name: used.pool.as_ref().map_or(&used.name, |p| &p.name).clone(),
            user: used.user.clone(),
            password: used.password.clone(),
            sslmode: sslmode(server.sslmode).into(),
            ca: server.ca.as_ref().map(|_| ca_path(&server.name)),
            connections: server.connections,
            extensions: Vec::new(),
        })
    }

    fn redis_facts(&mut self, name: &Name, service: &Service) -> Option<RedisFacts> {
        let wanted = service.redis.as_ref()?.as_str();
        let redis = |s: &Service| {
            s.status != Status::Removed && s.kind.as_ref().is_some_and(|k| k.as_str() == "redis")
        };
        let known: Vec<_> =
            self.manifest.services.iter().filter(|(_, s)| redis(s)).map(|(n, _)| n.as_str()).collect();
        if !known.contains(&wanted) {
            self.undefined(at(["services", name.as_str(), "redis"]), "service of kind redis", wanted, &known);
            return None;
        }
        Some(RedisFacts {
            host: wanted.to_string(),
            port: 6379,
            password: Some(format!("{}_PASSWORD", screaming(wanted))),
            queue: false,
        })
    }

    fn mail_facts(&mut self, name: &Name, service: &Service, kind: &Kind) -> Option<MailFacts> {
        let wanted = service.mail.as_ref()?.as_str();
        let place = at(["services", name.as_str(), "mail"]);
        if !kind.mail && kind.kind.as_str() != "container" {
            self.out.push(
                Finding::error("schema-mismatch", place.on_key(), format!("`{}` sends no mail", kind.kind))
                    .help("remove this line"),
            );
            return None;
        }
        let Some(mail) = self.stack.mail.iter().find(|m| m.name == wanted) else {
            let known: Vec<&str> = self.manifest.mail.keys().map(Name::as_str).collect();
            self.undefined(place, "mail transport", wanted, &known);
            return None;
        };
        Some(MailFacts {
            host: mail.host.clone(),
            port: mail.port,
            user: mail.user.clone(),
            password: mail.password.clone(),
            encryption: match mail.encryption {
                Encryption::Starttls => "starttls",
                Encryption::Tls => "tls",
                Encryption::None => "none",
            }
            .into(),
            from: mail.from.clone(),
        })
    }

    /// Fills the choices of a kind: what the service says, else the kind's default.
    fn options(&mut self, name: &Name, service: &Service, kind: &Kind, facts: &mut Facts) {
        let place = |key: &str| at(["services", name.as_str(), "options", key]);
        for key in service.options.keys().filter(|k| !kind.options.contains_key(*k)) {
            let known = kind.options.keys().map(String::as_str);
            let help = match crate::text::nearest(key, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if kind.options.is_empty() => format!("`{}` offers no options", kind.kind),
                None => format!("`{}` offers {}", kind.kind, crate::text::one_of(known)),
            };
            let message = format!("`{}` has no option {}", kind.kind, crate::scalar::shown(key));
            self.out.push(Finding::error("unknown-key", place(key).on_key(), message).help(help));
        }
        for (key, option) in &kind.options {
            let kind_type = &option.kind.0;
            let written = service.options.get(key).and_then(|written| match typed(kind_type, written) {
                Ok(value) => Some(value),
                Err(expected) => {
                    let message = format!("{expected}, found {}", crate::scalar::shown(&plain(written)));
                    self.out.push(
                        Finding::error("schema-mismatch", place(key), message).help(option.help.to_string()),
                    );
                    // Going on with the default keeps the kind's own expressions from failing as well.
                    None
                }
            });
            let value = match written {
                Some(value) => value,
                None => {
                    let scope = expr::scope(facts, &self.shared);
                    let text = self.expander.text(&option.default.0, &scope).map(|t| t.to_string());
                    match text.and_then(|t| typed(kind_type, &Json::String(t))) {
                        Ok(value) => value,
                        Err(error) => {
                            let place = in_kind(kind.kind.as_str(), &["options", key, "default"]);
                            self.bad_expression(place, &option.default.0, &error);
                            continue;
                        }
                    }
                }
            };
            facts.options.insert(key.clone(), value);
        }
    }

    /// Whether it keeps work in a redis, and whether it has the one it needs.
    fn check_redis(&mut self, name: &Name, service: &Service, kind: &Kind, facts: &mut Facts) {
        let scope = expr::scope(facts, &self.shared);
        let queue = kind.redis.as_ref().map(|condition| self.expander.holds(condition, &scope));
        if let Some(redis) = &mut facts.redis {
            redis.queue = matches!(queue, Some(Ok(true)));
        }
        if let Some(wanted) = service.redis.as_ref().filter(|_| facts.redis.is_some()) {
            let planned = self.manifest.services.get(wanted).is_some_and(|s| s.status == Status::Planned);
            if planned && matches!(queue, Some(Ok(false))) {
                // It can do without, and does until then.
                facts.redis = None;
            } else if planned {
                let place = at(["services", name.as_str(), "redis"]);
                self.waits_for_planned(place, name.as_str(), wanted.as_str());
            }
        }
        let (Some(condition), Some(queue)) = (&kind.redis, queue) else { return };
        match queue {
            Ok(true) if service.redis.is_none() => self.out.push(
                Finding::error(
                    "schema-mismatch",
                    at(["services", name.as_str()]).on_key(),
                    format!("`{}` needs a redis here ({condition})", kind.kind),
                )
                .help("add a service of `kind: redis`, and name it here: `redis: NAME`"),
            ),
            Ok(_) => {}
            Err(error) => self.bad_expression(in_kind(kind.kind.as_str(), &["redis"]), condition, &error),
        }
    }

    fn tell_servers_their_clients(&mut self, drafts: &mut [Draft<'_>]) {
        let mut clients = std::collections::HashMap::<String, Vec<DatabaseFacts>>::new();
        for draft in drafts.iter() {
            if let (Some(used), Some(facts)) = (&draft.database, &draft.facts.database) {
                let list = clients.entry(used.server.clone()).or_default();
                // Two services may share a role; it is made once.
                if !list.iter().any(|c| c.user == facts.user && c.name == facts.name) {
                    list.push(facts.clone());
                }
            }
        }
        for draft in drafts.iter_mut() {
            if let Some(list) = clients.remove(draft.name) {
                self.check_extensions(draft, &list);
                Arc::make_mut(&mut draft.facts).clients = list;
            }
        }
    }
}

impl Resolver<'_> {
    /// Whether a server in the stack has what its clients need: the official image has no pgvector.
    fn check_extensions(&mut self, server: &Draft<'_>, clients: &[DatabaseFacts]) {
        let built = server.facts.options.get("pgvector").and_then(Json::as_bool).unwrap_or(true);
        let needy = clients.iter().find(|c| c.extensions.iter().any(|e| e == "vector"));
        let Some(client) = needy.filter(|_| !built && server.service.image.is_none()) else { return };
        let message = format!(
            "the database `{}` needs the extension `vector`, which `{}` does not have",
            client.name, server.name
        );
        self.out.push(
            Finding::error("schema-mismatch", at(["services", server.name]).on_key(), message)
                .help("add `options: { pgvector: true }`, which builds an image with it"),
        );
    }
}

/// The name in capitals, as secrets are named: `n8n-eu` is `N8N_EU`. A variable cannot start with a digit.
pub(super) fn screaming(name: &str) -> String {
    let first = if name.starts_with(|c: char| c.is_ascii_digit()) { "SERVICE_" } else { "" };
    format!("{first}{}", name.to_uppercase().replace('-', "_"))
}

/// Where containers see the CA certificate of a database server.
pub(super) fn ca_path(server: &str) -> String {
    format!("/etc/ssl/stackgen/{server}.crt")
}

/// An option's value in its type; the error says what was expected.
fn typed(kind: &ValueType, value: &Json) -> Result<Json, String> {
    let expected = || format!("expected {}", kind.describe());
    match (kind, value) {
        (ValueType::Bool, Json::Bool(_)) => Ok(value.clone()),
        // Only expressions give text for a number or a boolean; a manifest's own text is refused by its form.
        (ValueType::Bool, Json::String(text)) => text.parse().map(Json::Bool).map_err(|_| expected()),
        (ValueType::Int(..), Json::Number(n)) => kind.check(&n.to_string()).map(|()| value.clone()),
        (ValueType::Int(..), Json::String(text)) => {
            kind.check(text)?;
            text.parse::<i64>().map(Json::from).map_err(|_| expected())
        }
        (ValueType::List, Json::Array(items)) if items.iter().all(Json::is_string) => {
            for item in items.iter().filter_map(Json::as_str) {
                HostPath::try_from(item.to_string())?;
            }
            Ok(value.clone())
        }
        (ValueType::List, Json::String(text)) if text.is_empty() => Ok(Json::Array(Vec::new())),
        (ValueType::List | ValueType::Bool | ValueType::Int(..), _) => Err(expected()),
        (_, Json::String(text)) => {
            kind.check(text)?;
            crate::scalar::Line::try_from(text.clone()).map(|_| value.clone())
        }
        _ => Err(expected()),
    }
}

/// A JSON value as it would be written.
fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

/// Where the container sees the directories of the list option that is mounted.
fn mounted(kind: &Kind, facts: &Facts) -> Vec<String> {
    let Some(each) = &kind.service.mount_each else { return Vec::new() };
    let count = facts.options.get(&each.option).and_then(Json::as_array).map_or(0, Vec::len);
    (0..count)
        .map(|i| if i == 0 { each.target.0.clone() } else { format!("{}-{}", each.target.0, i + 1) })
        .collect()
}
