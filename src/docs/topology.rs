//! What talks to what: the picture of a stack before it has any shape.

use serde::Serialize;

use super::document::visible;
use crate::manifest::{Class, Provider, RunsIn, Status};
use crate::stack::{Action, Answer, Database, Entry, Role, Service, Site, Stack};

/// The picture: boxes in columns, from the internet to the data, and lines between them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Topology {
    /// Groups of boxes, by column and then from the top.
    pub groups: Vec<Group>,
    /// Lines, as keys of boxes.
    pub edges: Vec<Edge>,
}

/// Boxes that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Heading; a group without one has no frame.
    pub title: &'static str,
    /// Column, from the left.
    pub column: usize,
    /// Boxes, from the top.
    pub nodes: Vec<Node>,
}

/// A box.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Unique key.
    pub key: String,
    /// What it is.
    pub look: Look,
    /// Its name.
    pub title: String,
    /// What else is known, each a line.
    pub lines: Vec<String>,
    /// Volumes with its data.
    pub volumes: Vec<String>,
}

/// What a box is; decides its colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Look {
    /// The world outside, and what stands in front.
    Internet,
    /// The proxy, and what gets its certificates.
    Proxy,
    /// A service that answers.
    Live,
    /// A service whose name answers 503.
    Placeholder,
    /// A name that is reserved.
    Planned,
    /// A service without a public name.
    Internal,
    /// A database server.
    Database,
    /// Another store.
    Store,
    /// Something that somebody else runs.
    External,
}

/// A line between two boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Key of the box it starts at.
    pub from: String,
    /// Key of the box it leads to.
    pub to: String,
    /// Nothing goes there yet.
    pub dashed: bool,
}

/// Volumes that a box names; the rest is counted.
const VOLUMES: usize = 3;

/// The picture of a stack.
pub fn of(stack: &Stack) -> Topology {
    let mut topology = Topology::default();
    front(stack, &mut topology);
    services(stack, &mut topology);
    behind(stack, &mut topology);
    topology.groups.retain(|g| !g.nodes.is_empty());
    topology
}

impl Topology {
    fn group(&mut self, title: &'static str, column: usize, nodes: Vec<Node>) {
        self.groups.push(Group { title, column, nodes });
    }

    fn edge(&mut self, from: &str, to: &str, dashed: bool) {
        let edge = Edge { from: from.into(), to: to.into(), dashed };
        if !self.edges.contains(&edge) {
            self.edges.push(edge);
        }
    }
}

fn node(key: impl Into<String>, look: Look, title: &str, lines: Vec<String>) -> Node {
    let lines = lines.iter().filter(|l| !l.is_empty()).map(|l| visible(l)).collect();
    Node { key: key.into(), look, title: visible(title), lines, volumes: Vec::new() }
}

/// The internet, what stands in front of the proxy, and the proxy.
fn front(stack: &Stack, out: &mut Topology) {
    let Some(proxy) = &stack.proxy else { return };
    let mut last = "internet";
    let mut outside = vec![node("internet", Look::Internet, "Internet", vec!["ports 80, 443".into()])];
    if let Some(edge) = &proxy.edge {
        outside.push(node("edge", Look::Internet, &edge.name, vec!["in front of the proxy".into()]));
        out.edge("internet", "edge", false);
        last = "edge";
    }
    out.group("", 0, outside);
    let (a, b, c) = proxy.version;
    let place = match proxy.runs_in {
        RunsIn::Container => "TLS, routes by name".to_string(),
        RunsIn::Host => "on the server itself".to_string(),
    };
    let name = proxy.service.as_deref().unwrap_or("nginx");
    let mut inside = vec![node("proxy", Look::Proxy, name, vec![format!("nginx {a}.{b}.{c}"), place])];
    out.edge(last, "proxy", false);
    let issued = stack.certificates.iter().filter(|c| c.files.is_none()).count();
    if issued > 0 {
        let name = stack.acme.service.as_deref().unwrap_or("certbot");
        let number = if issued == 1 { "1 certificate".into() } else { format!("{issued} certificates") };
        inside.push(node("acme", Look::Proxy, name, vec!["Let's Encrypt".into(), number]));
        out.edge("proxy", "acme", false);
    }
    out.group("", 1, inside);
}

