//! The containers of a service: its own, and those of its companions.

use minijinja::Value;

use super::facts::Draft;
use super::{Resolver, at, in_kind, runs, seconds};
use crate::expr::{self};
use crate::finding::{Finding, Place};
use crate::kinds::{Container, Kind, RoleText};
use crate::manifest::{self, Restart, Status};
use crate::scalar::Raw;
use crate::stack::{
    Build, Dependency, Hardening, Healthcheck, Image, Origin, Piece, Probe, Publish, Role, Service, Task,
    secret_path,
};

/// What a container is made from.
pub(super) struct Part<'d, 'a> {
    pub draft: &'d Draft<'a>,
    pub kind: &'d Kind,
    pub container: &'d Container,
    /// Name behind the service's, for a companion.
    pub suffix: Option<&'d str>,
    pub scope: Value,
}

impl Part<'_, '_> {
    pub fn name(&self) -> String {
        match self.suffix {
            Some(suffix) => format!("{}-{suffix}", self.draft.name),
            None => self.draft.name.to_string(),
        }
    }

    /// The container, or for an environment that is shared, the service's.
    pub fn shared(&self) -> Vec<&Container> {
        if self.suffix.is_some() && self.container.same_environment {
            vec![&self.kind.service, self.container]
        } else {
            vec![self.container]
        }
    }

    /// Whether the manifest's own `env`, `mounts` and the like apply.
    pub fn as_written(&self) -> bool {
        self.suffix.is_none() || self.container.same_environment
    }

    pub fn place(&self) -> Place {
        at(["services", self.draft.name])
    }

    pub fn origin(&self) -> Origin {
        Origin::Kind(self.kind.kind.to_string())
    }
}

