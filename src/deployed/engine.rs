//! Everything on a Docker engine: its containers, networks and volumes, of whomever they are.

mod places;
mod things;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::rc::Rc;

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use places::{Places, compose};

use super::conceal::{Concealer, Scope};
use super::container::{self, Around, compose_file, entries, text};
use super::http::Client;
use super::{Container, Engine, FileEntry, told};
use crate::finding::{Path, Step};
use crate::outline::{self, Outline, Syntax, Value};

/// Containers that are asked about, and those that may give no answer.
const MOST: usize = 20_000;
const MOST_FAILED: usize = 5;

/// Every request, in order; the version is the engine's own.
pub(super) const REQUESTS: [&str; 8] = [
    "GET /version",
    "GET /vVERSION/networks",
    "GET /vVERSION/volumes",
    "GET /vVERSION/containers/json?all=1",
    "GET /vVERSION/containers/ID/json",
    "GET /vVERSION/images/ID-OR-NAME/json",
    "GET /vVERSION/containers/ID/archive?path=/run/secrets",
    "GET /vVERSION/containers/ID/top?ps_args=-eo%20pid,etimes,args",
];

/// Bytes that all secrets of a container may have.
const LARGEST_SECRETS: u64 = 4 << 20;

/// What the manifest and `.env` say, as far as they are known.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// What docker-compose.yml of the manifest says.
    pub(super) declared: Option<&'a Outline>,
    /// The same with the values of `.env` filled in.
    pub(super) filled: Option<&'a Outline>,
}

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "Version", default)]
    engine: String,
    #[serde(rename = "ApiVersion", default)]
    api: String,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Id", default)]
    id: String,
    #[serde(rename = "Labels", default)]
    labels: Json,
}

#[derive(Deserialize)]
struct Volumes {
    #[serde(rename = "Volumes", default)]
    list: Option<Vec<Json>>,
}

/// Asks an engine about everything.
pub(super) fn read(
    client: &Client,
    known: Known<'_>,
    concealer: &Concealer,
    faults: &mut Vec<String>,
) -> Result<Engine, String> {
    let nothing = || "expected a Docker engine, found something else".to_string();
    let version: Version = client.get("/version")?.ok_or_else(nothing)?;
    let api = version.api.as_str();
    if api.is_empty() || !api.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(nothing());
    }
    let mut reader = Reader { client, known, concealer, faults, api: api.into(), images: HashMap::new() };
    let networks: Vec<Json> = reader.part("/networks")?.unwrap_or_default();
    let volumes: Option<Volumes> = reader.part("/volumes")?;
    let volumes = volumes.and_then(|v| v.list).unwrap_or_default();
    let listed = reader.listed()?;
    let places = Places::new(&networks, &volumes, &listed, known);
    let mut engine = Engine { version: concealer.name(&version.engine), ..Engine::default() };
    let mut users = Users::default();
    let mut failed = 0;
    for Listed { id, .. } in &listed {
        match reader.get::<Json>(&format!("/containers/{id}/json")) {
            Ok(Some(container)) => {
                users.add(&container);
                engine.containers.push(reader.container(&container, &places));
            }
            // It has gone since it was listed.
            Ok(None) => {}
            Err(fault) => {
                reader.faults.push(fault);
                failed += 1;
            }
        }
        // One that is silent will be silent again.
        if failed == MOST_FAILED {
            reader.faults.push("expected answers about every container, found none about several".into());
            break;
        }
    }
    engine.containers.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let on = |kind, name: &str| users.of(kind, name).iter().map(|n| concealer.name(n)).collect();
    for network in &networks {
        let name = text(network, "Name");
        if !matches!(name, "bridge" | "host" | "none") {
            engine.networks.push(reader.network(network, on("network", name), &places));
        }
    }
    for volume in &volumes {
        engine.volumes.push(reader.volume(volume, on("volume", text(volume, "Name")), &places));
    }
    engine.networks.sort_by(|a, b| a.name.cmp(&b.name));
    engine.volumes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(engine)
}

