//! Where the entries of docker-compose.yml come from.

use super::{Candidates, Origin, base, container, keys, of_kind};
use crate::finding::{Document, Path, Place};
use crate::outline::port;
use crate::stack::{MountSource, Role, Service, Stack};

pub(super) fn origin(stack: &Stack, path: &Path) -> Origin {
    match keys(path).as_slice() {
        ["services", name, rest @ ..] => match stack.service(name) {
            Some(service) => of_service(stack, service, rest),
            None => Candidates::new().made(None, "the manifest has no such service"),
        },
        ["networks", name, ..] => network(stack, name),
        ["volumes", name, rest @ ..] => volume(stack, name, rest),
        ["secrets", name, ..] => secret(stack, None, name),
        ["name", ..] => Candidates::new()
            .at(Place::manifest(["project"]))
            .at(Place::manifest(["name"]))
            .made(None, "the Compose project is `project`, else the name of the stack"),
        _ => Candidates::new().made(None, "no target writes this"),
    }
}

fn of_service(stack: &Stack, s: &Service, rest: &[&str]) -> Origin {
    let mut new = Candidates::new();
    // What the manifest passes through to Compose stands above all else.
    if rest.first().is_some_and(|key| s.overrides.contains_key(*key)) {
        for end in (1..=rest.len()).rev() {
            let keys: Vec<&str> = std::iter::once("compose").chain(rest[..end].iter().copied()).collect();
            new = new.at(base(s, &keys));
        }
    }
    let whole = |rule: &str| rule.to_string();
    match rest {
        ["image", ..] => {
            let kind = |key: &str| Place::value(Document::Kind(s.kind.clone()), Path(vec![key.into()]));
            new.of(&s.image.origin)
                .at(base(s, &["image"]))
                .at(base(s, &["version"]))
                .at(of_kind(s, &["image"]))
                .at(kind("version"))
                .at(kind("image"))
                .made(Some(s), "the image of the kind")
        }
        ["build", "context" | "dockerfile" | "target", ..] | ["build"] => {
            let key = rest.get(1).copied().unwrap_or("context");
            new.at(base(s, &["build", key])).at(base(s, &["build"])).at(of_kind(s, &["build"]))
                .at(Place::value(Document::Kind(s.kind.clone()), Path(vec!["service".into(), "build".into()])))
                .made(Some(s), "an image is built where the kind's own lacks something")
        }
        ["build", "args", name, ..] => {
            new.at(base(s, &["build", "args", name])).made(Some(s), "arguments of the build")
        }
        ["depends_on", other, ..] => {
            let dependency = s.depends_on.iter().find(|d| d.service == **other);
            let declared = dependency.map(|d| d.place.clone()).filter(|place| *place != s.place);
            if let Some(place) = declared {
                new = new.at(place);
            }
            if let Some(job) = stack.service(other).filter(|other| other.kind == s.kind || other.kind == "certbot") {
                new = new.at(of_kind(job, &["role"]));
            }
            new.at(s.place.on_key()).made(
                Some(s),
                "a service waits for what it uses and for the jobs of its kind: healthy where there is a health check",
            )
        }
        ["volumes", target, keys @ ..] => mount(stack, s, target, keys, new),
        ["secrets", name, ..] => secret(stack, Some(s), name),
        ["environment", name, ..] => {
            if let Some(env) = s.env.iter().find(|env| env.name == **name) {
                new = new.of(&env.origin);
            }
            new.at(base(s, &["env", name]))
                .group(&s.kind, container(s).join("env"), name)
                .group(&s.kind, Path(vec!["service".into(), "env".into()]), name)
                .made(Some(s), "the environment of the kind")
        }
        ["ports", identity, ..] => {
            let of = |p: &&crate::stack::Publish| {
                port::identity(p.address.as_deref().unwrap_or_default(), &p.host_port.to_string(), &p.port.to_string(), match p.protocol {
                    crate::manifest::Protocol::Tcp => "tcp",
                    crate::manifest::Protocol::Udp => "udp",
                }) == **identity
            };
            if let Some(publish) = s.publish.iter().find(of) {
                new = new.at(publish.place.clone());
            }
            new.at(Place::manifest(["proxy"]).on_key()).made(Some(s), "the proxy publishes 80, and 443 when any site has https; nothing else is published unless `publish` says so")
        }
        ["networks", name, ..] => {
            let place = if s.name == **name {
                s.place.on_key()
            } else {
                let dependency = s.depends_on.iter().find(|d| d.service == **name).map(|d| d.place.clone());
                let site = stack.sites.iter().find(|site| site.service == **name).map(|site| site.place.clone());
                dependency.or(site.filter(|_| s.role == Role::Proxy)).unwrap_or_else(|| {
                    stack.service(name).map_or_else(|| s.place.on_key(), |owner| owner.place.on_key())
                })
            };
            new.at(place).made(Some(s), NETWORKS)
        }
        ["network_mode", ..] => new.at(s.place.on_key()).made(Some(s), "a service that nobody talks to is on no network"),
        ["command", ..] => new.key(s, &["command"]).made(Some(s), "the command of the kind"),
        ["entrypoint", ..] => new.key(s, &["entrypoint"]).made(Some(s), "the entrypoint of the kind"),
        ["container_name", ..] => new.at(base(s, &["container_name"])).made(Some(s), "a name only where the manifest gives one"),
        ["working_dir", ..] => new.key(s, &["working_dir"]).made(Some(s), "the working directory of the image"),
        ["user", ..] => new.key(s, &["user"]).made(Some(s), "the user of the image"),
        ["restart", ..] => new.key(s, &["restart"]).made(
            Some(s),
            "services are restarted unless stopped, jobs when they fail, unless `restart` says otherwise",
        ),
        ["healthcheck", "test", ..] => {
            let mut keys = new;
            for key in ["http", "command"] {
                keys = keys.key(s, &["healthcheck", key]);
            }
            keys.made(Some(s), "the health check of the kind")
        }
        ["healthcheck", key, ..] => {
            new.key(s, &["healthcheck", key]).made(Some(s), "every 30 s, 5 s to answer, 5 failures, unless kind or manifest say otherwise")
        }
        ["logging", ..] => new.made(
            Some(s),
            "every service logs to files of at most 10 MB, three of them: without a bound one container fills the disk of all",
        ),
        ["cap_add" | "cap_drop", ..] => {
            new.key(s, &["hardening", "capabilities"]).made(Some(s), "capabilities as the kind has them")
        }
        ["security_opt", ..] => new.key(s, &["hardening", "new_privileges"]).made(
            Some(s),
            "no process may gain privileges unless `hardening.new_privileges` says so",
        ),
        ["read_only", ..] => new.key(s, &["hardening", "read_only"]).made(Some(s), whole("the file system as the kind has it")),
        ["tmpfs", ..] => new.key(s, &["hardening", "tmpfs"]).made(Some(s), whole("directories in memory as the kind has them")),
        ["deploy", "resources", "limits", "memory"] | ["mem_limit"] => {
            new.key(s, &["memory"]).made(Some(s), "the memory limit of the kind")
        }
        ["deploy", "resources", "limits", "cpus"] => new.at(base(s, &["cpus"])).made(Some(s), "no CPU limit unless `cpus` says one"),
        ["deploy", "resources", "limits", "pids"] => {
            new.key(s, &["hardening", "pids"]).made(Some(s), "the number of processes the kind may have")
        }
        ["deploy", "replicas"] => new.key(s, &["replicas"]).made(Some(s), "as many as the kind runs"),
        ["init", ..] => new.at(of_kind(s, &["init"])).made(Some(s), "an init process where the kind needs one"),
        ["shm_size", ..] => new.at(of_kind(s, &["shm"])).made(Some(s), "shared memory as the kind needs it"),
        ["stop_grace_period", ..] => new.key(s, &["stop_grace"]).made(Some(s), "the time the kind needs to stop"),
        _ => new.at(s.place.on_key()).made(Some(s), "the compose target writes every service"),
    }
}

