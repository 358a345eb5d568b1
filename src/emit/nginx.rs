//! `nginx/nginx.conf`: one complete file for nginx 1.18 and newer, in a container or on the host.
//!
//! What is computed here is which value stands where; how the file looks is the template's business. The view is flat
//! and borrows from the stack, since there may be ten thousand sites.

use std::collections::HashMap;

use minijinja::value::{Serde, Value};
use serde::Serialize;

use super::{Artifact, header, template};
use crate::finding::{Finding, Place};
use crate::format::nginx::{Directive, quote, read_snippet};
use crate::manifest::{Protocol, RunsIn, Status};
use crate::scalar::{Bytes, Seconds};
use crate::stack::{
    Action, Answer, Certificate, Edge, Hsts, Origin, Proxy, Publish, Raw, Route, Service, Site, Stack,
};

/// Name of the file.
pub const FILE: &str = "nginx/nginx.conf";
const TEMPLATE: &str = "nginx/nginx.conf.j2";

/// How long nginx waits for a service where nobody says anything.
const READ_TIMEOUT: Seconds = Seconds(60);
/// How long a websocket may be silent where its route says nothing.
const WEBSOCKET_TIMEOUT: Seconds = Seconds(3600);

/// First versions that know a directive, or do something right.
mod since {
    pub(super) const REJECT_HANDSHAKE: (u16, u16, u16) = (1, 19, 4);
    pub(super) const TICKET_KEYS_ROTATE: (u16, u16, u16) = (1, 23, 2);
    pub(super) const HTTP2_DIRECTIVE: (u16, u16, u16) = (1, 25, 1);
    pub(super) const UPSTREAM_RESOLVE: (u16, u16, u16) = (1, 27, 3);
}

/// Writes the file, when there is a proxy.
pub fn emit(stack: &Stack, out: &mut Vec<Finding>) -> Vec<Artifact> {
    let Some(proxy) = &stack.proxy else { return Vec::new() };
    let errors = out.len();
    // Of ten thousand sites one view is enough: the typed one goes before the text is made.
    let view = Value::from(Serde(&Builder::new(stack, proxy, out).view()));
    if out.len() > errors {
        return Vec::new();
    }
    match template::render(TEMPLATE, view) {
        Ok(text) => vec![Artifact::file(FILE, text)],
        Err(error) => {
            let message = format!("`{FILE}` cannot be written: {error}");
            out.push(Finding::error("unwritable-value", proxy.place.clone(), message));
            Vec::new()
        }
    }
}

/// Everything the template may use.
#[derive(Serialize)]
struct View<'a> {
    header: String,
    host: bool,
    service: &'a str,
    body_size: String,
    read_timeout: String,
    names_hash: Option<NamesHash>,
    https: bool,
    rejects: bool,
    tickets: bool,
    http2_parameter: bool,
    upstream_blocks: bool,
    edge: Option<EdgeView<'a>>,
    hsts: String,
    headers: Vec<Header<'a>>,
    files: bool,
    limits: Vec<Limit<'a>>,
    waf: Option<WafView<'a>>,
    logins: Option<LoginsView<'a>>,
    zone: String,
    upstreams: Vec<Upstream>,
    raw: Snippet<'a>,
    shown_certificate: Option<Pair>,
    redirected: Vec<&'a str>,
    sites: Vec<SiteView<'a>>,
}

#[derive(Serialize)]
struct NamesHash {
    size: usize,
    bucket: usize,
}

#[derive(Serialize)]
struct EdgeView<'a> {
    name: &'a str,
    header: &'a str,
    addresses: &'a [String],
}

/// The web application firewall: its module, where the system does not load it, and the rules of all sites.
#[derive(Serialize)]
struct WafView<'a> {
    module: Option<&'a str>,
    rules: String,
}

/// The limit of attempts to log in, and the requests that are such attempts.
#[derive(Serialize)]
struct LoginsView<'a> {
    rate: &'a str,
    burst: u16,
    requests: Vec<LoginRequest<'a>>,
}

#[derive(Serialize)]
struct LoginRequest<'a> {
    host: &'a str,
    path: &'a str,
    /// Whether a language may stand before it.
    localized: bool,
}

#[derive(Serialize)]
struct Limit<'a> {
    name: &'a str,
    rate: &'a str,
    memory: String,
}

/// Where a service is reached.
#[derive(Serialize)]
struct Upstream {
    name: String,
    address: String,
}

/// Files of a certificate.
#[derive(Clone, Serialize)]
struct Pair {
    certificate: String,
    key: String,
}

/// A response header: a fixed value, or a variable of the `http` block.
#[derive(Clone, Serialize)]
struct Header<'a> {
    name: &'a str,
    value: &'a str,
    variable: &'static str,
    /// Whether the service's own header of that name is dropped.
    hide: bool,
}

