//! Services of a Compose project as services of the model.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::compose::{self, Project, is_name, split_volume};
use super::products::{self, Product};
use super::{Entry, Reader, below, interpolation, parent};
use crate::finding::{Document, Path, Place};
use crate::format::tree::{Kind as Node, NodeId, Tree};
use crate::kinds::{Kinds, RoleText, UsedAs};
use crate::manifest::{Backup, Class, Protocol, Restart};
use crate::scalar::{Bytes, Seconds};
use crate::secrecy::names_a_secret;
use crate::stack::{
    Build, Condition, Dependency, Env, EnvFile, Facts, Foreign, Found, Hardening, Healthcheck, Image, Log,
    Missing, Mount, MountSource, Network, Origin, Outside, Piece, Probe, Publish, Role, Service,
    ServiceFacts, Stack, Text, Variable, Volume,
};

/// Keys of a service that have a field in the model; all others are kept as they are written.
const MODELLED: &[&str] = &[
    "image",
    "build",
    "environment",
    "env_file",
    "volumes",
    "ports",
    "networks",
    "depends_on",
    "restart",
    "healthcheck",
    "container_name",
    "command",
    "entrypoint",
    "user",
    "working_dir",
    "mem_limit",
    "cpus",
    "logging",
    "secrets",
    "read_only",
    "cap_drop",
    "tmpfs",
    "pids_limit",
    "stop_grace_period",
    "expose",
    "extends",
    "init",
    "shm_size",
];
/// Most published ports that a range stands for.
const MOST_PORTS: u16 = 200;

/// A value of the project with its place.
#[derive(Clone)]
struct View<'t> {
    tree: &'t Tree,
    values: &'t HashMap<String, String>,
    id: NodeId,
    place: Place,
}

impl<'t> View<'t> {
    fn get(&self, key: &str) -> Option<View<'t>> {
        let id = self.tree.get(self.id, key)?.value;
        Some(View { id, place: self.place.join(key), ..self.clone() })
    }

    fn entries(&self) -> impl Iterator<Item = (&'t str, View<'t>)> + '_ {
        self.tree
            .entries(self.id)
            .iter()
            .map(|e| (&*e.key, View { id: e.value, place: self.place.join(&*e.key), ..self.clone() }))
    }

    fn items(&self) -> impl Iterator<Item = View<'t>> + '_ {
        let items = self.tree.items(self.id).iter().enumerate();
        items.map(|(i, id)| View { id: *id, place: self.place.join(i), ..self.clone() })
    }

    /// The scalar, filled in as far as it is known.
    fn text(&self) -> Option<String> {
        Some(interpolation::filled(&self.tree.raw(self.id)?, self.values))
    }

    /// The scalar if all of it is known.
    fn known(&self) -> Option<String> {
        self.text().filter(|t| !t.contains("${"))
    }

    fn is_list(&self) -> bool {
        matches!(self.tree.node(self.id).kind, Node::Seq(_))
    }

    /// Items of a list, or the one value.
    fn one_or_more(&self) -> Vec<View<'t>> {
        if self.is_list() { self.items().collect() } else { vec![self.clone()] }
    }

    fn json(&self) -> Json {
        match &self.tree.node(self.id).kind {
            Node::Null => Json::Null,
            Node::Bool(value) => Json::Bool(*value),
            Node::Int(value) => Json::from(*value),
            Node::Float(value) => Json::from(*value),
            Node::Str(_) => Json::String(self.text().unwrap_or_default()),
            Node::Seq(_) => Json::Array(self.items().map(|v| v.json()).collect()),
            Node::Map(_) => Json::Object(self.entries().map(|(k, v)| (k.to_string(), v.json())).collect()),
        }
    }
}

