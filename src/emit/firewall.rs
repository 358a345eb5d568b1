//! The firewall: nftables for the server, with Docker's published ports; the Cloud Firewall of DigitalOcean.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;
use serde_json::json;

use super::{Artifact, certbot::rendered, header};
use crate::finding::{Finding, Place};
use crate::manifest::{Protocol, Provider};
use crate::stack::{Firewall, Outbound, Stack};

/// Every address, as DigitalOcean writes it.
const ANYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// What nothing works without when outbound traffic is restricted; the answers come back by themselves.
const NEEDED: [(Protocol, u16, &str); 5] = [
    (Protocol::Udp, 53, "names"),
    (Protocol::Tcp, 53, "names, when the answer is long"),
    (Protocol::Udp, 67, "address leases"),
    (Protocol::Udp, 547, "address leases, IPv6"),
    (Protocol::Udp, 123, "time"),
];

/// Those of [`NEEDED`] that the manifest says nothing about: where it names servers, only they are allowed.
fn needed(rules: &[Outbound]) -> impl Iterator<Item = (Protocol, u16, &'static str)> {
    let covered =
        |protocol, port| rules.iter().any(|r| r.protocol == protocol && r.port.is_none_or(|p| p == port));
    NEEDED.into_iter().filter(move |(protocol, port, _)| !covered(*protocol, *port))
}

/// Writes the rules, the script that applies them, and what the provider needs.
pub fn emit(stack: &Stack, out: &mut Vec<Finding>) -> Vec<Artifact> {
    let place = Place::manifest(["firewall"]);
    let mut artifacts = Vec::new();
    let mut add = |path: &str, template: &str, context: &Value, executable: bool| {
        artifacts.extend(rendered(path, template, context, &place, out).map(|text| Artifact {
            path: path.into(),
            text,
            executable,
        }));
    };
    let common = context! { header => Value::from_safe_string(header(stack)), stack => stack.name.as_str() };
    let rules = nftables(&stack.firewall);
    let nft = context! { ..Value::from(Serde(&rules)), ..common.clone() };
    add("firewall/nftables.conf", "firewall/nftables.conf.j2", &nft, false);
    add("firewall/apply.sh", "firewall/apply.sh.j2", &common, true);
    add("firewall/stackgen-firewall.service", "firewall/stackgen-firewall.service.j2", &common, false);
    if stack.host.provider == Some(Provider::Digitalocean) {
        let cloud = Cloud::new(stack);
        let context = context! { ..cloud.doctl(stack), ..common.clone() };
        add("firewall/doctl.sh", "firewall/doctl.sh.j2", &context, true);
        artifacts.push(Artifact::file("firewall/digitalocean.json", cloud.json(stack)));
    }
    artifacts
}

fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

/// Networks by family, merged: nftables refuses a set whose networks overlap.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Networks {
    v4: Vec<Ipv4Net>,
    v6: Vec<Ipv6Net>,
}

impl Networks {
    /// Every network is one, as the manifest's types see to it; anything else is left out, which opens nothing.
    fn new(addresses: &[String]) -> Self {
        let net = |a: &String| a.parse().or_else(|_| a.parse::<IpAddr>().map(IpNet::from)).ok();
        let nets: Vec<IpNet> = addresses.iter().filter_map(net).collect();
        let v4: Vec<_> =
            nets.iter().filter_map(|n| if let IpNet::V4(n) = n { Some(n.trunc()) } else { None }).collect();
        let v6: Vec<_> =
            nets.iter().filter_map(|n| if let IpNet::V6(n) = n { Some(n.trunc()) } else { None }).collect();
        Self { v4: Ipv4Net::aggregate(&v4), v6: Ipv6Net::aggregate(&v6) }
    }

    /// A single address without its prefix length, as people write it.
    fn v4(&self) -> Vec<String> {
        self.v4
            .iter()
            .map(|n| if n.prefix_len() == 32 { n.addr().to_string() } else { n.to_string() })
            .collect()
    }

