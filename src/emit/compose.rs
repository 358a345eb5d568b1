//! `docker-compose.yml`: what Docker Compose 2.26 and newer starts.
//!
//! Compose hashes everything a service says: nothing here may change from build to build without a reason, or every
//! container would be made anew.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::{Artifact, header};
use crate::finding::Finding;
use crate::format::value::{self, Map, Value};
use crate::format::yaml_print::Document;
use crate::manifest::{Class, ProbeTool, Protocol, Restart};
use crate::scalar::Bytes;
use crate::stack::{
    Condition, Healthcheck, Mount, MountSource, Piece, Probe, Publish, Role, Service, Stack, Text, Volume,
    secret_path,
};

/// Name of the file.
pub const FILE: &str = "docker-compose.yml";

/// The profile of what runs only when somebody or a timer asks for it.
const TOOLS: &str = "tools";

/// Writes the file, unless nothing runs.
pub fn emit(stack: &Stack, _: &mut Vec<Finding>) -> Vec<Artifact> {
    if stack.services.is_empty() {
        return Vec::new();
    }
    let networks: Map = stack
        .networks
        .iter()
        .map(|n| {
            let map = Map::new().set("name", &n.name).set_some("internal", n.internal.then_some(true));
            let Some(ipv6) = n.ipv6 else { return (n.key.clone(), map) };
            let pool = Map::new().set("subnet", ipv6.to_string());
            let pools = Map::new().set("config", Value::List(vec![pool.into()]));
            (n.key.clone(), map.set("enable_ipv6", true).set("ipam", pools))
        })
        .collect();
    let mut volumes = Map::new();
    for volume in &stack.volumes {
        // The name is written out: derived from folder or key it would change with them, and the data stay behind.
        volumes.insert(volume.key.clone(), Map::new().set("name", &volume.name)).note =
            Some(about(volume).into());
    }
    let mut secrets = Map::new();
    let as_files: HashSet<&str> =
        stack.services.iter().flat_map(|s| &s.secret_files).map(String::as_str).collect();
    for secret in stack.secrets.iter().filter(|s| as_files.contains(s.name.as_str())) {
        secrets.insert(secret.name.clone(), Map::new().set("environment", &secret.name));
    }
    let mut document = Document::new(&header(stack));
    document.entries(
        &Map::new()
            .note("Prefixes names that hold data; changing it loses them.")
            .set("name", &stack.project),
    );
    let mut built = HashSet::new();
    document.each(
        "services",
        stack.services.iter().map(|s| {
            let first = s.build.as_ref().is_none_or(|b| built.insert((&s.image.reference, b)));
            (s.name.clone(), s.title.clone(), service(s, first))
        }),
    );
    document.entries(&Map::new().set_filled("networks", networks));
    document.entries(&Map::new().set_filled("volumes", volumes));
    let note = "Values come from the environment or .env; .env.example names them all.";
    document.entries(&Map::new().note(note).set_filled("secrets", secrets));
    vec![Artifact::file(FILE, document.finish())]
}

/// What a volume is, as one line.
fn about(volume: &Volume) -> String {
    let class = match volume.class {
        Class::Critical => "critical",
        Class::Important => "important",
        Class::Cache => "cache",
        Class::Deprecated => "deprecated",
    };
    let until = volume.keep_until.as_ref().map(|day| format!(", kept until {day}"));
    let what = volume.description.iter().chain(&volume.reason).map(|t| format!(": {t}")).next();
    format!("{class}{}{}", until.unwrap_or_default(), what.unwrap_or_default())
}

