//! What several rules ask of a stack.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value as Json;

use crate::finding::{Place, Step};
use crate::format::nginx::{Directive, read_snippet};
use crate::manifest::Protocol;
use crate::stack::{Action, Env, Origin, Raw, Route, Service, Setting, Site, Stack};

/// The services by name.
pub(super) fn by_name(stack: &Stack) -> HashMap<&str, &Service> {
    stack.services.iter().map(|s| (s.name.as_str(), s)).collect()
}

/// Where a value of a service is written in the manifest, else where it would be.
///
/// That the value is the kind's is then said in one place, for all rules: when the place is looked for in the text.
pub(super) fn place<const N: usize>(origin: &Origin, service: &Service, path: [&str; N]) -> Place {
    match origin {
        Origin::Manifest(place) => place.clone(),
        Origin::Kind(_) => path.iter().fold(service.place.clone(), |place, key| place.join(*key)),
        Origin::Default => service.place.on_key(),
    }
}

/// Where a value of a service is written, else the service.
pub(super) fn written(origin: &Origin, service: &Service) -> Place {
    match origin {
        Origin::Manifest(place) => place.clone(),
        Origin::Kind(_) | Origin::Default => service.place.on_key(),
    }
}

/// `, from kind n8n` for what the manifest does not say itself.
pub(super) fn from(origin: &Origin) -> String {
    match origin {
        Origin::Manifest(_) => String::new(),
        Origin::Kind(kind) => format!(", from kind {kind}"),
        Origin::Default => ", the product's own default".to_string(),
    }
}

/// Whether the image is not that of the kind but one that the manifest names or builds.
pub(super) fn own_image(service: &Service) -> bool {
    let Origin::Manifest(Place::At { path, .. }) = &service.image.origin else { return false };
    path.0.last().is_some_and(|step| *step == Step::from("image") || *step == Step::from("build"))
}

/// The containers that a service of the manifest is itself, without its companions.
pub(super) fn owners(stack: &Stack) -> impl Iterator<Item = &Service> {
    stack.services.iter().filter(|s| s.name == s.owner)
}

/// Every key of the product's configuration file.
pub(super) fn settings(service: &Service) -> impl Iterator<Item = &Setting> {
    service.settings.iter().flat_map(|g| &g.settings)
}

/// A key of the product's configuration file.
pub(super) fn setting<'a>(service: &'a Service, name: &str) -> Option<&'a Setting> {
    settings(service).find(|s| s.name == name)
}

/// A key of the product's configuration file that is a number.
pub(super) fn number(service: &Service, name: &str) -> Option<u64> {
    setting(service, name)?.value.parse().ok()
}

/// A variable.
pub(super) fn variable<'a>(service: &'a Service, name: &str) -> Option<&'a Env> {
    service.env.iter().find(|e| e.name == name)
}

/// Ports a service is known to listen on: what its configuration file says, else what kind and manifest say.
pub(super) fn listening(service: &Service) -> Vec<u16> {
    let port = |name: &str| number(service, name).and_then(|n| u16::try_from(n).ok());
    let mut ports = match port("http_port") {
        Some(http) => std::iter::once(http).chain(port("gevent_port")).collect(),
        None => service.listens.clone(),
    };
    if !ports.is_empty() {
        // A container has one `listen`; a port that is published by hand is another one.
        let by_hand = service.publish.iter().filter(|p| is_below(&p.place, "publish"));
        ports.extend(by_hand.map(|p| p.port));
    }
    ports
}

/// Whether a place is an entry of this key of a service.
fn is_below(place: &Place, key: &str) -> bool {
    matches!(place, Place::At { path, .. } if path.0.get(2) == Some(&Step::from(key)))
}

/// The routes of a site that reach a service, with it.
pub(super) fn proxied(site: &Site) -> impl Iterator<Item = (&Route, &str, u16)> {
    site.routes.iter().filter_map(|route| match &route.action {
        Action::Proxy { service, port } => Some((route, service.as_str(), *port)),
        Action::Files | Action::Deny | Action::Redirect(_) => None,
    })
}

/// Where a route is written: itself, or the URL it follows from.
pub(super) fn route_place(route: &Route, site: &Site) -> Place {
    match &route.origin {
        Origin::Manifest(place) => place.clone(),
        Origin::Kind(_) | Origin::Default => site.place.clone(),
    }
}