/// Raw directives, and the headers they set: those are not set a second time around them.
#[derive(Default, Serialize)]
struct Snippet<'a> {
    text: &'a str,
    /// Request headers, in lower case.
    sets: Vec<String>,
    /// Response headers, in lower case.
    #[serde(skip)]
    adds: Vec<String>,
}

#[derive(Serialize)]
struct SiteView<'a> {
    service: &'a str,
    title: String,
    host: &'a str,
    aliases: Vec<Alias<'a>>,
    https: bool,
    challenges: bool,
    certificate: Option<Pair>,
    root: &'a str,
    placeholder: &'static str,
    body_size: String,
    read_timeout: String,
    proxies: bool,
    /// Rules of its web application firewall.
    waf: String,
    /// Whether passwords can be tried there.
    logins: bool,
    headers: Vec<Header<'a>>,
    raw: Snippet<'a>,
    locations: Vec<Location<'a>>,
}

/// Names that redirect, by the certificate they are on.
#[derive(Serialize)]
struct Alias<'a> {
    names: Vec<&'a str>,
    certificate: Option<Pair>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    exact: bool,
    guarded: bool,
    /// What most locations have nothing of.
    more: Option<Box<More<'a>>>,
    /// Upstream, or address where nginx is too old for one that is resolved again.
    target: String,
    files: bool,
    redirect: &'a str,
    status: u16,
}

#[derive(Serialize)]
struct More<'a> {
    allow_from: &'a [String],
    limit: &'a str,
    burst: u16,
    /// Whether a login is below it: a limit of its own hides that of the site.
    logins: bool,
    body_size: String,
    read_timeout: String,
    buffering: bool,
    expires: String,
    headers: Vec<Header<'a>>,
    raw: Snippet<'a>,
}

/// Directives that stand in a block already, and the key of the manifest that they are made from.
type Taken = &'static [(&'static str, &'static str)];

const IN_LOCATION: Taken = &[
    ("client_max_body_size", "body_size"),
    ("expires", "expires"),
    ("proxy_buffering", "buffering"),
    ("proxy_pass", "port"),
    ("proxy_read_timeout", "read_timeout"),
    ("proxy_send_timeout", "read_timeout"),
];

const IN_SERVER: Taken = &[
    ("client_max_body_size", "body_size"),
    ("http2", ""),
    ("index", ""),
    ("proxy_read_timeout", "read_timeout"),
    ("proxy_send_timeout", "read_timeout"),
    ("root", "root"),
];

const IN_HTTP: Taken = &[
    ("client_body_timeout", ""),
    ("client_header_timeout", ""),
    ("client_max_body_size", "body_size"),
    ("default_type", ""),
    ("gzip", ""),
    ("gzip_comp_level", ""),
    ("gzip_min_length", ""),
    ("gzip_proxied", ""),
    ("gzip_types", ""),
    ("gzip_vary", ""),
    ("keepalive_timeout", ""),
    ("large_client_header_buffers", ""),
    ("limit_req_log_level", ""),
    ("limit_req_status", ""),
    ("proxy_buffer_size", ""),
    ("proxy_buffers", ""),
    ("proxy_busy_buffers_size", ""),
    ("proxy_connect_timeout", ""),
    ("proxy_headers_hash_bucket_size", ""),
    ("proxy_headers_hash_max_size", ""),
    ("proxy_http_version", ""),
    ("proxy_next_upstream", ""),
    ("proxy_next_upstream_timeout", ""),
    ("proxy_next_upstream_tries", ""),
    ("proxy_read_timeout", ""),
    ("proxy_redirect", ""),
    ("proxy_send_timeout", ""),
    ("real_ip_header", "edge"),
    ("real_ip_recursive", "edge"),
    ("reset_timedout_connection", ""),
    ("resolver", ""),
    ("resolver_timeout", ""),
    ("send_timeout", ""),
    ("sendfile", ""),
    ("server_names_hash_bucket_size", ""),
    ("server_names_hash_max_size", ""),
    ("server_tokens", ""),
    ("ssl_ciphers", ""),
    ("ssl_ecdh_curve", ""),
    ("ssl_prefer_server_ciphers", ""),
    ("ssl_protocols", ""),
    ("ssl_session_cache", ""),
    ("ssl_session_tickets", ""),
    ("ssl_session_timeout", ""),
    ("tcp_nopush", ""),
    ("types_hash_max_size", ""),
];

