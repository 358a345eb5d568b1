//! Short forms written out: a service with everything that has a name or a target in maps by that name.

pub(super) use super::table::truth;
use crate::outline::interpolation::split;
use crate::outline::port::identity;
use crate::outline::yaml::{Is, Node};

/// A service in its long form.
pub(super) fn service(node: &Node) -> Node {
    let mut entries = Vec::new();
    for (key, value) in node.entries() {
        let line = value.line;
        let value = match key.as_str() {
            "build" => build(value),
            "ports" => by_name(value, ports),
            "volumes" => by_name(value, |item| vec![mount(item)]),
            "secrets" | "configs" => by_name(value, |item| vec![grant(item)]),
            "devices" => by_name(value, |item| vec![device(item)]),
            "tmpfs" => by_name(value, |item| vec![pair(item, ':', "")]),
            "networks" | "models" => {
                by_name(value, |item| vec![(item.as_text().unwrap_or_default().into(), null(item))])
            }
            "depends_on" => dependencies(value),
            "healthcheck" => healthcheck(value),
            "extends" if value.as_text().is_some() => {
                Node::map(line, vec![("service".into(), value.clone())])
            }
            "gpus" if value.as_text().is_some() => Node {
                line,
                is: Is::List(vec![Node::map(line, vec![("count".into(), Node::text(line, "-1"))])]),
            },
            // The same by another name.
            "pull_policy" if value.as_text() == Some("if_not_present") => Node::text(line, "missing"),
            _ => value.clone(),
        };
        entries.push((key.clone(), value));
    }
    let mut service = Node::map(node.line, entries);
    implied(&mut service, node);
    service
}

/// A network with its address pools by their subnets: the engine puts those that nobody named among them.
pub(super) fn network(node: &Node) -> Node {
    let within = |node: &Node, key: &str, change: &dyn Fn(&Node) -> Node| match &node.is {
        Is::Map(entries) => {
            let changed = |(k, v): &(String, Node)| (k.clone(), if k == key { change(v) } else { v.clone() });
            Node::map(node.line, entries.iter().map(changed).collect())
        }
        _ => node.clone(),
    };
    let pool = |item: &Node| {
        let subnet = item.get("subnet").and_then(Node::as_text).unwrap_or_default();
        vec![(subnet.to_string(), item.clone())]
    };
    within(node, "ipam", &|ipam| within(ipam, "config", &|pools| by_name(pools, pool)))
}

/// Whether a service names neither networks nor another way to the network.
pub(super) fn is_on_default_network(node: &Node) -> bool {
    let networks = node.get("networks");
    node.get("network_mode").is_none_or(|mode| mode.as_text().is_none_or(str::is_empty))
        && networks.is_none_or(|n| n.entries().is_empty() && n.items().is_empty())
        || networks.is_some_and(|n| {
            n.get("default").is_some() || n.items().iter().any(|item| item.as_text() == Some("default"))
        })
}

/// What Compose adds: the default network, and dependencies on services whose parts are shared.
fn implied(service: &mut Node, node: &Node) {
    let mut shared: Vec<(String, u32, bool)> = Vec::new();
    for (key, value) in node.entries() {
        let texts = value.one_or_more().iter().filter_map(|item| Some((item.as_text()?, item.line)));
        for (text, line) in texts {
            let first = text.split(':').next().unwrap_or_default();
            match key.as_str() {
                "links" => shared.push((first.into(), line, true)),
                "volumes_from" if first != "container" => shared.push((first.into(), line, false)),
                "network_mode" | "pid" | "ipc" | "uts" | "cgroup" => {
                    shared.extend(text.strip_prefix("service:").map(|name| (name.into(), line, true)));
                }
                _ => {}
            }
        }
    }
    let Is::Map(entries) = &mut service.is else { return };
    if is_on_default_network(node) && node.get("networks").is_none_or(|n| n.get("default").is_none()) {
        let default = Node::map(node.line, vec![("default".into(), Node { line: node.line, is: Is::Null })]);
        entries.retain(|(key, _)| key != "networks");
        entries.push(("networks".into(), with_default(node, default)));
    }
    for (name, line, restart) in shared {
        if !entries.iter().any(|(key, _)| key == "depends_on") {
            entries.push(("depends_on".into(), Node::map(line, Vec::new())));
        }
        let Some(Is::Map(there)) =
            entries.iter_mut().find(|(key, _)| key == "depends_on").map(|(_, node)| &mut node.is)
        else {
            continue;
        };
        if there.iter().all(|(key, _)| *key != name) {
            let mut dependency = vec![("condition".to_string(), Node::text(line, "service_started"))];
            dependency.extend(restart.then(|| ("restart".to_string(), Node::text(line, "true"))));
            there.push((name, Node::map(line, dependency)));
        }
    }
}

/// The networks of a service that is on the default one.
fn with_default(node: &Node, default: Node) -> Node {
    match node.get("networks") {
        Some(list) if !list.items().is_empty() => {
            by_name(list, |item| vec![(item.as_text().unwrap_or_default().into(), null(item))])
        }
        _ => default,
    }
}

