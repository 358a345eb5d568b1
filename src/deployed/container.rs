//! A container as the service of a Compose file that would make it, from what GET /containers/ID/json says.
//!
//! The service is written as a Compose file and read by the same code as one, so that both have one form. What the image
//! brings is left out, unless the manifest says it too; what Docker fills in is left out always. Source of the fields:
//! Docker Engine API v1.51, ContainerInspect; what Compose makes of a service: docker/compose, pkg/compose/create.go.

mod host;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

/// Labels by which Compose finds its own.
pub(super) const LABELS: &str = "com.docker.compose.";

/// Empty, for what is missing.
static NOTHING: Json = Json::Null;

/// What is known of where a container runs.
pub(super) struct Around<'a> {
    /// Keys of volumes and networks by name, where they are those of the container's project.
    pub(super) keys: &'a dyn Fn(&str, &str) -> Option<String>,
    /// The service of a container, by its id.
    pub(super) services: &'a dyn Fn(&str) -> Option<String>,
    /// Whether the manifest has something at this path of the service.
    pub(super) says: &'a dyn Fn(&[&str]) -> bool,
    /// What the manifest mounts at a target.
    pub(super) source: &'a dyn Fn(&str) -> Option<String>,
}

/// The service. With `full`, what the image brings is in it, too.
pub(super) fn service(container: &Json, image: &Json, around: &Around<'_>, full: bool) -> Map<String, Json> {
    let from_image = if full { &NOTHING } else { &image["Config"] };
    let reader =
        Reader { container, config: &container["Config"], host: &container["HostConfig"], around, full };
    let mut out = Service(Map::new());
    reader.identity(&mut out);
    reader.process(from_image, &mut out);
    reader.ports(from_image, &mut out);
    reader.mounts(&image["Config"], &mut out);
    reader.networks(&mut out);
    reader.healthcheck(from_image, &mut out);
    reader.limits(&mut out);
    reader.rights(&mut out);
    out.0
}

struct Service(Map<String, Json>);

impl Service {
    /// Adds what is something: not null, false, zero or empty.
    fn set(&mut self, key: &str, value: Json) {
        if !is_nothing(&value) {
            self.0.insert(key.into(), value);
        }
    }
}

fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::Bool(true) => false,
        Json::Number(n) => n.as_f64() == Some(0.0),
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(entries) => entries.is_empty(),
    }
}

/// A text field, empty where there is none.
pub(super) fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_default()
}

/// The entries of a map field.
pub(super) fn entries<'a>(json: &'a Json, key: &str) -> impl Iterator<Item = (&'a String, &'a Json)> {
    json[key].as_object().into_iter().flatten()
}

fn list<'a>(json: &'a Json, key: &str) -> impl Iterator<Item = &'a Json> {
    json[key].as_array().into_iter().flatten()
}

/// Labels but those of Compose, and those that `image` has alike.
pub(super) fn labels(labels: &Json, image: &Json) -> Map<String, Json> {
    let own = labels.as_object().into_iter().flatten();
    own.filter(|(name, value)| !name.starts_with(LABELS) && image[name.as_str()] != **value)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

struct Reader<'a> {
    container: &'a Json,
    config: &'a Json,
    host: &'a Json,
    around: &'a Around<'a>,
    full: bool,
}

