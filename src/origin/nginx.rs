//! Where the entries of nginx.conf come from.

use super::{Candidate, Candidates, Origin, Source, base, keys, of_kind};
use crate::finding::{Document, Path, Place};
use crate::format::nginx::read_snippet;
use crate::stack::{Action, Answer, Raw, Route, Service, Site, Stack};

const DEFAULTS: &str = "the nginx target writes this for every stack";

pub(super) fn origin(stack: &Stack, path: &Path) -> Origin {
    let keys = keys(path);
    let Some(proxy) = &stack.proxy else { return Candidates::new().made(None, DEFAULTS) };
    match keys.as_slice() {
        ["http", server, rest @ ..] if server.starts_with("server ") => server_block(stack, server, rest),
        ["http", rest @ ..] => {
            let mut new = raw(Candidates::new(), proxy.raw.as_ref(), rest);
            new = http(stack, new, rest);
            new.made(None, DEFAULTS)
        }
        _ => Candidates::new().made(None, DEFAULTS),
    }
}

/// Raw directives, if one of them could be this.
fn raw(new: Candidates, raw: Option<&Raw>, rest: &[&str]) -> Candidates {
    let name = rest.first().and_then(|step| step.split(' ').next()).unwrap_or_default();
    let has = |raw: &&Raw| read_snippet(&raw.text).is_ok_and(|list| list.iter().any(|d| d.name == name));
    match raw.filter(has) {
        Some(raw) => new.at(raw.place.clone()),
        None => new,
    }
}

/// Directives for all sites.
fn http(stack: &Stack, new: Candidates, rest: &[&str]) -> Candidates {
    let proxy = |keys: &[&str]| Place::manifest(std::iter::once("proxy").chain(keys.iter().copied()));
    let (first, args) =
        rest.first().map(|step| step.split_once(' ').unwrap_or((step, ""))).unwrap_or_default();
    match (first, args) {
        ("add_header" | "proxy_hide_header", "strict-transport-security") | ("map", "$scheme $hsts") => {
            new.at(proxy(&["hsts", "max_age"])).at(proxy(&["hsts"]))
        }
        ("add_header", name) => {
            header(new, &proxy(&["headers"]), stack.proxy.iter().flat_map(|p| &p.headers), name)
        }
        ("client_max_body_size", _) => new.at(proxy(&["body_size"])),
        ("limit_req_zone", name) => new.at(Place::manifest(["rate_limits", name])),
        ("set_real_ip_from", _) => new.at(proxy(&["edge", "addresses"])).at(proxy(&["edge"])),
        ("real_ip_header", _) => new.at(proxy(&["edge", "header"])).at(proxy(&["edge"])),
        ("real_ip_recursive" | "geo" | "allow" | "deny", _) => new.at(proxy(&["edge"])),
        ("upstream", name) => {
            // Named after service and port; neither a service nor a port has a `_` too many.
            let service = name.rsplit_once('_').map_or(name, |(service, _)| service);
            match stack.services.iter().find(|s| s.name.replace('-', "_") == service.replace('-', "_")) {
                Some(service) => new.at(base(service, &["listen"])).at(of_kind(service, &["listen"])),
                None => new,
            }
        }
        // The version decides how a thing is said.
        ("resolver" | "http2" | "zone", _) => new,
        ("default", _) => {
            // `default server of ADDRESS`: no site answers for names that are not its own.
            new
        }
        _ => new,
    }
}

/// A response header: a name in a manifest may have any case.
fn header<'a>(
    new: Candidates,
    block: &Place,
    written: impl IntoIterator<Item = &'a (String, String)>,
    name: &str,
) -> Candidates {
    let found =
        written.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name.split(" #").next().unwrap_or(name)));
    match found {
        Some((name, _)) => new.at(block.join(name.as_str())),
        None => new,
    }
}

