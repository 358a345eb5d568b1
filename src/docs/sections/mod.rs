//! The sections of the document, one file each; one line in [`SECTIONS`] adds one.

mod accepted;
mod backup;
mod certificates;
mod configuration;
mod databases;
mod deployment;
mod diagram;
mod dns;
mod external;
mod firewall;
mod hardening;
mod health;
mod logs;
mod mail;
mod monitoring;
mod networks;
mod notes;
mod planned;
mod removed;
mod routing;
mod runbook;
mod saved;
mod secrets;
mod security;
mod services;
mod tls;
mod troubleshooting;
mod volumes;

use serde::Serialize;

use super::document::{Block, Line, Section, paragraph};
use crate::emit::Artifact;
use crate::format::shell::sh_quote;
use crate::manifest::Provider;
use crate::stack::{Answer, Entry, Service, Site, Stack};

/// What sections are made from.
pub struct View<'a> {
    /// The stack.
    pub stack: &'a Stack,
    /// The files of its server.
    pub artifacts: &'a [Artifact],
}

/// Every section, in the order of the document. One that has nothing to say is left out.
const SECTIONS: &[fn(&View<'_>) -> Option<Section>] = &[
    diagram::section,
    services::section,
    volumes::section,
    databases::section,
    external::section,
    mail::section,
    routing::section,
    certificates::section,
    dns::section,
    tls::section,
    configuration::section,
    secrets::section,
    firewall::section,
    networks::section,
    hardening::section,
    security::section,
    health::section,
    monitoring::section,
    deployment::section,
    runbook::section,
    logs::section,
    saved::section,
    backup::section,
    troubleshooting::section,
    planned::section,
    removed::section,
    accepted::section,
    notes::section,
];

/// All sections of a document.
pub fn all(view: &View<'_>) -> Vec<Section> {
    SECTIONS.iter().filter_map(|section| section(view)).collect()
}

/// What comes before the sections: the server.
pub fn lead(stack: &Stack) -> Vec<Block> {
    let host = &stack.host;
    let mut facts: Vec<(&'static str, Line)> = vec![("Stack", Line::new().code(&stack.name))];
    let mut add = |name, line: Line| {
        if !line.is_empty() {
            facts.push((name, line));
        }
    };
    let code = |text: &Option<String>| text.as_ref().map_or_else(Line::new, |t| Line::new().code(t));
    let text = |text: &Option<String>| text.as_deref().map_or_else(Line::new, Line::from);
    add("Domain", text(&stack.domain));
    add("Address", code(&host.address));
    let provider = host.provider.map(provider).unwrap_or_default();
    let region = host.region.as_ref().map(|r| format!("region {r}"));
    let parts: Vec<String> =
        [provider.to_string()].into_iter().filter(|p| !p.is_empty()).chain(region).collect();
    add("Provider", parts.join(", ").into());
    let size = [host.cpus.map(|n| format!("{n} CPUs")), host.memory.map(|m| format!("{m} of memory"))];
    add("Size", size.into_iter().flatten().collect::<Vec<_>>().join(", ").into());
    add(
        "Login",
        host.ssh.as_ref().map_or_else(Line::new, |to| Line::new().code(format!("ssh {}", word(to)))),
    );
    add("Deploy directory", code(&host.directory));
    let versions = [
        host.compose.as_ref().map(|v| format!("Docker Compose {v}")),
        host.docker.as_ref().map(|v| format!("Docker Engine {v}")),
    ];
    let versions: Vec<String> = versions.into_iter().flatten().collect();
    add("Run by", if versions.is_empty() { "Docker Compose".into() } else { versions.join(", ").into() });
    add(
        "Compose project",
        Line::new().code(&stack.project).text(", in front of the names of volumes and networks"),
    );
    add("Time zone", text(&stack.timezone));
    let what = "Everything below follows from the manifest of this stack. Change the manifest, not this document; \
                `stackgen docs` writes it anew.";
    let (before, after) = what.split_once("`stackgen docs`").unwrap_or((what, ""));
    vec![paragraph(Line::new().text(before).code("stackgen docs").text(after)), Block::Facts(facts)]
}

fn provider(provider: Provider) -> &'static str {
    match provider {
        Provider::Digitalocean => "DigitalOcean",
        Provider::Other => "",
    }
}

/// What a manifest calls a value that is one of a few: `verify-full`.
fn term(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_string)).unwrap_or_default()
}

/// A word of a shell command.
fn word(text: &str) -> String {
    sh_quote(&super::document::visible(text)).unwrap_or_default()
}

/// The public address of a site.
fn url(site: &Site) -> String {
    format!("{}://{}", if site.https { "https" } else { "http" }, site.host)
}

/// Services of the manifest that run in containers: each by itself, without what works for it.
fn owners(stack: &Stack) -> impl Iterator<Item = &Service> {
    stack.services.iter().filter(|s| s.name == s.owner)
}

/// What the manifest says of a service to people.
fn entry<'a>(stack: &'a Stack, name: &str) -> Option<&'a Entry> {
    stack.entries.iter().find(|e| e.name == name)
}

/// The site whose name belongs to a service.
fn site<'a>(stack: &'a Stack, service: &str) -> Option<&'a Site> {
    stack.sites.iter().find(|s| s.service == service)
}

/// The name that its container has.
fn container(stack: &Stack, service: &Service) -> String {
    let numbered = || format!("{}-{}-1", stack.project, service.name);
    service.container_name.clone().unwrap_or_else(numbered)
}

/// How a public name is answered, in a word.
fn answer(site: &Site) -> Line {
    match site.answer {
        Answer::Live | Answer::Files { .. } => Line::new().status("good", "live"),
        Answer::Placeholder { status: crate::manifest::Status::Planned } => {
            Line::new().status("off", "planned: 503")
        }
        Answer::Placeholder { .. } => Line::new().status("waiting", "placeholder: 503"),
    }
}

/// `a, b and c`.
fn listed<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_string(),
        [rest @ .., last] => {
            let rest: Vec<&str> = rest.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", rest.join(", "), last.as_ref())
        }
    }
}