/// Names of containers by what they are on: `network` or `volume`, and its name.
#[derive(Default)]
struct Users(HashMap<(&'static str, String), BTreeSet<String>>);

impl Users {
    fn add(&mut self, container: &Json) {
        let name = text(container, "Name").trim_start_matches('/');
        let networks =
            entries(&container["NetworkSettings"], "Networks").map(|(n, _)| ("network", n.clone()));
        let mounts = container["Mounts"].as_array().into_iter().flatten();
        let volumes = mounts.filter_map(|m| Some(("volume", m["Name"].as_str()?.to_string())));
        for thing in networks.chain(volumes) {
            self.0.entry(thing).or_default().insert(name.into());
        }
    }

    fn of(&self, kind: &'static str, name: &str) -> Vec<&String> {
        self.0.get(&(kind, name.to_string())).into_iter().flatten().collect()
    }
}

struct Reader<'a> {
    client: &'a Client,
    known: Known<'a>,
    concealer: &'a Concealer,
    faults: &'a mut Vec<String>,
    api: String,
    images: HashMap<String, Rc<Json>>,
}

impl Reader<'_> {
    fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<Option<T>, String> {
        self.client.get(&format!("/v{}{path}", self.api))
    }

    /// A list without which everything else still says something.
    fn part<T: serde::de::DeserializeOwned>(&mut self, path: &str) -> Result<Option<T>, String> {
        match self.get(path) {
            Ok(found) => Ok(found),
            Err(fault) => {
                self.faults.push(fault);
                Ok(None)
            }
        }
    }

    /// Every container that can be asked about.
    fn listed(&mut self) -> Result<Vec<Listed>, String> {
        let mut listed: Vec<Listed> = self.get("/containers/json?all=1")?.unwrap_or_default();
        if listed.len() > MOST {
            self.faults.push(format!("expected at most {MOST} containers, found {}", listed.len()));
            listed.truncate(MOST);
        }
        let found = listed.len();
        listed.retain(|container| is_id(&container.id));
        if listed.len() < found {
            self.faults.push("expected an id of letters and digits for each container, found another".into());
        }
        Ok(listed)
    }

    /// An image by its id or reference; `null` when there is none.
    fn image(&mut self, name: &str) -> Rc<Json> {
        let is_reference =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/:@".contains(&b));
        if !is_reference || name.contains("..") {
            return Rc::default();
        }
        if let Some(image) = self.images.get(name) {
            return image.clone();
        }
        let image = match self.get::<Json>(&format!("/images/{name}/json")) {
            Ok(image) => image.map(|mut i| json!({ "Id": i["Id"].take(), "Config": i["Config"].take() })),
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        };
        let image = Rc::new(image.unwrap_or_default());
        self.images.insert(name.into(), image.clone());
        image
    }

    fn container(&mut self, json: &Json, places: &Places) -> Container {
        let image = self.image(text(json, "Image"));
        if image.is_null() {
            let name = told(text(json, "Name").trim_start_matches('/'));
            self.faults
                .push(format!("the image of container {name} is gone: what it brings seems to be set"));
        }
        let labels = &json["Config"]["Labels"];
        let (project, service) = (compose(labels, "project"), compose(labels, "service"));
        let state = &json["State"];
        let mut found = Container {
            id: self.concealed_id(text(json, "Id")),
            name: self.concealer.name(text(json, "Name").trim_start_matches('/')),
            project: project.as_deref().map(|p| self.concealer.name(p)),
            service: service.as_deref().map(|s| self.concealer.name(s)),
            one_off: compose(labels, "oneoff").is_some_and(|o| o.eq_ignore_ascii_case("true")),
            config_hash: compose(labels, "config-hash").filter(|h| is_id(h)),
            image: self.concealer.image(text(&json["Config"], "Image")),
            image_id: self.concealed_id(text(json, "Image")),
            reference_id: None,
            state: self.concealer.name(text(state, "Status")),
            health: state["Health"]["Status"]
                .as_str()
                .filter(|h| *h != "none")
                .map(|h| self.concealer.name(h)),
            exit_code: state["ExitCode"].as_i64(),
            restarts: json["RestartCount"].as_u64().unwrap_or_default(),
            created: time(text(json, "Created")),
            started: time(text(state, "StartedAt")),
            reloaded: None,
            secrets: None,
            entries: Vec::new(),
        };
        let reference = self.image(text(&json["Config"], "Image"));
        found.reference_id = reference["Id"].as_str().map(|id| self.concealed_id(id));
        found.entries = self.service(json, &image, project.as_deref(), service.as_deref(), places);
        let ours = project.is_some() && project == places.project;
        let declares = match (self.known.declared.filter(|_| ours), &service) {
            (Some(declared), Some(service)) => {
                has(declared, &["services".into(), service.into()], &["secrets"])
            }
            _ => true,
        };
        if ours && found.state == "running" && runs_nginx(json) {
            found.reloaded = self.youngest_worker(text(json, "Id"));
        }
        if project.is_some() && declares {
            found.secrets = self.secrets(text(json, "Id"));
        }
        for name in found.secrets.iter().flat_map(BTreeMap::keys) {
            let path = vec!["secrets".to_string(), name.clone()];
            if found.entries.iter().all(|e| e.path != path) {
                found.entries.push(FileEntry {
                    path,
                    value: Value::Plain(String::new()),
                    line: 0,
                    implied: false,
                });
            }
        }
        found.entries.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }

    /// When the youngest worker of nginx was started: a reload starts new ones, and leaves no other trace. Where the
    /// server's `ps` cannot say it, nobody can.
    fn youngest_worker(&self, id: &str) -> Option<i64> {
        let top: Json = self.get(&format!("/containers/{id}/top?ps_args=-eo%20pid,etimes,args")).ok()??;
        let ages = top["Processes"].as_array()?.iter().filter_map(|process| {
            let name = process[2].as_str()?;
            let works = name.starts_with("nginx: worker process") && !name.ends_with("is shutting down");
            process[1].as_str().filter(|_| works)?.trim().parse::<i64>().ok()
        });
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
        Some(i64::try_from(now).ok()? - ages.min()?)
    }

    /// Fingerprints of the files that Compose copies into a container for secrets which come from the environment:
    /// nothing else tells of them (docker/compose, pkg/compose/secrets.go).
    fn secrets(&mut self, id: &str) -> Option<BTreeMap<String, String>> {
        let path = format!("/v{}/containers/{id}/archive?path=/run/secrets", self.api);
        let stream = match self.client.bytes(&path, LARGEST_SECRETS) {
            Ok(found) => found.unwrap_or_default(),
            Err(fault) => {
                self.faults.push(fault);
                return None;
            }
        };
        let mut secrets = BTreeMap::new();
        for entry in tar::Archive::new(stream.as_slice()).entries().ok()? {
            let mut entry = entry.ok()?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let name = name.strip_prefix("secrets/").filter(|n| !n.is_empty() && !n.contains('/'));
            let (Some(name), true) = (name, entry.header().entry_type().is_file()) else { continue };
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).ok()?;
            let fingerprint = self.concealer.fingerprint(&String::from_utf8_lossy(&bytes));
            secrets.insert(self.concealer.name(name), fingerprint);
        }
        Some(secrets)
    }

    /// An id as the engine makes them; anything else is no id.
    fn concealed_id(&self, id: &str) -> String {
        if is_id(id.strip_prefix("sha256:").unwrap_or(id)) {
            id.into()
        } else {
            self.concealer.fingerprint(id)
        }
    }

    fn service(
        &mut self,
        json: &Json,
        image: &Json,
        project: Option<&str>,
        service: Option<&str>,
        places: &Places,
    ) -> Vec<FileEntry> {
        let ours = project.is_some() && project == places.project.as_deref();
        let at: Vec<Step> = vec!["services".into(), service.unwrap_or_default().into()];
        let declared = self.known.declared.filter(|_| ours && service.is_some());
        let says = |keys: &[&str]| declared.is_some_and(|d| has(d, &at, keys));
        let source = |target: &str| {
            let steps = ["volumes", target, "source"].map(Step::from);
            let entry = declared?.entries.get(&Path(at.iter().cloned().chain(steps).collect()))?;
            if let Value::Plain(source) = &entry.value { Some(source.clone()) } else { None }
        };
        let section = |name: &str| if name == "networks" { "networks" } else { "volumes" };
        let around = Around {
            keys: &|kind, name| places.key(section(kind), project, name),
            services: &|id| places.services.get(id).cloned(),
            says: &says,
            source: &source,
        };
        let own = self.outline("services", container::service(json, image, &around, false));
        let Some(own) = own else {
            let name = told(text(json, "Name").trim_start_matches('/'));
            self.faults.push(format!("container {name} cannot be understood"));
            return Vec::new();
        };
        let full = self.outline("services", container::service(json, image, &around, true));
        self.all_kept(own, full, declared, at)
    }

    /// What is so because a Compose file says it, and what may be: where the manifest is known, only if it says it too.
    fn all_kept(
        &self,
        own: Outline,
        full: Option<Outline>,
        declared: Option<&Outline>,
        at: Vec<Step>,
    ) -> Vec<FileEntry> {
        let mut implied = full.unwrap_or(Outline { syntax: Syntax::Compose, entries: Default::default() });
        implied.entries.retain(|path, _| {
            let keys: Vec<&str> =
                path.0.iter().map(|s| if let Step::Key(k) = s { k.as_str() } else { "" }).collect();
            !own.entries.contains_key(path) && declared.is_none_or(|d| has(d, &at, &keys))
        });
        let mut entries = self.kept(&own, declared, at.clone());
        entries
            .extend(self.kept(&implied, declared, at).into_iter().map(|e| FileEntry { implied: true, ..e }));
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries
    }

    /// What a Compose file with this in it would say of it.
    fn outline(&self, section: &str, value: Map<String, Json>) -> Option<Outline> {
        let text = compose_file(section, "x", value);
        let outline = outline::read("docker-compose.yml", &text).ok()?;
        let prefix: [Step; 2] = [section.into(), "x".into()];
        let below = outline.entries.into_iter().filter_map(|(path, mut entry)| {
            entry.line = 0;
            let rest = path.0.strip_prefix(&prefix)?;
            // What follows from how namespaces are shared is no part of the container.
            let implied = rest.first().is_some_and(|step| *step == Step::from("depends_on"));
            (!rest.is_empty() && !implied).then(|| (Path(rest.to_vec()), entry))
        });
        Some(Outline { syntax: Syntax::Compose, entries: below.collect() })
    }

    fn kept(&self, outline: &Outline, declared: Option<&Outline>, at: Vec<Step>) -> Vec<FileEntry> {
        let raw = outline::filled(outline, &|_| None);
        let scope = Scope {
            file: "docker-compose.yml",
            syntax: Syntax::Compose,
            declared,
            filled: self.known.filled,
            raw: Some(&raw),
            at,
        };
        self.concealer.entries(&scope, &outline.entries)
    }
}

/// Whether the manifest has something at or below a path.
fn has(declared: &Outline, at: &[Step], keys: &[&str]) -> bool {
    let steps: Vec<Step> = at.iter().cloned().chain(keys.iter().map(|k| Step::from(*k))).collect();
    let from = Path(steps.clone());
    declared.entries.range(from..).next().is_some_and(|(path, _)| path.0.starts_with(&steps))
}

/// Letters and digits, as ids and hashes are.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A time as the engine writes it, in seconds since 1970; the year 1 is never.
fn time(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second).filter(|s| *s > 0)
}

/// Whether a container was started with nginx among its words.
fn runs_nginx(json: &Json) -> bool {
    let words = json["Args"].as_array().into_iter().flatten().filter_map(Json::as_str);
    words.chain(std::iter::once(text(json, "Path"))).any(|word| word.rsplit('/').next() == Some("nginx"))
}
