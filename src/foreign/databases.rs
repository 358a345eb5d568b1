//! Which services use which database server, as far as environment and settings say.

use crate::manifest::SslMode;
use crate::stack::{Database, DatabaseUse, Origin, Service, Stack, Text};

/// Hosts that are this machine or one beside it, whose network nobody else is on.
fn is_near(host: &str) -> bool {
    matches!(host, "localhost" | "::1" | "host.docker.internal")
        || ["127.", "10.", "192.168.", "172."].iter().any(|p| host.starts_with(p))
}

/// What a service says about its database.
struct Used {
    host: String,
    port: Option<u16>,
    name: String,
    user: String,
    /// How the connection is encrypted, if that is known.
    sslmode: Option<SslMode>,
    place: crate::finding::Place,
}

/// Adds the servers in the stack, those outside of which enough is known, and who uses them.
pub(super) fn fill(stack: &mut Stack) {
    for service in stack.services.iter().filter(|s| s.kind == "postgres") {
        let major = service.version.split('.').next().and_then(|v| v.parse().ok());
        stack.databases.push(Database {
            name: service.name.clone(),
            service: Some(service.name.clone()),
            provider: None,
            version: major,
            region: None,
            host: service.name.clone(),
            port: 5432,
            sslmode: SslMode::Disable,
            ca: None,
            admin: None,
            admin_password: None,
            monitor: None,
            cluster_id: None,
            connections: max_connections(service),
            place: service.place.clone(),
        });
    }
    let uses: Vec<Option<Used>> = stack.services.iter().map(used).collect();
    for (service, used) in stack.services.iter_mut().zip(&uses) {
        if let Some(found) = &mut service.found {
            found.database_host = used.as_ref().map(|u| u.host.clone());
        }
    }
    for (i, used) in uses.into_iter().enumerate() {
        let Some(used) = used else { continue };
        let names = |s: &Service| s.name == used.host || s.container_name.as_deref() == Some(&used.host);
        let server = match stack.services.iter().find(|s| names(s)) {
            Some(service) if service.kind == "postgres" => service.name.clone(),
            // A pool in between, or a server of another kind.
            Some(_) => continue,
            None => {
                let (Some(sslmode), true) = (used.sslmode, used.host.contains('.')) else { continue };
                if is_near(&used.host) || used.host.contains('$') {
                    continue;
                }
                if stack.database(&used.host).is_none() {
                    stack.databases.push(Database {
                        name: used.host.clone(),
                        service: None,
                        provider: None,
                        version: None,
                        region: None,
                        host: used.host.clone(),
                        port: used.port.unwrap_or(5432),
                        sslmode,
                        ca: (sslmode > SslMode::Require).then(String::new),
                        admin: None,
                        admin_password: None,
                        monitor: None,
                        cluster_id: None,
                        connections: None,
                        place: used.place.clone(),
                    });
                }
                used.host.clone()
            }
        };
        stack.services[i].database = Some(DatabaseUse {
            server,
            name: used.name,
            user: used.user,
            password: String::new(),
            backup: None,
            connections: 0,
            counted: false,
            pool: None,
            extensions: Vec::new(),
            maintenance: false,
            place: used.place,
        });
    }
}

fn max_connections(service: &Service) -> Option<u32> {
    let (_, rest) = service.found.as_ref()?.words.split_once("max_connections=")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn used(service: &Service) -> Option<Used> {
    let env = |name: &str| service.env.iter().find(|e| e.name == name);
    let text = |name: &str| env(name).map(|e| e.value.to_string());
    let place = |name: &str| match env(name).map(|e| &e.origin) {
        Some(Origin::Manifest(place)) => place.clone(),
        _ => service.place.clone(),
    };
    match service.kind.as_str() {
        "odoo" => odoo(service),
        "n8n" if text("DB_TYPE").as_deref() == Some("postgresdb") => Some(Used {
            host: text("DB_POSTGRESDB_HOST")?,
            port: text("DB_POSTGRESDB_PORT").and_then(|p| p.parse().ok()),
            name: text("DB_POSTGRESDB_DATABASE").unwrap_or_else(|| "n8n".into()),
            user: text("DB_POSTGRESDB_USER").unwrap_or_else(|| "postgres".into()),
            sslmode: n8n_tls(service),
            place: place("DB_POSTGRESDB_HOST"),
        }),
        "n8n" | "postgres" | "redis" | "nginx" | "certbot" => None,
        _ => service.env.iter().find_map(|e| {
            let mut used = url(&e.value)?;
            used.place = place(&e.name);
            Some(used)
        }),
    }
}

/// n8n encrypts only when it is told to; a variable known only where it runs could do that.
fn n8n_tls(service: &Service) -> Option<SslMode> {
    let tls: Vec<_> = service.env.iter().filter(|e| e.name.starts_with("DB_POSTGRESDB_SSL")).collect();
    if !tls.is_empty() || service.found.as_ref().is_some_and(|f| !f.env_files.is_empty()) {
        return None;
    }
    Some(SslMode::Disable)
}

fn odoo(service: &Service) -> Option<Used> {
    let setting = |name: &str| service.settings.iter().flat_map(|g| &g.settings).find(|s| s.name == name);
    let env = |name: &str| service.env.iter().find(|e| e.name == name).map(|e| e.value.to_string());
    let host = setting("db_host").filter(|s| !matches!(s.value.as_str(), "" | "False"));
    let official = service.entrypoint.is_empty();
    let name = match (host, env("HOST"), official) {
        (Some(host), ..) => host.value.clone(),
        (None, Some(host), true) => host,
        // The image's own default.
        (None, None, true) if service.found.as_ref().is_some_and(|f| f.known && f.env_files.is_empty()) => {
            "db".into()
        }
        _ => return None,
    };
    let user =
        setting("db_user").map(|s| s.value.clone()).or_else(|| env("USER")).unwrap_or_else(|| "odoo".into());
    let mode = setting("db_sslmode").map_or("prefer", |s| s.value.as_str());
    let place = match host.map(|s| &s.origin) {
        Some(Origin::Manifest(place)) => place.clone(),
        _ => service.place.clone(),
    };
    Some(Used {
        host: name,
        port: setting("db_port").and_then(|s| s.value.parse().ok()),
        name: setting("db_name").map_or_else(|| user.clone(), |s| s.value.clone()),
        user,
        sslmode: if service.env.iter().any(|e| e.name == "PGSSLMODE") { None } else { sslmode(mode) },
        place,
    })
}

fn sslmode(word: &str) -> Option<SslMode> {
    Some(match word {
        "disable" => SslMode::Disable,
        "allow" => SslMode::Allow,
        "prefer" => SslMode::Prefer,
        "require" => SslMode::Require,
        "verify-ca" => SslMode::VerifyCa,
        "verify-full" => SslMode::VerifyFull,
        _ => return None,
    })
}

/// `postgres://user:password@host:port/name?sslmode=mode`.
fn url(value: &Text) -> Option<Used> {
    let text = value.to_string();
    let (scheme, rest) = text.split_once("://")?;
    if !scheme.starts_with("postgres") {
        return None;
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (account, address) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.contains('}') => (host, port.parse().ok()),
        _ => (address, None),
    };
    let mode =
        path.split_once("sslmode=").and_then(|(_, m)| sslmode(m.split('&').next().unwrap_or_default()));
    Some(Used {
        host: host.to_string(),
        port,
        name: path.split('?').next().unwrap_or_default().to_string(),
        user: account.split(':').next().unwrap_or_default().to_string(),
        // What a driver does without a word differs.
        sslmode: mode,
        place: crate::finding::Place::Text(Default::default()),
    })
}