fn null(node: &Node) -> Node {
    Node { line: node.line, is: Is::Null }
}

/// A list as a map by the names of its items. A map stays, and so does the later of two items with one name.
fn by_name(node: &Node, item: impl Fn(&Node) -> Vec<(String, Node)>) -> Node {
    if matches!(node.is, Is::Map(_)) {
        return node.clone();
    }
    let mut entries: Vec<(String, Node)> = Vec::new();
    for (name, node) in node.one_or_more().iter().flat_map(item) {
        match entries.iter_mut().find(|(there, _)| *there == name) {
            Some((_, there)) => *there = node,
            None => entries.push((name, node)),
        }
    }
    Node::map(node.line, entries)
}

/// `NAME=value` with an empty value for nothing.
fn pair(node: &Node, sign: char, default: &str) -> (String, Node) {
    let text = node.as_text().unwrap_or_default();
    let (name, value) = text.split_once(sign).unwrap_or((text, default));
    (name.to_string(), Node::text(node.line, value))
}

/// Names with values, from a map or from a list of `NAME=value`.
pub(super) fn pairs(node: &Node) -> Vec<(String, Node)> {
    if matches!(node.is, Is::Map(_)) {
        return node.entries().iter().map(|(name, node)| (name.clone(), joined(node))).collect();
    }
    let mut pairs: Vec<(String, Node)> = Vec::new();
    for item in node.one_or_more() {
        let text = item.as_text().unwrap_or_default();
        // Hosts may be written `name:address`.
        let sign = text.find('=').or_else(|| text.find(':'));
        let (name, value) = match sign {
            Some(at) => (&text[..at], Node::text(item.line, address(&text[at + 1..]))),
            None => (text, null(item)),
        };
        pairs.push((name.to_string(), value));
    }
    pairs
}

/// An IPv6 address without its brackets; anything else in brackets keeps them.
fn address(text: &str) -> &str {
    let inside = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    inside.filter(|t| t.parse::<std::net::Ipv6Addr>().is_ok()).unwrap_or(text)
}

/// A value of a map of pairs: a host may have several addresses.
fn joined(node: &Node) -> Node {
    match &node.is {
        Is::List(items) => {
            Node::text(node.line, items.iter().filter_map(Node::as_text).collect::<Vec<_>>().join(","))
        }
        _ => node.clone(),
    }
}

fn build(node: &Node) -> Node {
    let line = node.line;
    if node.as_text().is_some() {
        return Node::map(line, vec![("context".into(), path(node))]);
    }
    let mut entries: Vec<_> = node.entries().to_vec();
    for (key, value) in &mut entries {
        if key == "context" {
            *value = path(value);
        }
    }
    if node.get("context").is_none() {
        entries.push(("context".into(), Node::text(line, ".")));
    }
    Node::map(line, entries)
}

/// A path relative to the file, without detours; absolute ones stay as they are.
fn path(node: &Node) -> Node {
    let Some(text) = node.as_text() else { return node.clone() };
    Node::text(node.line, relative(text))
}

fn relative(text: &str) -> String {
    if text.starts_with(['/', '~', '$']) || text.contains("://") || text.starts_with("git@") {
        return text.to_string();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    match parts.first() {
        None => ".".to_string(),
        Some(&"..") => parts.join("/"),
        Some(_) => format!("./{}", parts.join("/")),
    }
}

fn dependencies(node: &Node) -> Node {
    let started = |line| ("condition".to_string(), Node::text(line, "service_started"));
    by_name(node, |item| {
        vec![(item.as_text().unwrap_or_default().into(), Node::map(item.line, vec![started(item.line)]))]
    })
}

/// A test that is one text is for the shell.
fn healthcheck(node: &Node) -> Node {
    let entries = node.entries().iter().map(|(key, value)| match value.as_text() {
        Some(text) if key == "test" => {
            let words = vec![Node::text(value.line, "CMD-SHELL"), Node::text(value.line, text)];
            (key.clone(), Node { line: value.line, is: Is::List(words) })
        }
        _ => (key.clone(), value.clone()),
    });
    Node::map(node.line, entries.collect())
}

/// A port as `address:published:target/protocol`; a range becomes its ports.
fn ports(node: &Node) -> Vec<(String, Node)> {
    let line = node.line;
    let (address, published, target, protocol, rest);
    if let Some(text) = node.as_text() {
        let (numbers, kind) = text.split_once('/').unwrap_or((text, "tcp"));
        let parts = split(numbers);
        (address, published, target) = match parts.as_slice() {
            [target] => ("", "", *target),
            [published, target] => ("", *published, *target),
            [address @ .., published, target] => {
                (address.first().copied().unwrap_or_default(), *published, *target)
            }
            [] => return Vec::new(),
        };
        (protocol, rest) = (kind, Vec::new());
    } else {
        let get = |key: &str| node.get(key).and_then(Node::as_text).unwrap_or_default();
        (address, published, target, protocol) =
            (get("host_ip"), get("published"), get("target"), get("protocol"));
        let known = ["host_ip", "published", "target", "protocol"];
        rest = node.entries().iter().filter(|(key, _)| !known.contains(&key.as_str())).cloned().collect();
    }
    let one = |published: &str, target: &str| {
        (identity(address, published, target, protocol), Node::map(line, rest.clone()))
    };
    let (Some(targets), outside) = (range(target), range(published)) else {
        return vec![one(published, target)];
    };
    match outside {
        Some(outside) if outside.len() == targets.len() => {
            let all = outside.zip(targets);
            all.map(|(published, target)| one(&published.to_string(), &target.to_string())).collect()
        }
        None if published.is_empty() => targets.map(|target| one("", &target.to_string())).collect(),
        _ => vec![one(published, target)],
    }
}

/// `8000-8002`, or one port.
fn range(text: &str) -> Option<std::ops::Range<u32>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse::<u16>().ok()?, last.parse::<u16>().ok()?);
    (first <= last).then(|| u32::from(first)..u32::from(last) + 1)
}