/// The services, by whether anybody outside reaches them.
fn services(stack: &Stack, out: &mut Topology) {
    let mut groups: [(&'static str, Vec<Node>); 5] = [
        ("Live", Vec::new()),
        ("Placeholder: answers 503", Vec::new()),
        ("Internal", Vec::new()),
        ("On request", Vec::new()),
        ("Planned", Vec::new()),
    ];
    for service in stack.services.iter().filter(|s| s.name == s.owner) {
        if matches!(service.role, Role::Proxy | Role::Acme | Role::Store) {
            continue;
        }
        let key = format!("service {}", service.name);
        let at = answering(stack, &service.name);
        let (group, look) = match at {
            Some((site, _)) if site.answer == Answer::Live => (0, Look::Live),
            Some(_) => (1, Look::Placeholder),
            None if service.role.stays() => (2, Look::Internal),
            None => (3, Look::Internal),
        };
        if let Some((site, path)) = at {
            out.edge("proxy", &key, site.answer != Answer::Live);
            groups[group].1.push(of_service(stack, service, key, look, format!("{}{path}", site.host)));
        } else {
            groups[group].1.push(of_service(stack, service, key, look, String::new()));
        }
    }
    for site in &stack.sites {
        if let Answer::Files { root } = &site.answer {
            let key = format!("service {}", site.service);
            out.edge("proxy", &key, false);
            let lines = vec![site.host.clone(), format!("files below {root}")];
            groups[0].1.push(node(key, Look::Live, &site.service, lines));
        }
    }
    for entry in stack.entries.iter().filter(|e| e.status == Status::Planned) {
        let key = format!("service {}", entry.name);
        let host = entry.url.as_deref().map(bare).unwrap_or_default();
        if !host.is_empty() {
            out.edge("proxy", &key, true);
        }
        let reason = entry.reason.clone().unwrap_or_default();
        groups[4].1.push(node(key, Look::Planned, &entry.name, vec![host.to_string(), reason]));
    }
    for (title, nodes) in groups {
        out.group(title, 2, nodes);
    }
}

/// The site that a service answers at, and the path below it.
fn answering<'a>(stack: &'a Stack, service: &str) -> Option<(&'a Site, &'a str)> {
    if let Some(site) = stack.sites.iter().find(|s| s.service == service) {
        return Some((site, ""));
    }
    stack.sites.iter().find_map(|site| {
        let leads = |a: &Action| matches!(a, Action::Proxy { service: to, .. } if to == service);
        site.routes.iter().find(|r| leads(&r.action)).map(|r| (site, r.path.as_str()))
    })
}

fn of_service(stack: &Stack, service: &Service, key: String, look: Look, host: String) -> Node {
    let mut lines = vec![host, service.image.reference.clone()];
    let beside: Vec<String> = stack
        .services
        .iter()
        .filter(|s| s.owner == service.name && s.name != service.name)
        .map(|s| if s.replicas > 1 { format!("{} ×{}", s.name, s.replicas) } else { s.name.clone() })
        .collect();
    if !beside.is_empty() {
        lines.push(format!("with {}", beside.join(", ")));
    }
    let public: Vec<String> =
        service.publish.iter().filter(|p| !p.loopback()).map(|p| p.host_port.to_string()).collect();
    if !public.is_empty() {
        lines.push(format!("published: {}", public.join(", ")));
    }
    let mut node = node(key, look, &service.name, lines);
    node.volumes = volumes(stack, &service.name);
    node
}

/// Volumes of a service, those that matter first.
fn volumes(stack: &Stack, owner: &str) -> Vec<String> {
    let mut list: Vec<_> = stack.volumes.iter().filter(|v| v.service.as_deref() == Some(owner)).collect();
    let rank = |class: Class| match class {
        Class::Critical => 0,
        Class::Important => 1,
        Class::Cache => 2,
        Class::Deprecated => 3,
    };
    list.sort_by_key(|v| rank(v.class));
    let mut names: Vec<String> = list.iter().take(VOLUMES).map(|v| visible(&v.name)).collect();
    if list.len() > VOLUMES {
        names.push(format!("and {} more", list.len() - VOLUMES));
    }
    names
}

