//! The proxy's configuration: found where its container mounts it or where it lies by custom, with what it includes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Entry, Folder, Reader, below, parent};
use crate::finding::{Document, Place};
use crate::format::nginx::{Directive, read_snippet};
use crate::format::tree::{Entry as TreeEntry, Kind as Node, NodeId, Tree};
use crate::scalar::{Bytes, Seconds};
use crate::stack::{Action, Answer, MountSource, Origin, Role, Route, Service, Site, Stack};
use crate::text::{SourceId, Span};

/// Where a main file lies by custom, and directories whose files it would include.
const MAIN: &[&str] = &["nginx/nginx.conf", "nginx.conf", "conf/nginx.conf", "config/nginx.conf"];
const PARTS: &[&str] = &[
    "nginx/conf.d",
    "nginx/sites-enabled",
    "nginx/sites-available",
    "nginx/sites",
    "nginx/config",
    "nginx/templates",
    "conf.d",
    "sites-enabled",
    "sites-available",
    "data/nginx",
    "nginx",
];
/// Files of the image that hold nothing to judge.
const OF_IMAGE: &[&str] = &["mime.types", "fastcgi_params", "fastcgi.conf", "uwsgi_params", "scgi_params"];
/// Includes in includes.
const DEEPEST: usize = 8;

/// Files that look like a configuration of nginx, without any container that mounts them.
pub(super) fn candidates(folder: &dyn Folder) -> Vec<String> {
    if let Some(main) = MAIN.iter().find(|p| is_nginx(folder, p)) {
        return vec![(*main).to_string()];
    }
    let of_dir = |dir: &&str| -> Vec<String> {
        let enabled = dir.contains("sites");
        let fits = |n: &String| {
            (enabled && !n.contains('.')) || n.ends_with(".conf") || n.ends_with(".conf.template")
        };
        folder
            .list(dir)
            .into_iter()
            .filter(fits)
            .filter_map(|n| below(dir, &n))
            .filter(|p| is_nginx(folder, p))
            .collect()
    };
    PARTS.iter().map(of_dir).find(|files| !files.is_empty()).unwrap_or_default()
}

fn is_nginx(folder: &dyn Folder, path: &str) -> bool {
    folder.entry(path) == Entry::File
        && folder.read(path).is_some_and(|t| {
            t.lines().map(str::trim_start).any(|l| {
                ["server", "upstream", "http"].iter().any(|w| {
                    l.strip_prefix(w).is_some_and(|r| {
                        r.trim_start().starts_with('{') || *w == "upstream" && r.contains('{')
                    })
                })
            })
        })
}

/// Where the proxy sees files of the directory.
struct View {
    /// Path in the container and path in the directory.
    mounts: Vec<(String, String)>,
    /// What relative paths start from, in the container; without one, in the directory.
    prefix: String,
    contained: bool,
}

impl View {
    /// The path in the directory of a path that the configuration names.
    fn find(&self, path: &str) -> Option<String> {
        let path = if path.starts_with('/') { path.to_string() } else { format!("{}/{path}", self.prefix) };
        if !self.contained {
            // On the server the files lie below /etc/nginx as they lie here.
            let inside = path
                .strip_prefix("/etc/nginx/")
                .map_or(path.clone(), |rest| format!("{}/{rest}", self.prefix));
            return below("", inside.trim_start_matches('/'));
        }
        self.mounts.iter().find_map(|(target, source)| {
            let rest = path.strip_prefix(target.as_str())?;
            match rest {
                "" => Some(source.clone()),
                rest => below(source, rest.strip_prefix('/')?),
            }
        })
    }
}