impl Resolver<'_> {
    /// Adds the containers of a service.
    pub(super) fn containers(&mut self, draft: &Draft<'_>) {
        // Without the database it names, every expression about it would be one more fault.
        let lost = draft.service.database.is_some() && draft.database.is_none();
        if draft.service.status == Status::Active && runs(draft.kind.used_as) && !lost {
            self.made(draft);
        }
    }

    /// Makes the containers of a kind: its own and those of the companions that exist.
    pub(super) fn made(&mut self, draft: &Draft<'_>) {
        let kind = draft.kind.clone();
        let scope = expr::scope(&draft.facts, &self.shared);
        let mut parts =
            vec![Part { draft, kind: &kind, container: &kind.service, suffix: None, scope: scope.clone() }];
        for (suffix, container) in &kind.companions {
            match container.when.as_deref().map_or(Ok(true), |w| self.expander.holds(w, &scope)) {
                Ok(true) => parts.push(Part {
                    draft,
                    kind: &kind,
                    container,
                    suffix: Some(suffix.as_str()),
                    scope: scope.clone(),
                }),
                Ok(false) => {}
                Err(error) => self.bad_expression(
                    in_kind(kind.kind.as_str(), &["companions", suffix.as_str(), "when"]),
                    container.when.as_deref().unwrap_or(""),
                    &error,
                ),
            }
        }
        let jobs: Vec<String> = parts.iter().filter(|p| role(p) == Role::Job).map(Part::name).collect();
        for part in &parts {
            if let Some(service) = self.container(part, &jobs) {
                self.push(service);
            }
        }
    }

    /// Adds a container under its name, once.
    pub(super) fn push(&mut self, service: Service) {
        if let Some(other) = self.index.get(&service.name).map(|i| &self.stack.services[*i]) {
            self.out.push(
                Finding::error(
                    "duplicate-key",
                    service.place.on_key(),
                    format!("there are two services named `{}`", service.name),
                )
                .related(other.place.on_key(), "one comes from here")
                .help("rename one of them"),
            );
            return;
        }
        self.index.insert(service.name.clone(), self.stack.services.len());
        self.stack.services.push(service);
    }

    fn container(&mut self, part: &Part<'_, '_>, jobs: &[String]) -> Option<Service> {
        let written = part.draft.service;
        let own = part.suffix.is_none();
        let role = role(part);
        let (image, build) = self.image(part)?;
        let mut secret_files = self.secret_files(part);
        let env = self.env(part, &mut secret_files);
        let mounts = self.mounts(part);
        let healthcheck = self.healthcheck(part);
        let memory = if own { written.memory } else { None }.or(part.container.memory);
        let replicas = self.number(part, part.container.replicas.as_deref(), "replicas").unwrap_or(1);
        let connections =
            self.number(part, part.container.connections.as_deref(), "connections").unwrap_or(5);
        let database = part
            .draft
            .database
            .clone()
            .filter(|_| own || part.container.same_environment)
            .map(|d| crate::stack::DatabaseUse { connections, ..d });
        let (entrypoint, command) = self.command(part);
        let mut listens: Vec<u16> =
            part.container.listen.iter().chain(&part.container.ports).map(|p| p.0).collect();
        if let Some(listen) = written.listen.filter(|_| own) {
            // The main port moves; further ones stay.
            listens.splice(..listens.len().min(1), [listen.0]);
        }
        if own {
            listens.extend(written.further_ports.iter().map(|p| p.0));
        }
        Some(Service {
            name: part.name(),
            owner: part.draft.name.to_string(),
            kind: part.kind.kind.to_string(),
            version: part.draft.facts.service.version.clone(),
            role,
            place: part.place(),
            title: if own { written.title.as_ref() } else { part.container.title.as_ref() }
                .map_or_else(|| part.kind.title.to_string(), ToString::to_string),
            image,
            build,
            container_name: written.container_name.as_ref().filter(|_| own).map(ToString::to_string),
            entrypoint,
            command,
            user: written.user.as_ref().filter(|_| own).map(|u| u.0.clone()),
            working_dir: written.working_dir.as_ref().filter(|_| own).map(ToString::to_string),
            env,
            secret_files,
            mounts,
            listens,
            publish: if own { self.published(part) } else { Vec::new() },
            networks: Vec::new(),
            internal: written.internal || !own || role == Role::Store,
            healthcheck,
            no_healthcheck: part.container.no_healthcheck.as_ref().map(ToString::to_string),
            depends_on: self.dependencies(part, role, jobs),
            restart: if own { written.restart } else { None }.or(part.container.restart).unwrap_or(
                match role {
                    Role::Job => Restart::OnFailure,
                    Role::Tool => Restart::Never,
                    _ => Restart::UnlessStopped,
                },
            ),
            stop_grace: if own { written.stop_grace } else { None }.or(part.container.stop_grace),
            memory,
            cpus: written.cpus.filter(|_| own).map(|c| c.0),
            shm: part.container.shm,
            replicas,
            init: part.container.init,
            hardening: hardening(
                part.container.hardening.as_ref(),
                written.hardening.as_ref().filter(|_| own),
            ),
            database,
            files: if own { self.files(part) } else { Vec::new() },
            settings: if own { self.settings(part) } else { Vec::new() },
            facts: part.draft.facts.clone(),
            variables: {
                let table = part.container.variables.as_ref().map_or(part.kind.kind.as_str(), |v| v.as_str());
                self.kinds.table(&format!("{table}.variables"))
            },
            known_settings: self.kinds.table(&format!("{}.settings", part.kind.kind)),
            tasks: self.tasks(part),
            overrides: if own { written.compose.clone() } else { serde_json::Map::new() },
            found: None,
        })
    }

    fn image(&mut self, part: &Part<'_, '_>) -> Option<(Image, Option<Build>)> {
        let (written, name) = (part.draft.service, part.draft.name);
        let version = &part.draft.facts.service.version;
        let manifest = |key: &str| Origin::Manifest(at(["services", name, key]));
        let origin = if written.version.is_some() { manifest("version") } else { part.origin() };
        if let Some(image) = &part.container.image {
            return Some((Image { reference: format!("{image}:{version}"), origin }, None));
        }
        let build = written.build.as_ref().map(|b| Build {
            context: b.context.to_string(),
            base: None,
            dockerfile: b.dockerfile.as_ref().map(ToString::to_string),
            target: b.target.as_ref().map(ToString::to_string),
            args: b.args.iter().map(|(k, v)| (k.to_string(), v.0.clone())).collect(),
        });
        if let Some(image) = &written.image {
            return Some((Image { reference: image.to_string(), origin: manifest("image") }, build));
        }
        let local = |tag: &str| format!("{}-{name}:{tag}", self.stack.project);
        if build.is_some() {
            let tag = if version.is_empty() { "local" } else { version };
            return Some((Image { reference: local(tag), origin: manifest("build") }, build));
        }
        let Some(image) = &part.kind.image else {
            let message = format!("`{name}` has neither an `image` nor a `build`");
            self.out.push(
                Finding::error("schema-mismatch", part.place().on_key(), message)
                    .help("add `image: NAME:TAG`, or `build: DIRECTORY` with a Dockerfile"),
            );
            return None;
        };
        // Every part uses the service's own decision: its image is built once and shared.
        if let Some(condition) = &part.kind.service.build {
            match self.expander.holds(condition, &part.scope) {
                Ok(true) => {
                    let base = Some(format!("{image}:{version}"));
                    let build = Build {
                        context: format!("./{name}"),
                        base,
                        dockerfile: None,
                        target: None,
                        args: Vec::new(),
                    };
                    return Some((Image { reference: local(version), origin }, Some(build)));
                }
                Ok(false) => {}
                Err(error) => {
                    self.bad_expression(
                        in_kind(part.kind.kind.as_str(), &["service", "build"]),
                        condition,
                        &error,
                    );
                }
            }
        }
        Some((Image { reference: format!("{image}:{version}"), origin }, None))
    }

    fn healthcheck(&mut self, part: &Part<'_, '_>) -> Option<Healthcheck> {
        let own = part.suffix.is_none();
        let blank = manifest::Healthcheck::default();
        let base = part.container.healthcheck.as_ref();
        let over = part.draft.service.healthcheck.as_ref().filter(|_| own);
        if base.is_none() && over.is_none() {
            return None;
        }
        let (base, written) = (base.unwrap_or(&blank), over.unwrap_or(&blank));
        let place = at(["services", part.draft.name, "healthcheck"]);
        let origin = over.map_or_else(|| part.origin(), |_| Origin::Manifest(place.clone()));
        // A probe of the manifest replaces the kind's, whichever form either has.
        let source = if written.http.is_some() || written.command.is_some() { written } else { base };
        let probe = match (&source.http, &source.command) {
            (Some(_), Some(_)) => {
                self.out.push(
                    Finding::error(
                        "schema-mismatch",
                        place,
                        "expected either `http` or `command`, found both",
                    )
                    .help("remove one of them"),
                );
                return None;
            }
            (Some(path), None) => {
                let listen =
                    if own { part.draft.facts.service.port } else { part.container.listen.map(|p| p.0) };
                let port = written.port.or(base.port).map(|p| p.0).or(listen);
                let Some(port) = port else {
                    self.out.push(
                        Finding::error(
                            "schema-mismatch",
                            place,
                            "the health check asks a path, but no port is known",
                        )
                        .help("add `listen:` to the service, or `port:` to the health check"),
                    );
                    return None;
                };
                let Some(tool) = written.tool.or(base.tool) else {
                    self.out.push(
                        Finding::error(
                            "healthcheck-tool-missing",
                            place,
                            "which program in the image asks the path is not known",
                        )
                        .help("add `tool:` curl, wget, node or python, whichever the image has"),
                    );
                    return None;
                };
                Probe::Http { path: path.to_string(), port, tool }
            }
            (None, Some(command)) => {
                let mut words = Vec::new();
                for word in command {
                    match self.expander.text(&word.0, &part.scope).map(|t| t.plain()) {
                        Ok(Some(word)) => words.push(word),
                        Ok(None) => {
                            self.bad_expression(place.clone(), &word.0, "a secret cannot stand in a command")
                        }
                        Err(error) => self.bad_expression(place.clone(), &word.0, &error),
                    }
                }
                Probe::Command(words)
            }
            (None, None) => return None,
        };
        Some(Healthcheck {
            probe,
            interval: written.interval.or(base.interval).unwrap_or(seconds(30)),
            timeout: written.timeout.or(base.timeout).unwrap_or(seconds(5)),
            retries: written.retries.or(base.retries).unwrap_or(5),
            start_period: written.start_period.or(base.start_period).unwrap_or(seconds(30)),
            origin,
        })
    }

    /// Entrypoint and command: what the manifest says, else the kind's.
    /// What the kind says can be done by hand. A secret is what its file in the container says.
    fn tasks(&mut self, part: &Part<'_, '_>) -> Vec<Task> {
        let mut fill = |text: &str, key: &str| match self.expander.text(text, &part.scope) {
            Ok(text) => text
                .0
                .iter()
                .map(|piece| match piece {
                    Piece::Literal(text) => text.clone(),
                    Piece::Secret(name) => format!("\"$(cat {})\"", secret_path(name)),
                    Piece::SecretFile(name) => secret_path(name),
                })
                .collect(),
            Err(error) => {
                self.bad_expression(
                    in_kind(part.kind.kind.as_str(), &["service", "tasks", key]),
                    text,
                    &error,
                );
                String::new()
            }
        };
        part.container
            .tasks
            .iter()
            .map(|task| Task {
                title: fill(&task.title.0, "title"),
                commands: task.commands.iter().map(|c| fill(&c.0, "commands")).collect(),
                note: task.note.as_ref().map(|n| fill(&n.0, "note")),
            })
            .collect()
    }

    fn command(&mut self, part: &Part<'_, '_>) -> (Vec<String>, Vec<String>) {
        let written = part.draft.service;
        let own = part.suffix.is_none();
        let mut words = |list: &[Raw], place: Place| -> Vec<String> {
            let mut filled = Vec::new();
            for word in list {
                match self.expander.text(&word.0, &part.scope).map(|t| t.plain()) {
                    Ok(Some(text)) => filled.push(text),
                    Ok(None) => self.out.push(
                        Finding::error(
                            "secret-on-command-line",
                            place.clone(),
                            "a secret in a command can be read by every process of the machine",
                        )
                        .help("hand it over by `env`"),
                    ),
                    Err(error) => self.bad_expression(place.clone(), &word.0, &error),
                }
            }
            filled
        };
        let mut one = |key: &str, from_manifest: Option<&manifest::Command>, of_kind: &[Raw]| {
            let place = at(["services", part.draft.name, key]);
            match from_manifest.filter(|_| own).map(|c| (&c.words, &c.shell)) {
                Some((Some(list), _)) => words(list, place),
                Some((None, Some(line))) => {
                    let list = [Raw("/bin/sh".into()), Raw("-c".into()), Raw(line.to_string())];
                    words(&list, place)
                }
                _ => words(of_kind, place),
            }
        };
        let entrypoint = one("entrypoint", written.entrypoint.as_ref(), &part.container.entrypoint);
        let command = one("command", written.command.as_ref(), &part.container.command);
        (entrypoint, command)
    }

    fn published(&mut self, part: &Part<'_, '_>) -> Vec<Publish> {
        for (i, publish) in part.draft.service.publish.iter().enumerate() {
            if let Some(network) = publish.address.as_ref().filter(|a| a.as_str().contains('/')) {
                let place = at(["services", part.draft.name, "publish"]).join(i).join("address");
                self.out.push(
                    Finding::error(
                        "schema-mismatch",
                        place,
                        format!("expected an address of the server, found the network `{network}`"),
                    )
                    .help("write one address, such as 127.0.0.1"),
                );
            }
        }
        let list = part.draft.service.publish.iter().enumerate();
        list.map(|(i, p)| Publish {
            address: Some(p.address.as_ref().map_or_else(|| "127.0.0.1".to_string(), ToString::to_string)),
            host_port: p.host_port.unwrap_or(p.port).0,
            port: p.port.0,
            protocol: p.protocol,
            place: at(["services", part.draft.name, "publish"]).join(i),
        })
        .collect()
    }

    /// What must be up first: what the manifest names, the stores it uses, the jobs of its kind. The condition of
    /// those that run on is set when every service is known.
    fn dependencies(&mut self, part: &Part<'_, '_>, role: Role, jobs: &[String]) -> Vec<Dependency> {
        let written = part.draft.service;
        let name = part.draft.name;
        let mut list: Vec<Dependency> = Vec::new();
        let mut add = |service: &str, condition, place: Place| {
            if !list.iter().any(|d| d.service == service) {
                list.push(Dependency { service: service.to_string(), condition, place });
            }
        };
        if part.as_written() {
            for (i, other) in written.depends_on.iter().enumerate() {
                add(other.as_str(), super::networks::UNDECIDED, at(["services", name, "depends_on"]).join(i));
            }
            let server = part.draft.database.as_ref().and_then(|d| self.stack.database(&d.server));
            if let Some(server) = server.and_then(|s| s.service.as_ref()) {
                add(server, super::networks::UNDECIDED, at(["services", name, "database"]));
            }
            if let Some(redis) = part.draft.facts.redis.as_ref() {
                add(&redis.host, super::networks::UNDECIDED, at(["services", name, "redis"]));
            }
        }
        if role.stays() {
            for job in jobs {
                add(job, crate::stack::Condition::Completed, part.place());
            }
        }
        if role == Role::Worker {
            add(name, super::networks::UNDECIDED, part.place());
        }
        list
    }

    /// A whole number from an expression of the kind.
    fn number(&mut self, part: &Part<'_, '_>, expression: Option<&str>, key: &str) -> Option<u32> {
        let expression = expression?;
        let value = self.expander.value(expression, &part.scope).and_then(|v| {
            v.as_i64()
                .and_then(|n| u32::try_from(n).ok())
                .ok_or_else(|| "expected a whole number".to_string())
        });
        value
            .map_err(|error| {
                self.bad_expression(in_kind(part.kind.kind.as_str(), &["service", key]), expression, &error);
            })
            .ok()
    }
}

fn role(part: &Part<'_, '_>) -> Role {
    match part.container.role {
        Some(RoleText::App) => Role::App,
        Some(RoleText::Worker) => Role::Worker,
        Some(RoleText::Job) => Role::Job,
        Some(RoleText::Tool) => Role::Tool,
        Some(RoleText::Store) => Role::Store,
        None if part.suffix.is_some() => Role::Worker,
        None => Role::App,
    }
}

fn hardening(of_kind: Option<&manifest::Hardening>, written: Option<&manifest::Hardening>) -> Hardening {
    let blank = manifest::Hardening::default();
    let (base, over) = (of_kind.unwrap_or(&blank), written.unwrap_or(&blank));
    let capabilities = over.capabilities.as_ref().or(base.capabilities.as_ref());
    Hardening {
        read_only: over.read_only.or(base.read_only).unwrap_or(false),
        capabilities: capabilities.map(|list| list.iter().map(|c| c.0.clone()).collect()),
        new_privileges: over.new_privileges.or(base.new_privileges).unwrap_or(false),
        tmpfs: base.tmpfs.iter().chain(&over.tmpfs).flatten().map(|p| p.0.clone()).collect(),
        pids: over.pids.or(base.pids),
    }
}
