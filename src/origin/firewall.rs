//! Where the entries of the firewall's files come from.

use super::{Candidates, Origin};
use crate::finding::Place;
use crate::stack::Stack;

const INBOUND: &str = "SSH, and what the proxy publishes; nothing else unless `firewall.allow` says so";
const OUTBOUND: &str = "the server may reach everything unless `firewall.outbound` says otherwise";
const NAME: &str = "the firewall has the name of the stack";
const APPLIED: &str = "droplets and tags the firewall applies to";
const ALWAYS: &str = "the firewall target writes this for every stack";

pub(super) fn origin(stack: &Stack, name: &str, keys: &[&str]) -> Origin {
    let at = |key: &str| Place::manifest(["firewall", key]);
    let new = Candidates::new();
    match (name, keys) {
        ("digitalocean.json", ["name"]) => new.at(Place::manifest(["name"])).made(None, NAME),
        ("digitalocean.json", [key @ ("droplet_ids" | "tags"), ..]) => new.at(at(key)).made(None, APPLIED),
        ("digitalocean.json", ["inbound_rules", rule, rest @ ..]) => {
            let what = if rest.is_empty() { "port" } else { "from" };
            inbound(stack, rule.rsplit(' ').next().unwrap_or_default(), what)
        }
        ("digitalocean.json", ["outbound_rules", ..]) => new.at(at("outbound")).made(None, OUTBOUND),
        _ => of_line(stack, keys),
    }
}

/// A line of a script or of nftables.conf, whose blocks are the keys before it.
fn of_line(stack: &Stack, keys: &[&str]) -> Origin {
    let at = |key: &str| Place::manifest(["firewall", key]);
    let new = Candidates::new();
    let line = keys.last().copied().unwrap_or_default();
    if let Some(port) = keys.iter().find_map(|key| key.strip_prefix("set from_")?.split('_').next()) {
        return inbound(stack, port, "from");
    }
    let is_outbound = keys.iter().any(|key| key.starts_with("chain output") || key.starts_with("set to_"))
        || line.ends_with("# everywhere")
        || line.ends_with("# outbound")
        || line.contains("outbound");
    if is_outbound {
        return new.at(at("outbound")).made(None, OUTBOUND);
    }
    if let Some(port) = ["proto-dst ", "ports:"].iter().find_map(|words| number_after(line, words)) {
        return inbound(stack, port, "port");
    }
    let starts = |start: &str| line.starts_with(start);
    if starts("ssh_port=") {
        return new.at(at("ssh").join("port")).made(None, INBOUND);
    }
    if let Some((_, key)) = [("droplets=", "droplet_ids"), ("tags=", "tags")].iter().find(|(s, _)| starts(s))
    {
        return new.at(at(key)).made(None, APPLIED);
    }
    if starts("name=") {
        return new.at(Place::manifest(["name"])).made(None, NAME);
    }
    match stack.host.directory.as_deref() {
        Some(directory) if !directory.is_empty() && line.contains(directory) => {
            new.at(Place::manifest(["host", "directory"])).made(None, "where the output lies on the server")
        }
        _ => new.made(None, ALWAYS),
    }
}

/// An inbound rule: its port, or the networks it may come `from`.
fn inbound(stack: &Stack, port: &str, what: &str) -> Origin {
    let mut new = Candidates::new();
    let edge = stack.proxy.as_ref().and_then(|p| p.edge.as_ref());
    if let Some(edge) = edge.filter(|edge| edge.only && what == "from" && matches!(port, "80" | "443")) {
        new = new.at(edge.place.join("addresses")).at(edge.place.join("only"));
    }
    if let Some(rule) = stack.firewall.inbound.iter().find(|rule| rule.port.to_string() == port) {
        new = new.at(rule.place.join(what)).at(rule.place.clone()).at(rule.place.on_key());
    }
    new.made(None, INBOUND)
}

/// The digits that follow some words of a line.
fn number_after<'a>(line: &'a str, words: &str) -> Option<&'a str> {
    let rest = line.split_once(words)?.1;
    Some(&rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())])
}