/// One service; the keys stand in the order that Compose's own style guide and dclint expect.
///
/// Of the services that share an image only the `first` builds it. Compose labels what it builds with the service's
/// name, so a second build is another image under the same tag, whichever is done last; and `up` makes both containers
/// anew when that is not the one of before.
fn service(s: &Service, first: bool) -> Map {
    let mut map = Map::new()
        .set("image", escape(&s.image.reference))
        .set_some("build", s.build.as_ref().filter(|_| first).map(build))
        .set_some("container_name", s.container_name.as_ref())
        .set_filled("depends_on", depends_on(s))
        .set_filled("volumes", s.mounts.iter().map(mount).collect::<Vec<Value>>())
        .set_filled("secrets", s.secret_files.iter().map(|n| Value::from(n.clone())).collect::<Vec<_>>())
        .set_filled("environment", s.env.iter().map(|e| (e.name.clone(), text(&e.value))).collect::<Map>())
        .set_filled("ports", s.publish.iter().map(port).collect::<Vec<Value>>());
    map = if s.networks.is_empty() {
        map.set("network_mode", "none")
    } else {
        map.set("networks", s.networks.iter().map(|n| Value::from(n.clone())).collect::<Vec<_>>())
    };
    let limits = Map::new()
        .set_some("cpus", s.cpus.map(|c| c.to_string()))
        .set_some("memory", s.memory.map(size))
        .set_some("pids", s.hardening.pids);
    let deploy = Map::new()
        .set_some("replicas", (s.replicas > 1).then_some(s.replicas))
        .set_filled("resources", Map::new().set_filled("limits", limits));
    let h = &s.hardening;
    let texts = |list: &[String]| list.iter().map(|t| Value::from(escape(t))).collect::<Vec<_>>();
    let tmpfs = h.tmpfs.iter().map(|path| Value::from(format!("{path}:mode=1777"))).collect::<Vec<_>>();
    map = map
        .set_filled("command", words(&s.command))
        .set_filled("entrypoint", words(&s.entrypoint))
        .set_some("working_dir", s.working_dir.as_ref().map(|t| escape(t)))
        .set("restart", restart(s))
        .set_some("healthcheck", s.healthcheck.as_ref().map(healthcheck))
        .set("logging", logging())
        .set_some("user", s.user.as_ref().map(|t| escape(t)))
        .set_filled("cap_add", texts(h.capabilities.as_deref().unwrap_or_default()))
        .set_some("cap_drop", h.capabilities.as_ref().map(|_| value::list(["ALL"])))
        .set_filled("deploy", deploy)
        .set_some("init", s.init.then_some(true))
        .set_filled("profiles", profiles(s))
        .set_some("pull_policy", (!first).then_some("never"))
        .set_some("read_only", h.read_only.then_some(true))
        .set_some("security_opt", (!h.new_privileges).then(|| value::list(["no-new-privileges:true"])))
        .set_some("shm_size", s.shm.map(|b| size(b).to_lowercase()))
        .set_some("stop_grace_period", s.stop_grace.map(|g| format!("{}s", g.0)))
        .set_filled("tmpfs", tmpfs);
    merge(&mut map, &s.overrides);
    map
}

/// `up` starts nothing that has a profile; `run` does.
fn profiles(s: &Service) -> Vec<Value> {
    if s.role == Role::Tool { vec![Value::from(TOOLS)] } else { Vec::new() }
}

/// Without a bound the log of one container fills the disk of all.
fn logging() -> Map {
    Map::new()
        .set("driver", "json-file")
        .set("options", Map::new().set("max-size", "10m").set("max-file", "3"))
}

fn build(b: &crate::stack::Build) -> Map {
    Map::new()
        .set("context", escape(&b.context))
        .set_some("dockerfile", b.dockerfile.as_ref().map(|t| escape(t)))
        .set_some("target", b.target.as_ref().map(|t| escape(t)))
        .set_filled("args", b.args.iter().map(|(k, v)| (k.clone(), escape(v))).collect::<Map>())
}

fn depends_on(s: &Service) -> Map {
    let condition = |c| match c {
        Condition::Started => "service_started",
        Condition::Healthy => "service_healthy",
        Condition::Completed => "service_completed_successfully",
    };
    let mut list: Vec<_> = s.depends_on.iter().collect();
    list.sort_by(|a, b| a.service.cmp(&b.service));
    list.into_iter()
        .map(|d| (d.service.clone(), Map::new().set("condition", condition(d.condition))))
        .collect()
}