struct Builder<'a, 'o> {
    stack: &'a Stack,
    proxy: &'a Proxy,
    host: bool,
    upstream_blocks: bool,
    out: &'o mut Vec<Finding>,
    services: HashMap<&'a str, &'a Service>,
    certificates: HashMap<&'a str, &'a Certificate>,
    /// The certificate of each name.
    covered: HashMap<&'a str, &'a Certificate>,
    bursts: HashMap<&'a str, u16>,
    upstreams: HashMap<(&'a str, u16), usize>,
    used: Vec<Upstream>,
    /// Response headers of every answer.
    headers: Vec<Header<'a>>,
    /// Directory of the web application firewall's rules.
    rules: String,
}

impl<'a, 'o> Builder<'a, 'o> {
    fn new(stack: &'a Stack, proxy: &'a Proxy, out: &'o mut Vec<Finding>) -> Self {
        let host = proxy.runs_in == RunsIn::Host;
        let mut covered = HashMap::new();
        for certificate in &stack.certificates {
            for name in &certificate.names {
                covered.entry(name.as_str()).or_insert(certificate);
            }
        }
        Self {
            stack,
            proxy,
            host,
            // On the host addresses are fixed, and any version can have upstreams.
            upstream_blocks: host || proxy.version >= since::UPSTREAM_RESOLVE,
            out,
            services: stack.services.iter().map(|s| (s.name.as_str(), s)).collect(),
            certificates: stack.certificates.iter().map(|c| (c.name.as_str(), c)).collect(),
            covered,
            bursts: stack.rate_limits.iter().map(|l| (l.name.as_str(), l.burst)).collect(),
            upstreams: HashMap::new(),
            used: Vec::new(),
            headers: Vec::new(),
            rules: super::security::rules_directory(stack, proxy),
        }
    }

    fn view(mut self) -> View<'a> {
        let (stack, proxy) = (self.stack, self.proxy);
        let https = stack.sites.iter().any(|s| s.https);
        let raw = self.snippet(proxy.raw.as_ref(), IN_HTTP);
        self.check_values(&proxy.headers, &proxy.place.join("headers"));
        self.headers = over(&defaults(https), &proxy.headers, &raw.adds);
        let sites: Vec<_> = stack.sites.iter().map(|s| self.site(s)).collect();
        let names = || stack.sites.iter().flat_map(|s| std::iter::once(&s.host).chain(&s.aliases));
        let edge = proxy.edge.as_ref().map(|Edge { name, header, addresses, .. }| EdgeView {
            name,
            header,
            addresses,
        });
        View {
            header: header(stack),
            host: self.host,
            service: proxy.service.as_deref().unwrap_or_default(),
            body_size: size(proxy.body_size),
            read_timeout: READ_TIMEOUT.to_string(),
            names_hash: names_hash(names().map(String::len)),
            https,
            rejects: proxy.version >= since::REJECT_HANDSHAKE,
            tickets: proxy.version >= since::TICKET_KEYS_ROTATE,
            http2_parameter: proxy.version < since::HTTP2_DIRECTIVE,
            upstream_blocks: self.upstream_blocks,
            edge,
            hsts: hsts(proxy.hsts),
            headers: self.headers,
            files: sites.iter().any(|s| !s.root.is_empty()),
            limits: stack
                .rate_limits
                .iter()
                .map(|l| Limit {
                    name: &l.name,
                    rate: &l.rate,
                    // nginx wants room for eight pages.
                    memory: size(l.memory.max(Bytes(64 << 10))),
                })
                .collect(),
            waf: stack.security.waf.as_ref().map(|waf| WafView {
                module: waf.module.as_deref(),
                rules: format!("{}/core.rules", self.rules),
            }),
            logins: logins(stack),
            zone: size(Bytes((self.used.len() as u64 * (16 << 10)).next_power_of_two().max(256 << 10))),
            upstreams: self.used,
            raw,
            shown_certificate: sites.iter().find_map(|s| s.certificate.clone()),
            redirected: stack
                .sites
                .iter()
                .filter(|s| s.https)
                .flat_map(|s| std::iter::once(&s.host).chain(&s.aliases))
                .map(String::as_str)
                .collect(),
            sites,
        }
    }

