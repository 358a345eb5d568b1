//! JSON by path. Lists count by position, but for those of a firewall, which are sets: a rule is known by protocol and
//! ports, and two rules for the same ports are one with all their addresses; any other item is known by its text.

use std::collections::BTreeMap;

use super::{Entries, Entry, Lines};
use crate::finding::{Level, Path, Place};
use crate::format::tree::{Kind, NodeId, Tree};
use crate::format::{Fault, yaml};
use crate::text::SourceId;

/// Keys whose lists have no order, in the firewalls of DigitalOcean's API.
const SETS: [&str; 10] = [
    "inbound_rules",
    "outbound_rules",
    "addresses",
    "droplet_ids",
    "tags",
    "load_balancer_uids",
    "kubernetes_ids",
    "droplets",
    "firewalls",
    "pending_changes",
];

/// Reads a JSON text.
pub(super) fn read(text: &str) -> Result<BTreeMap<Path, Entry>, Fault> {
    // The library says what is wrong better, and is what others read JSON with; the YAML reader knows the lines.
    let json: serde_json::Value = serde_json::from_str(text).map_err(|e| {
        let lines = Lines::new(text);
        let start = lines.0.get(e.line().saturating_sub(1)).copied().unwrap_or_default();
        Fault::new((start + e.column().saturating_sub(1)).min(text.len()), e.to_string())
    })?;
    let mut findings = Vec::new();
    let mut tree = yaml::read(SourceId::default(), text, &mut findings);
    let mut lines = Lines::new(text);
    if tree.is_none() || findings.iter().any(|f| f.level == Level::Error) {
        // JSON that is no YAML, such as halves of a surrogate pair: its lines are lost, not what it says.
        findings.clear();
        tree = yaml::read(SourceId::default(), &json.to_string(), &mut findings);
        lines = Lines(vec![0]);
    }
    let Some(tree) = tree else {
        let finding = findings.into_iter().next();
        let offset =
            finding.as_ref().map_or(0, |f| if let Place::Text(s) = f.place { s.start as usize } else { 0 });
        return Err(Fault::new(offset, finding.map_or("expected a value".to_string(), |f| f.message)));
    };
    let mut out = Entries::default();
    walk(&tree, &lines, &Path::default(), "", tree.root(), &mut out);
    Ok(out.0)
}

fn walk(tree: &Tree, lines: &Lines, path: &Path, key: &str, id: NodeId, out: &mut Entries) {
    let node = tree.node(id);
    let line = lines.of(node.span.start as usize);
    match &node.kind {
        Kind::Map(entries) => {
            for entry in entries {
                walk(tree, lines, &path.join(&*entry.key), &entry.key, entry.value, out);
            }
        }
        Kind::Seq(items) if SETS.contains(&key) => {
            for item in items {
                let own = lines.of(tree.node(*item).span.start as usize);
                let text = |key| tree.get(*item, key).and_then(|e| tree.raw(e.value));
                let Some(protocol) = text("protocol") else {
                    out.set(path.join(canonical(tree, *item).as_str()), "", own);
                    continue;
                };
                let rule = path.join(format!("{protocol} {}", text("ports").unwrap_or_default()).trim_end());
                out.set(rule.clone(), "", own);
                for entry in tree.entries(*item).iter().filter(|e| !matches!(&*e.key, "protocol" | "ports")) {
                    walk(tree, lines, &rule.join(&*entry.key), &entry.key, entry.value, out);
                }
            }
        }
        Kind::Seq(items) => {
            for (i, item) in items.iter().enumerate() {
                walk(tree, lines, &path.join(i), "", *item, out);
            }
        }
        Kind::Str(text) => out.set(path.clone(), &**text, line),
        _ => out.set(path.clone(), tree.raw(id).map_or("null".to_string(), |raw| raw.into_owned()), line),
    }
}

/// A value as one line with sorted keys; a text alone without quotes.
fn canonical(tree: &Tree, id: NodeId) -> String {
    match &tree.node(id).kind {
        Kind::Map(entries) => {
            let mut parts: Vec<_> =
                entries.iter().map(|e| format!("{} {}", e.key, canonical(tree, e.value))).collect();
            parts.sort();
            format!("({})", parts.join(", "))
        }
        Kind::Seq(items) => {
            let parts: Vec<_> = items.iter().map(|item| canonical(tree, *item)).collect();
            format!("({})", parts.join(" "))
        }
        _ => tree.raw(id).map_or("null".to_string(), |raw| raw.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_a_firewall_are_sets() {
        let a = r#"{"name": "x", "inbound_rules": [{"protocol": "tcp", "ports": "22", "sources": {"addresses": ["::/0", "0.0.0.0/0"]}}, {"protocol": "udp"}], "l": [1, 2]}"#;
        let b = "{\"l\": [1, 2],\n\t\"inbound_rules\": [{\"protocol\": \"udp\"}, {\"ports\": \"22\", \"sources\": {\"addresses\": [\"0.0.0.0/0\", \"::/0\"]}, \"protocol\": \"tcp\"}], \"name\": \"x\"}";
        let paths = |text: &str| {
            read(text).unwrap().into_iter().map(|(p, e)| (p.to_string(), e.value)).collect::<Vec<_>>()
        };
        assert_eq!(paths(a), paths(b));
        assert!(
            paths(a).iter().any(|(p, _)| p == "inbound_rules.tcp 22.sources.addresses.::/0"),
            "{:?}",
            paths(a)
        );
        assert_ne!(paths(a), paths(&a.replace("[1, 2]", "[2, 1]")));
    }

    #[test]
    fn json_that_is_no_yaml_is_read_all_the_same() {
        assert_eq!(read(r#"{"a": "\ud83d\ude00\/"}"#).unwrap().len(), 1);
        assert!(read("{'a': 1}").is_err());
        assert!(read("").is_err());
    }
}