/// Fills the model from a project.
pub(super) fn fill(
    project: Project,
    reader: &mut Reader<'_>,
    kinds: &mut Kinds,
    stack: &mut Stack,
    foreign: &mut Foreign,
) {
    let Project { tree, values, not_reset, .. } = &project;
    let root =
        View { tree, values, id: tree.root(), place: Place::value(Document::Compose, Path::default()) };
    if let Some(name) =
        root.get("name").and_then(|n| n.known()).or_else(|| values.get("COMPOSE_PROJECT_NAME").cloned())
    {
        stack.project = name;
    }
    foreign.not_reset = not_reset.clone();
    volumes(&root, stack, foreign);
    networks(&root, stack, foreign);
    let provided = super::variables_of(reader.folder, "", ".env");
    foreign.provided = provided.clone();
    if let Some(services) = root.get("services") {
        for (name, view) in services.entries() {
            variables(&view, None, foreign);
            let mut service = service(name, &view, reader, kinds, stack);
            mounts(&view, &mut service, stack, reader, foreign);
            stack.services.push(service);
        }
    }
    made_outside(reader, foreign);
    roles(stack);
    tracked(reader, stack, foreign);
}

fn volumes(root: &View<'_>, stack: &mut Stack, foreign: &mut Foreign) {
    for (key, view) in root.get("volumes").iter().flat_map(View::entries) {
        let name = view.get("name").and_then(|n| n.text());
        let full = name.unwrap_or_else(|| match view.get("external") {
            Some(_) => key.to_string(),
            None => format!("{}_{key}", stack.project),
        });
        if is_true(view.get("external")) {
            foreign.outside.push(Outside {
                what: "volume",
                name: full.clone(),
                made: false,
                place: view.place.on_key(),
            });
        }
        stack.volumes.push(Volume {
            key: key.to_string(),
            name: full,
            service: None,
            class: Class::Important,
            backup: Backup::None,
            retention: None,
            left_out: Vec::new(),
            keep_until: None,
            reason: None,
            description: None,
            place: view.place.clone(),
        });
    }
}

fn is_true(view: Option<View<'_>>) -> bool {
    // The old form is a map with the name.
    view.is_some_and(|v| v.json() != Json::Bool(false) && v.json() != Json::Null)
}

fn networks(root: &View<'_>, stack: &mut Stack, foreign: &mut Foreign) {
    let mut list = vec![Network {
        key: "default".into(),
        name: format!("{}_default", stack.project),
        internal: false,
        ipv6: None,
    }];
    for (key, view) in root.get("networks").iter().flat_map(View::entries) {
        let name = view.get("name").and_then(|n| n.text());
        let external = is_true(view.get("external"));
        let full = name
            .unwrap_or_else(|| if external { key.to_string() } else { format!("{}_{key}", stack.project) });
        if external {
            foreign.outside.push(Outside {
                what: "network",
                name: full.clone(),
                made: false,
                place: view.place.on_key(),
            });
        }
        let internal = view.get("internal").is_some_and(|v| v.json() == Json::Bool(true));
        list.retain(|n| n.key != key);
        list.push(Network { key: key.to_string(), name: full, internal, ipv6: None });
    }
    stack.networks = list;
}

/// Every name that a value of a service asks for, with the key it is put into.
fn variables(view: &View<'_>, into: Option<&str>, foreign: &mut Foreign) {
    match &view.tree.node(view.id).kind {
        Node::Str(text) if text.contains('$') => {
            for asked in interpolation::asked(text) {
                foreign.variables.push(Variable {
                    name: asked.name,
                    into: into.unwrap_or_default().to_string(),
                    unset: asked.unset,
                    place: view.place.clone(),
                });
            }
        }
        Node::Map(_) => view.entries().for_each(|(key, v)| variables(&v, Some(key), foreign)),
        Node::Seq(_) => view.items().for_each(|v| variables(&v, into, foreign)),
        _ => {}
    }
}