    fn v6(&self) -> Vec<String> {
        self.v6
            .iter()
            .map(|n| if n.prefix_len() == 128 { n.addr().to_string() } else { n.to_string() })
            .collect()
    }
}

/// What `nftables.conf` is made from.
#[derive(Debug, Serialize)]
struct Nftables {
    sets: Vec<NftSet>,
    inbound: Vec<NftInbound>,
    restricted: bool,
    needed: Vec<NftNeeded>,
    outbound: Vec<NftOutbound>,
}

/// A named set: one place for addresses that several rules use, shown by `nft list set`.
#[derive(Debug, Clone, Serialize)]
struct NftSet {
    name: String,
    kind: &'static str,
    about: String,
    addresses: Vec<String>,
}

#[derive(Debug, Serialize)]
struct NftInbound {
    protocol: &'static str,
    port: u16,
    reason: String,
    /// `None` is anywhere.
    sources: Vec<Option<NftMatch>>,
}

#[derive(Debug, Serialize)]
struct NftNeeded {
    protocol: &'static str,
    port: u16,
    why: &'static str,
}

#[derive(Debug, Serialize)]
struct NftOutbound {
    protocol: &'static str,
    port: Option<u16>,
    targets: Vec<Option<NftMatch>>,
}

#[derive(Debug, Clone, Serialize)]
struct NftMatch {
    family: &'static str,
    set: String,
}

fn nftables(firewall: &Firewall) -> Nftables {
    let mut sets = Sets::default();
    let inbound = firewall
        .inbound
        .iter()
        .map(|rule| NftInbound {
            protocol: protocol_name(rule.protocol),
            port: rule.port,
            reason: rule.reason.clone(),
            sources: sets.matches(&rule.from, "from", rule.port.to_string(), &rule.reason),
        })
        .collect();
    let outbound = firewall
        .outbound
        .iter()
        .flatten()
        .map(|rule| {
            let port = rule.port.map_or_else(|| protocol_name(rule.protocol).to_string(), |p| p.to_string());
            NftOutbound {
                protocol: protocol_name(rule.protocol),
                port: rule.port,
                targets: sets.matches(&rule.to, "to", port, "outbound"),
            }
        })
        .collect();
    let needed = needed(firewall.outbound.as_deref().unwrap_or_default())
        .map(|(protocol, port, why)| NftNeeded { protocol: protocol_name(protocol), port, why })
        .collect();
    Nftables { sets: sets.list, inbound, restricted: firewall.outbound.is_some(), needed, outbound }
}

#[derive(Default)]
struct Sets {
    list: Vec<NftSet>,
    /// Names of the sets of a list of networks that was met before.
    known: BTreeMap<Networks, String>,
}

impl Sets {
    /// What a rule has to match so that it holds for these networks only: nothing for all, once per family else.
    fn matches(
        &mut self,
        addresses: &[String],
        way: &str,
        port: String,
        about: &str,
    ) -> Vec<Option<NftMatch>> {
        if addresses.is_empty() {
            return vec![None];
        }
        let networks = Networks::new(addresses);
        let (v4, v6) = (networks.v4(), networks.v6());
        let stem = if let Some(known) = self.known.get(&networks) {
            known.clone()
        } else {
            let stem = (1..)
                .map(|n| if n == 1 { format!("{way}_{port}") } else { format!("{way}_{port}_{n}") })
                .find(|stem| !self.known.values().any(|k| k == stem))
                .unwrap_or_default();
            for (suffix, kind, addresses) in [("v4", "ipv4_addr", &v4), ("v6", "ipv6_addr", &v6)] {
                if !addresses.is_empty() {
                    self.list.push(NftSet {
                        name: format!("{stem}_{suffix}"),
                        kind,
                        about: format!("{about}: the only networks"),
                        addresses: addresses.clone(),
                    });
                }
            }
            self.known.insert(networks, stem.clone());
            stem
        };
        [("ip", "v4", v4.is_empty()), ("ip6", "v6", v6.is_empty())]
            .into_iter()
            .filter(|(_, _, empty)| !empty)
            .map(|(family, suffix, _)| Some(NftMatch { family, set: format!("{stem}_{suffix}") }))
            .collect()
    }
}

