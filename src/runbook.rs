//! What to do with a service by hand: commands for the deploy directory of the server, with the names that are there.

use std::collections::HashMap;

use crate::format::shell;
use crate::manifest::ProbeTool;
use crate::stack::{Action, Mount, MountSource, Probe, Role, Service, Site, Stack};

pub use crate::stack::Task;

/// How services are reached: there may be thousands, and none of them should look through all sites.
#[derive(Debug, Default)]
pub struct Reached<'a> {
    sites: HashMap<&'a str, Vec<&'a Site>>,
    ports: HashMap<&'a str, u16>,
}

impl<'a> Reached<'a> {
    /// Looks through the sites once.
    pub fn new(stack: &'a Stack) -> Self {
        let mut reached = Self::default();
        for site in &stack.sites {
            reached.sites.entry(&site.service).or_default().push(site);
            for route in &site.routes {
                if let Action::Proxy { service, port } = &route.action {
                    reached.ports.entry(service).or_insert(*port);
                }
            }
        }
        reached
    }
}

/// What can be done with a service: first what goes for every service, then what its kind knows.
pub fn of_service(stack: &Stack, service: &Service) -> Vec<Task> {
    tasks(stack, service, &Reached::new(stack))
}

/// As [`of_service`], for many services.
pub fn tasks(stack: &Stack, service: &Service, reached: &Reached<'_>) -> Vec<Task> {
    let name = word(&service.name);
    let container = format!("$(docker compose ps --all --quiet {name})");
    let mut tasks = Vec::new();
    let mut add = |title: &str, commands: &[String], note: Option<&str>| {
        tasks.push(Task { title: title.into(), commands: commands.to_vec(), note: note.map(Into::into) });
    };
    if service.role == Role::Tool {
        add("run it", &[format!("docker compose run --rm {name}")], None);
        tasks.extend(service.tasks.iter().cloned());
        return tasks;
    }
    match service.role {
        Role::Job => {
            add(
                "run it once more",
                &[format!("./deploy.sh restart {name}")],
                Some("it changes nothing where nothing is to be done"),
            );
        }
        Role::Proxy => add(
            "have it read its configuration again",
            &[format!("./deploy.sh restart {name}")],
            Some("a configuration with a fault is not taken; no connection is dropped"),
        ),
        _ => add(
            "restart it",
            &[format!("./deploy.sh restart {name}")],
            Some("waits until it is well; it is away meanwhile"),
        ),
    }
    let faults =
        if service.role == Role::Proxy { "-E '\" (502|503|504) '" } else { "-iE 'error|critical|fatal'" };
    add(
        "read its log",
        &[
            format!("docker compose logs --follow --tail 100 {name}"),
            format!("docker compose logs --since 1h {name} | grep {faults}"),
        ],
        None,
    );
    add(
        "see its state",
        &[
            format!("docker compose ps --all {name}"),
            format!("docker inspect --format '{{{{json .State}}}}' {container}"),
        ],
        None,
    );
    if service.role.stays() {
        add("see what it uses", &[format!("docker stats --no-stream {container}")], None);
    }
    if let Some(words) = service.healthcheck.as_ref().and_then(|check| probe(&check.probe)) {
        let words = words.iter().map(|w| word(w)).collect::<Vec<_>>().join(" ");
        add("ask it how it is", &[format!("docker compose exec {name} {words}")], None);
    }
    let proxy = stack.proxy.as_ref().and_then(|p| p.service.as_deref());
    if let (Some(proxy), Some(port)) = (proxy, reached.ports.get(service.name.as_str())) {
        add(
            "reach it as the proxy does",
            &[format!(
                "docker compose exec {} wget -S -O /dev/null http://{}:{port}/",
                word(proxy),
                service.name
            )],
            Some("any answer, even 404, shows that it is reached"),
        );
    }
    if let Some(sites) = reached.sites.get(service.name.as_str()) {
        let scheme = |https| if https { "https" } else { "http" };
        let ask = sites.iter().map(|s| format!("curl -sSI {}://{}/", scheme(s.https), s.host));
        add("reach it from outside", &ask.collect::<Vec<_>>(), None);
    }
    if let Some(server) = service.database.as_ref().and_then(|d| stack.database(&d.server)) {
        let commands = match &server.service {
            Some(store) => vec![format!("./deploy.sh troubleshoot {}", word(store))],
            None => vec![
                format!("getent hosts {}", word(&server.host)),
                format!("timeout 5 bash -c '</dev/tcp/{}/{}' && echo reached", server.host, server.port),
            ],
        };
        add("reach its database from the server", &commands, None);
    }
    let listed = |m: &Mount| !matches!(&m.source, MountSource::Host(path) if path.starts_with("/var/run"));
    let looks: Vec<String> = service
        .mounts
        .iter()
        .filter(|m| listed(m) && service.role.stays())
        .map(|m| format!("docker compose exec {name} ls -la {}", word(&m.target)))
        .collect();
    if !looks.is_empty() {
        add("see its files", &looks, None);
    }
    tasks.extend(service.tasks.iter().cloned());
    tasks
}

/// A health check as words, but for a command of one's own: its words may be a whole script.
fn probe(probe: &Probe) -> Option<Vec<String>> {
    let words = |list: &[&str]| Some(list.iter().map(|w| (*w).to_string()).collect());
    match probe {
        Probe::Command(_) => None,
        Probe::Http { path, port, tool } => {
            let url = format!("http://127.0.0.1:{port}{}", path.replace('\'', "%27"));
            match tool {
                ProbeTool::Curl => words(&["curl", "-sSi", &url]),
                ProbeTool::Wget => words(&["wget", "-q", "-O", "-", &url]),
                ProbeTool::Node => words(&[
                    "node",
                    "-e",
                    &format!("fetch('{url}').then(async r => console.log(r.status, await r.text()))"),
                ]),
                ProbeTool::Python => words(&[
                    "python3",
                    "-c",
                    &format!(
                        "import urllib.request; print(urllib.request.urlopen('{url}', timeout=5).read())"
                    ),
                ]),
            }
        }
    }
}

/// A word that a shell reads as it is; no name or path of a stack has what cannot be quoted.
fn word(text: &str) -> String {
    shell::sh_quote(text).unwrap_or_else(|_| text.to_string())
}