fn service(
    name: &str,
    view: &View<'_>,
    reader: &mut Reader<'_>,
    kinds: &mut Kinds,
    stack: &Stack,
) -> Service {
    let mut unknown = Vec::new();
    let build = view.get("build");
    let written = view.get("image").and_then(|i| i.text());
    let image_place = if written.is_some() { view.place.join("image") } else { view.place.join("build") };
    let reference = written.clone().unwrap_or_else(|| format!("{}-{name}", stack.project));
    let mut own = build.is_some();
    let mut base = None;
    let mut product = match &build {
        None => products::recognise(&reference, kinds, reader.sources, reader.out),
        Some(build) => from_dockerfile(build, reader).and_then(|reference| {
            let found = products::recognise(&reference, kinds, reader.sources, reader.out);
            base = Some(reference);
            found
        }),
    };
    if product.is_none() && is_odoo(view, reader) {
        own = true;
        product = products::of_kind("odoo", kinds, reader.sources, reader.out);
    }
    let words = |key: &str| view.get(key).map(|v| command(&v)).unwrap_or_default();
    let (entrypoint, command) = (words("entrypoint"), words("command"));
    let env = environment(view, reader);
    let restart = restart(view, &mut unknown);
    let memory = memory(view, &mut unknown);
    let role = role(product.as_ref(), &reference, &env.0, &command);
    let listens = listens(product.as_ref(), &env.0, own || !entrypoint.is_empty());
    let current = product.as_ref().is_some_and(|p| p.current);
    let table = |suffix: &str, kinds: &mut Kinds| {
        let product = product.as_ref().filter(|_| current)?;
        let own = product.container().variables.as_ref().map(|v| v.as_str().to_string());
        kinds.table(&format!("{}.{suffix}", own.unwrap_or_else(|| product.kind.kind.to_string())))
    };
    let (all_variables, known_settings) = (table("variables", kinds), table("settings", kinds));
    let version = product.as_ref().map_or(String::new(), |p| p.version.clone());
    let facts = Facts {
        service: ServiceFacts { name: name.into(), version: version.clone(), ..ServiceFacts::default() },
        stack: stack.name.clone(),
        ..Facts::default()
    };
    let mut overrides: serde_json::Map<String, Json> = view
        .entries()
        .filter(|(k, _)| !MODELLED.contains(k))
        .map(|(k, v)| (k.to_string(), v.json()))
        .collect();
    let stop_grace = view.get("stop_grace_period").and_then(|v| v.known()).and_then(|t| seconds(&t));
    if stop_grace.is_none() && view.get("stop_grace_period").is_some() {
        unknown.push("stop_grace");
    }
    let (healthcheck, off) = healthcheck(view);
    if let Some(off) = off {
        overrides.insert("healthcheck".into(), off);
    }
    let text_of = |key: &str| view.get(key).and_then(|v| v.known());
    let replicas = view.get("deploy").and_then(|d| d.get("replicas")).or_else(|| view.get("scale"));
    let build = build.map(|b| Build {
        context: b.get("context").unwrap_or(b.clone()).text().unwrap_or_default(),
        base,
        dockerfile: b.get("dockerfile").and_then(|d| d.text()),
        target: b.get("target").and_then(|d| d.text()),
        // Only what is written out; a name stands for a value.
        args: b
            .get("args")
            .iter()
            .flat_map(View::entries)
            .filter_map(|(k, v)| Some((k.to_string(), v.known()?)))
            .collect(),
    });
    let words = entrypoint.iter().chain(&command).cloned().collect::<Vec<_>>().join(" ");
    let brought = product.as_ref().map(|p| p.kind.kind.as_str());
    let found = Found {
        unknown,
        log: log(view),
        aliases: aliases(view),
        lacks: product
            .iter()
            .filter(|p| p.companion.is_none())
            .flat_map(|p| &p.kind.lacks)
            .map(ToString::to_string)
            .collect(),
        database_host: None,
        restarts_never: view.get("restart").is_some() && restart == Restart::Never,
        env_files: env.1,
        state: product
            .as_ref()
            .filter(|_| states_are_known(&reference))
            .map(Product::state)
            .unwrap_or_default(),
        words,
        known: !own && brought.is_some_and(|kind| kind != "superset"),
    };
    Service {
        name: name.into(),
        owner: name.into(),
        kind: brought.unwrap_or("container").into(),
        version,
        role,
        place: view.place.clone(),
        title: String::new(),
        image: Image { reference, origin: Origin::Manifest(image_place) },
        build,
        container_name: text_of("container_name"),
        entrypoint,
        command,
        user: text_of("user"),
        working_dir: text_of("working_dir"),
        env: env.0,
        secret_files: Vec::new(),
        mounts: Vec::new(),
        listens,
        publish: ports(view),
        networks: networks_of(view),
        internal: true,
        healthcheck,
        no_healthcheck: product
            .as_ref()
            .and_then(|p| p.container().no_healthcheck.as_ref())
            .map(ToString::to_string),
        depends_on: dependencies(view),
        restart,
        stop_grace,
        memory,
        cpus: None,
        shm: None,
        replicas: replicas.and_then(|r| r.known()).and_then(|r| r.parse().ok()).unwrap_or(1),
        init: false,
        hardening: hardening(view),
        database: None,
        files: Vec::new(),
        settings: Vec::new(),
        facts: Arc::new(facts),
        variables: all_variables,
        known_settings,
        tasks: Vec::new(),
        overrides,
        found: Some(found),
    }
}