/// Reads the configuration into the model; its directives if there is one.
pub(super) fn read(reader: &mut Reader<'_>, stack: &mut Stack) -> Option<Vec<Directive>> {
    let own = stack.services.iter().find(|s| s.kind == "nginx" && s.role == Role::Proxy).cloned();
    let (files, view) = files(reader.folder, own.as_ref())?;
    let mut directives = Vec::new();
    for file in files {
        directives.extend(load(&file, reader, &view, &mut HashSet::new(), 0));
    }
    // Of a whole file only what is inside `http` is the proxy.
    let (http, rest): (Vec<_>, Vec<_>) = directives.into_iter().partition(|d| d.name == "http");
    let mut directives: Vec<Directive> = http.into_iter().flat_map(|d| d.block.unwrap_or_default()).collect();
    if directives.is_empty() {
        directives = rest;
    }
    if directives.is_empty() {
        return None;
    }
    model(&directives, own.as_ref(), stack);
    Some(directives)
}

/// The files to start from.
fn files(folder: &dyn Folder, own: Option<&Service>) -> Option<(Vec<String>, View)> {
    if let Some(own) = own {
        let mut mounts: Vec<(String, String)> = own
            .mounts
            .iter()
            .filter_map(|m| {
                let MountSource::Host(source) = &m.source else { return None };
                Some((m.target.trim_end_matches('/').to_string(), below("", source)?))
            })
            .collect();
        mounts.sort_by_key(|(target, _)| std::cmp::Reverse(target.len()));
        let view = View { mounts, prefix: "/etc/nginx".into(), contained: true };
        let file = |p: &str| view.find(p).filter(|p| folder.entry(p) == Entry::File);
        let found = match file("/etc/nginx/nginx.conf") {
            Some(main) => vec![main],
            None => {
                // What the image's own nginx.conf includes, and the templates it is made from.
                let mut list = Vec::new();
                for (dir, ending) in
                    [("/etc/nginx/conf.d", ".conf"), ("/etc/nginx/templates", ".conf.template")]
                {
                    let single = view.mounts.iter().filter(|(t, _)| parent(t) == dir && t.ends_with(ending));
                    list.extend(single.map(|(_, s)| s.clone()).filter(|s| folder.entry(s) == Entry::File));
                    if let Some(source) = view.find(dir) {
                        let names = folder.list(&source).into_iter().filter(|n| n.ends_with(ending));
                        list.extend(names.filter_map(|n| below(&source, &n)));
                    }
                }
                list
            }
        };
        if !found.is_empty() {
            return Some((found, view));
        }
        // A configuration that is built in, or mounted from where a variable says.
        let unclear = own.build.is_some()
            || own.mounts.iter().any(|m| {
                m.target.starts_with("/etc/nginx")
                    && matches!(&m.source, MountSource::Host(s) if s.contains('$'))
            });
        if !unclear {
            return None;
        }
    }
    let files = candidates(folder);
    let prefix = files.first().map(|f| {
        let dir = parent(f);
        dir.rsplit_once('/')
            .filter(|(_, last)| matches!(*last, "conf.d" | "templates") || last.starts_with("sites"))
            .map_or(dir, |(up, _)| up)
            .to_string()
    })?;
    Some((files, View { mounts: Vec::new(), prefix, contained: false }))
}

fn load(
    path: &str,
    reader: &mut Reader<'_>,
    view: &View,
    open: &mut HashSet<String>,
    depth: usize,
) -> Vec<Directive> {
    if depth > DEEPEST || open.contains(path) {
        return Vec::new();
    }
    if !reader.directives.contains_key(path) {
        let read = parse(path, reader);
        reader.directives.insert(path.to_string(), read);
    }
    let directives = reader.directives.get(path).cloned().unwrap_or_default();
    // A file that is included everywhere counts each time.
    let Some(left) = reader.directives_left.checked_sub(count(&directives)) else { return Vec::new() };
    reader.directives_left = left;
    open.insert(path.to_string());
    let expanded = expand(directives, reader, view, open, depth);
    open.remove(path);
    expanded
}

fn count(directives: &[Directive]) -> usize {
    directives.iter().map(|d| 1 + count(d.block.as_deref().unwrap_or_default())).sum()
}

