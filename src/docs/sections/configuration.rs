//! How each service is configured: files, settings, environment, mounts. Of secrets the names.

use super::{View, entry, owners, site, url};
use crate::docs::document::{Block, Line, Section, table};
use crate::manifest::Status;
use crate::secrecy::{looks_secret, may_name_a_secret};
use crate::stack::{MountSource, Service, Stack};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let stack = view.stack;
    let mut blocks: Vec<Block> = owners(stack).flat_map(|s| of_service(stack, s)).collect();
    // A static site has no container, but may have something to be said of it.
    for entry in
        stack.entries.iter().filter(|e| e.status == Status::Active && stack.service(&e.name).is_none())
    {
        if !entry.notes.is_empty() {
            blocks.push(Block::Heading(Line::new().text(&entry.name)));
            blocks.push(notes(&entry.notes));
        }
    }
    Section::new("Configuration", blocks)
}

/// Notes of the manifest.
pub(super) fn notes(notes: &[String]) -> Block {
    Block::List(notes.iter().map(|n| Line::from(n.clone())).collect())
}

fn of_service(stack: &Stack, service: &Service) -> Vec<Block> {
    let mut facts = vec![("What", Line::from(service.title.clone()))];
    if let Some(site) = site(stack, &service.name) {
        facts.push(("Public", Line::new().link(url(site), url(site))));
    }
    for file in &service.files {
        facts.push(("File", Line::new().code(format!("{}/{}", service.name, file.name))));
    }
    for mount in &service.mounts {
        let access = if mount.writable { "" } else { ", read only" };
        let (what, source) = match &mount.source {
            MountSource::Volume(key) => {
                let volume = stack.volumes.iter().find(|v| v.key == *key);
                ("volume ", volume.map_or(key.clone(), |v| v.name.clone()))
            }
            MountSource::Host(path) => ("", path.clone()),
            MountSource::Output(name) => ("", format!("./{name}")),
        };
        let line = Line::new().text(what).code(source).text(" at ").code(&mount.target).text(access);
        facts.push(("Mount", line));
    }
    if !service.depends_on.is_empty() {
        let others: Vec<&str> = service.depends_on.iter().map(|d| d.service.as_str()).collect();
        facts.push(("Waits for", others.join(", ").into()));
    }
    facts.extend(service.user.iter().map(|u| ("Runs as", Line::new().code(u))));
    let mut blocks = vec![Block::Heading(Line::new().text(&service.name)), Block::Facts(facts)];
    let settings = service.settings.iter().flat_map(|g| g.settings.iter().map(move |s| (&g.about, s)));
    let rows = settings.map(|(about, s)| {
        vec![Line::new().code(&s.name), value(&s.name, Some(&s.value)), Line::from(about.clone())]
    });
    blocks.extend(table(&["Setting", "Value", ""], rows.collect()));
    let rows = service.env.iter().map(|env| {
        let secrets: Vec<&str> = env.value.secrets().collect();
        let said = if secrets.is_empty() {
            value(&env.name, env.value.plain().as_deref())
        } else {
            Line::new().text("secret ").codes(secrets)
        };
        vec![Line::new().code(&env.name), said]
    });
    blocks.extend(table(&["Variable", "Value"], rows.collect()));
    if let Some(entry) = entry(stack, &service.name).filter(|e| !e.notes.is_empty()) {
        blocks.push(notes(&entry.notes));
    }
    blocks
}

/// A value, unless it may be a secret that somebody wrote into the manifest.
fn value(name: &str, value: Option<&str>) -> Line {
    match value {
        // The path of a secret's file says nothing about it.
        Some(path) if path.starts_with("/run/secrets/") => Line::new().code(path),
        Some("") => "empty".into(),
        Some(text) if may_name_a_secret(name) && !matches!(text, "true" | "false") || looks_secret(text) => {
            "not shown".into()
        }
        Some(text) => Line::new().code(text),
        None => "not shown".into(),
    }
}