/// The version decides where data lies; without one nothing is known.
fn states_are_known(reference: &str) -> bool {
    !reference.contains('$')
}

/// The image that the last stage of a Dockerfile is built from.
fn from_dockerfile(build: &View<'_>, reader: &mut Reader<'_>) -> Option<String> {
    let context = build.get("context").unwrap_or(build.clone()).known()?;
    let file = build.get("dockerfile").and_then(|d| d.known()).unwrap_or_else(|| "Dockerfile".into());
    let text = reader.folder.read(&below(&below("", &context)?, &file)?)?;
    let mut stages: HashMap<String, String> = HashMap::new();
    let mut last = None;
    for line in text.lines() {
        let mut words = line.split_whitespace().filter(|w| !w.starts_with("--"));
        if !words.next().is_some_and(|w| w.eq_ignore_ascii_case("FROM")) {
            continue;
        }
        let image = words.next()?;
        let image = stages.get(image).cloned().unwrap_or_else(|| image.to_string());
        if let (Some(_), Some(name)) = (words.next(), words.next()) {
            stages.insert(name.to_string(), image.clone());
        }
        last = Some(image);
    }
    last.map(|image| interpolation::filled(&image, build.values))
}

/// Whether a container is given an odoo.conf, whatever its image is called.
fn is_odoo(view: &View<'_>, reader: &Reader<'_>) -> bool {
    view.get("volumes").iter().flat_map(View::items).any(|item| {
        let Some(text) = item.known() else { return false };
        let (Some(source), target, _) = split_volume(&text) else { return false };
        let Some(path) = below("", source) else { return false };
        match target.trim_end_matches('/') {
            "/etc/odoo" => super::odoo::in_folder(reader.folder, &path).is_some(),
            target => target == "/etc/odoo/odoo.conf" && reader.folder.entry(&path) == Entry::File,
        }
    })
}