    fn site(&mut self, site: &'a Site) -> SiteView<'a> {
        let raw = self.snippet(site.raw.as_ref(), IN_SERVER);
        let service = Place::manifest(["services", site.service.as_str()]);
        self.check_values(&site.headers, &service.join("headers"));
        let root = match &site.answer {
            Answer::Files { root } => root.as_str(),
            Answer::Live | Answer::Placeholder { .. } => "",
        };
        self.check_text("the directory", root, &service.join("root"));
        let placeholder = match site.answer {
            Answer::Placeholder { status: Status::Planned } => "planned",
            Answer::Placeholder { .. } => "placeholder",
            Answer::Live | Answer::Files { .. } => "",
        };
        let mut headers = over(&self.headers, &site.headers, &raw.adds);
        if !placeholder.is_empty() {
            headers.push(Header { name: "Retry-After", value: "3600", variable: "", hide: false });
        }
        let mut locations: Vec<_> = site
            .routes
            .iter()
            .filter(|_| placeholder.is_empty())
            .map(|route| self.location(site, route, &headers))
            .collect();
        let proxies = site.answer == Answer::Live;
        let root_answered = site.routes.iter().any(|r| r.path == "/" && !r.exact);
        if placeholder.is_empty() && !root_answered {
            locations.push(Location { files: !root.is_empty(), ..Location::blank("/", 404) });
        }
        self.check_locations(site, &locations);
        let certificate = if site.https { self.certificate(site) } else { None };
        SiteView {
            service: &site.service,
            title: title_line(&site.service, &site.title),
            host: &site.host,
            aliases: self.aliases(site, certificate.as_ref()),
            https: site.https,
            // What stands in front may follow the redirect and come back with the challenge by https.
            challenges: !site.https || self.proxy.edge.is_some(),
            certificate,
            root,
            placeholder,
            // Only a service takes long, or takes much.
            body_size: if proxies && site.body_size != self.proxy.body_size {
                size(site.body_size)
            } else {
                String::new()
            },
            read_timeout: if proxies && site.read_timeout != READ_TIMEOUT {
                site.read_timeout.to_string()
            } else {
                String::new()
            },
            proxies,
            waf: site
                .guard
                .waf
                .as_ref()
                .map(|_| format!("{}/{}.rules", self.rules, site.service))
                .unwrap_or_default(),
            logins: !site.guard.logins.is_empty(),
            headers: if site.headers.is_empty() && placeholder.is_empty() && raw.adds.is_empty() {
                Vec::new()
            } else {
                headers
            },
            raw,
            locations,
        }
    }

    fn location(&mut self, site: &'a Site, route: &'a Route, outer: &[Header<'a>]) -> Location<'a> {
        let place = match &route.origin {
            Origin::Manifest(place) => place,
            Origin::Kind(_) | Origin::Default => &site.place,
        };
        let raw = self.snippet(route.raw.as_ref(), IN_LOCATION);
        self.check_values(&route.headers, &place.join("headers"));
        let read_timeout = match route.read_timeout {
            None if route.websocket => Some(site.read_timeout.max(WEBSOCKET_TIMEOUT)),
            given => given,
        };
        let limit = route.rate_limit.as_deref().unwrap_or_default();
        let more = More {
            allow_from: &route.allow_from,
            limit,
            logins: site.guard.logins.iter().any(|l| l.path.starts_with(&route.path)),
            burst: self.bursts.get(limit).copied().unwrap_or_default(),
            body_size: route.body_size.filter(|b| *b != site.body_size).map(size).unwrap_or_default(),
            read_timeout: read_timeout
                .filter(|t| *t != site.read_timeout)
                .map(|t| t.to_string())
                .unwrap_or_default(),
            buffering: route.buffering,
            expires: route.expires.map(|e| e.to_string()).unwrap_or_default(),
            headers: if route.headers.is_empty() && raw.adds.is_empty() {
                Vec::new()
            } else {
                over(outer, &route.headers, &raw.adds)
            },
            raw,
        };
        let mut location = Location {
            exact: route.exact,
            // Directives by hand must not get around a refusal with a regular expression. Where files are served, the
            // expression for hidden files has to come first.
            guarded: match route.action {
                Action::Deny => true,
                Action::Files => false,
                Action::Proxy { .. } | Action::Redirect(_) => !route.allow_from.is_empty(),
            },
            more: more.says_something().then(|| Box::new(more)),
            ..Location::blank(&route.path, 404)
        };
        match &route.action {
            Action::Proxy { service, port } => location.target = self.upstream(service, *port),
            Action::Files => location.files = matches!(site.answer, Answer::Files { .. }),
            Action::Deny => location.status = 403,
            Action::Redirect(target) => {
                self.check_text("the target", target, place);
                location.redirect = target;
            }
        }
        location
    }

    /// What `proxy_pass` names: the upstream, or the address itself.
    fn upstream(&mut self, service: &'a str, port: u16) -> String {
        let index = *self.upstreams.entry((service, port)).or_insert_with(|| {
            let address = if self.host {
                let published = self
                    .services
                    .get(service)
                    .and_then(|s| s.publish.iter().find(|p| p.port == port && p.protocol == Protocol::Tcp));
                published.map_or_else(|| format!("127.0.0.1:{port}"), reached_at)
            } else {
                format!("{service}:{port}")
            };
            self.used.push(Upstream { name: format!("{service}_{port}"), address });
            self.used.len() - 1
        });
        let named = self.upstream_blocks;
        self.used.get(index).map_or_else(String::new, |u| if named { &u.name } else { &u.address }.clone())
    }

    fn certificate(&mut self, site: &'a Site) -> Option<Pair> {
        let found = site.certificate.as_deref().and_then(|name| self.certificates.get(name).copied());
        let Some(certificate) = found else {
            self.out.push(
                Finding::error(
                    "unwritable-value",
                    site.place.clone(),
                    format!("expected a certificate for `{}`, found none", site.host),
                )
                .help("add the name to a group under `certificates`"),
            );
            return None;
        };
        Some(self.pair(certificate))
    }

    fn pair(&mut self, certificate: &'a Certificate) -> Pair {
        if let Some((own, key)) = &certificate.files {
            self.check_text("the path of the certificate", own, &certificate.place);
            self.check_text("the path of the key", key, &certificate.place);
            return Pair { certificate: own.clone(), key: key.clone() };
        }
        // Not certbot's own directory: what lies here is there before the first certificate is.
        let file = |name| format!("/etc/nginx/certificates/{}/{name}", certificate.name);
        Pair { certificate: file("fullchain.pem"), key: file("privkey.pem") }
    }

    /// The other names of a site: those on the same certificate in one server.
    fn aliases(&mut self, site: &'a Site, own: Option<&Pair>) -> Vec<Alias<'a>> {
        let mut list: Vec<(&str, Alias<'a>)> = Vec::new();
        for name in &site.aliases {
            let certificate = self.covered.get(name.as_str()).copied().filter(|_| site.https);
            let key = certificate.map_or("", |c| c.name.as_str());
            match list.iter_mut().find(|(known, _)| *known == key) {
                Some((_, alias)) => alias.names.push(name),
                None => {
                    let certificate = certificate.map(|c| self.pair(c)).or_else(|| own.cloned());
                    list.push((key, Alias { names: vec![name], certificate }));
                }
            }
        }
        list.into_iter().map(|(_, alias)| alias).collect()
    }

    /// Raw directives: readable by themselves, and none that nginx would find twice in the block.
    fn snippet(&mut self, raw: Option<&'a Raw>, taken: Taken) -> Snippet<'a> {
        let Some(raw) = raw else { return Snippet::default() };
        let directives = match read_snippet(&raw.text) {
            Ok(directives) => directives,
            Err(fault) => {
                self.out.push(Finding::error("unsafe-raw-snippet", raw.place.clone(), fault.to_string()));
                return Snippet::default();
            }
        };
        for directive in &directives {
            if let Some((name, key)) = taken.iter().find(|(name, _)| *name == directive.name) {
                let help = match *key {
                    "" => {
                        "remove it; in the `nginx` of a service or route it can be set for that part".into()
                    }
                    key => format!("remove it and set `{key}`"),
                };
                let message =
                    format!("`{name}` already stands in this block, and nginx refuses it a second time");
                self.out.push(Finding::error("unsafe-raw-snippet", raw.place.clone(), message).help(help));
            }
        }
        let named = |name: &str| -> Vec<String> {
            let own = directives.iter().filter(|d| d.name == name);
            own.filter_map(|d| d.args.first()).map(|h| h.to_ascii_lowercase()).collect()
        };
        Snippet { text: &raw.text, sets: named("proxy_set_header"), adds: named("add_header") }
    }

    /// Raw directives of a server must not have a location that a route has.
    fn check_locations(&mut self, site: &Site, locations: &[Location<'_>]) {
        let Some(raw) = &site.raw else { return };
        let written = |d: &Directive| match d.args.as_slice() {
            [path] => Some((path.clone(), false)),
            [mark, path] if mark == "=" => Some((path.clone(), true)),
            [mark, path] if mark == "^~" => Some((path.clone(), false)),
            _ => None,
        };
        let directives = read_snippet(&raw.text).unwrap_or_default();
        for (path, exact) in directives.iter().filter(|d| d.name == "location").filter_map(written) {
            let placeholder = matches!(site.answer, Answer::Placeholder { .. }) && path == "/" && !exact;
            if placeholder || locations.iter().any(|l| l.path == path && l.exact == exact) {
                let message =
                    format!("the location `{path}` is also that of a route, and nginx refuses both");
                let help = "write the directives as `nginx` of the route with that path";
                self.out.push(Finding::error("unsafe-raw-snippet", raw.place.clone(), message).help(help));
            }
        }
    }

    fn check_values(&mut self, headers: &[(String, String)], place: &Place) {
        for (name, value) in headers {
            self.check_text(&format!("the header `{name}`"), value, &place.join(name));
        }
    }

    fn check_text(&mut self, what: &str, text: &str, place: &Place) {
        if let Err(refused) = quote(text) {
            self.out.push(
                Finding::error(
                    "unwritable-value",
                    place.clone(),
                    format!("{what} cannot be written: {refused}"),
                )
                .help("for a value with variables use raw directives, under `nginx`"),
            );
        }
    }
}

impl More<'_> {
    fn says_something(&self) -> bool {
        let texts = [self.limit, &self.body_size, &self.read_timeout, &self.expires, self.raw.text];
        let lists = self.allow_from.is_empty() && self.headers.is_empty();
        texts.iter().any(|t| !t.is_empty()) || !lists || !self.buffering
    }
}

impl Location<'_> {
    fn blank(path: &str, status: u16) -> Location<'_> {
        Location {
            path,
            exact: false,
            guarded: false,
            more: None,
            target: String::new(),
            files: false,
            redirect: "",
            status,
        }
    }
}

/// The limit of attempts to log in, if any site has a place for them.
fn logins(stack: &Stack) -> Option<LoginsView<'_>> {
    let limit = stack.security.logins.as_ref()?;
    let sites = stack.sites.iter().flat_map(|s| s.guard.logins.iter().map(move |l| (s, l)));
    let requests: Vec<_> = sites
        .map(|(site, login)| LoginRequest {
            host: &site.host,
            path: login.path.trim_end_matches('/'),
            localized: login.localized,
        })
        .collect();
    (!requests.is_empty()).then(|| LoginsView { rate: &limit.rate, burst: limit.burst, requests })
}

/// The headers that every answer has.
fn defaults(https: bool) -> Vec<Header<'static>> {
    let list = [
        Header { name: "Strict-Transport-Security", value: "", variable: "hsts", hide: true },
        Header { name: "X-Content-Type-Options", value: "nosniff", variable: "", hide: true },
        Header { name: "Referrer-Policy", value: "", variable: "referrer_policy", hide: false },
        Header { name: "X-Frame-Options", value: "", variable: "x_frame_options", hide: false },
    ];
    list.into_iter().filter(|h| https || h.variable != "hsts").collect()
}

/// A list of headers with others laid over it, without those that raw directives set.
fn over<'a>(base: &[Header<'a>], own: &'a [(String, String)], raw: &[String]) -> Vec<Header<'a>> {
    let mut list = base.to_vec();
    for (name, value) in own {
        let header = Header { name, value, variable: "", hide: true };
        match list.iter_mut().find(|h| h.name.eq_ignore_ascii_case(name)) {
            Some(known) => *known = header,
            None => list.push(header),
        }
    }
    if !raw.is_empty() {
        list.retain(|h| !raw.iter().any(|name| h.name.eq_ignore_ascii_case(name)));
    }
    list
}

/// The address of a published port, seen from the server itself.
fn reached_at(publish: &Publish) -> String {
    let port = publish.host_port;
    match publish.address.as_deref() {
        None | Some("0.0.0.0" | "::") => format!("127.0.0.1:{port}"),
        Some(v6) if v6.contains(':') => format!("[{v6}]:{port}"),
        Some(v4) => format!("{v4}:{port}"),
    }
}

/// The value of Strict-Transport-Security.
pub(super) fn hsts(hsts: Hsts) -> String {
    let mut value = format!("max-age={}", hsts.max_age.0);
    if hsts.include_subdomains {
        value.push_str("; includeSubDomains");
    }
    if hsts.preload {
        value.push_str("; preload");
    }
    value
}

/// A line that says whose server it is. nginx reads no comment of 4 KiB or more.
fn title_line(service: &str, title: &str) -> String {
    let title: String = title.chars().take(160).collect();
    if title.is_empty() || title == service { service.to_string() } else { format!("{service}: {title}") }
}

/// A size as nginx writes it: `128m`, `2g`.
fn size(bytes: Bytes) -> String {
    let unit =
        [(30, "g"), (20, "m"), (10, "k")].into_iter().find(|(shift, _)| bytes.0.is_multiple_of(1 << shift));
    unit.map_or_else(|| bytes.0.to_string(), |(shift, unit)| format!("{}{unit}", bytes.0 >> shift))
}

/// Sizes of nginx's table of server names; the defaults hold a few hundred names of up to 46 characters.
fn names_hash(lengths: impl Iterator<Item = usize>) -> Option<NamesHash> {
    let (count, longest) =
        lengths.fold((0_usize, 0_usize), |(count, longest), length| (count + 1, length.max(longest)));
    // A name takes a pointer, its length and itself, rounded up to eight; a bucket ends with one more pointer.
    let bucket = (longest + 26_usize).next_power_of_two().max(if count > 250 { 128 } else { 64 });
    (count > 250 || bucket > 64).then(|| NamesHash { size: (4 * count).next_power_of_two().max(512), bucket })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kinds;
    use crate::parse::parse;
    use crate::resolve::resolve;
    use crate::text::Sources;

    /// One app with what the text adds to its block, below a proxy with what the other adds to its own.
    fn stack(proxy: &str, app: &str) -> Stack {
        let text = format!(
            "stackgen: 1\nname: test\ncertificates: {{ email: a@b.example }}\nproxy:\n  version: 1.30.0\n{proxy}\n\
             rate_limits:\n  api: {{ rate: 10r/s, burst: 20 }}\n\
             services:\n  app:\n    image: a/b:1\n    listen: 3000\n    url: https://app.example.com\n{app}\n"
        );
        let (mut sources, mut out) = (Sources::default(), Vec::new());
        let base = sources.add("stack.yaml", text);
        let manifest = parse(base, None, &sources, &mut out).manifest;
        let mut kinds = Kinds::read(Vec::new(), &mut sources, &mut out);
        let manifest = manifest.unwrap_or_else(|| panic!("{out:#?}"));
        let stack = resolve(&manifest, &mut kinds, &mut sources, &mut out);
        assert!(out.is_empty(), "{out:#?}");
        stack
    }

    fn text(stack: &Stack) -> String {
        let mut out = Vec::new();
        let artifacts = emit(stack, &mut out);
        assert!(out.is_empty(), "{out:#?}");
        artifacts.into_iter().next().expect("a file").text
    }

    fn refused(stack: &Stack) -> Vec<String> {
        let mut out = Vec::new();
        assert!(emit(stack, &mut out).is_empty());
        out.iter().map(|f| format!("{}: {}", f.rule, f.message)).collect()
    }

    /// Every block, outermost first.
    fn blocks(tree: &[Directive]) -> Vec<&[Directive]> {
        let inner = tree.iter().filter_map(|d| d.block.as_deref()).flat_map(blocks);
        std::iter::once(tree).chain(inner).collect()
    }

    fn named<'t>(block: &'t [Directive], name: &str) -> Vec<&'t [String]> {
        block.iter().filter(|d| d.name == name).map(|d| d.args.as_slice()).collect()
    }

    const HEADERS: &str = "    headers: { X-Frame-Options: DENY, X-A: \"a b\" }
    nginx: proxy_set_header X-Tenant t;
    routes:
      - { path: /a, headers: { x-frame-options: SAMEORIGIN } }
      - { path: /b, nginx: 'add_header X-B b always; proxy_set_header Host b.example.com;' }";

    #[test]
    fn no_block_drops_a_header() {
        let text = text(&stack("  headers: { Permissions-Policy: camera=() }", HEADERS));
        let tree = read_snippet(&text).expect("readable");
        let (mut adding, mut setting) = (0, 0);
        for block in blocks(&tree) {
            let added = named(block, "add_header");
            if !added.is_empty() {
                adding += 1;
                for name in
                    ["Strict-Transport-Security", "X-Frame-Options", "Referrer-Policy", "Permissions-Policy"]
                {
                    assert_eq!(added.iter().filter(|h| h[0].eq_ignore_ascii_case(name)).count(), 1, "{text}");
                }
                assert!(added.iter().all(|h| h.last().is_some_and(|a| a == "always")), "{text}");
            }
            let set = named(block, "proxy_set_header");
            if !set.is_empty() {
                setting += 1;
                for name in ["Host", "X-Forwarded-For", "X-Forwarded-Host", "Upgrade", "Connection"] {
                    assert_eq!(set.iter().filter(|h| h[0] == name).count(), 1, "{text}");
                }
            }
        }
        // http, the server, /a and /b; http, the server and /b.
        assert_eq!((adding, setting), (4, 3));
        assert!(
            text.contains("add_header X-A \"a b\" always;")
                && text.contains("proxy_set_header Host b.example.com;")
        );
    }

    #[test]
    fn syntax_follows_the_version() {
        let mut stack = stack("", "");
        let mut at = |version| {
            if let Some(proxy) = &mut stack.proxy {
                proxy.version = version;
            }
            text(&stack)
        };
        let new = at((1, 30, 0));
        assert!(new.contains("        http2 on;\n") && new.contains("server app:3000 resolve;"));
        assert!(new.contains("proxy_pass http://app_3000;") && !new.contains("ssl_session_tickets"));
        let middle = at((1, 26, 3));
        assert!(middle.contains("        http2 on;\n") && !middle.contains("upstream app_3000 {"));
        assert!(middle.contains("set $upstream app:3000;\n            proxy_pass http://$upstream;"));
        let old = at((1, 22, 1));
        assert!(old.contains("listen 443 ssl http2;") && !old.contains("http2 on"));
        assert!(old.contains("ssl_session_tickets off;") && old.contains("ssl_reject_handshake on;"));
        let oldest = at((1, 18, 0));
        assert!(!oldest.contains("ssl_reject_handshake"));
        assert_eq!(oldest.matches("/app.example.com/privkey.pem").count(), 2);
    }

    #[test]
    fn each_route_has_what_it_says() {
        let text = text(&stack(
            "  body_size: 16MiB",
            "    read_timeout: 90s
    routes:
      - { path: /, rate_limit: api }
      - { path: /ws, websocket: true }
      - { path: /push, websocket: true, read_timeout: 5m, buffering: false }
      - { path: /x, exact: true, body_size: 1GiB, expires: 7d }
      - { path: /no, deny: true }
      - { path: /in, allow_from: [10.0.0.0/8] }
      - { path: \"/it's\", redirect: /there }",
        ));
        for location in [
            "location / {\n            limit_req zone=api burst=20 nodelay;\n            proxy_pass http://app_3000;",
            "location /ws {\n            proxy_read_timeout 1h;\n            proxy_send_timeout 1h;\n            proxy_pass",
            "location /push {\n            proxy_read_timeout 5m;\n            proxy_send_timeout 5m;\n            proxy_buffering off;",
            "location = /x {\n            client_max_body_size 1g;\n            expires 7d;",
            "location ^~ /no {\n            return 403;\n        }",
            "location ^~ /in {\n            allow 10.0.0.0/8;\n            deny all;\n            proxy_pass",
            "location \"/it's\" {\n            return 301 /there;\n        }",
        ] {
            assert!(text.contains(location), "{location}\n{text}");
        }
        assert!(text.contains("        proxy_read_timeout 90s;\n        proxy_send_timeout 90s;\n"));
    }

    #[test]
    fn a_live_site_always_answers_at_the_root() {
        let mut stack = stack("", "");
        stack.sites[0].routes.clear();
        assert!(text(&stack).contains("location / {\n            return 404;\n        }"));
    }

    #[test]
    fn on_the_host_a_service_is_reached_where_it_is_published() {
        let mut stack = stack("  runs_in: host", "");
        stack.services[0].publish[0].host_port = 8000;
        let text = text(&stack);
        assert!(text.contains("server 127.0.0.1:8000;") && !text.contains("resolver"), "{text}");
        assert!(text.contains("/etc/nginx/certificates/app.example.com/fullchain.pem"));
        assert!(!text.contains("/stackgen/health") && text.contains("user www-data;"));
    }

    #[test]
    fn what_does_not_fit_is_a_finding() {
        let snippet = |proxy: &str, app: &str| refused(&stack(proxy, app));
        assert_eq!(
            snippet("  headers: { X-A: \"$host\" }", "    headers: { X-B: \"${x}\" }").len(),
            2,
            "a variable in a value"
        );
        for (proxy, app, expected) in [
            ("  nginx: 'gzip off;'", "", "`gzip` already stands in this block"),
            ("", "    nginx: 'client_max_body_size 1m;'", "`client_max_body_size` already stands"),
            ("", "    nginx: 'location ^~ / { return 404; }'", "the location `/` is also that of a route"),
            ("", "    nginx: '} server {'", "closes a block"),
        ] {
            let found = snippet(proxy, app);
            assert!(found.iter().all(|f| f.starts_with("unsafe-raw-snippet: ")), "{found:#?}");
            assert!(found.iter().any(|f| f.contains(expected)), "{expected}: {found:#?}");
        }
        let mut bare = stack("", "");
        bare.sites[0].certificate = None;
        assert_eq!(
            refused(&bare),
            ["unwritable-value: expected a certificate for `app.example.com`, found none"]
        );
    }

    /// What nginx refuses twice in `http` is known, so that raw directives are told apart from it.
    #[test]
    fn the_list_of_directives_in_http_is_complete() {
        let mut stack = stack("  edge: { name: lb, addresses: [192.0.2.1] }", "");
        stack.rate_limits[0].burst = 0;
        for version in [(1, 22, 1), (1, 30, 0)] {
            if let Some(proxy) = &mut stack.proxy {
                proxy.version = version;
            }
            let tree = read_snippet(&text(&stack)).expect("readable");
            let http = tree.iter().find(|d| d.name == "http").and_then(|d| d.block.as_ref()).expect("http");
            let many = ["include", "log_format", "access_log", "set_real_ip_from", "limit_req_zone"];
            for directive in http.iter().filter(|d| d.block.is_none()) {
                let name = directive.name.as_str();
                let repeatable =
                    many.contains(&name) || name.ends_with("_header") && name != "real_ip_header";
                assert!(repeatable || IN_HTTP.iter().any(|(n, _)| *n == name), "{name}");
            }
        }
        assert!(IN_HTTP.is_sorted());
    }

    #[test]
    fn tables_of_names_are_large_enough() {
        assert!(names_hash([46, 20].into_iter()).is_none_or(|h| h.bucket == 128));
        assert!(names_hash([38].into_iter()).is_none());
        assert_eq!(names_hash([253].into_iter()).map(|h| h.bucket), Some(512));
        assert_eq!(names_hash(std::iter::repeat_n(20, 10_000)).map(|h| h.size), Some(65_536));
    }

    #[test]
    fn sizes() {
        for (bytes, text) in
            [(1 << 30, "1g"), (128 << 20, "128m"), (3 << 10, "3k"), (1 << 40, "1024g"), (5, "5")]
        {
            assert_eq!(size(Bytes(bytes)), text);
        }
    }
}
