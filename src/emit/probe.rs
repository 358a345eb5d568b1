//! A script that asks the running stack from outside whether it is as the manifest says.

use std::collections::BTreeMap;

use minijinja::{Value, context};

use super::{Artifact, certbot::rendered, header, nginx};
use crate::finding::Finding;
use crate::manifest::{Issuer, Protocol, Status};
use crate::stack::{Action, Answer, OutsideProbe, Probe, Route, Site, Stack};

/// The script's name.
pub const FILE: &str = "probe.sh";

/// Writes the script when it is asked for and anything has a public name.
pub fn emit(stack: &Stack, out: &mut Vec<Finding>) -> Vec<Artifact> {
    let (Some(outside), Some(proxy)) = (&stack.probe, &stack.proxy) else { return Vec::new() };
    let open: Vec<Value> = stack
        .firewall
        .inbound
        .iter()
        // Those that only some may reach may or may not answer here; those of the sites are asked for more.
        .filter(|i| i.protocol == Protocol::Tcp && i.from.is_empty() && !matches!(i.port, 80 | 443))
        .map(|i| context! { port => i.port, why => i.reason.as_str() })
        .collect();
    let closed: Vec<Value> =
        closed_ports(stack, outside).into_iter().map(|(port, why)| context! { port, why }).collect();
    let context = context! {
        header => Value::from_safe_string(header(stack)),
        name => stack.name.as_str(),
        address => stack.host.address.as_deref().filter(|a| !a.contains('/')),
        edge => proxy.edge.as_ref().map(|e| e.name.as_str()),
        days => outside.certificate_days,
        hsts => nginx::hsts(proxy.hsts),
        secure => stack.sites.iter().any(|s| s.https),
        sites => stack.sites.iter().map(|site| of_site(stack, site)).collect::<Vec<_>>(),
        open,
        closed,
    };
    let text = rendered(FILE, "probe/probe.sh.j2", &context, &outside.place, out);
    text.map(|text| Artifact::script(FILE, text)).into_iter().collect()
}

/// A site as the script asks it.
fn of_site(stack: &Stack, site: &Site) -> Value {
    let answer = match site.answer {
        Answer::Live => "live",
        Answer::Placeholder { status: Status::Planned } => "planned",
        Answer::Placeholder { .. } => "placeholder",
        Answer::Files { .. } => "files",
    };
    let certificate = stack.certificates.iter().find(|c| Some(&c.name) == site.certificate.as_ref());
    let issuer = match stack.acme.issuer {
        _ if certificate.is_none_or(|c| c.files.is_some()) => "",
        Issuer::Letsencrypt => "Let's Encrypt",
        Issuer::LetsencryptStaging => "(STAGING)",
    };
    context! {
        host => site.host.as_str(),
        aliases => site.aliases.clone(),
        https => site.https,
        answer,
        issuer,
        health => health(stack, site),
        routes => site.routes.iter().filter_map(of_route).collect::<Vec<_>>(),
    }
}

/// A route as the script asks it; `None` for one that does not say what is to be seen.
fn of_route(route: &Route) -> Option<Value> {
    let path = route.path.as_str();
    // Raw directives may answer whatever they like.
    if route.raw.is_some() && !matches!(route.action, Action::Proxy { .. }) {
        return None;
    }
    let (what, target) = match &route.action {
        Action::Deny => ("denied", None),
        _ if !route.allow_from.is_empty() => ("guarded", None),
        Action::Redirect(target) if !target.contains('$') => ("redirected", Some(target.as_str())),
        // Where everything may be a websocket, the path of one is not known.
        Action::Proxy { .. } if route.websocket && path != "/" => ("websocket", None),
        Action::Proxy { .. } => ("answers", None),
        Action::Redirect(_) | Action::Files => return None,
    };
    Some(context! { what, path, target })
}

/// The path that says whether the service behind a site is well, where the site leads to it.
fn health<'a>(stack: &'a Stack, site: &Site) -> Option<&'a str> {
    let root = site.routes.iter().find(|r| r.path == "/" && r.allow_from.is_empty())?;
    let Action::Proxy { service, port } = &root.action else { return None };
    let check = stack.service(service)?.healthcheck.as_ref()?;
    let Probe::Http { path, port: asked, .. } = &check.probe else { return None };
    let hidden = |r: &Route| r.path != "/" && path.starts_with(r.path.as_str());
    (asked == port && !site.routes.iter().any(hidden)).then_some(path.as_str())
}

/// Ports that must not answer at the public address: all that anything listens on, but for those that the firewall
/// opens.
fn closed_ports(stack: &Stack, outside: &OutsideProbe) -> BTreeMap<u16, String> {
    let mut ports = BTreeMap::new();
    for service in stack
        .services
        .iter()
        .filter(|s| stack.proxy.as_ref().is_none_or(|p| p.service.as_ref() != Some(&s.name)))
    {
        let published = service.publish.iter().filter(|p| p.protocol == Protocol::Tcp).map(|p| p.host_port);
        for port in service.listens.iter().copied().chain(published) {
            ports.entry(port).or_insert_with(|| service.name.clone());
        }
    }
    for database in &stack.databases {
        ports.entry(database.port).or_insert_with(|| format!("database server {}", database.name));
    }
    for port in &outside.closed {
        ports.entry(*port).or_insert_with(|| "probe.closed".into());
    }
    // Who reaches it is root. Source: docs.docker.com, Protect the Docker daemon socket.
    ports.entry(2375).or_insert_with(|| "Docker without TLS".into());
    for rule in stack.firewall.inbound.iter().filter(|i| i.protocol == Protocol::Tcp) {
        ports.remove(&rule.port);
    }
    ports
}