/// Words of a command; what is written as one text goes through Compose's own splitting.
fn command(view: &View<'_>) -> Vec<String> {
    if view.is_list() {
        return view.items().filter_map(|v| v.text()).collect();
    }
    let Some(text) = view.text() else { return Vec::new() };
    let mut words = Vec::new();
    let (mut word, mut quote, mut begun) = (String::new(), None, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '"' | '\'') => (quote, begun) = (Some(c), true),
            (Some(q), c) if q == c => quote = None,
            (None | Some('"'), '\\') => word.extend(chars.next()),
            (None, c) if c.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (_, c) => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// The environment, and the files of variables; of those only names are known.
fn environment(view: &View<'_>, reader: &Reader<'_>) -> (Vec<Env>, Vec<EnvFile>) {
    let mut env: Vec<Env> = Vec::new();
    let mut files = Vec::new();
    for item in view.get("env_file").iter().flat_map(View::one_or_more) {
        let Some(path) = item.get("path").unwrap_or(item.clone()).text() else { continue };
        let place = item.place.clone();
        let found = below("", &path);
        // What is not there yet is made from the example beside it.
        let names = found.as_deref().and_then(|p| {
            let name = p.rsplit('/').next().unwrap_or(p);
            super::variables_of(reader.folder, parent(p), name)
        });
        for name in names.iter().flatten() {
            let value = Text(vec![Piece::Secret(name.clone())]);
            set(&mut env, Env { name: name.clone(), value, origin: Origin::Default });
        }
        let secrets = names.into_iter().flatten().filter(|n| names_a_secret(n)).collect();
        files.push(EnvFile { path, secrets, place });
    }
    for (name, value) in view.get("environment").iter().flat_map(View::entries) {
        let text = match value.tree.raw(value.id) {
            Some(raw) => interpolation::value(&raw, name),
            // A name alone takes over what the caller has.
            None => Text(vec![Piece::Secret(name.to_string())]),
        };
        set(
            &mut env,
            Env { name: name.to_string(), value: text, origin: Origin::Manifest(value.place.clone()) },
        );
    }
    (env, files)
}

fn set(env: &mut Vec<Env>, new: Env) {
    match env.iter_mut().find(|e| e.name == new.name) {
        Some(old) => *old = new,
        None => env.push(new),
    }
}

fn restart(view: &View<'_>, unknown: &mut Vec<&'static str>) -> Restart {
    let policy = view.get("deploy").and_then(|d| d.get("restart_policy")).and_then(|r| r.get("condition"));
    let Some(text) = view.get("restart").or(policy).and_then(|r| r.text()) else { return Restart::Never };
    match text.as_str() {
        "always" | "any" => Restart::Always,
        "unless-stopped" => Restart::UnlessStopped,
        t if t.starts_with("on-failure") => Restart::OnFailure,
        "no" | "false" | "none" => Restart::Never,
        _ => {
            unknown.push("restart");
            Restart::Never
        }
    }
}

fn memory(view: &View<'_>, unknown: &mut Vec<&'static str>) -> Option<Bytes> {
    let limits = view.get("deploy").and_then(|d| d.get("resources")).and_then(|r| r.get("limits"));
    let written = view.get("mem_limit").or_else(|| limits.and_then(|l| l.get("memory")))?;
    let found = written.known().and_then(|t| bytes(&t));
    if found.is_none() {
        unknown.push("memory");
    }
    found
}

/// A size as Docker writes it: `512m`, `2g`, `1073741824`.
fn bytes(text: &str) -> Option<Bytes> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let unit = match text[end..].trim_end_matches("ib").trim_end_matches('b') {
        "" => 1u64,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        "t" => 1 << 40,
        _ => return None,
    };
    Some(Bytes((number * unit as f64) as u64))
}

/// A duration as Go writes it: `90s`, `1m30s`.
fn seconds(text: &str) -> Option<Seconds> {
    let mut total = 0f64;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let tail = &rest[end..];
        let (factor, length) = match tail {
            t if t.starts_with("ms") => (0.001, 2),
            t if t.starts_with("us") || t.starts_with("ns") => (0.0, 2),
            t if t.starts_with('h') => (3600.0, 1),
            t if t.starts_with('m') => (60.0, 1),
            t if t.starts_with('s') => (1.0, 1),
            _ => return None,
        };
        total += number * factor;
        rest = tail.get(length..)?;
    }
    Some(Seconds(total.round() as u32))
}

fn role(product: Option<&Product>, reference: &str, env: &[Env], command: &[String]) -> Role {
    let Some(product) = product else {
        return match () {
            () if products::is_proxy(reference) => Role::Proxy,
            () if products::is_store(reference) => Role::Store,
            () => Role::App,
        };
    };
    match product.kind.used_as {
        UsedAs::Store => return Role::Store,
        UsedAs::Acme => return Role::Acme,
        UsedAs::Proxy => return Role::Proxy,
        UsedAs::Service | UsedAs::Site | UsedAs::Backup => {}
    }
    let worker = command.first().is_some_and(|c| matches!(c.as_str(), "worker" | "celery"))
        || env.iter().any(|e| e.name == "N8N_RUNNERS_TASK_BROKER_URI");
    match product.container().role {
        Some(RoleText::Job) => Role::Job,
        _ if worker || product.companion.is_some() => Role::Worker,
        _ => Role::App,
    }
}

