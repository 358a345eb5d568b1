//! Where the entries of the files for database servers outside the stack come from.

use super::{Candidates, Origin};
use crate::finding::Place;
use crate::stack::{Database, DatabaseUse, Stack};

const ROLES: &str = "a role and a database for each service on a server outside whose administrator is known";
const PROVIDER: &str = "what the provider of a database server has to be told";

pub(super) fn origin(stack: &Stack, name: &str, keys: &[&str]) -> Origin {
    let line = keys.last().copied().unwrap_or_default();
    let mut new = Candidates::new();
    let starts = |start: &str| line.starts_with(start);
    if name == "doctl.sh" {
        let at = if starts("address=") {
            vec![Place::manifest(["host", "address"])]
        } else if starts("droplets=") {
            vec![Place::manifest(["firewall", "droplet_ids"])]
        } else if starts("tags=") {
            vec![Place::manifest(["firewall", "tags"])]
        } else if let Some(used) = uses(stack).find(|d| d.pool.as_ref().is_some_and(|p| has(line, &p.name))) {
            vec![used.place.join("pool")]
        } else {
            let named = stack.databases.iter().filter(|d| has(line, &d.name) && has(line, &d.host));
            named
                .map(|d| d.place.join("cluster_id"))
                .chain(server_of(stack, line).map(|d| d.place.join("host")))
                .collect()
        };
        for place in at {
            new = new.at(place);
        }
        return new.made(None, PROVIDER);
    }
    let server = stack.databases.iter().find(|d| {
        name.strip_prefix(d.name.as_str()).is_some_and(|rest| [".sql", ".check.sql", ".sh"].contains(&rest))
    });
    let Some(server) = server else { return new.made(None, ROLES) };
    if starts("\\set entry") {
        new = new.at(server.place.join("provider"));
    } else if server.admin_password.as_ref().is_some_and(|p| has(line, p)) {
        new = new.at(server.place.join("password"));
    } else {
        let mut used = uses(stack).filter(|d| d.server == server.name);
        if let Some(used) = used.find(|d| has(line, &d.password) || has(line, &d.user) || has(line, &d.name))
        {
            let key = if has(line, &used.password) {
                "password"
            } else if starts("\\set database") {
                "name"
            } else {
                "user"
            };
            new = new.at(used.place.join(key)).at(used.place.clone());
        }
    }
    new.at(server.place.join("admin")).made(None, ROLES)
}

fn uses(stack: &Stack) -> impl Iterator<Item = &DatabaseUse> {
    stack.services.iter().filter_map(|s| s.database.as_ref())
}

/// The server whose host name stands in a line.
fn server_of<'a>(stack: &'a Stack, line: &str) -> Option<&'a Database> {
    stack.databases.iter().find(|d| has(line, &d.host))
}

/// Whether a name stands in a line as a word of its own.
fn has(line: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    line.strip_prefix("\\getenv password NEW_") == Some(name)
        || line
            .match_indices(name)
            .any(|(i, _)| !line[..i].ends_with(is_part) && !line[i + name.len()..].starts_with(is_part))
}