/// The directives of one file.
fn parse(path: &str, reader: &mut Reader<'_>) -> Vec<Directive> {
    let Some((id, text)) = reader.text(path) else { return Vec::new() };
    match read_snippet(&text) {
        Ok(mut directives) => {
            placed(&mut directives, id);
            let document = Document::File(reader.folder.shown(path));
            reader.documents.entry(document).or_insert_with(|| tree(id, &text, &directives));
            directives
        }
        Err(fault) => {
            // A template of something else is no fault, nor is what only a module reads.
            let plain = path.ends_with(".conf")
                && !text.contains("{{")
                && !text.contains("<%")
                && !fault.message.contains("Lua");
            if plain {
                let width = text[fault.offset..].chars().next().map_or(0, char::len_utf8);
                let span = Span::new(id, fault.offset, fault.offset + width);
                reader.fault(
                    "unsafe-raw-snippet",
                    span,
                    fault.message,
                    "nginx does not start with this file",
                );
            }
            Vec::new()
        }
    }
}

/// Puts into the place of every `include` what it includes.
fn expand(
    directives: Vec<Directive>,
    reader: &mut Reader<'_>,
    view: &View,
    open: &mut HashSet<String>,
    depth: usize,
) -> Vec<Directive> {
    let mut out = Vec::new();
    for mut directive in directives {
        if directive.name == "include" {
            let Some(pattern) = directive.args.first() else { continue };
            let files = matching(reader.folder, view, pattern);
            for file in &files {
                out.extend(load(file, reader, view, open, depth + 1));
            }
            // Kept where nothing was found, so that it is known that more may stand there.
            let name = pattern.rsplit('/').next().unwrap_or(pattern);
            if files.is_empty() && !OF_IMAGE.contains(&name) {
                out.push(directive);
            }
            continue;
        }
        directive.block = directive.block.map(|block| expand(block, reader, view, open, depth));
        out.push(directive);
    }
    out
}

fn matching(folder: &dyn Folder, view: &View, pattern: &str) -> Vec<String> {
    let name = pattern.rsplit('/').next().unwrap_or(pattern);
    if OF_IMAGE.contains(&name) || pattern.contains('$') {
        return Vec::new();
    }
    if !name.contains(['*', '?']) {
        return view.find(pattern).filter(|p| folder.entry(p) == Entry::File).into_iter().collect();
    }
    let Some(dir) = view.find(parent(pattern)) else { return Vec::new() };
    let (start, end) = name.split_once('*').unwrap_or((name, ""));
    let fits = |n: &String| {
        !n.starts_with('.') && n.len() >= start.len() + end.len() && n.starts_with(start) && n.ends_with(end)
    };
    folder
        .list(&dir)
        .into_iter()
        .filter(fits)
        .filter_map(|n| below(&dir, &n))
        .filter(|p| folder.entry(p) == Entry::File)
        .collect()
}

fn placed(directives: &mut [Directive], id: SourceId) {
    for directive in directives {
        directive.span.source = id;
        placed(directive.block.as_deref_mut().unwrap_or_default(), id);
    }
}

/// The file as a tree of keys such as `server app.example.com` and `location /`, so that findings have a path in it.
fn tree(id: SourceId, text: &str, directives: &[Directive]) -> Tree {
    fn map(tree: &mut Tree, directives: &[Directive], whole: Span) -> NodeId {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut entries = Vec::new();
        for directive in directives {
            let block = directive.block.as_deref();
            let mut key = match (directive.name.as_str(), block) {
                ("server", Some(block)) => {
                    let named = |n: &str| block.iter().find(|d| d.name == n).and_then(|d| d.args.first());
                    let name = named("server_name").map_or("_", String::as_str);
                    format!("server {name} {}", named("listen").map_or("80", String::as_str))
                }
                (name, Some(_)) => format!("{name} {}", directive.args.join(" ")).trim().to_string(),
                (name @ ("add_header" | "proxy_set_header" | "set" | "server"), None) => {
                    format!("{name} {}", directive.args.first().map_or("", String::as_str))
                }
                (name, None) => name.to_string(),
            };
            let count = seen.entry(key.clone()).or_insert(0);
            *count += 1;
            if *count > 1 {
                key = format!("{key} #{count}");
            }
            let value = match block {
                Some(block) => map(tree, block, directive.span),
                None => tree.push(directive.span, Node::Str(directive.args.join(" ").into())),
            };
            let key_span = directive.head();
            entries.push(TreeEntry { key: key.into(), key_span, value });
        }
        tree.push(whole, Node::Map(entries.into()))
    }
    let mut tree = Tree::default();
    let root = map(&mut tree, directives, Span::new(id, 0, text.len()));
    tree.set_root(root);
    tree
}

