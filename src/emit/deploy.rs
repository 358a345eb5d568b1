//! `deploy.sh`: what a deploy checks, the order and the least steps, how long a service may take, the way back.
//!
//! The script holds the facts of the stack as tables; what it does with them is the template's business.

use std::collections::{BTreeSet, HashMap, HashSet};

use minijinja::{Value, context};

use super::certbot::{deploy_directory, rendered};
use super::{Artifact, header, nginx};
use crate::finding::{Finding, Place};
use crate::manifest::{Protocol, RunsIn, Status};
use crate::runbook::{self, Reached, Task};
use crate::stack::{Answer, MountSource, Piece, Role, Service, Stack};

/// Name of the file.
pub const FILE: &str = "deploy.sh";

/// The oldest Compose for which docker-compose.yml is written, and the oldest engine that it speaks to.
const COMPOSE: &str = "2.26.0";
const ENGINE: &str = "23.0";

/// Seconds for what has no health check, and what is waited for beyond the last probe.
const GRACE: u32 = 30;
/// Seconds for certificates: their service goes on trying for hours, and nothing else depends on it.
const CERTIFICATES: u32 = 120;

/// Writes the script, unless nothing runs.
pub fn emit(stack: &Stack, out: &mut Vec<Finding>) -> Vec<Artifact> {
    if stack.services.is_empty() {
        return Vec::new();
    }
    let services: Vec<&Service> = ordered(stack);
    let proxy = stack.proxy.as_ref();
    let index = Index {
        reached: Reached::new(stack),
        networks: stack.networks.iter().map(|n| (n.key.as_str(), n.name.as_str())).collect(),
    };
    let on_host = proxy.is_some_and(|p| p.runs_in == RunsIn::Host);
    let proxy_service = proxy.and_then(|p| p.service.as_deref()).and_then(|name| stack.service(name));
    let odoos: Vec<&Service> =
        services.iter().copied().filter(|s| s.kind == "odoo" && s.role == Role::App).collect();
    let context = context! {
        header => header(stack),
        project => stack.project.as_str(),
        directory => deploy_directory(stack),
        address => stack.host.address.as_deref().unwrap_or_default(),
        compose_floor => COMPOSE,
        engine_floor => ENGINE,
        memory => stack.host.memory.map_or(0, |b| b.0 >> 20),
        edge => proxy.and_then(|p| p.edge.as_ref()).map_or("", |e| e.name.as_str()),
        proxy => proxy_service.map_or("", |s| s.name.as_str()),
        host_proxy => if on_host { "yes" } else { "" },
        proxy_config => proxy_service.map(proxy_config).unwrap_or_default(),
        odoo => odoos.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(" "),
        secrets => secrets(&services),
        names => names(stack),
        ports => ports(&services),
        paths => paths(&services),
        proxy_mounts => proxy_service.map(mounts).unwrap_or_default(),
        databases => databases(stack, &services),
        psql_image => odoos.first().map_or("", |s| s.image.reference.as_str()),
        services => services.iter().map(|s| facts(stack, s, proxy_service, &index)).collect::<Vec<_>>(),
    };
    let place = Place::manifest(["services"]);
    rendered(FILE, "deploy/deploy.sh.j2", &context, &place, out)
        .map(|text| Artifact::script(FILE, text))
        .into_iter()
        .collect()
}

/// Everything `up` starts, each after what it depends on; where that leaves a choice, stores come first, then jobs, and
/// the proxy and its certificates last.
fn ordered(stack: &Stack) -> Vec<&Service> {
    let rank = |s: &Service| match s.role {
        Role::Store => 0,
        Role::Job => 1,
        Role::App | Role::Worker | Role::Tool => 2,
        Role::Proxy => 3,
        Role::Acme => 4,
        // What watches the others must not keep them from being deployed.
        Role::Monitor => 5,
    };
    let by_name: HashMap<&str, &Service> = stack.services.iter().map(|s| (s.name.as_str(), s)).collect();
    let mut wanted: Vec<&Service> = stack.services.iter().filter(|s| s.role != Role::Tool).collect();
    wanted.sort_by_key(|s| rank(s));
    let (mut order, mut seen) = (Vec::new(), HashSet::new());
    for service in wanted {
        let mut open = vec![(service, false)];
        while let Some((s, has_all)) = open.pop() {
            if has_all {
                order.push(s);
            } else if s.role != Role::Tool && seen.insert(s.name.as_str()) {
                open.push((s, true));
                let needed = s.depends_on.iter().filter_map(|d| by_name.get(d.service.as_str()));
                open.extend(needed.map(|s| (*s, false)));
            }
        }
    }
    order
}

/// What is looked up for each service.
struct Index<'a> {
    reached: Reached<'a>,
    /// Full names, by key.
    networks: HashMap<&'a str, &'a str>,
}

