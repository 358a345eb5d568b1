//! Raw nginx directives send requests to a name or address that is not there where nginx runs.
//!
//! In a container `127.0.0.1` is nginx itself, and only service names are known; on the server it is the other way
//! round. A name such as `c95d05274029_app` is what Compose calls a container while it replaces it: it works until the
//! next deployment. One name that cannot be found keeps nginx from starting, for every site.
//! Source: <https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass>
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     healthcheck: { http: /health, tool: curl }
//!     nginx: |
//!       location /legacy/ { proxy_pass http://127.0.0.1:8069; }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     healthcheck: { http: /health, tool: curl }
//!     nginx: |
//!       location /legacy/ { proxy_pass http://app:8000; }
//! ```

use std::collections::{HashMap, HashSet};

use super::common::{by_name, each, published, snippets};
use crate::finding::Finding;
use crate::manifest::RunsIn;
use crate::stack::{Service, Stack};
use crate::text::nearest;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let Some(proxy) = &stack.proxy else { return };
    if super::common::raws(stack).next().is_none() && super::common::foreign(stack).is_none() {
        return;
    }
    // Where a proxy runs that no container is known of, and what it shares with the server, is not known.
    let service = proxy.service.as_deref().and_then(|name| stack.service(name));
    if stack.foreign.is_some() && service.is_none_or(|s| s.networks.is_empty()) {
        return;
    }
    let services = by_name(stack);
    let containers: HashMap<&str, &str> =
        stack.services.iter().filter_map(|s| Some((s.container_name.as_deref()?, s.name.as_str()))).collect();
    let own = proxy.service.as_deref().and_then(|name| services.get(name));
    let loopback: HashSet<u16> =
        stack.services.iter().flat_map(published).filter_map(|p| p.host_port).collect();
    // Names that raw `upstream` blocks make, wherever they stand.
    let mut upstreams = HashSet::new();
    for snippet in snippets(stack) {
        each(&snippet.directives, &mut |d, _| {
            if d.name == "upstream" {
                upstreams.extend(d.args.first().cloned());
            }
        });
    }
    for snippet in snippets(stack) {
        each(&snippet.directives, &mut |directive, _| {
            let passes =
                directive.name.ends_with("_pass") || directive.name == "server" && directive.block.is_none();
            let Some(target) = directive.args.first().filter(|_| passes) else { return };
            let Some((host, port)) = host_and_port(target) else { return };
            if upstreams.contains(host) {
                return;
            }
            let fault = match proxy.runs_in {
                // A name of its own stays; on a network from outside others may have names too.
                RunsIn::Container if snippet.whole() && is_named(host, stack, service) => None,
                RunsIn::Container => in_container(host, &services, &containers, own.copied()),
                RunsIn::Host => on_host(host, port, &services, &loopback),
            };
            if let Some((what, help)) = fault {
                let message = format!("`{host}` {what}");
                out.push(
                    Finding::error("upstream-not-resolvable", snippet.at(directive), message).help(help),
                );
            }
        });
    }
}

/// Whether files that are not ours may give a container this name.
fn is_named(host: &str, stack: &Stack, proxy: Option<&Service>) -> bool {
    let outside =
        |n: &str| stack.foreign.iter().flat_map(|f| &f.outside).any(|o| o.what == "network" && o.name == n);
    let full = |key: &str| stack.networks.iter().find(|n| n.key == key).map(|n| n.name.as_str());
    let elsewhere = proxy.is_some_and(|p| p.networks.iter().filter_map(|n| full(n)).any(outside));
    let named = |s: &Service| {
        s.container_name.as_deref() == Some(host)
            || s.found.iter().flat_map(|f| &f.aliases).any(|a| a == host)
    };
    let loopback = host == "localhost" || host.starts_with("127.");
    !loopback
        && !is_leftover(host)
        && (stack.services.iter().any(named) || elsewhere && stack.service(host).is_none())
}

/// Host and port of an upstream address; nothing for sockets and for what holds variables.
fn host_and_port(target: &str) -> Option<(&str, Option<u16>)> {
    let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next()?;
    if authority.is_empty() || rest.starts_with("unix:") || authority.contains(['$', '[']) {
        return None;
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(h, p)| (h, p.parse().ok()));
    Some((host, port))
}

fn in_container(
    host: &str,
    services: &HashMap<&str, &Service>,
    containers: &HashMap<&str, &str>,
    proxy: Option<&Service>,
) -> Option<(String, String)> {
    if let Some(service) = services.get(host) {
        let shared = proxy.is_none_or(|p| p.networks.iter().any(|n| service.networks.contains(n)));
        return (!shared).then(|| {
            let what = "is on no network of the proxy".to_string();
            (what, format!("give `{host}` a `url`, or a route; its network follows"))
        });
    }
    if host == "localhost" || host.starts_with("127.") {
        let what = "is nginx itself: it runs in a container".to_string();
        return Some((what, "write the name of the service, and the port it listens on inside".into()));
    }
    if let Some(service) = containers.get(host) {
        let what = "is the name of a container, which changes when it is replaced".to_string();
        return Some((what, format!("write the service, `{service}`")));
    }
    if is_leftover(host) {
        return Some((LEFTOVER.into(), "write the name of the service".into()));
    }
    if host.contains('.') {
        return None;
    }
    let help = nearest(host, services.keys().copied())
        .map_or("write the name of a service of this stack".to_string(), |near| {
            format!("did you mean `{near}`?")
        });
    Some(("is no service of this stack".into(), help))
}

const LEFTOVER: &str =
    "is what Compose calls a container while it replaces it, gone with the next deployment";

fn is_leftover(host: &str) -> bool {
    host.split_once('_').is_some_and(|(id, _)| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn on_host(
    host: &str,
    port: Option<u16>,
    services: &HashMap<&str, &Service>,
    loopback: &HashSet<u16>,
) -> Option<(String, String)> {
    if services.contains_key(host) {
        let what = "is a name that only containers know; nginx runs on the server".to_string();
        return Some((what, "publish the port, and write 127.0.0.1 with it".into()));
    }
    if is_leftover(host) {
        return Some((
            LEFTOVER.into(),
            "publish the port of the service, and write 127.0.0.1 with it".into(),
        ));
    }
    let here = host == "localhost" || host.starts_with("127.");
    let port = port.filter(|p| here && !loopback.contains(p))?;
    Some((
        format!("has nothing on port {port}: no service publishes it"),
        format!("add `publish: [{port}]` to the service"),
    ))
}