/// Where a directive is shown.
pub(super) fn place(directive: &Directive) -> Place {
    Place::Text(directive.head())
}

/// What holds at a level of the configuration, inherited from those around it.
#[derive(Clone)]
struct Level<'d> {
    upgrade: bool,
    /// Whether it speaks HTTP/1.1 to what is behind it, without which there are no websockets.
    modern: bool,
    headers: Option<Vec<&'d Directive>>,
    read_timeout: Option<Seconds>,
    body_size: Option<Bytes>,
    buffering: bool,
    allow_from: Vec<String>,
    variables: HashMap<String, String>,
}

impl<'d> Level<'d> {
    fn inner(&self, directives: &'d [Directive]) -> Self {
        let mut level = self.clone();
        let headers: Vec<&Directive> = directives.iter().filter(|d| d.name == "proxy_set_header").collect();
        if !headers.is_empty() {
            level.upgrade =
                headers.iter().any(|d| d.args.first().is_some_and(|a| a.eq_ignore_ascii_case("upgrade")));
            level.headers = Some(headers);
        }
        let mut allowed = Vec::new();
        let mut closed = false;
        for directive in directives {
            let first = directive.args.first().map_or("", String::as_str);
            match directive.name.as_str() {
                "proxy_read_timeout" => level.read_timeout = time(first).or(level.read_timeout),
                "client_max_body_size" => level.body_size = size(first).or(level.body_size),
                "proxy_http_version" => level.modern = first != "1.0",
                "proxy_buffering" => level.buffering = first != "off",
                "allow" if first != "all" => allowed.push(first.to_string()),
                "deny" => closed |= first == "all",
                "auth_basic" if first != "off" => (closed, allowed) = (true, vec!["a password".into()]),
                "auth_request" | "ssl_verify_client" if first != "off" => {
                    (closed, allowed) = (true, vec!["whom another service lets in".into()]);
                }
                "set" => {
                    if let [name, value] = directive.args.as_slice() {
                        level.variables.insert(name.trim_start_matches('$').to_string(), value.clone());
                    }
                }
                _ => {}
            }
        }
        if closed {
            level.allow_from = if allowed.is_empty() { vec!["nobody".into()] } else { allowed };
        }
        level
    }

    /// A text with the variables that are set put in.
    fn filled(&self, text: &str) -> String {
        let mut text = text.to_string();
        let mut names: Vec<_> = self.variables.iter().collect();
        names.sort_by_key(|(n, _)| std::cmp::Reverse(n.len()));
        for (name, value) in names {
            text = text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value);
        }
        text
    }
}

fn time(text: &str) -> Option<Seconds> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86400,
        _ => return None,
    };
    Some(Seconds(number.parse::<u32>().ok()?.saturating_mul(factor)))
}

/// A size; 0 is no limit.
fn size(text: &str) -> Option<Bytes> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let shift = match unit {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    Some(Bytes(if number == 0 { u64::MAX } else { number.saturating_mul(1 << shift) }))
}

/// Port and whether TLS is spoken there.
fn listen(directive: &Directive) -> Option<(u16, bool)> {
    let address = directive.args.first()?;
    if address.starts_with("unix:") || address.contains('$') {
        return None;
    }
    let port =
        address.rsplit_once(':').filter(|(_, p)| !p.ends_with(']')).map_or(address.as_str(), |(_, p)| p);
    let tls = directive.args.iter().any(|a| matches!(a.as_str(), "ssl" | "quic"));
    Some((port.parse().unwrap_or(80), tls))
}