impl Reader<'_> {
    fn identity(&self, out: &mut Service) {
        let label = |name: &str| text(&self.config["Labels"], &format!("{LABELS}{name}")).to_string();
        let name = text(self.container, "Name").trim_start_matches('/');
        // Compose names it so when the file names no container.
        let automatic = format!("{}-{}-{}", label("project"), label("service"), label("container-number"));
        if name != automatic {
            out.set("container_name", name.into());
        }
        out.set("image", self.config["Image"].clone());
        let hostname = text(self.config, "Hostname");
        if !text(self.container, "Id").starts_with(hostname) && text(self.host, "NetworkMode") != "host" {
            out.set("hostname", hostname.into());
        }
        out.set("domainname", self.config["Domainname"].clone());
    }

    fn process(&self, image: &Json, out: &mut Service) {
        for (key, field) in [("user", "User"), ("working_dir", "WorkingDir"), ("stop_signal", "StopSignal")] {
            if self.config[field] != image[field]
                && !(field == "StopSignal" && text(self.config, field) == "SIGTERM")
            {
                out.set(key, self.config[field].clone());
            }
        }
        let entrypoint = self.config["Entrypoint"] != image["Entrypoint"];
        if entrypoint {
            out.set("entrypoint", self.config["Entrypoint"].clone());
        }
        // Another entrypoint takes away the command of the image.
        if self.config["Cmd"] != image["Cmd"] || entrypoint {
            out.set("command", self.config["Cmd"].clone());
        }
        let inherited: Vec<&Json> = list(image, "Env").collect();
        let mut environment = Map::new();
        for entry in list(self.config, "Env").filter(|e| !inherited.contains(e)) {
            if let Some((name, value)) = entry.as_str().and_then(|e| e.split_once('=')) {
                environment.insert(name.into(), value.into());
            }
        }
        out.set("environment", environment.into());
        out.set("labels", labels(&self.config["Labels"], &image["Labels"]).into());
        out.set("annotations", self.host["Annotations"].clone());
        out.set("tty", self.config["Tty"].clone());
        out.set("stdin_open", self.config["OpenStdin"].clone());
        if let Some(init) = self.host["Init"].as_bool() {
            out.0.insert("init".into(), init.into());
        }
        if let Some(seconds) = self.config["StopTimeout"].as_i64() {
            out.0.insert("stop_grace_period".into(), format!("{seconds}s").into());
        }
        let restart = &self.host["RestartPolicy"];
        match (text(restart, "Name"), restart["MaximumRetryCount"].as_u64()) {
            ("" | "no", _) if !self.full => {}
            ("" | "no", _) => out.set("restart", "no".into()),
            ("on-failure", Some(times @ 1..)) => out.set("restart", format!("on-failure:{times}").into()),
            (name, _) => out.set("restart", name.into()),
        }
        let log = &self.host["LogConfig"];
        if self.full || text(log, "Type") != "json-file" || !is_nothing(&log["Config"]) {
            let mut logging = Service(Map::new());
            logging.set("driver", log["Type"].clone());
            logging.set("options", log["Config"].clone());
            out.set("logging", logging.0.into());
        }
    }

    fn ports(&self, image: &Json, out: &mut Service) {
        let mut ports = Vec::new();
        for (target, bindings) in entries(self.host, "PortBindings") {
            let (port, protocol) = target.split_once('/').unwrap_or((target, "tcp"));
            for binding in bindings.as_array().into_iter().flatten() {
                let mut entry = Service(Map::new());
                entry.set("target", port.into());
                entry.set("protocol", protocol.into());
                entry.set("published", Some(text(binding, "HostPort")).filter(|p| *p != "0").into());
                entry.set("host_ip", Some(text(binding, "HostIp")).filter(|ip| *ip != "0.0.0.0").into());
                ports.push(Json::Object(entry.0));
            }
        }
        let published = self.host["PortBindings"].as_object();
        let exposed = entries(self.config, "ExposedPorts").map(|(port, _)| port);
        let exposed = exposed
            .filter(|p| {
                image["ExposedPorts"].get(p).is_none()
                    && published.is_none_or(|ports| !ports.contains_key(*p))
            })
            .map(|p| Json::from(p.strip_suffix("/tcp").unwrap_or(p)));
        out.set("expose", exposed.collect());
        out.set("ports", ports.into());
    }

    fn mounts(&self, image: &Json, out: &mut Service) {
        let (mut volumes, mut secrets) = (Vec::new(), Vec::new());
        for mount in list(self.container, "Mounts") {
            let (kind, target) = (text(mount, "Type"), text(mount, "Destination"));
            let read_only = mount["RW"] == false;
            let mut entry = Service(Map::new());
            entry.set("type", kind.into());
            entry.set("target", target.into());
            let wanted = list(self.host, "Mounts").find(|m| text(m, "Target") == target).unwrap_or(&NOTHING);
            match kind {
                "volume" => {
                    if wanted["VolumeOptions"]["NoCopy"] == true {
                        entry.set("volume", json!({ "nocopy": true }));
                    }
                    let name = text(mount, "Name");
                    if is_anonymous(name) {
                        if image["Volumes"].get(target).is_some() && !(self.around.says)(&["volumes", target])
                        {
                            continue;
                        }
                    } else {
                        let key = (self.around.keys)("volumes", name);
                        entry.set("source", key.as_deref().unwrap_or(name).into());
                    }
                }
                "bind" => {
                    // A file that is a secret: Compose mounts it there.
                    if let Some(name) = target.strip_prefix("/run/secrets/").filter(|n| !n.contains('/')) {
                        secrets.push(name.into());
                        continue;
                    }
                    entry.set("source", self.source(text(mount, "Source"), target).into());
                }
                // Those of the key `tmpfs` are not among them.
                "tmpfs" => {
                    let options = &wanted["TmpfsOptions"];
                    let mut tmpfs = Service(Map::new());
                    tmpfs.set("size", options["SizeBytes"].clone());
                    tmpfs.set("mode", options["Mode"].as_u64().map(|m| format!("0{m:o}")).into());
                    entry.set("tmpfs", tmpfs.0.into());
                }
                _ => {}
            }
            entry.set("read_only", read_only.into());
            volumes.push(Json::Object(entry.0));
        }
        out.set("volumes", volumes.into());
        out.set("secrets", Json::Array(secrets));
        let tmpfs = entries(self.host, "Tmpfs").map(|(target, options)| match options.as_str() {
            Some(options) if !options.is_empty() => Json::from(format!("{target}:{options}")),
            _ => Json::from(target.as_str()),
        });
        out.set("tmpfs", tmpfs.collect());
    }

    /// The source of a mount as the project says it: below the directory of the project, or beside it.
    fn source(&self, path: &str, target: &str) -> String {
        let directory = text(&self.config["Labels"], &format!("{LABELS}project.working_dir"));
        if !directory.starts_with('/') || directory.len() < 2 {
            return path.into();
        }
        if let Some(said) = (self.around.source)(target)
            && absolute(directory, &said) == path
        {
            return said;
        }
        let below = |directory: &str| {
            let rest = path.strip_prefix(directory)?;
            if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
        };
        let parent = directory.rsplit_once('/').map(|(parent, _)| parent).unwrap_or_default();
        match (below(directory), below(parent).filter(|_| !parent.is_empty())) {
            (Some(rest), _) => format!("./{rest}"),
            (None, Some(rest)) => format!("../{rest}"),
            (None, None) => path.into(),
        }
    }

    /// What is shared with another container, as the project says it: by its service.
    fn shared(&self, mode: &str) -> String {
        let service = mode.strip_prefix("container:").and_then(|id| (self.around.services)(id));
        service.map_or_else(|| mode.to_string(), |service| format!("service:{service}"))
    }

    fn networks(&self, out: &mut Service) {
        let mode = text(self.host, "NetworkMode");
        let named = mode.starts_with("container:") || matches!(mode, "host" | "none" | "bridge");
        let own = named.then(|| self.shared(mode));
        let default =
            mode == "default" && self.container["NetworkSettings"]["Networks"].get("bridge").is_some();
        if let Some(mode) = own.or(default.then(|| "bridge".into())) {
            return out.set("network_mode", mode.into());
        }
        let id = text(self.container, "Id");
        let name = text(self.container, "Name").trim_start_matches('/');
        let service = text(&self.config["Labels"], &format!("{LABELS}service"));
        let mut networks = Map::new();
        for (network, settings) in entries(&self.container["NetworkSettings"], "Networks") {
            let key = (self.around.keys)("networks", network).unwrap_or_else(|| network.clone());
            let mut entry = Service(Map::new());
            // Compose and the engine add these themselves.
            let implied =
                |alias: &str| alias == service || alias == name || id.starts_with(alias) && alias.len() == 12;
            let aliases = list(settings, "Aliases").filter(|a| a.as_str().is_some_and(|a| !implied(a)));
            entry.set("aliases", aliases.cloned().collect());
            let address = &settings["IPAMConfig"];
            entry.set("ipv4_address", address["IPv4Address"].clone());
            entry.set("ipv6_address", address["IPv6Address"].clone());
            entry.set("driver_opts", settings["DriverOpts"].clone());
            networks.insert(key, if entry.0.is_empty() { Json::Null } else { entry.0.into() });
        }
        if networks.is_empty() {
            // Or it would be on the default network.
            return out.set("network_mode", "none".into());
        }
        out.set("networks", networks.into());
    }
}