const NETWORKS: &str =
    "each service that others reach has a network of its own, with its clients and nobody else on it";

fn network(stack: &Stack, name: &str) -> Origin {
    let service = stack.service(name);
    let place = service.map_or_else(|| Place::manifest(["services", name]), |s| base(s, &[]));
    Candidates::new().at(place.on_key()).made(service, NETWORKS)
}

fn volume(stack: &Stack, key: &str, rest: &[&str]) -> Origin {
    let mut new = Candidates::new();
    let Some(volume) = stack.volumes.iter().find(|v| v.key == key) else {
        return new.made(None, "the manifest has no such volume");
    };
    if rest == ["name"] {
        new = new.at(volume.place.join("exact_name")).at(volume.place.join("name"));
    }
    new = new.at(volume.place.on_key());
    let service = volume.service.as_deref().and_then(|name| stack.service(name));
    let own =
        stack.services.iter().flat_map(|s| &s.mounts).find(|m| m.source == MountSource::Volume(key.into()));
    if let (Some(service), Some(mount)) = (service, own) {
        new = new.at(kind_volume(service, &mount.place, &[]));
    }
    new.made(service, "volumes of the kinds are named `PROJECT_SERVICE-VOLUME`")
}

/// The volume of a kind that a place of the manifest would override.
fn kind_volume(service: &Service, place: &Place, keys: &[&str]) -> Place {
    let name = match place {
        Place::At { path, .. } => path.0.last().cloned(),
        Place::Text(_) => None,
    };
    let mut path = Path(vec!["service".into(), "volumes".into()]);
    path.0.extend(name);
    Place::value(Document::Kind(service.kind.clone()), keys.iter().fold(path, |path, key| path.join(*key)))
}