fn model(directives: &[Directive], own: Option<&Service>, stack: &mut Stack) {
    let upstreams: HashMap<&str, &Directive> = directives
        .iter()
        .filter(|d| d.name == "upstream")
        .filter_map(|d| Some((d.args.first()?.as_str(), d)))
        .collect();
    let tag = own.map(|s| super::products::name_and_tag(&s.image.reference).1);
    let version = tag.and_then(|tag| match super::products::moves(tag) {
        // The newest is newer than anything that is asked for.
        true => Some((999, 0, 0)),
        false => numbers(&super::products::version(tag)),
    });
    // HTTP/1.1 is the default since 1.29.7; what is not known is trusted.
    let modern = version.is_none_or(|v| v >= (1, 29, 7));
    let top = Level {
        upgrade: false,
        modern,
        headers: None,
        read_timeout: None,
        body_size: None,
        buffering: true,
        allow_from: Vec::new(),
        variables: HashMap::new(),
    };
    let top = top.inner(directives);
    let at = own
        .map_or_else(|| directives.first().map_or(Place::Text(Span::default()), place), |s| s.place.clone());
    let mut sites = Vec::new();
    let mut ports = Vec::new();
    let servers = directives.iter().filter(|d| d.name == "server");
    for server in servers {
        let Some(block) = server.block.as_deref() else { continue };
        let listens: Vec<(u16, bool)> =
            block.iter().filter(|d| d.name == "listen").filter_map(listen).collect();
        let listens = if listens.is_empty() { vec![(80, false)] } else { listens };
        ports.extend(listens.iter().map(|(p, _)| *p));
        let old = block.iter().any(|d| d.name == "ssl" && d.args == ["on"]);
        let names: Vec<String> =
            block.iter().filter(|d| d.name == "server_name").flat_map(|d| d.args.clone()).collect();
        let level = top.inner(block);
        let mut routes = Vec::new();
        locations(block, &level, &upstreams, stack, own, &mut routes);
        // The longest path first, as they are asked for.
        routes.sort_by(|a, b| b.exact.cmp(&a.exact).then(b.path.len().cmp(&a.path.len())));
        let root = routes.iter().find(|r: &&Route| r.path == "/" && !r.exact);
        let service = match root.map(|r| &r.action) {
            Some(Action::Proxy { service, .. }) => service.clone(),
            _ => routes
                .iter()
                .find_map(|r| match &r.action {
                    Action::Proxy { service, .. } => Some(service.clone()),
                    _ => None,
                })
                .unwrap_or_default(),
        };
        sites.push(Site {
            service,
            title: String::new(),
            host: names.first().cloned().unwrap_or_default(),
            aliases: names.iter().skip(1).cloned().collect(),
            https: old || listens.iter().any(|(_, tls)| *tls),
            certificate: None,
            answer: Answer::Live,
            routes,
            body_size: level.body_size.unwrap_or(Bytes(1 << 20)),
            read_timeout: level.read_timeout.unwrap_or(Seconds(60)),
            headers: Vec::new(),
            raw: None,
            guard: Default::default(),
            place: place(server),
        });
    }
    stack.sites = sites;
    stack.proxy = Some(super::proxy(own.map(|s| s.name.clone()), version, at));
    if let Some(service) = own.and_then(|o| stack.services.iter_mut().find(|s| s.name == o.name)) {
        ports.sort_unstable();
        ports.dedup();
        service.listens = ports;
    }
    urls(stack);
}

fn numbers(version: &str) -> Option<(u16, u16, u16)> {
    let mut parts = version.split('.').map(str::parse);
    let major = parts.next()?.ok()?;
    // `nginx:1` is whatever 1.x is newest.
    let Some(minor) = parts.next() else { return Some((major, u16::MAX, 0)) };
    Some((major, minor.ok()?, parts.next().transpose().ok()?.unwrap_or(0)))
}