/// A Cloud Firewall. Source of the form: digitalocean/openapi, resources/firewalls.
struct Cloud {
    name: String,
    inbound: Vec<CloudRule>,
    outbound: Vec<CloudRule>,
}

/// A rule in either direction.
struct CloudRule {
    protocol: &'static str,
    /// A number as text; `0` is all of them, also for ICMP.
    ports: String,
    addresses: Vec<String>,
    reason: String,
}

impl CloudRule {
    fn new(protocol: &'static str, port: Option<u16>, addresses: &[String], reason: &str) -> Self {
        let addresses = if addresses.is_empty() {
            ANYWHERE.map(String::from).to_vec()
        } else {
            let networks = Networks::new(addresses);
            networks.v4().into_iter().chain(networks.v6()).collect()
        };
        Self { protocol, ports: port.unwrap_or(0).to_string(), addresses, reason: reason.into() }
    }
}

impl Cloud {
    fn new(stack: &Stack) -> Self {
        let wall = &stack.firewall;
        let mut inbound: Vec<_> = wall
            .inbound
            .iter()
            .map(|r| CloudRule::new(protocol_name(r.protocol), Some(r.port), &r.from, &r.reason))
            .collect();
        // Path MTU discovery needs ICMP, and the API knows no types to choose from; nftables.conf on the server does.
        inbound.push(CloudRule::new("icmp", None, &[], "ICMP: path MTU discovery, ping"));
        let outbound = match &wall.outbound {
            None => ["tcp", "udp", "icmp"].map(|p| CloudRule::new(p, None, &[], "everywhere")).into(),
            Some(rules) => {
                let mut list: Vec<_> = needed(rules)
                    .map(|(p, port, why)| CloudRule::new(protocol_name(p), Some(port), &[], why))
                    .collect();
                list.push(CloudRule::new("icmp", None, &[], "ICMP: path MTU discovery, ping"));
                list.extend(
                    rules
                        .iter()
                        .map(|r| CloudRule::new(protocol_name(r.protocol), r.port, &r.to, "outbound")),
                );
                list
            }
        };
        // Letters, digits, dots and hyphens only; a name of the manifest may hold `_`.
        Self { name: stack.name.replace('_', "-"), inbound, outbound }
    }

    /// The body of POST /v2/firewalls and PUT /v2/firewalls/ID.
    fn json(&self, stack: &Stack) -> String {
        let rules = |rules: &[CloudRule], whom: &str| -> Vec<serde_json::Value> {
            rules
                .iter()
                .map(|r| json!({ "protocol": r.protocol, "ports": r.ports, whom: { "addresses": r.addresses } }))
                .collect()
        };
        let body = json!({
            "name": self.name,
            "inbound_rules": rules(&self.inbound, "sources"),
            "outbound_rules": rules(&self.outbound, "destinations"),
            "droplet_ids": stack.firewall.droplet_ids,
            "tags": stack.firewall.tags,
        });
        format!("{body:#}\n")
    }

    /// The same rules as doctl writes them: `protocol:tcp,ports:22,address:0.0.0.0/0`.
    fn doctl(&self, stack: &Stack) -> Value {
        let rules = |rules: &[CloudRule]| -> Vec<Value> {
            rules
                .iter()
                .map(|r| {
                    let addresses: String = r.addresses.iter().map(|a| format!(",address:{a}")).collect();
                    let text = format!("protocol:{},ports:{}{addresses}", r.protocol, r.ports);
                    context! { text, reason => r.reason.as_str() }
                })
                .collect()
        };
        let ids: Vec<String> = stack.firewall.droplet_ids.iter().map(u32::to_string).collect();
        context! {
            name => self.name.as_str(),
            ssh_port => stack.firewall.ssh_port,
            droplets => ids.join(","),
            tags => stack.firewall.tags.join(","),
            inbound => rules(&self.inbound),
            outbound => rules(&self.outbound),
        }
    }
}
