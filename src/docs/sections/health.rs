//! How to see whether all is well.

use super::{View, site, url, word};
use crate::docs::document::{Block, Line, Section, commands, paragraph, table};
use crate::emit::compose::probe;
use crate::stack::{Action, Answer, Probe, Service, Site, Stack};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let stack = view.stack;
    let rows = stack.services.iter().filter(|s| s.role.stays()).map(|s| row(stack, s));
    let mut blocks: Vec<Block> =
        table(&["Service", "From outside", "Inside", "Every", "Unhealthy after"], rows.collect())
            .into_iter()
            .collect();
    if blocks.is_empty() {
        return None;
    }
    blocks.push(paragraph(
        "In the deploy directory on the server; the last line asks a service what its health check asks:",
    ));
    let mut lines = vec![
        "docker compose ps".to_string(),
        "docker compose ps --status exited --status restarting".to_string(),
    ];
    if let Some(service) = stack.services.iter().find(|s| s.healthcheck.is_some() && s.role.stays()) {
        lines.push(asked(service));
    }
    blocks.push(commands(lines));
    let public: Vec<String> = stack
        .sites
        .iter()
        .filter(|s| s.answer == Answer::Live)
        .map(|site| {
            let path =
                stack.service(&site.service).and_then(|s| public_path(site, s)).unwrap_or_else(|| "/".into());
            format!("curl -fsS -o /dev/null -w '%{{http_code}}\\n' {}", word(&format!("{}{path}", url(site))))
        })
        .collect();
    if !public.is_empty() {
        blocks.push(paragraph("From anywhere; each prints 200:"));
        blocks.push(commands(public));
    }
    Section::new("Health checks", blocks)
}

/// The command that asks a service how it is.
pub(super) fn asked(service: &Service) -> String {
    let words = service.healthcheck.as_ref().map(|h| probe(&h.probe)).unwrap_or_default();
    let words: Vec<String> = words.iter().map(|w| word(w)).collect();
    format!("docker compose exec {} {}", service.name, words.join(" "))
}

/// The path of its health check, if the proxy hands it to the service.
fn public_path(site: &Site, service: &Service) -> Option<String> {
    let Probe::Http { path, port, .. } = &service.healthcheck.as_ref()?.probe else { return None };
    let matches =
        |r: &&crate::stack::Route| if r.exact { r.path == *path } else { path.starts_with(&r.path) };
    let route = site.routes.iter().filter(matches).max_by_key(|r| (r.exact, r.path.len()))?;
    let leads =
        matches!(&route.action, Action::Proxy { service: to, port: p } if *to == service.name && p == port);
    (leads && route.allow_from.is_empty()).then(|| path.clone())
}

fn row(stack: &Stack, service: &Service) -> Vec<Line> {
    let outside = site(stack, &service.name)
        .filter(|s| s.answer == Answer::Live)
        .and_then(|s| Some(format!("{}{}", url(s), public_path(s, service)?)));
    let outside = outside.map_or_else(Line::new, |to| Line::new().link(&to, &to));
    let Some(check) = &service.healthcheck else {
        let why = service.no_healthcheck.clone().unwrap_or_else(|| "none".into());
        return vec![Line::new().strong(&service.name), outside, why.into(), Line::new(), Line::new()];
    };
    let inside = match &check.probe {
        Probe::Http { path, port, .. } => Line::new().code(format!("http://{}:{port}{path}", service.name)),
        Probe::Command(words) => {
            Line::new().code(words.iter().map(|w| word(w)).collect::<Vec<_>>().join(" "))
        }
    };
    let after = format!("{} failures, none counted in the first {}", check.retries, check.start_period);
    vec![Line::new().strong(&service.name), outside, inside, check.interval.to_string().into(), after.into()]
}