fn mount(m: &Mount) -> Value {
    let base = |kind: &'static str, source: String| {
        Map::new()
            .set("type", kind)
            .set("source", escape(&source))
            .set("target", escape(&m.target))
            .set_some("read_only", (!m.writable).then_some(true))
    };
    // Without create_host_path a mistyped path is an error, not an empty directory owned by root.
    let bind = |source: String| base("bind", source).set("bind", Map::new().set("create_host_path", false));
    match &m.source {
        MountSource::Volume(key) => base("volume", key.clone()),
        MountSource::Output(name) => bind(format!("./{name}")),
        MountSource::Host(path) if path.starts_with(['/', '.']) => bind(path.clone()),
        // Compose takes a bare word for the name of a volume.
        MountSource::Host(path) => bind(format!("./{path}")),
    }
    .into()
}

fn port(p: &Publish) -> Value {
    Map::new()
        .set("target", p.port)
        .set("published", p.host_port.to_string())
        .set_some("host_ip", p.address.as_ref())
        .set(
            "protocol",
            match p.protocol {
                Protocol::Tcp => "tcp",
                Protocol::Udp => "udp",
            },
        )
        .into()
}

/// What a probe runs in the container: a program and its arguments.
pub fn probe(probe: &Probe) -> Vec<String> {
    match probe {
        Probe::Command(command) => command.clone(),
        Probe::Http { path, port, tool } => {
            // A quote may stand in a path, and would end the string of a script.
            let url = format!("http://127.0.0.1:{port}{}", path.replace('\'', "%27"));
            let words: &[&str] = match tool {
                ProbeTool::Curl => &["curl", "-fsS", "-o", "/dev/null", &url],
                ProbeTool::Wget => &["wget", "-q", "-O", "/dev/null", &url],
                ProbeTool::Node => &[
                    "node",
                    "-e",
                    &format!("fetch('{url}').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"),
                ],
                ProbeTool::Python => &[
                    "python3",
                    "-c",
                    &format!("import urllib.request; urllib.request.urlopen('{url}', timeout=5)"),
                ],
            };
            words.iter().map(ToString::to_string).collect()
        }
    }
}

fn healthcheck(h: &Healthcheck) -> Map {
    let words = probe(&h.probe);
    let test: Vec<String> =
        std::iter::once("CMD".to_string()).chain(words.iter().map(|w| escape(w))).collect();
    let seconds = |s: crate::scalar::Seconds| format!("{}s", s.0);
    Map::new()
        .set("test", value::flow(test))
        .set("interval", seconds(h.interval))
        .set("timeout", seconds(h.timeout))
        .set("retries", h.retries)
        .set("start_period", seconds(h.start_period))
}

fn restart(s: &Service) -> &'static str {
    match s.restart {
        Restart::UnlessStopped => "unless-stopped",
        Restart::Always => "always",
        // A job that keeps failing must not run for ever.
        Restart::OnFailure if s.role == Role::Job => "on-failure:3",
        Restart::OnFailure => "on-failure",
        Restart::Never => "no",
    }
}

fn words(list: &[String]) -> Value {
    value::flow(list.iter().map(|w| escape(w)))
}

/// A text of the manifest: Compose replaces `$NAME` in every value, and `$$` is a dollar sign.
fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

/// A text with its secrets: those are for Compose to fill in, and must be there.
fn text(text: &Text) -> String {
    text.0
        .iter()
        .map(|piece| match piece {
            Piece::Literal(literal) => escape(literal),
            Piece::Secret(name) => format!("${{{name}:?see .env.example}}"),
            Piece::SecretFile(name) => secret_path(name),
        })
        .collect()
}

/// A size as Compose reads it: `512M`, `2G`, in powers of 1024.
fn size(bytes: Bytes) -> String {
    let text = bytes.to_string();
    text.strip_suffix("iB").unwrap_or(&text).to_string()
}

/// Lays what the manifest passes through over what was made: maps merge, everything else is replaced.
fn merge(map: &mut Map, over: &serde_json::Map<String, Json>) {
    for (key, json) in over {
        match (map.get_mut(key), json) {
            (Some(Value::Map(inner)), Json::Object(object)) => merge(inner, object),
            (_, json) => drop(map.insert(key.clone(), from_json(json))),
        }
    }
}

fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => n.as_i64().map_or_else(|| Value::from(n.to_string()), Value::Int),
        Json::String(text) => Value::from(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(from_json).collect()),
        Json::Object(object) => {
            let mut map = Map::new();
            merge(&mut map, object);
            map.into()
        }
    }
}