/// A mount by its target.
fn mount(node: &Node) -> (String, Node) {
    let line = node.line;
    let text = |value: &str| Node::text(line, value);
    let (target, entries) = match node.as_text() {
        Some(short) => {
            let parts = split(short);
            let (source, target, options) = match parts.as_slice() {
                [target] => (None, *target, ""),
                [source, target] => (Some(*source), *target, ""),
                [source, target, options, ..] => (Some(*source), *target, *options),
                [] => (None, "", ""),
            };
            let is_path = source.is_some_and(is_path);
            let mut entries = vec![("type".to_string(), text(if is_path { "bind" } else { "volume" }))];
            entries.extend(source.map(|s| ("source".to_string(), text(s))));
            let mut bind = Vec::new();
            for option in options.split(',').filter(|o| !o.is_empty()) {
                match option {
                    "ro" => entries.push(("read_only".into(), text("true"))),
                    "nocopy" => {
                        let nocopy = vec![("nocopy".to_string(), text("true"))];
                        entries.push(("volume".into(), Node::map(line, nocopy)));
                    }
                    "z" | "Z" => bind.push(("selinux".to_string(), text(option))),
                    _ if option.ends_with("shared")
                        || option.ends_with("slave")
                        || option.ends_with("private") =>
                    {
                        bind.push(("propagation".to_string(), text(option)));
                    }
                    _ => {}
                }
            }
            if is_path {
                bind.push(("create_host_path".to_string(), text("true")));
            }
            if !bind.is_empty() && is_path {
                entries.push(("bind".into(), Node::map(line, bind)));
            }
            (target.to_string(), entries)
        }
        None => {
            let target = node.get("target").and_then(Node::as_text).unwrap_or_default();
            (target.to_string(), node.entries().iter().filter(|(key, _)| key != "target").cloned().collect())
        }
    };
    let mut entries: Vec<(String, Node)> = entries;
    let is_bind = entries.iter().any(|(key, kind)| key == "type" && kind.as_text() == Some("bind"));
    for (key, value) in &mut entries {
        if is_bind && key == "source" {
            *value = path(value);
        }
    }
    let cleaned = target.trim_end_matches('/');
    let target = if cleaned.is_empty() && !target.is_empty() { "/".to_string() } else { cleaned.to_string() };
    (target, Node::map(line, entries))
}

/// Whether the source of a mount is a path, and not the name of a volume, as far as can be told without the variables.
fn is_path(source: &str) -> bool {
    default_of(source).starts_with(['.', '/', '~'])
        || source.starts_with("${") && source.rsplit('}').next().is_some_and(|rest| rest.contains('/'))
}

/// What a reference stands for when nothing is set: `./data` in `${DATA:-./data}`.
fn default_of(text: &str) -> &str {
    let inside = text.strip_prefix("${").map(|rest| rest.split('}').next().unwrap_or(rest));
    inside.and_then(|inside| inside.split_once('-')).map_or(text, |(_, default)| default)
}

/// A secret or config that a service is given, by its name, and its target where that is another one.
fn grant(node: &Node) -> (String, Node) {
    let get = |key: &str| node.get(key).and_then(Node::as_text).unwrap_or_default();
    let (source, target) = (node.as_text().unwrap_or_else(|| get("source")), get("target"));
    let other = !target.is_empty() && target != format!("/run/secrets/{source}");
    let name = if other { format!("{source}:{target}") } else { source.to_string() };
    let rest = node.entries().iter().filter(|(key, _)| key != "source" && key != "target");
    (name, Node::map(node.line, rest.cloned().collect()))
}

fn device(node: &Node) -> (String, Node) {
    let get = |key: &str| node.get(key).and_then(Node::as_text).unwrap_or_default();
    let short = node.as_text().map(split).unwrap_or_default();
    let part = |at: usize, key: &str| match short.get(at) {
        Some(part) => (*part).to_string(),
        None => get(key).to_string(),
    };
    let (source, mut target, mut permissions) =
        (part(0, "source"), part(1, "target"), part(2, "permissions"));
    if target.is_empty() {
        target.clone_from(&source);
    }
    if permissions.is_empty() {
        permissions = "rwm".to_string();
    }
    (format!("{source}:{target}"), Node::text(node.line, permissions))
}
