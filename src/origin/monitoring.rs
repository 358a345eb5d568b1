//! Where the lines of the files of monitoring come from: what is watched, and who is told.

use super::{Candidates, Origin};
use crate::finding::Place;
use crate::stack::Stack;

pub(super) fn origin(stack: &Stack, folder: &str, line: &str) -> Origin {
    let at = |keys: &[&str]| Place::manifest(["monitoring"].iter().chain(keys).copied());
    let mut new = Candidates::new();
    let rule = match folder {
        "prometheus" | "blackbox-exporter" => {
            // A line about a site, a database server or a service is there because of it.
            let has = |text: &str| !text.is_empty() && words(line).any(|word| word == text);
            let names = |s: &crate::stack::Site| has(&s.host) || s.aliases.iter().any(|a| has(a));
            if let Some(site) = stack.sites.iter().find(|s| names(s)) {
                new = new.at(site.place.clone());
            } else if let Some(database) = stack.databases.iter().find(|d| {
                has(&d.name) || d.connections.is_some() && line.contains(&format!("database=\"{}\"", d.name))
            }) {
                new = new.at(database.place.join("connections")).at(database.place.clone());
            } else if let Some(service) = stack.services.iter().find(|s| has(&s.name)) {
                new = new.at(service.place.on_key());
            }
            "every route of every site is asked, and every service that answers with measurements"
        }
        "alertmanager" => {
            let key = line.trim_start_matches("- ").split(':').next().unwrap_or_default().trim();
            if key.starts_with("smtp_") {
                new = new.at(at(&["alerts", "mail"]));
            } else if key == "to" {
                new = new.at(at(&["alerts", "to"]));
            } else if key.starts_with("slack_") {
                new = new.at(at(&["alerts", "mattermost"]));
            }
            "alerts are grouped by name, and what follows from another alert is not told"
        }
        "grafana" => "one data source and one dashboard, of what the stack has",
        _ => "the server reports how the containers are, since no container may ask Docker",
    };
    new.at(at(&[])).made(None, rule)
}

/// The names in a line.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')))
        .filter(|w| !w.is_empty())
}