/// A port on the server, from `publish` or from Compose keys.
pub(super) struct Published {
    pub address: Option<String>,
    /// Port on the server, if it is a fixed one.
    pub host_port: Option<u16>,
    pub port: u16,
    pub protocol: Protocol,
    pub place: Place,
}

impl Published {
    /// Whether only the server itself reaches it.
    pub fn loopback(&self) -> bool {
        self.address.as_deref().is_some_and(|a| a.starts_with("127.") || a == "::1")
    }

    /// Whether it is open on every address.
    pub fn everywhere(&self) -> bool {
        self.address.as_deref().is_none_or(|a| matches!(a, "" | "0.0.0.0" | "::"))
    }

    /// The port on the server as it is talked of.
    pub fn shown(&self) -> String {
        self.host_port.map_or_else(|| format!("a random port for {}", self.port), |p| p.to_string())
    }
}

/// Every port a service publishes; Compose keys replace the list.
pub(super) fn published(service: &Service) -> Vec<Published> {
    if let Some(list) = service.overrides.get("ports").and_then(Json::as_array) {
        let place = service.key_place("ports");
        return list.iter().enumerate().filter_map(|(i, json)| compose_port(json, place.join(i))).collect();
    }
    let own = service.publish.iter().map(|p| Published {
        address: p.address.clone(),
        host_port: Some(p.host_port),
        port: p.port,
        protocol: p.protocol,
        place: p.place.clone(),
    });
    own.collect()
}

/// A port as Compose writes it: `8069`, `127.0.0.1:8069:8069/tcp`, or a map.
fn compose_port(json: &Json, place: Place) -> Option<Published> {
    let number = |json: &Json| match json {
        Json::Number(n) => n.as_u64().and_then(|n| u16::try_from(n).ok()),
        Json::String(text) => text.split('-').next()?.parse().ok(),
        _ => None,
    };
    let udp = |text: &str| if text == "udp" { Protocol::Udp } else { Protocol::Tcp };
    Some(match json {
        Json::Object(map) => Published {
            address: map.get("host_ip").and_then(Json::as_str).map(str::to_string),
            host_port: map.get("published").and_then(number),
            port: map.get("target").and_then(number)?,
            protocol: udp(map.get("protocol").and_then(Json::as_str).unwrap_or("tcp")),
            place,
        },
        Json::String(text) => {
            let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
            let (rest, port) = ports.rsplit_once(':').unwrap_or(("", ports));
            let (address, host) = rest.rsplit_once(':').map_or((None, rest), |(a, h)| (Some(a), h));
            Published {
                address: address.map(|a| a.trim_matches(['[', ']']).to_string()),
                host_port: number(&Json::from(host)),
                port: number(&Json::from(port))?,
                protocol: udp(protocol),
                place,
            }
        }
        json => {
            Published { address: None, host_port: None, port: number(json)?, protocol: Protocol::Tcp, place }
        }
    })
}

/// Where raw directives are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    /// The outermost block.
    Http,
    /// A site.
    Server,
    /// A route.
    Location,
    /// The outermost block of a configuration that is not ours.
    Whole,
}

/// Raw directives that can be read.
pub(super) struct Snippet<'a> {
    pub block: Block,
    /// Where they are written; nothing for a configuration that is not ours, whose directives have places themselves.
    pub raw: Option<&'a Raw>,
    pub directives: Cow<'a, [Directive]>,
}

impl Snippet<'_> {
    /// Whether these are all directives there are, with nothing of ours around them.
    pub fn whole(&self) -> bool {
        self.raw.is_none()
    }

    /// Where a directive is written.
    pub fn at(&self, directive: &Directive) -> Place {
        self.raw.map_or_else(|| Place::Text(directive.head()), |raw| raw.place.clone())
    }
}

/// Every raw text of the stack, with the block it is put in.
pub(super) fn raws(stack: &Stack) -> impl Iterator<Item = (Block, &Raw)> {
    let http = stack.proxy.iter().filter_map(|p| p.raw.as_ref()).map(|r| (Block::Http, r));
    let sites = stack.sites.iter().flat_map(|site| {
        let routes = site.routes.iter().filter_map(|r| r.raw.as_ref()).map(|r| (Block::Location, r));
        site.raw.iter().map(|r| (Block::Server, r)).chain(routes)
    });
    http.chain(sites)
}

