//! Database servers outside the stack: the SQL that makes roles and databases, what checks them, the scripts that run
//! both, and what the provider has to be told.

use indexmap::IndexMap;
use minijinja::{Value, context};

use super::{Artifact, certbot::rendered, header};
use crate::finding::Finding;
use crate::manifest::{Provider, SslMode};
use crate::stack::{Database, DatabaseUse, Login, Role, Stack};

/// Connections a role may hold beyond the pools of its services: a dump, somebody with psql.
const SLACK: u32 = 5;

/// Writes the files of every server whose administrator is known, and those of the provider's clusters.
pub fn emit(stack: &Stack, out: &mut Vec<Finding>) -> Vec<Artifact> {
    let outside: Vec<&Database> =
        stack.databases.iter().filter(|d| d.service.is_none() && d.admin_password.is_some()).collect();
    let kept: Vec<&Database> =
        outside.into_iter().filter(|d| stack.service(&format!("{}-roles", d.name)).is_some()).collect();
    let mut artifacts = Vec::new();
    let mut add = |name: &str, template: &str, context: &Value, database: &Database, executable: bool| {
        let path = format!("databases/{name}");
        artifacts.extend(rendered(&path, template, context, &database.place, out).map(|text| Artifact {
            path,
            text,
            executable,
        }));
    };
    if let Some(first) = kept.first() {
        let common = context! { header => Value::from_safe_string(header(stack)) };
        add("role.sql", "databases/role.sql.j2", &common, first, false);
    }
    for database in &kept {
        let context = server(stack, database);
        let name = &database.name;
        add(&format!("{name}.sql"), "databases/server.sql.j2", &context, database, false);
        add(&format!("{name}.check.sql"), "databases/check.sql.j2", &context, database, false);
        add(&format!("{name}.sh"), "databases/server.sh.j2", &context, database, true);
    }
    let clusters: Vec<&Database> = stack
        .databases
        .iter()
        .filter(|d| d.provider == Some(Provider::Digitalocean))
        .filter(|d| {
            kept.iter().any(|k| k.name == d.name) || uses(stack, d).any(|(_, used)| used.pool.is_some())
        })
        .collect();
    if let Some(first) = clusters.first() {
        add("doctl.sh", "databases/doctl.sh.j2", &provider(stack, &clusters), first, true);
    }
    artifacts
}

/// Who uses a server under a role of its own: names of services and what they use.
fn uses<'a>(stack: &'a Stack, database: &'a Database) -> impl Iterator<Item = (&'a str, &'a DatabaseUse)> {
    let all = stack.services.iter().filter_map(|s| Some((s.name.as_str(), s.database.as_ref()?)));
    all.filter(|(_, used)| used.server == database.name && database.admin.as_ref() != Some(&used.user))
}

/// A role and a database of it.
#[derive(Default)]
struct Client<'a> {
    password: &'a str,
    services: Vec<String>,
    extensions: Vec<String>,
}

/// What the files of a server are made from.
fn server<'a>(stack: &'a Stack, database: &'a Database) -> Value {
    let mut clients: IndexMap<(&str, &str), Client<'_>> = IndexMap::new();
    let mut maintenance: Vec<String> = Vec::new();
    for (service, used) in uses(stack, database) {
        let client = clients.entry((&used.user, &used.name)).or_default();
        client.password = &used.password;
        client.services.push(service.to_string());
        for extension in &used.extensions {
            if !client.extensions.contains(extension) {
                client.extensions.push(extension.clone());
            }
        }
        if used.maintenance && !maintenance.contains(&used.user) {
            maintenance.push(used.user.clone());
        }
    }
    let clients: Vec<Value> = clients
        .into_iter()
        .map(|((user, name), client)| {
            let connections = limit(stack, database, user);
            context! {
                user => user, database => name, password => client.password, services => client.services,
                extensions => client.extensions, connections,
            }
        })
        .collect();
    let monitor = database.monitor.as_ref().map(|m| {
        context! { user => m.user.as_str(), password => m.password.as_str(), connections => Login::WATCHING }
    });
    context! {
        header => Value::from_safe_string(header(stack)),
        server => database.name.as_str(),
        tool => format!("{}-roles", database.name),
        entry => database.entry(),
        encrypted => database.sslmode >= SslMode::Require,
        digitalocean => database.provider == Some(Provider::Digitalocean),
        admin_password => database.admin_password.as_deref(),
        clients, maintenance, monitor,
    }
}

/// Connections a role may hold: what its services may, and some more; without a limit where that is a guess.
fn limit(stack: &Stack, database: &Database, user: &str) -> i64 {
    let mut sum = SLACK;
    for (_, used) in uses(stack, database).filter(|(_, used)| used.user == user) {
        match used.pool.as_ref().and_then(|p| p.size) {
            Some(size) => sum = sum.saturating_add(size),
            None if used.counted => sum = sum.saturating_add(used.connections),
            None => return -1,
        }
    }
    i64::from(sum)
}

/// What the provider has to be told: the server that comes in, and the pools.
fn provider(stack: &Stack, clusters: &[&Database]) -> Value {
    let cluster = |d: &Database| {
        let id = d.cluster_id.as_deref().unwrap_or_default();
        context! { name => d.name.as_str(), host => d.host.as_str(), id }
    };
    let mut pools: IndexMap<&str, (Value, u32)> = IndexMap::new();
    for database in clusters {
        for service in stack.services.iter().filter(|s| s.role != Role::Job) {
            let Some(used) = service.database.as_ref().filter(|d| d.server == database.name) else {
                continue;
            };
            let Some(pool) = &used.pool else { continue };
            let entry = pools.entry(&pool.name).or_insert_with(|| {
                let about = context! {
                    cluster => cluster(database), name => pool.name.as_str(), database => used.name.as_str(),
                    user => used.user.as_str(), mode => pool.mode.word(),
                };
                (about, 0)
            });
            // A size that is written is that of the whole pool.
            entry.1 = pool.size.unwrap_or(entry.1.saturating_add(used.connections));
        }
    }
    let pools: Vec<Value> = pools.into_values().map(|(about, size)| context! { size, ..about }).collect();
    let ids: Vec<String> = stack.firewall.droplet_ids.iter().map(ToString::to_string).collect();
    context! {
        header => Value::from_safe_string(header(stack)),
        address => stack.host.address.as_deref().unwrap_or_default(),
        droplets => ids.join(","),
        tags => stack.firewall.tags.join(","),
        clusters => clusters.iter().map(|d| cluster(d)).collect::<Vec<_>>(),
        pools,
    }
}