/// Whether the engine made a name itself.
pub(super) fn is_anonymous(volume: &str) -> bool {
    volume.len() == 64 && volume.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A path of a Compose file as the engine has it.
fn absolute(directory: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.into();
    }
    let mut parts: Vec<&str> = directory.split('/').filter(|p| !p.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// A value as the text of a Compose file: YAML, in which no `$` is a reference.
pub(super) fn compose_file(section: &str, name: &str, value: Map<String, Json>) -> String {
    let root = json!({ section: { name: escaped(value.into()) } });
    let mut out = String::new();
    for c in root.to_string().chars() {
        match c {
            ' '..='~' => out.push(c),
            // YAML knows no pairs of surrogates.
            c if u32::from(c) > 0xFFFF => out.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out
}

fn escaped(value: Json) -> Json {
    match value {
        Json::String(text) => text.replace('$', "$$").into(),
        Json::Array(items) => items.into_iter().map(escaped).collect(),
        Json::Object(entries) => {
            Json::Object(entries.into_iter().map(|(key, value)| (key, escaped(value))).collect())
        }
        value => value,
    }
}

/// Texts by name, of a map of texts.
pub(super) fn texts(json: &Json) -> BTreeMap<String, String> {
    let entries = json.as_object().into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_string()))).collect()
}