/// A server: that of a site, or one of those that redirect or refuse.
fn server_block(stack: &Stack, server: &str, rest: &[&str]) -> Origin {
    let (_, names) = server.split_once(' ').and_then(|(_, rest)| rest.split_once(' ')).unwrap_or(("", ""));
    let owner =
        |name: &str| stack.sites.iter().find(|s| s.host == name || s.aliases.iter().any(|a| a == name));
    let redirects = names == "*" || server.starts_with("server 80");
    if let ["server_name", name, ..] = rest
        && let Some(site) = owner(name)
    {
        return name_of(site, name)
            .made(stack.service(&site.service), "every site answers to its URL and its aliases");
    }
    let Some(site) = owner(names).filter(|site| !redirects || !site.https) else {
        let rule = if names == "_" {
            "names that are not ours get no answer, so they never reach somebody else's service"
        } else {
            "everything goes by https, but for the challenges of certificates"
        };
        return Candidates::new().made(None, rule);
    };
    let service = stack.service(&site.service);
    let at = |key: &str| Place::manifest(["services", site.service.as_str(), key]);
    let mut new = raw(Candidates::new(), site.raw.as_ref(), rest);
    let first = rest.first().map(|step| step.split_once(' ').unwrap_or((step, ""))).unwrap_or_default();
    let kind = |new: Candidates, key: &str| match service {
        Some(service) => new.at(of_kind(service, &[key])),
        None => new,
    };
    let rule = match first {
        // The name that redirects to the main one.
        _ if site.aliases.iter().any(|a| a == names) => {
            new = new.at(at("aliases"));
            "aliases redirect to the main name"
        }
        ("location", location) => {
            if let Some(route) = route(site, location) {
                return of_route(stack, site, route, rest.get(1..).unwrap_or_default(), new);
            }
            if let Answer::Placeholder { .. } = site.answer {
                new = new.at(at("serve")).at(at("status"));
            }
            new = new.at(at("root"));
            "locations that every site of its sort has"
        }
        ("ssl_certificate" | "ssl_certificate_key", _) => {
            let certificate = stack.certificates.iter().find(|c| Some(&c.name) == site.certificate.as_ref());
            if let Some(certificate) = certificate {
                new = new.at(certificate.place.clone());
            }
            "one certificate for all active names, one of its own for each planned name"
        }
        ("client_max_body_size", _) => {
            new = kind(new.at(at("body_size")), "body_size").at(Place::manifest(["proxy", "body_size"]));
            "the largest request of the kind"
        }
        ("proxy_read_timeout" | "proxy_send_timeout", _) => {
            new = kind(new.at(at("read_timeout")), "read_timeout");
            "the time the kind may take to answer"
        }
        ("root" | "index", _) => {
            new = new.at(at("root"));
            "the directory of a static site"
        }
        ("add_header", name) => {
            new = header(new, &at("headers"), &site.headers, name);
            new = header(
                new,
                &Place::manifest(["proxy", "headers"]),
                stack.proxy.iter().flat_map(|p| &p.headers),
                name,
            );
            if name.starts_with("strict-transport-security") {
                new = new
                    .at(Place::manifest(["proxy", "hsts", "max_age"]))
                    .at(Place::manifest(["proxy", "hsts"]));
            }
            if let (Answer::Placeholder { .. }, "retry-after") = (&site.answer, name) {
                new = new.at(at("serve")).at(at("status"));
            }
            "headers do not come down into a block that has its own, so all are written again"
        }
        ("return", _) if matches!(site.answer, Answer::Placeholder { .. }) => {
            new = new.at(at("serve")).at(at("status"));
            "a placeholder answers 503"
        }
        _ => {
            new = new.at(site.place.clone());
            "every site with a public URL has a server"
        }
    };
    new.made(service, rule)
}

/// Where a name of a site is written.
fn name_of(site: &Site, name: &str) -> Candidates {
    let alias = site.aliases.iter().position(|alias| alias == name);
    let new = match alias {
        Some(i) => {
            Candidates::new().at(Place::manifest(["services", site.service.as_str(), "aliases"]).join(i))
        }
        None => Candidates::new(),
    };
    new.at(site.place.clone())
}

/// The route that a location is written for.
fn route<'a>(site: &'a Site, location: &str) -> Option<&'a Route> {
    let (modifier, path) = location.split_once(' ').unwrap_or(("", location));
    let exact = modifier == "=";
    let by = |exact: bool| site.routes.iter().find(move |r| r.path == path && r.exact == exact);
    by(exact).or_else(|| by(!exact))
}

fn of_route(stack: &Stack, site: &Site, route: &Route, rest: &[&str], new: Candidates) -> Origin {
    let mut new = raw(new, route.raw.as_ref(), rest);
    let (first, args) =
        rest.first().map(|step| step.split_once(' ').unwrap_or((step, ""))).unwrap_or_default();
    let key = match first {
        "limit_req" => "rate_limit",
        "client_max_body_size" => "body_size",
        "proxy_read_timeout" | "proxy_send_timeout" if route.read_timeout.is_some() => "read_timeout",
        "proxy_read_timeout" | "proxy_send_timeout" => "websocket",
        "proxy_buffering" if route.websocket => "websocket",
        "proxy_buffering" => "buffering",
        "expires" => "expires",
        "allow" | "deny" => "allow_from",
        "order of access" => "allow_from",
        "add_header" => "headers",
        "return" if matches!(route.action, Action::Redirect(_)) => "redirect",
        "return" => "deny",
        "proxy_pass" => "port",
        _ => "path",
    };
    let service = stack.service(match &route.action {
        Action::Proxy { service, .. } => service,
        _ => &site.service,
    });
    if let Source::Manifest(place) = &route.origin {
        if key == "headers" {
            new = header(new, &place.join("headers"), &route.headers, args);
        }
        new = new.at(place.join(key));
    }
    if key == "rate_limit"
        && let Some(limit) = &route.rate_limit
    {
        new = new.at(Place::manifest(["rate_limits", limit.as_str()]));
    }
    // The path below that of the service's URL is the one the kind knows.
    let kind = service.map(|s| s.kind.clone()).unwrap_or_default();
    let exactly = |new: Candidates, key: &'static str| {
        let mut new = new;
        new.0.push(Candidate::Route(kind.clone(), route.path.clone(), key));
        new
    };
    if key == "port" {
        new = with_port(exactly(new, key), service, &route.origin);
    } else {
        if let Source::Manifest(place) = &route.origin {
            // What the manifest does not say at its route, the kind may say at its own.
            new.0.push(Candidate::Route(kind.clone(), route.path.clone(), key));
            new = new.at(place.clone());
        }
        new = exactly(new, key);
    }
    new.at(site.place.clone()).made(service, "routes of the kind")
}

/// The port a route goes to.
fn with_port(new: Candidates, service: Option<&Service>, origin: &Source) -> Candidates {
    let new = match origin {
        Source::Manifest(place) => new.at(place.clone()),
        Source::Kind(_) | Source::Default => new,
    };
    match service {
        Some(s) => new
            .at(base(s, &["listen"]))
            .at(Place::value(Document::Kind(s.kind.clone()), Path(vec!["service".into(), "listen".into()]))),
        None => new,
    }
}
