//! Backups: what is saved together, and the tools that save and restore it, made from the kinds `restic` and
//! `postgres-client`.

use super::databases::sslmode;
use super::facts::ca_path;
use super::{Resolver, at, in_kind};
use crate::expr;
use crate::finding::{Finding, Place};
use crate::manifest::{self, Backup, Class, Keep, Service as Written, TimeOfDay};
use crate::stack::{
    Backups, Dependency, Env, Item, Kept, Mount, MountSource, Origin, Piece, Role, SavedDatabase, Service,
    Store, Text,
};

/// The kinds, and the names of the services that come from them.
const RESTIC: &str = "restic";
const SERVICE: &str = "backup";
const CLIENT: &str = "postgres-client";

/// Directory of the output with the scripts, and where the tools see it, and what they hand to one another.
const SCRIPTS: &str = "/etc/backup";
const STAGING: (&str, &str) = ("backup-staging", "/staging");
const SCRATCH: (&str, &str) = ("backup-scratch", "/scratch");

/// Where restic sees the volumes, and the directory that is the store.
const DATA: &str = "/data";
const REPOSITORY: &str = "/repository";

impl Resolver<'_> {
    /// Adds the backups, if the manifest asks for any.
    pub(super) fn backup(&mut self) {
        let Some(written) = self.manifest.backup.as_ref() else { return };
        let Some(store) = self.store(&written.store) else { return };
        let place = at(["backup"]);
        let items = self.items(written.keep);
        let deprecated = self.stack.volumes.iter().filter(|v| v.class == Class::Deprecated);
        let archived = deprecated.map(|v| v.key.clone()).collect();
        self.stack.backup = Some(Backups {
            store,
            password: written.password.secret.to_string(),
            at: written.at.unwrap_or(TimeOfDay { hour: 2, minute: 15 }),
            drill: written.drill,
            keep: written.keep,
            items,
            archived,
            place,
        });
        self.restic(written);
        self.clients();
    }

    fn store(&mut self, store: &manifest::Store) -> Option<Store> {
        let place = at(["backup", "store"]);
        let fault = |message: String| Finding::error("schema-mismatch", at(["backup", "store"]), message);
        if let Some(directory) = &store.directory {
            if store.endpoint.is_some() || store.bucket.is_some() {
                self.out.push(
                    fault("expected either `directory` or `endpoint` and `bucket`, found both".into())
                        .help("remove one of them"),
                );
                return None;
            }
            return Some(Store::Directory(directory.0.clone()));
        }
        let (Some(endpoint), Some(bucket), Some(access_key), Some(secret_key)) =
            (&store.endpoint, &store.bucket, &store.access_key, &store.secret_key)
        else {
            let missing: Vec<&str> = [
                ("endpoint", store.endpoint.is_none()),
                ("bucket", store.bucket.is_none()),
                ("access_key", store.access_key.is_none()),
                ("secret_key", store.secret_key.is_none()),
            ]
            .into_iter()
            .filter_map(|(key, missing)| missing.then_some(key))
            .collect();
            self.out.push(
                Finding::error(
                    "schema-mismatch",
                    place,
                    format!("expected a bucket, found no `{}`", missing.join("`, no `")),
                )
                .help("add what is missing, or `directory:` for a file system that is mounted"),
            );
            return None;
        };
        let path = store.path.as_ref().map_or(self.stack.name.as_str(), |p| p.as_str());
        Some(Store::Bucket {
            repository: format!("s3:{}/{bucket}/{path}", endpoint.as_str().trim_end_matches('/')),
            region: store.region.as_ref().map(ToString::to_string),
            access_key: access_key.secret.to_string(),
            secret_key: secret_key.secret.to_string(),
        })
    }

    /// What is saved together: an item for each service, in their order, then volumes that belong to none.
    fn items(&mut self, keep: Option<Keep>) -> Vec<Item> {
        let mut owners: Vec<String> = Vec::new();
        for service in &self.stack.services {
            if !owners.contains(&service.owner) {
                owners.push(service.owner.clone());
            }
        }
        let mut items: Vec<Item> = owners.iter().filter_map(|owner| self.item(owner, keep)).collect();
        let alone = self.stack.volumes.iter().filter(|v| v.service.is_none() && v.backup != Backup::None);
        items.extend(alone.map(|v| Item {
            name: v.key.clone(),
            often: v.backup,
            databases: Vec::new(),
            volumes: vec![v.key.clone()],
            left_out: Vec::new(),
            services: Vec::new(),
            stopped: Vec::new(),
            keep: kept(keep, v.retention, v.class == Class::Critical),
        }));
        items
    }

    fn item(&mut self, owner: &str, keep: Option<Keep>) -> Option<Item> {
        let stack = &self.stack;
        // Files of a running database server are no backup of it; each database is dumped with the service it is for.
        let is_server = stack.databases.iter().any(|d| d.service.as_deref() == Some(owner));
        let volumes: Vec<_> = stack
            .volumes
            .iter()
            .filter(|v| v.service.as_deref() == Some(owner) && v.backup != Backup::None && !is_server)
            .collect();
        let own: Vec<&Service> = stack.services.iter().filter(|s| s.owner == owner).collect();
        let mut databases: Vec<SavedDatabase> = Vec::new();
        let mut often: Vec<Backup> = volumes.iter().map(|v| v.backup).collect();
        for used in own.iter().filter_map(|s| s.database.as_ref()) {
            let tool = tool(&used.server);
            let frequency = used.backup.unwrap_or(Backup::Daily);
            if frequency != Backup::None && !databases.iter().any(|d| d.tool == tool && d.name == used.name) {
                often.push(frequency);
                databases.push(SavedDatabase {
                    tool,
                    name: used.name.clone(),
                    user: used.user.clone(),
                    password: used.password.clone(),
                });
            }
        }
        let rank = |b: &Backup| match b {
            Backup::Hourly => 0,
            Backup::Daily => 1,
            Backup::Weekly => 2,
            Backup::None => 3,
        };
        let often = often.into_iter().min_by_key(rank)?;
        let keys: Vec<String> = volumes.iter().map(|v| v.key.clone()).collect();
        let sees = |s: &Service| {
            s.mounts.iter().any(|m| matches!(&m.source, MountSource::Volume(key) if keys.contains(key)))
        };
        let uses = |s: &Service| {
            let same = |d: &SavedDatabase, used: &crate::stack::DatabaseUse| {
                d.tool == tool(&used.server) && d.name == used.name
            };
            s.database.as_ref().is_some_and(|used| databases.iter().any(|d| same(d, used)))
        };
        let names = |list: &[&Service]| list.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
        let stays: Vec<&Service> = stack.services.iter().filter(|s| s.role.stays()).collect();
        let services: Vec<&Service> =
            stays.iter().copied().filter(|s| s.owner == owner || sees(s) || uses(s)).collect();
        let seen: Vec<&Service> = stays.into_iter().filter(|s| sees(s)).collect();
        let critical = !databases.is_empty() || volumes.iter().any(|v| v.class == Class::Critical);
        let retention = volumes.iter().filter_map(|v| v.retention).max_by_key(|r| r.0);
        let left_out = volumes
            .iter()
            .flat_map(|v| v.left_out.iter().map(|path| (v.key.clone(), path.clone())))
            .collect();
        let mut item = Item {
            name: owner.to_string(),
            often,
            databases,
            volumes: keys.clone(),
            left_out,
            services: names(&services),
            stopped: names(&seen),
            keep: kept(keep, retention, critical),
        };
        if !self.stands_still(owner) {
            item.stopped.clear();
        }
        Some(item)
    }

    /// Whether a service has to be stopped while its volumes are copied.
    fn stands_still(&mut self, name: &str) -> bool {
        let Some((kind, facts)) = self.stack.service(name).map(|s| (s.kind.clone(), s.facts.clone())) else {
            return false;
        };
        let Some(condition) = self.kinds.known(&kind).and_then(|k| k.service.saved_stopped.clone()) else {
            return false;
        };
        let scope = expr::scope(&facts, &self.shared);
        self.expander.holds(&condition, &scope).unwrap_or_else(|error| {
            self.bad_expression(in_kind(&kind, &["service", "saved_stopped"]), &condition, &error);
            false
        })
    }

    /// The tools that copy volumes into the store and out of it.
    fn restic(&mut self, written: &manifest::Backups) {
        let Some(kind) = self.kinds.get(RESTIC, self.sources, self.out) else { return };
        let Some(backups) = self.stack.backup.clone() else { return };
        let asked =
            Written { image: written.image.clone(), version: written.version.clone(), ..Written::default() };
        let version = asked.version.as_ref().or(kind.version.as_ref()).map(ToString::to_string);
        let mut data: Vec<&String> = backups.items.iter().flat_map(|i| &i.volumes).collect();
        data.dedup();
        let start = self.stack.services.len();
        self.build(SERVICE, &asked, &kind, &version.unwrap_or_default(), SERVICE, |_, _| {});
        let stack_name = self.stack.name.clone();
        let place = &backups.place;
        for service in &mut self.stack.services[start..] {
            let mut env = |name: &str, value: Piece, key: Option<&str>| {
                let origin = Origin::Manifest(key.map_or_else(|| at(["name"]), |key| place.join(key)));
                service.env.push(Env { name: name.into(), value: Text(vec![value]), origin });
            };
            let mut secrets = vec![&backups.password];
            env("RESTIC_HOST", Piece::Literal(stack_name.clone()), None);
            match &backups.store {
                Store::Bucket { repository, region, access_key, secret_key } => {
                    env("RESTIC_REPOSITORY", Piece::Literal(repository.clone()), Some("store"));
                    if let Some(region) = region {
                        env("AWS_DEFAULT_REGION", Piece::Literal(region.clone()), Some("store"));
                    }
                    env("BACKUP_ACCESS_KEY_FILE", Piece::SecretFile(access_key.clone()), Some("store"));
                    env("BACKUP_SECRET_KEY_FILE", Piece::SecretFile(secret_key.clone()), Some("store"));
                    secrets.extend([access_key, secret_key]);
                }
                Store::Directory(_) => {
                    env("RESTIC_REPOSITORY", Piece::Literal(REPOSITORY.into()), Some("store"))
                }
            }
            env("RESTIC_PASSWORD_FILE", Piece::SecretFile(backups.password.clone()), Some("password"));
            service.secret_files.extend(secrets.into_iter().cloned());
            if let Store::Directory(directory) = &backups.store {
                let source = MountSource::Host(directory.clone());
                service.mounts.push(mount(source, REPOSITORY, true, &place.join("store")));
            }
            // The drill works in a place of its own, and cannot reach anything that is in use.
            let writes = service.name == "backup-restore";
            if service.name == SERVICE || writes {
                let kept = backups.archived.iter().filter(|_| !writes);
                for key in data.iter().copied().chain(kept) {
                    let source = MountSource::Volume(key.clone());
                    service.mounts.push(mount(source, &format!("{DATA}/{key}"), writes, place));
                }
            }
        }
    }

    /// A tool for each database server, of its own major version, and one that tries a restore without any network.
    fn clients(&mut self) {
        let Some(backups) = self.stack.backup.clone() else { return };
        let Some(kind) = self.kinds.get(CLIENT, self.sources, self.out) else { return };
        for server in self.stack.databases.clone() {
            let name = tool(&server.name);
            let saved = backups.items.iter().flat_map(|i| &i.databases).filter(|d| d.tool == name);
            let mut secrets: Vec<String> = Vec::new();
            for database in saved {
                if !secrets.contains(&database.password) {
                    secrets.push(database.password.clone());
                }
            }
            if secrets.is_empty() {
                continue;
            }
            let Some(major) = server.version else {
                self.out.push(
                    Finding::error(
                        "schema-mismatch",
                        server.place.on_key(),
                        format!("expected a `version` of `{}`, found none", server.name),
                    )
                    .help("add its major version: it is saved by the client of the same one"),
                );
                continue;
            };
            let version = format!("{major}-alpine");
            let place = &backups.place;
            let start = self.stack.services.len();
            self.build(&name, &Written::default(), &kind, &version, SERVICE, |_, _| {});
            for service in &mut self.stack.services[start..] {
                let volume = |(key, path): (&str, &str), writes: bool| {
                    mount(MountSource::Volume(key.into()), path, writes, place)
                };
                service.mounts.push(mount(MountSource::Output(SERVICE.into()), SCRIPTS, false, place));
                if service.name != name {
                    // A server that starts refuses to run as root.
                    service.user = Some("postgres".into());
                    service.mounts.push(volume(SCRATCH, false));
                    continue;
                }
                service.mounts.push(volume(STAGING, true));
                if let Some(ca) = &server.ca {
                    let source = MountSource::Host(ca.clone());
                    service.mounts.push(mount(
                        source,
                        &ca_path(&server.name),
                        false,
                        &server.place.join("ca"),
                    ));
                }
                service.secret_files.clone_from(&secrets);
                let mut env = |name: &str, value: String, key: &str| {
                    let origin = Origin::Manifest(server.place.join(key));
                    service.env.push(Env { name: name.into(), value: Text::literal(value), origin });
                };
                env("PGHOST", server.host.clone(), "host");
                env("PGPORT", server.port.to_string(), "port");
                env("PGSSLMODE", sslmode(server.sslmode).into(), "sslmode");
                if server.ca.is_some() {
                    env("PGSSLROOTCERT", ca_path(&server.name), "ca");
                }
                service.depends_on.extend(server.service.iter().map(|service| Dependency {
                    service: service.clone(),
                    condition: super::networks::UNDECIDED,
                    place: place.clone(),
                }));
            }
        }
    }

    /// What tries a restore has no network: nothing that it starts can reach anything.
    pub(super) fn without_network(&mut self) {
        let is_drill = |s: &Service| s.kind == CLIENT && s.name != s.owner;
        for service in self.stack.services.iter_mut().filter(|s| s.role == Role::Tool && is_drill(s)) {
            service.networks.clear();
        }
    }
}

/// The name of the service that saves databases of a server.
fn tool(server: &str) -> String {
    format!("backup-db-{server}")
}

fn mount(source: MountSource, target: &str, writable: bool, place: &Place) -> Mount {
    Mount { source, target: target.to_string(), writable, place: place.clone() }
}

/// What the manifest says is kept: of a volume before that of the block, else as the class asks.
fn kept(keep: Option<Keep>, retention: Option<crate::scalar::Seconds>, critical: bool) -> Kept {
    let by_class = if critical {
        Keep { hourly: 24, daily: 7, weekly: 5, monthly: 12 }
    } else {
        Keep { hourly: 24, daily: 7, weekly: 4, monthly: 3 }
    };
    match retention {
        Some(time) => Kept::Within(time),
        None => Kept::Newest(keep.unwrap_or(by_class)),
    }
}