fn mount(stack: &Stack, s: &Service, target: &str, keys: &[&str], mut new: Candidates) -> Origin {
    let Some(mount) = s.mounts.iter().find(|m| m.target == target) else {
        return new.at(s.place.on_key()).made(Some(s), "the manifest has no such mount");
    };
    let rule = match &mount.source {
        MountSource::Output(name) => {
            if *name == s.owner {
                new = new.at(of_kind(s, &["config_dir"]));
            }
            let owner = stack.service(name).unwrap_or(s);
            let kind = Document::Kind(owner.kind.clone());
            new = new.at(Place::value(kind, Path(vec!["service".into(), "config_dir".into()])));
            "its configuration is mounted as a directory: a file that is replaced by renaming would stay the old one"
        }
        MountSource::Volume(key) => {
            let written = match keys {
                ["source"] => Some("name"),
                [] => Some("mount"),
                _ => None,
            };
            if let Some(key) = written {
                new = new.at(mount.place.join(key));
            }
            new = new.at(mount.place.clone());
            let owner = stack.volumes.iter().find(|v| v.key == *key).and_then(|v| v.service.as_deref());
            let owner = owner.and_then(|name| stack.service(name)).unwrap_or(s);
            new = new.at(kind_volume(owner, &mount.place, &[]));
            "volumes of the kind"
        }
        MountSource::Host(_) => {
            let written = match keys {
                ["source"] => Some("source"),
                ["read_only"] => Some("writable"),
                [] => Some("target"),
                _ => None,
            };
            if let Some(key) = written {
                new = new.at(mount.place.join(key));
            }
            new = new.at(mount.place.clone());
            "directories of the server are read-only unless `writable` says otherwise, and must exist"
        }
    };
    new.made(Some(s), rule)
}

/// A secret that a service gets, or is declared for all.
pub(super) fn secret(stack: &Stack, service: Option<&Service>, name: &str) -> Origin {
    let mut new = Candidates::new();
    if let Some(s) = service {
        if s.database.as_ref().is_some_and(|d| d.password == name) {
            new = new.at(base(s, &["database", "password"])).at(base(s, &["database"]));
        }
        if let Some(mail) = stack.mail.iter().find(|m| m.password.as_deref() == Some(name)) {
            new = new.at(mail.place.join("password"));
        }
        if let Some((key, _)) = s.facts.secrets.iter().find(|(_, full)| full == name) {
            new = new.at(Place::value(
                Document::Kind(s.kind.clone()),
                Path(vec!["secrets".into(), key.as_str().into()]),
            ));
        }
    }
    new = new.at(Place::manifest(["secrets", name]).on_key());
    let declared = stack.secrets.iter().find(|secret| secret.name == name);
    let users = declared.iter().flat_map(|secret| &secret.used_by);
    let user = users.filter_map(|name| stack.service(name)).next();
    if let (None, Some(s)) = (service, user)
        && let Some((key, _)) = s.facts.secrets.iter().find(|(_, full)| full == name)
    {
        new = new.at(Place::value(
            Document::Kind(s.kind.clone()),
            Path(vec!["secrets".into(), key.as_str().into()]),
        ));
    }
    if let Some(secret) = declared {
        new = new.at(secret.place.clone());
    }
    new.made(
        service.or(user),
        "a secret is handed over as a file where the image can read one, else by the environment",
    )
}