fn locations(
    block: &[Directive],
    around: &Level<'_>,
    upstreams: &HashMap<&str, &Directive>,
    stack: &Stack,
    own: Option<&Service>,
    routes: &mut Vec<Route>,
) {
    for location in block.iter().filter(|d| d.name == "location") {
        let Some(inside) = location.block.as_deref() else { continue };
        let level = around.inner(inside);
        let (how, path) = match location.args.as_slice() {
            [path] => ("", path.as_str()),
            [how, path] => (how.as_str(), path.as_str()),
            _ => continue,
        };
        let returned = inside.iter().find(|d| d.name == "return");
        let action = match inside.iter().find(|d| d.name == "proxy_pass").and_then(|d| d.args.first()) {
            Some(target) => {
                let (service, port) = upstream(&level.filled(target), upstreams, stack, own);
                Action::Proxy { service, port }
            }
            None => match returned.map(|d| d.args.as_slice()) {
                Some([code, target]) if code.starts_with('3') => Action::Redirect(target.clone()),
                Some([code, ..]) if matches!(code.as_str(), "403" | "404" | "444" | "410") => Action::Deny,
                Some([url]) if url.contains("://") => Action::Redirect(url.clone()),
                _ if level.allow_from == ["nobody"] || inside.iter().any(|d| d.name == "internal") => {
                    Action::Deny
                }
                _ => Action::Files,
            },
        };
        routes.push(Route {
            path: path.to_string(),
            // What a pattern takes cannot be told from its length.
            exact: how == "=" || how.starts_with('~'),
            action,
            websocket: level.upgrade && level.modern,
            rate_limit: None,
            body_size: level.body_size,
            read_timeout: level.read_timeout,
            buffering: level.buffering,
            expires: None,
            allow_from: level.allow_from.clone(),
            headers: Vec::new(),
            raw: None,
            origin: Origin::Manifest(place(location)),
        });
        locations(inside, &level, upstreams, stack, own, routes);
    }
}

/// Service and port that an address leads to; an address of something else stays what it is.
fn upstream(
    target: &str,
    upstreams: &HashMap<&str, &Directive>,
    stack: &Stack,
    own: Option<&Service>,
) -> (String, u16) {
    let (scheme, rest) = target.split_once("://").unwrap_or(("http", target));
    let authority = rest.split(['/', '?', '$']).next().unwrap_or_default();
    let named = upstreams.get(authority).and_then(|d| {
        let servers = d.block.as_deref()?.iter().filter(|d| d.name == "server");
        servers.filter_map(|d| d.args.first()).next()
    });
    let authority = named.map_or(authority, String::as_str);
    let (host, port) = authority.rsplit_once(':').map_or((authority, None), |(h, p)| (h, p.parse().ok()));
    let port = port.unwrap_or(if scheme == "https" { 443 } else { 80 });
    if own.is_none() && (host == "localhost" || host.starts_with("127.")) {
        let published = stack.services.iter().find_map(|s| {
            let publish = s.publish.iter().find(|p| p.host_port == port)?;
            Some((s.name.clone(), publish.port))
        });
        return published.unwrap_or((String::new(), port));
    }
    let service = stack.services.iter().find(|s| s.name == host || s.container_name.as_deref() == Some(host));
    (service.map_or_else(String::new, |s| s.name.clone()), port)
}

/// Public addresses of services, from the sites that lead to them.
fn urls(stack: &mut Stack) {
    let mut found: HashMap<String, (String, bool)> = HashMap::new();
    for site in &stack.sites {
        let real = site.host.contains('.') && !site.host.contains(['*', '$', '~', '_']);
        if real && !site.service.is_empty() {
            let entry = found.entry(site.service.clone()).or_insert_with(|| (site.host.clone(), site.https));
            if site.https && !entry.1 {
                *entry = (site.host.clone(), true);
            }
        }
    }
    for service in &mut stack.services {
        if let Some((host, https)) = found.remove(&service.name) {
            let facts = &mut Arc::make_mut(&mut service.facts).service;
            let scheme = if https { "https" } else { "http" };
            facts.url = Some(format!("{scheme}://{host}"));
            facts.host = Some(host);
            facts.scheme = Some(scheme.into());
        }
    }
}
