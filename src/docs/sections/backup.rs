//! How data is saved and brought back by hand.

use super::{View, term, word};
use crate::docs::document::{Block, Line, Section, commands, paragraph};
use crate::manifest::{Backup, Provider};
use crate::stack::{Database, DatabaseUse, Mount, MountSource, Service, Stack, Volume};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let stack = view.stack;
    let mut blocks = Vec::new();
    for database in &stack.databases {
        blocks.extend(of_database(stack, database));
    }
    let saved: Vec<(&Volume, &Service, &Mount)> = stack
        .volumes
        .iter()
        .filter(|v| v.backup != Backup::None)
        .filter_map(|v| holder(stack, v).map(|(service, mount)| (v, service, mount)))
        // The files of a running database server are no backup; its dumps are.
        .filter(|(_, s, _)| !stack.databases.iter().any(|d| d.service.as_ref() == Some(&s.name)))
        .collect();
    if !saved.is_empty() {
        blocks.push(Block::Heading("Volumes".into()));
        blocks.push(paragraph("What is to be saved, and how often:"));
        let due = |v: &Volume| Line::new().code(&v.name).text(format!(": {}", term(v.backup)));
        blocks.push(Block::List(saved.iter().map(|(v, ..)| due(v)).collect()));
        blocks.push(paragraph("By hand, with the tar of the service's own image:"));
        blocks.push(commands(saved.iter().map(|(v, s, m)| format!("{} -cf - . > {}", tar(s, m), file(v)))));
        blocks.push(paragraph("To bring one back, the service stands still meanwhile. Files that are newer than the backup stay beside those that come back."));
        blocks.push(commands(saved.iter().flat_map(|(v, s, m)| {
            [
                format!("docker compose stop {}", s.name),
                format!("{} -xf - < {}", tar(s, m), file(v)),
                format!("docker compose up -d --wait {}", s.name),
            ]
        })));
    }
    Section::new("Backup and recovery", blocks)
}

/// The service that writes to a volume.
fn holder<'a>(stack: &'a Stack, volume: &Volume) -> Option<(&'a Service, &'a Mount)> {
    let mounts =
        stack.services.iter().filter(|s| s.role.stays()).flat_map(|s| s.mounts.iter().map(move |m| (s, m)));
    let source = MountSource::Volume(volume.key.clone());
    let mut own = mounts.filter(|(_, m)| m.writable && m.source == source);
    own.next()
}

fn tar(service: &Service, mount: &Mount) -> String {
    format!(
        "docker compose run --rm -T --no-deps --entrypoint tar {} -C {}",
        service.name,
        word(&mount.target)
    )
}

fn file(volume: &Volume) -> String {
    word(&format!("{}.tar", volume.name))
}

fn of_database(stack: &Stack, database: &Database) -> Vec<Block> {
    let mut used: Vec<&DatabaseUse> = Vec::new();
    for each in stack.services.iter().filter_map(|s| s.database.as_ref()) {
        if each.server == database.name && !used.iter().any(|d| d.name == each.name) {
            used.push(each);
        }
    }
    if used.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![Block::Heading(Line::new().text("Database server ").code(&database.name))];
    if database.provider == Some(Provider::Digitalocean) && database.service.is_none() {
        blocks.push(paragraph("DigitalOcean saves the whole cluster every day. A dump by hand is good for a single database, and before an upgrade."));
    }
    let lines: Vec<(String, String)> = used.iter().map(|d| dump(database, d)).collect();
    if database.service.is_none() {
        let secrets: Vec<&str> = used.iter().map(|d| d.password.as_str()).collect();
        blocks.push(paragraph(
            Line::new().text("Each command asks for the password: ").codes(secrets).text("."),
        ));
    }
    blocks.push(commands(lines.iter().map(|(save, _)| save.clone())));
    blocks.push(paragraph("To bring one back, with the services that use it stopped:"));
    blocks.push(commands(lines.into_iter().map(|(_, load)| load)));
    blocks
}

/// Commands that save a database and bring it back. The client is of the server's own version: an older one refuses.
fn dump(database: &Database, used: &DatabaseUse) -> (String, String) {
    let (name, file) = (word(&used.name), word(&format!("{}.dump", used.name)));
    if let Some(service) = &database.service {
        let run = format!("docker compose exec -T {service}");
        return (
            format!("{run} pg_dump -U postgres -Fc {name} > {file}"),
            format!("{run} pg_restore -U postgres --clean --if-exists -d {name} < {file}"),
        );
    }
    let client = client(database, used);
    (
        format!("{} pg_dump -W {} -Fc -f {file} {name}", client.0, client.1),
        format!("{} pg_restore -W {} --clean --if-exists -d {name} {file}", client.0, client.1),
    )
}

/// A client of PostgreSQL in a container of its own, and where it connects to.
pub(super) fn client(database: &Database, used: &DatabaseUse) -> (String, String) {
    let version = database.version.map_or("17".to_string(), |v| v.to_string());
    // The CA lies on the server's disk, and the client would need it mounted: encrypted is enough here.
    let mode = match term(database.sslmode).as_str() {
        "verify-ca" | "verify-full" => "require".to_string(),
        mode => mode.to_string(),
    };
    let run =
        format!("docker run --rm -it -e PGSSLMODE={mode} -v \"$PWD\":/dumps -w /dumps postgres:{version}");
    let to = format!("-h {} -p {} -U {}", word(&database.host), database.port, word(&used.user));
    (run, to)
}