/// The raw directives of the stack; those that cannot be read are `unsafe-raw-snippet`'s.
pub(super) fn snippets(stack: &Stack) -> impl Iterator<Item = Snippet<'_>> {
    let own = raws(stack).filter_map(|(block, raw)| {
        let directives = Cow::Owned(read_snippet(&raw.text).ok()?);
        Some(Snippet { block, raw: Some(raw), directives })
    });
    own.chain(foreign(stack).map(|directives| Snippet {
        block: Block::Whole,
        raw: None,
        directives: Cow::Borrowed(directives),
    }))
}

/// The directives of a configuration that is not ours.
pub(super) fn foreign(stack: &Stack) -> Option<&[Directive]> {
    stack.foreign.as_ref().map(|f| f.directives.as_slice()).filter(|d| !d.is_empty())
}

/// The `server` blocks of a configuration that is not ours.
pub(super) fn servers(stack: &Stack) -> impl Iterator<Item = (&Directive, &[Directive])> {
    let all = foreign(stack).unwrap_or_default().iter().filter(|d| d.name == "server");
    all.filter_map(|d| Some((d, d.block.as_deref()?)))
}

/// Words of the first directive of that name in a block.
pub(super) fn words<'a>(block: &'a [Directive], name: &str) -> Option<&'a [String]> {
    block.iter().find(|d| d.name == name).map(|d| d.args.as_slice())
}

/// The first word of every directive of that name in a block.
pub(super) fn firsts<'a>(block: &'a [Directive], name: &'a str) -> impl Iterator<Item = &'a str> {
    block.iter().filter(move |d| d.name == name).filter_map(|d| Some(d.args.first()?.as_str()))
}

/// A block that has directives of a name of its own although those around it have some: by these they are replaced.
pub(super) struct Replaced<'a> {
    pub block: &'a Directive,
    pub own: Vec<&'a Directive>,
    pub outer: Vec<&'a Directive>,
}

/// Every block in which directives of that name hide those around it.
pub(super) fn replaced<'a>(directives: &'a [Directive], name: &str) -> Vec<Replaced<'a>> {
    fn walk<'a>(block: &'a [Directive], name: &str, outer: &[&'a Directive], out: &mut Vec<Replaced<'a>>) {
        for inner in block {
            let Some(inside) = inner.block.as_deref() else { continue };
            let own: Vec<&Directive> = inside.iter().filter(|d| d.name == name).collect();
            let holds = if own.is_empty() { outer.to_vec() } else { own.clone() };
            if !own.is_empty() && !outer.is_empty() {
                out.push(Replaced { block: inner, own, outer: outer.to_vec() });
            }
            walk(inside, name, &holds, out);
        }
    }
    let mut out = Vec::new();
    let top: Vec<&Directive> = directives.iter().filter(|d| d.name == name).collect();
    walk(directives, name, &top, &mut out);
    out
}

/// Whether a block hands requests on.
pub(super) fn passes(directive: &Directive) -> bool {
    directive.block.iter().flatten().any(|d| d.name.ends_with("_pass") || passes(d))
}

/// The port of a health check that asks its own container by HTTP, and the path.
pub(super) fn asked(words: &[String]) -> Option<(u16, String)> {
    let line = words.join(" ");
    let (_, rest) = line.split_once("http://")?;
    let end = rest.find([' ', '"', '\'', '|', ')', ';']).unwrap_or(rest.len());
    let (authority, path) = rest[..end].split_once('/').unwrap_or((&rest[..end], ""));
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    let own = matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0");
    Some((port.parse().ok()?, format!("/{path}"))).filter(|_| own)
}

/// Calls for every directive, at any depth, with those beside it.
pub(super) fn each<'a>(directives: &'a [Directive], see: &mut dyn FnMut(&'a Directive, &'a [Directive])) {
    for directive in directives {
        see(directive, directives);
        each(directive.block.as_deref().unwrap_or_default(), see);
    }
}

/// A directive as it is talked of: `alias /srv/files/`.
pub(super) fn shown(directive: &Directive) -> String {
    // What a proxy logs in with is nobody's to read.
    let login = directive.args.first().is_some_and(|a| a.eq_ignore_ascii_case("Authorization"));
    let args = directive.args.iter().take(if login { 1 } else { usize::MAX });
    let words: Vec<&str> = std::iter::once(directive.name.as_str()).chain(args.map(String::as_str)).collect();
    crate::scalar::shown(&words.join(" ")).replace("\\\\", "\\")
}
