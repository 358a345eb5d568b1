//! Database servers: those outside the stack, and those that run in it as services of kind postgres.

use super::{Resolver, at};
use crate::manifest::{Provider, SslMode, Status};
use crate::stack::Database;

/// Connections that DigitalOcean gives per GiB of memory, and those it keeps for itself.
/// Source: DigitalOcean API, connection pools ("25 connections per 1 GiB of RAM ... three reserved").
const DIGITALOCEAN_PER_GIB: u64 = 25;
const DIGITALOCEAN_RESERVED: u64 = 3;

impl Resolver<'_> {
    /// Reads the servers outside the stack; those inside are added with their service's facts.
    pub(super) fn databases(&mut self) {
        for (name, database) in &self.manifest.databases {
            let place = at(["databases", name.as_str()]);
            if let Some((_, service)) = self.manifest.services.get_key_value(name)
                && service.status == Status::Active
                && service.kind.as_ref().is_some_and(|k| k.as_str() == "postgres")
            {
                let message = format!("`{name}` is a database server and a service of kind postgres");
                self.out.push(
                    crate::finding::Finding::error("duplicate-key", place.on_key(), message)
                        .related(at(["services", name.as_str()]).on_key(), "the service")
                        .help("rename one of the two"),
                );
                continue;
            }
            let by_memory = database
                .memory
                .filter(|_| database.provider == Some(Provider::Digitalocean))
                .map(|m| ((m.0 >> 30) * DIGITALOCEAN_PER_GIB).saturating_sub(DIGITALOCEAN_RESERVED) as u32);
            self.stack.databases.push(Database {
                name: name.to_string(),
                service: None,
                provider: database.provider,
                version: database.version,
                region: database.region.as_ref().map(ToString::to_string),
                host: database.host.to_string(),
                port: database.port.map_or(5432, |p| p.0),
                sslmode: database.sslmode.unwrap_or(if database.ca.is_some() {
                    SslMode::VerifyFull
                } else {
                    SslMode::Require
                }),
                ca: database.ca.as_ref().map(|path| path.0.clone()),
                admin: database.admin.as_ref().map(ToString::to_string),
                admin_password: database.password.as_ref().map(|p| p.secret.to_string()),
                monitor: None,
                cluster_id: database.cluster_id.as_ref().map(ToString::to_string),
                connections: database.connections.or(by_memory),
                place,
            });
        }
    }
}

/// libpq's word for a TLS mode.
pub(super) fn sslmode(mode: SslMode) -> &'static str {
    match mode {
        SslMode::Disable => "disable",
        SslMode::Allow => "allow",
        SslMode::Prefer => "prefer",
        SslMode::Require => "require",
        SslMode::VerifyCa => "verify-ca",
        SslMode::VerifyFull => "verify-full",
    }
}
