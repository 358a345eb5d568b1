//! What keeps the roles of a database server outside the stack: a one-off container for each, from the kind `psql`, and
//! the pools that services connect by.

use std::sync::Arc;

use super::databases::sslmode;
use super::facts::ca_path;
use super::mounts::ca;
use super::{Resolver, at};
use crate::finding::Finding;
use crate::kinds::Kind;
use crate::manifest::{self, Provider, Service as Written};
use crate::scalar::Version;
use crate::stack::{Database, DatabaseFacts, Facts, Mount, MountSource, Origin, Pool, ServiceFacts};

/// The kind it is made from, and where its container sees the scripts.
const KIND: &str = "psql";
const SCRIPTS: &str = "/etc/stackgen/databases";

/// Port of the pools of a DigitalOcean cluster, beside 25060 of the server itself.
const POOLS: u16 = 25061;

impl Resolver<'_> {
    /// Adds what keeps the roles of each server that services use and whose administrator is known.
    pub(super) fn roles(&mut self) {
        let servers: Vec<Database> =
            self.stack.databases.iter().filter(|d| d.service.is_none()).cloned().collect();
        for server in servers {
            let (Some(admin), Some(password)) = (&server.admin, &server.admin_password) else { continue };
            let logins = server.monitor.iter().map(|m| (m.user.clone(), m.password.clone()));
            let used = self.stack.services.iter().filter_map(|s| s.database.as_ref());
            // Nothing may be taken from the administrator's own role; `shared-superuser` says what is wrong with it.
            let used = used
                .filter(|d| d.server == server.name && d.user != *admin)
                .map(|d| (d.user.clone(), d.password.clone()));
            let mut clients: Vec<DatabaseFacts> = Vec::new();
            for (user, password) in used.chain(logins) {
                if !clients.iter().any(|c| c.password == password) {
                    clients.push(DatabaseFacts { user, password, ..DatabaseFacts::default() });
                }
            }
            if clients.is_empty() {
                continue;
            }
            let Some(kind) = self.kinds.get(KIND, self.sources, self.out) else { return };
            let name = format!("{}-roles", server.name);
            let version = version(&server, &kind);
            let facts = Facts {
                service: ServiceFacts {
                    name: name.clone(),
                    version: version.clone(),
                    memory: kind.service.memory.map(|m| m.0),
                    ..ServiceFacts::default()
                },
                database: Some(DatabaseFacts {
                    server: server.name.clone(),
                    host: server.host.clone(),
                    port: server.port,
                    name: server.entry().to_string(),
                    user: admin.clone(),
                    password: password.clone(),
                    sslmode: sslmode(server.sslmode).into(),
                    ca: server.ca.as_ref().map(|_| ca_path(&server.name)),
                    connections: server.connections,
                    ..DatabaseFacts::default()
                }),
                clients,
                stack: self.stack.name.clone(),
                timezone: self.stack.timezone.clone(),
                ..Facts::default()
            };
            self.build(&name, &Written::default(), &kind, Arc::new(facts), "databases", |service, _| {
                service.place = server.place.clone();
                if server.version.is_some() {
                    service.image.origin = Origin::Manifest(server.place.join("version"));
                }
                let mount = |source, target: String| Mount {
                    source,
                    target,
                    writable: false,
                    place: server.place.clone(),
                };
                service.mounts.push(mount(MountSource::Output("databases".into()), SCRIPTS.into()));
                service.mounts.extend(ca(&server));
            });
        }
    }

    /// The pool that a service is to connect by.
    pub(super) fn pool(
        &mut self,
        wanted: &manifest::DatabaseUse,
        name: &str,
        kind: &Kind,
        service: &str,
    ) -> Option<Pool> {
        let pool = wanted.pool.as_ref()?;
        let server = self.stack.database(wanted.server.as_str())?;
        if server.provider != Some(Provider::Digitalocean) {
            let place = at(["services", service, "database", "pool"]);
            let message = format!("expected a server with `provider: digitalocean`, found `{}`", server.name);
            self.out.push(
                Finding::error("schema-mismatch", place, message)
                    .help("remove `pool`, or name the pooler itself as another entry of `databases`"),
            );
            return None;
        }
        let refused =
            kind.no_transaction_pool.as_ref().filter(|_| pool.mode == manifest::PoolMode::Transaction);
        Some(Pool {
            // At least 3 characters, as DigitalOcean wants it, whatever the database is called.
            name: format!("{name}-pool"),
            mode: pool.mode,
            size: pool.size.map(|s| s.0),
            port: POOLS,
            refused: refused.map(ToString::to_string),
        })
    }
}

/// The version of the image: that of the server, so that its psql knows the server's catalogs.
fn version(server: &Database, kind: &Kind) -> String {
    let default = kind.version.as_ref().map(Version::to_string).unwrap_or_default();
    match server.version {
        Some(major) => format!("{major}-alpine"),
        None => default,
    }
}
