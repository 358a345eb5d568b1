//! Firewalls of the provider: what `doctl compute firewall list -o json` prints and what a build writes, in one form.
//!
//! A rule is `inbound tcp 22 from 0.0.0.0/0`, one for each address: the way, the protocol, the ports, and whom it lets
//! through. Ports are a number, a range `8000-9000` or `all`; ICMP has none. Whom is a network, `tag:NAME`,
//! `droplet:ID`, `load_balancer:ID` or `kubernetes:ID`. Source of the form: digitalocean/openapi, resources/firewalls.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::CloudFirewall;

/// Reads a list of firewalls, or one as a build writes it.
///
/// # Errors
///
/// In which line the text is something else; nothing of it is quoted.
pub fn read(text: &[u8]) -> Result<Vec<CloudFirewall>, String> {
    let lists = text.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'[');
    let read: Result<Vec<Firewall>, _> =
        if lists { serde_json::from_slice(text) } else { serde_json::from_slice(text).map(|one| vec![one]) };
    let read = read.map_err(|e| {
        let line = e.line();
        format!("expected the output of `doctl compute firewall list -o json`, found something else in line {line}")
    })?;
    let mut firewalls: Vec<CloudFirewall> = read.into_iter().map(Firewall::canonical).collect();
    firewalls.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(firewalls)
}

#[derive(Deserialize)]
struct Firewall {
    name: String,
    #[serde(default)]
    inbound_rules: Option<Vec<Rule>>,
    #[serde(default)]
    outbound_rules: Option<Vec<Rule>>,
    #[serde(default)]
    droplet_ids: Option<Vec<u64>>,
    #[serde(default)]
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Rule {
    protocol: String,
    #[serde(default)]
    ports: Option<String>,
    #[serde(default, alias = "destinations")]
    sources: Option<Ends>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Ends {
    addresses: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    droplet_ids: Option<Vec<u64>>,
    load_balancer_uids: Option<Vec<String>>,
    kubernetes_ids: Option<Vec<String>>,
}

impl Firewall {
    fn canonical(self) -> CloudFirewall {
        let mut rules = BTreeSet::new();
        for (way, sign, list) in
            [("inbound", "from", self.inbound_rules), ("outbound", "to", self.outbound_rules)]
        {
            for rule in list.unwrap_or_default() {
                let protocol = rule.protocol.to_ascii_lowercase();
                let ports = match rule.ports.as_deref().unwrap_or_default() {
                    _ if protocol == "icmp" => String::new(),
                    "" | "0" | "all" | "1-65535" => " all".into(),
                    ports => format!(" {ports}"),
                };
                for end in rule.sources.unwrap_or_default().canonical() {
                    rules.insert(format!("{way} {protocol}{ports} {sign} {end}"));
                }
            }
        }
        let droplets = self.droplet_ids.unwrap_or_default().into_iter().map(|id| format!("droplet:{id}"));
        let tags = self.tags.unwrap_or_default().into_iter().map(|tag| format!("tag:{tag}"));
        let applied_to: BTreeSet<String> = droplets.chain(tags).collect();
        CloudFirewall {
            name: self.name,
            applied_to: applied_to.into_iter().collect(),
            rules: rules.into_iter().collect(),
        }
    }
}

impl Ends {
    fn canonical(self) -> Vec<String> {
        let mut ends: Vec<String> = self.addresses.unwrap_or_default().iter().map(|a| network(a)).collect();
        let ids = self.droplet_ids.unwrap_or_default().into_iter().map(|id| id.to_string()).collect();
        for (word, list) in [
            ("tag", self.tags.unwrap_or_default()),
            ("droplet", ids),
            ("load_balancer", self.load_balancer_uids.unwrap_or_default()),
            ("kubernetes", self.kubernetes_ids.unwrap_or_default()),
        ] {
            ends.extend(list.into_iter().map(|id| format!("{word}:{id}")));
        }
        ends
    }
}

/// A network with its length, as a build writes it: `10.0.0.1/32`, `10.0.0.0/8`.
fn network(text: &str) -> String {
    match text.parse::<ipnet::IpNet>() {
        Ok(network) => network.trunc().to_string(),
        Err(_) => text
            .parse::<std::net::IpAddr>()
            .map_or_else(|_| text.into(), |a| ipnet::IpNet::from(a).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_one() {
        let listed = br#"[{"id":"bb4b2611","name":"shop","status":"succeeded","created_at":"2026-01-01T00:00:00Z",
            "inbound_rules":[
                {"protocol":"tcp","ports":"22","sources":{"addresses":["10.0.0.7/8","192.0.2.1"]}},
                {"protocol":"icmp","ports":"0","sources":{"addresses":["0.0.0.0/0","::/0"]}},
                {"protocol":"tcp","ports":"8000-9000","sources":{"tags":["web"],"load_balancer_uids":["x"],"droplet_ids":[5]}}],
            "outbound_rules":[{"protocol":"udp","ports":"all","destinations":{"addresses":["::/0"]}}],
            "droplet_ids":[8043964],"tags":null,"pending_changes":[]}]"#;
        let firewalls = read(listed).unwrap();
        assert_eq!(
            firewalls[0].rules,
            [
                "inbound icmp from 0.0.0.0/0",
                "inbound icmp from ::/0",
                "inbound tcp 22 from 10.0.0.0/8",
                "inbound tcp 22 from 192.0.2.1/32",
                "inbound tcp 8000-9000 from droplet:5",
                "inbound tcp 8000-9000 from load_balancer:x",
                "inbound tcp 8000-9000 from tag:web",
                "outbound udp all to ::/0",
            ]
        );
        assert_eq!(firewalls[0].applied_to, ["droplet:8043964"]);
        let written = br#"{"name":"shop","inbound_rules":[{"protocol":"icmp","ports":"0","sources":{"addresses":["::/0"]}}],
            "outbound_rules":[],"droplet_ids":[],"tags":["web"]}"#;
        let written = read(written).unwrap();
        assert_eq!(
            (written[0].rules[0].as_str(), written[0].applied_to[0].as_str()),
            ("inbound icmp from ::/0", "tag:web")
        );
        assert!(read(b"Error: hunter2").unwrap_err().contains("in line 1"));
        assert_eq!(read(b"[]").unwrap().len(), 0);
    }
}