/// Ports on which a product listens by itself; of what may have been changed nothing is known.
fn listens(product: Option<&Product>, env: &[Env], changed: bool) -> Vec<u16> {
    let Some(product) = product.filter(|_| !changed) else { return Vec::new() };
    // What an nginx listens on its configuration says.
    if product.kind.used_as == UsedAs::Proxy {
        return Vec::new();
    }
    let moved =
        ["N8N_PORT", "SUPERSET_PORT", "PGPORT"].iter().find_map(|n| env.iter().find(|e| e.name == *n));
    if let Some(moved) = moved {
        return moved.value.plain().and_then(|p| p.parse().ok()).into_iter().collect();
    }
    let container = product.container();
    container.listen.iter().chain(&container.ports).map(|p| p.0).collect()
}

fn log(view: &View<'_>) -> Log {
    let Some(logging) = view.get("logging") else { return Log::Endless };
    match logging.get("driver").map(|d| d.known()) {
        None => {}
        Some(None) => return Log::Unknown,
        Some(Some(driver)) => match driver.as_str() {
            "json-file" => {}
            // These keep to a size of their own, keep nothing, or hand it on.
            _ => return Log::Bounded,
        },
    }
    let options = logging.get("options");
    match options.and_then(|o| o.get("max-size")) {
        Some(_) => Log::Bounded,
        None => Log::Endless,
    }
}

fn healthcheck(view: &View<'_>) -> (Option<Healthcheck>, Option<Json>) {
    let Some(written) = view.get("healthcheck") else { return (None, None) };
    let json = written.json();
    if json["disable"] == true || json["test"] == "NONE" || json["test"][0] == "NONE" {
        return (None, Some(json));
    }
    // Only the image's own probe, asked at another pace, has no test.
    let Some(test) = written.get("test") else { return (None, Some(json)) };
    let words = match test.is_list() {
        true => test.items().filter_map(|v| v.text()).skip(1).collect::<Vec<_>>(),
        false => vec![test.text().unwrap_or_default()],
    };
    let time = |key: &str, default: u32| {
        written.get(key).and_then(|v| v.known()).and_then(|t| seconds(&t)).unwrap_or(Seconds(default))
    };
    let retries = written.get("retries").and_then(|v| v.known()).and_then(|t| t.parse().ok()).unwrap_or(3);
    let healthcheck = Healthcheck {
        probe: Probe::Command(words),
        interval: time("interval", 30),
        timeout: time("timeout", 30),
        retries,
        start_period: time("start_period", 0),
        origin: Origin::Manifest(test.place.clone()),
    };
    (Some(healthcheck), None)
}

fn ports(view: &View<'_>) -> Vec<Publish> {
    let mut list = Vec::new();
    for item in view.get("ports").iter().flat_map(View::items) {
        let place = item.place.clone();
        if matches!(item.tree.node(item.id).kind, Node::Map(_)) {
            let field = |key: &str| item.get(key).and_then(|v| v.known());
            let (Some(port), Some(host)) = (field("target").and_then(|t| t.parse().ok()), field("published"))
            else {
                continue;
            };
            let protocol = protocol(field("protocol").as_deref().unwrap_or("tcp"));
            add_ports(&mut list, field("host_ip"), &host, port, protocol, place);
            continue;
        }
        let Some(text) = item.known() else { continue };
        let (text, kind) = text.split_once('/').unwrap_or((&text, "tcp"));
        let Some((host, port)) = text.rsplit_once(':') else { continue };
        let (address, host) = match host.rsplit_once(':') {
            Some((address, host)) => (Some(address.trim_matches(['[', ']']).to_string()), host),
            None => (None, host),
        };
        let Some(port) = port.split('-').next().and_then(|p| p.parse().ok()) else { continue };
        add_ports(&mut list, address, host, port, protocol(kind), place);
    }
    list
}

fn protocol(text: &str) -> Protocol {
    if text == "udp" { Protocol::Udp } else { Protocol::Tcp }
}