/// What the script knows of a service.
fn facts(stack: &Stack, s: &Service, proxy: Option<&Service>, index: &Index<'_>) -> Value {
    let outputs = s.mounts.iter().filter_map(|m| match &m.source {
        // What else the proxy sees is read when it is needed.
        MountSource::Output(name)
            if s.role != Role::Proxy || nginx::FILE.starts_with(&format!("{name}/")) =>
        {
            Some(name.as_str())
        }
        _ => None,
    });
    let wait = match &s.healthcheck {
        _ if s.role == Role::Acme => CERTIFICATES,
        Some(h) => h.start_period.0 + u32::from(h.retries) * (h.interval.0 + h.timeout.0) + GRACE,
        None => GRACE,
    };
    let stop_first = match s.start_first() {
        Err(reason) => reason,
        // It knows both addresses only if it asks for names again.
        Ok(()) if proxy.is_none() => "the proxy of the server knows one address of it",
        Ok(()) => "",
    };
    context! {
        name => s.name.as_str(),
        role => s.role.word(),
        image => s.image.reference.as_str(),
        wait,
        replicas => s.replicas,
        files => outputs.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" "),
        secrets => s.secret_files.join(" "),
        built => s.build.as_ref().map_or("", |b| b.context.as_str()),
        network => index.networks.get(s.name.as_str()).copied().unwrap_or_default(),
        stop_first,
        tasks => lines(&runbook::tasks(stack, s, &index.reached)),
    }
}

/// Tasks as text, line by line.
fn lines(tasks: &[Task]) -> Vec<String> {
    let mut lines = Vec::new();
    for task in tasks {
        lines.push(match &task.note {
            Some(note) => format!("{} ({note})", task.title),
            None => task.title.clone(),
        });
        lines.extend(task.commands.iter().map(|c| format!("    {c}")));
    }
    lines
}

fn proxy_config(proxy: &Service) -> String {
    let (folder, name) = nginx::FILE.split_once('/').unwrap_or(("", nginx::FILE));
    let target = proxy.mounts.iter().find(|m| m.source == MountSource::Output(folder.into()));
    target.map(|m| format!("{}/{name}", m.target)).unwrap_or_default()
}

/// Every secret that a container is given.
fn secrets(services: &[&Service]) -> Vec<String> {
    let piece = |p: &Piece| match p {
        Piece::Secret(name) | Piece::SecretFile(name) => Some(name.clone()),
        Piece::Literal(_) => None,
    };
    let in_env = services.iter().flat_map(|s| &s.env).flat_map(|e| &e.value.0).filter_map(piece);
    let in_files = services.iter().flat_map(|s| &s.secret_files).cloned();
    in_env.chain(in_files).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Public names that lead here today.
fn names(stack: &Stack) -> Vec<String> {
    let planned = |a: &Answer| matches!(a, Answer::Placeholder { status: Status::Planned });
    let sites = stack.sites.iter().filter(|s| !planned(&s.answer));
    let names = sites.flat_map(|s| std::iter::once(&s.host).chain(&s.aliases)).cloned();
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

fn ports(services: &[&Service]) -> Vec<String> {
    let all = services.iter().flat_map(|s| s.publish.iter().map(move |p| (s, p)));
    all.map(|(s, p)| {
        let protocol = match p.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        format!("{} {} {protocol} {}", p.address.as_deref().unwrap_or("-"), p.host_port, s.name)
    })
    .collect()
}

/// What has to lie on the server besides the output.
fn paths(services: &[&Service]) -> Vec<String> {
    let mounted = services.iter().flat_map(|s| &s.mounts).filter_map(|m| match &m.source {
        MountSource::Host(path) => Some(path.clone()),
        MountSource::Volume(_) | MountSource::Output(_) => None,
    });
    let built = services.iter().filter_map(|s| s.build.as_ref()).map(|b| b.context.clone());
    mounted.chain(built).collect()
}

/// What the proxy sees of the server's disk.
fn mounts(proxy: &Service) -> Vec<String> {
    let source = |s: &MountSource| match s {
        MountSource::Host(path) | MountSource::Output(path) => Some(path.clone()),
        MountSource::Volume(_) => None,
    };
    proxy.mounts.iter().filter_map(|m| Some(format!("{} {}", source(&m.source)?, m.target))).collect()
}

/// Databases that run elsewhere: those of the stack are waited for as services.
fn databases(stack: &Stack, services: &[&Service]) -> Vec<String> {
    let mut list = BTreeSet::new();
    for (used, facts) in services.iter().filter_map(|s| s.database.as_ref().zip(s.facts.database.as_ref())) {
        let Some(server) = stack.database(&used.server).filter(|d| d.service.is_none()) else { continue };
        let mode = &facts.sslmode;
        let ca = server.ca.as_deref().unwrap_or_default();
        let (host, port) = (&server.host, server.port);
        list.insert(
            format!("{host} {port} {} {} {} {mode} {ca}", used.name, used.user, used.password)
                .trim()
                .to_string(),
        );
    }
    list.into_iter().collect()
}