/// What services use: databases, other stores, what somebody else runs.
fn behind(stack: &Stack, out: &mut Topology) {
    let data = stack.databases.iter().map(|d| of_database(stack, d)).collect();
    out.group("Databases", 3, data);
    let is_database = |s: &Service| stack.databases.iter().any(|d| d.service.as_deref() == Some(&s.name));
    let stores: Vec<&Service> =
        stack.services.iter().filter(|s| s.role == Role::Store && !is_database(s)).collect();
    let nodes =
        stores.iter().map(|s| of_service(stack, s, format!("store {}", s.name), Look::Store, String::new()));
    out.group("Stores", 3, nodes.collect());
    let external = stack.external.iter().map(|e| {
        let lines = vec![bare(&e.url).to_string(), e.region.clone().unwrap_or_default()];
        node(format!("external {}", e.name), Look::External, &e.name, lines)
    });
    let mail = stack.mail.iter().map(|m| {
        let lines = vec![format!("{}:{}", m.host, m.port), "outgoing mail".into()];
        node(format!("mail {}", m.name), Look::External, &m.name, lines)
    });
    out.group("Elsewhere", 3, external.chain(mail).collect());
    for service in stack.services.iter().filter(|s| s.role != Role::Store) {
        let from = format!("service {}", service.owner);
        if let Some(used) = &service.database {
            out.edge(&from, &format!("database {}", used.server), false);
        }
        if let Some(redis) = service.facts.redis.as_ref().filter(|r| stores.iter().any(|s| s.name == r.host))
        {
            out.edge(&from, &format!("store {}", redis.host), false);
        }
        for other in &service.depends_on {
            if stores.iter().any(|s| s.name == other.service) {
                out.edge(&from, &format!("store {}", other.service), false);
            }
        }
        for external in &stack.external {
            if service.env.iter().any(|e| e.value.to_string().contains(&external.url)) {
                out.edge(&from, &format!("external {}", external.name), false);
            }
        }
    }
    for mail in &stack.mail {
        for service in &mail.used_by {
            out.edge(&format!("service {service}"), &format!("mail {}", mail.name), false);
        }
    }
    let known: Vec<String> = out.groups.iter().flat_map(|g| &g.nodes).map(|n| n.key.clone()).collect();
    out.edges.retain(|e| known.contains(&e.from) && known.contains(&e.to));
}

fn of_database(stack: &Stack, database: &Database) -> Node {
    let product = database.version.map_or("PostgreSQL".to_string(), |v| format!("PostgreSQL {v}"));
    let by = match database.provider {
        Some(Provider::Digitalocean) => " at DigitalOcean",
        _ if database.service.is_some() => " in the stack",
        _ => "",
    };
    let mut names: Vec<&str> = Vec::new();
    for used in stack.services.iter().filter_map(|s| s.database.as_ref()) {
        if used.server == database.name && !names.contains(&used.name.as_str()) {
            names.push(&used.name);
        }
    }
    let of = if names.is_empty() { String::new() } else { format!("databases {}", names.join(", ")) };
    let lines = vec![format!("{product}{by}"), format!("{}:{}", database.host, database.port), of];
    let mut node = node(format!("database {}", database.name), Look::Database, &database.name, lines);
    node.volumes = database.service.as_ref().map(|s| volumes(stack, s)).unwrap_or_default();
    node
}

/// What the picture says, in words, for who cannot see it.
pub fn described(stack: &Stack, topology: &Topology) -> String {
    let names = |title: &str| {
        let group = topology.groups.iter().filter(|g| g.title.starts_with(title));
        group.flat_map(|g| g.nodes.iter().map(|n| n.title.as_str())).collect::<Vec<_>>().join(", ")
    };
    let mut parts = Vec::new();
    if stack.proxy.is_some() {
        parts
            .push("Requests from the internet reach the proxy, which hands them to the services".to_string());
    }
    for (title, what) in [
        ("Live", "live"),
        ("Placeholder", "answered with 503"),
        ("Internal", "internal"),
        ("On request", "run on request"),
        ("Planned", "planned"),
        ("Databases", "database servers"),
        ("Stores", "other stores"),
        ("Elsewhere", "run by others"),
    ] {
        let list = names(title);
        if !list.is_empty() {
            parts.push(format!("{what}: {list}"));
        }
    }
    format!("{}.", parts.join("; "))
}

/// A URL without its scheme.
fn bare(url: &str) -> &str {
    url.split("://").nth(1).unwrap_or(url).trim_end_matches('/')
}

/// Whether the manifest says more of an entry than that it is there.
pub fn titled(entry: &Entry) -> &str {
    entry.title.as_deref().or(entry.kind.as_deref()).unwrap_or(&entry.name)
}