fn add_ports(
    list: &mut Vec<Publish>,
    address: Option<String>,
    host: &str,
    port: u16,
    protocol: Protocol,
    place: Place,
) {
    let (first, last) = host.split_once('-').unwrap_or((host, host));
    let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else { return };
    for (i, host_port) in (first..=last).take(usize::from(MOST_PORTS)).enumerate() {
        list.push(Publish {
            address: address.clone(),
            host_port,
            port: port.saturating_add(i as u16),
            protocol,
            place: place.clone(),
        });
    }
}

fn networks_of(view: &View<'_>) -> Vec<String> {
    if view.get("network_mode").is_some() {
        return Vec::new();
    }
    match view.get("networks") {
        Some(list) => list.entries().map(|(name, _)| name.to_string()).collect(),
        None => vec!["default".into()],
    }
}

/// Names that networks and links give a container.
fn aliases(view: &View<'_>) -> Vec<String> {
    let networks = view.get("networks");
    let of_networks = networks.iter().flat_map(View::entries).filter_map(|(_, v)| v.get("aliases"));
    of_networks.flat_map(|list| list.items().filter_map(|v| v.text()).collect::<Vec<_>>()).collect()
}

fn dependencies(view: &View<'_>) -> Vec<Dependency> {
    let condition = |v: &View<'_>| match v.get("condition").and_then(|c| c.text()).as_deref() {
        Some("service_healthy") => Condition::Healthy,
        Some("service_completed_successfully") => Condition::Completed,
        _ => Condition::Started,
    };
    let list = view.get("depends_on");
    list.iter()
        .flat_map(View::entries)
        .map(|(name, v)| Dependency {
            service: name.into(),
            condition: condition(&v),
            place: v.place.clone(),
        })
        .collect()
}

fn hardening(view: &View<'_>) -> Hardening {
    let words = |key: &str| -> Vec<String> {
        view.get(key).iter().flat_map(View::one_or_more).filter_map(|v| v.text()).collect()
    };
    let plain = |w: &String| w.trim_start_matches("CAP_").to_string();
    let all = words("cap_drop").iter().any(|w| w.eq_ignore_ascii_case("all"));
    Hardening {
        read_only: view.get("read_only").is_some_and(|v| v.known().as_deref() == Some("true")),
        capabilities: all.then(|| words("cap_add").iter().map(plain).collect()),
        new_privileges: !words("security_opt")
            .iter()
            .any(|w| w.starts_with("no-new-privileges") && !w.ends_with("false")),
        tmpfs: words("tmpfs"),
        pids: view.get("pids_limit").and_then(|p| p.known()).and_then(|p| p.parse().ok()),
    }
}

fn mounts(
    view: &View<'_>,
    service: &mut Service,
    stack: &mut Stack,
    reader: &Reader<'_>,
    foreign: &mut Foreign,
) {
    for item in view.get("volumes").iter().flat_map(View::items) {
        let place = item.place.clone();
        let (source, target, writable) = if matches!(item.tree.node(item.id).kind, Node::Map(_)) {
            let field = |key: &str| item.get(key).and_then(|v| v.text());
            if field("type").is_some_and(|t| !matches!(t.as_str(), "bind" | "volume")) {
                continue;
            }
            let Some(target) = field("target") else { continue };
            (field("source"), target, field("read_only").as_deref() != Some("true"))
        } else {
            let Some(text) = item.text() else { continue };
            let (source, target, mode) = split_volume(&text);
            (source.map(str::to_string), target.to_string(), !mode.split(',').any(|m| m == "ro"))
        };
        // Without a source it is gone with the container.
        let Some(source) = source else { continue };
        let source = if is_name(&source) {
            if let Some(volume) = stack.volumes.iter_mut().find(|v| v.key == source) {
                volume.service.get_or_insert_with(|| service.name.clone());
            }
            MountSource::Volume(source)
        } else {
            if let Some(path) = below("", &source)
                && reader.folder.entry(&path) == Entry::Nothing
            {
                foreign.missing.push(Missing {
                    path: source.clone(),
                    service: service.name.clone(),
                    place: place.clone(),
                });
            }
            MountSource::Host(source)
        };
        service.mounts.push(Mount { source, target, writable, place });
    }
}

/// Whether a script beside the files makes what they take from outside.
fn made_outside(reader: &Reader<'_>, foreign: &mut Foreign) {
    if foreign.outside.is_empty() {
        return;
    }
    let texts: Vec<String> = super::script_texts(reader.folder, true).collect();
    for outside in &mut foreign.outside {
        let made = |text: &String| {
            text.lines().any(|l| l.contains(&format!("{} create", outside.what)) && l.contains(&outside.name))
                || text.contains(&format!("name: {}\n", outside.name))
        };
        outside.made = outside.name.contains('$') || texts.iter().any(made);
    }
}

/// What is waited for until it has ended is a job; what nothing publishes, routes or waits for stays what it is.
fn roles(stack: &mut Stack) {
    let jobs: Vec<String> = stack
        .services
        .iter()
        .flat_map(|s| &s.depends_on)
        .filter(|d| d.condition == Condition::Completed)
        .map(|d| d.service.clone())
        .collect();
    for service in &mut stack.services {
        let profiles =
            service.overrides.get("profiles").and_then(Json::as_array).is_some_and(|p| !p.is_empty());
        if jobs.contains(&service.name) || profiles && service.restart == Restart::Never {
            service.role = Role::Job;
        }
        // The product's defaults: what is not written is still so.
        service.variables = service.variables.take().filter(|_| service.entrypoint.is_empty());
    }
}

/// Files with secrets that are under version control.
fn tracked(reader: &Reader<'_>, stack: &Stack, foreign: &mut Foreign) {
    let mut seen = Vec::new();
    let mut add = |path: &str, place: Place| {
        if let Some(path) = below("", path)
            && !seen.contains(&path)
            && reader.folder.entry(&path) == Entry::File
            && reader.folder.tracked(&path)
        {
            let names = compose::names(reader.folder, &path).unwrap_or_default();
            if names.iter().any(|n| names_a_secret(n)) {
                foreign.tracked.push((path.clone(), place));
            }
            seen.push(path);
        }
    };
    for service in &stack.services {
        for file in service.found.iter().flat_map(|f| &f.env_files) {
            add(&file.path, file.place.clone());
        }
    }
    let place = stack
        .services
        .first()
        .map_or_else(|| Place::value(Document::Compose, Path::default()), |s| s.place.on_key());
    add(".env", place);
}

/// A service of which only the product is known.
pub(super) fn unseen(name: &str, product: &Product) -> Service {
    let place = Place::value(Document::Compose, Path(vec!["services".into(), name.into()]));
    Service {
        name: name.into(),
        owner: name.into(),
        kind: product.kind.kind.to_string(),
        version: String::new(),
        role: Role::App,
        place: place.clone(),
        title: String::new(),
        image: Image { reference: "${IMAGE}".into(), origin: Origin::Manifest(place) },
        build: None,
        container_name: None,
        entrypoint: Vec::new(),
        command: Vec::new(),
        user: None,
        working_dir: None,
        env: Vec::new(),
        secret_files: Vec::new(),
        mounts: Vec::new(),
        listens: Vec::new(),
        publish: Vec::new(),
        networks: Vec::new(),
        internal: true,
        healthcheck: None,
        no_healthcheck: Some("not seen".into()),
        depends_on: Vec::new(),
        restart: Restart::Never,
        stop_grace: None,
        memory: None,
        cpus: None,
        shm: None,
        replicas: 1,
        init: false,
        hardening: Hardening::default(),
        database: None,
        files: Vec::new(),
        settings: Vec::new(),
        facts: Arc::new(Facts::default()),
        variables: None,
        known_settings: None,
        tasks: Vec::new(),
        overrides: serde_json::Map::new(),
        found: Some(Found {
            unknown: vec!["restart", "memory", "mounts", "stop_grace", "environment"],
            ..Found::default()
        }),
    }
}
