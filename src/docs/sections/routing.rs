//! Which name and path leads where.

use super::{View, answer};
use crate::docs::document::{Block, Line, Section, paragraph, table};
use crate::manifest::Status;
use crate::stack::{Action, Answer, Route, Site, Stack};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let stack = view.stack;
    let mut blocks = Vec::new();
    let live: Vec<&Site> =
        stack.sites.iter().filter(|s| !matches!(s.answer, Answer::Placeholder { .. })).collect();
    let rows = live.iter().flat_map(|site| rows(stack, site)).collect();
    let head = ["Name and path", "Leads to", "Websockets", "Largest body", "Waits", "Rate limit", "Also"];
    if let Some(table) = table(&head, rows) {
        blocks.push(Block::Heading("Active routes".into()));
        blocks.push(table);
        blocks.push(paragraph(
            "The longest path wins. Plain HTTP is redirected to HTTPS where a name has a certificate.",
        ));
    }
    let waiting = stack.sites.iter().filter(|s| matches!(s.answer, Answer::Placeholder { .. }));
    let rows = waiting.map(|site| {
        let missing = match site.answer {
            Answer::Placeholder { status: Status::Planned } => {
                let reason = super::entry(stack, &site.service).and_then(|e| e.reason.clone());
                Line::from(reason.unwrap_or_else(|| "the service does not run yet".into()))
            }
            _ => Line::new().text("it runs; take ").code("serve: placeholder").text(" out of the manifest"),
        };
        vec![Line::new().code(&site.host), Line::new().strong(&site.service), answer(site), missing]
    });
    if let Some(table) = table(&["Name", "Service", "Status", "Until it is live"], rows.collect()) {
        blocks.push(Block::Heading("Names that answer 503".into()));
        blocks.push(table);
    }
    let aliases = stack.sites.iter().filter(|s| !s.aliases.is_empty());
    let rows = aliases.map(|s| vec![Line::new().codes(&s.aliases), Line::new().code(super::url(s))]);
    if let Some(table) = table(&["Names", "Redirect to"], rows.collect()) {
        blocks.push(Block::Heading("Redirects".into()));
        blocks.push(table);
    }
    let limits = stack.rate_limits.iter().map(|limit| {
        let paths = stack.sites.iter().flat_map(|site| {
            let used = site.routes.iter().filter(|r| r.rate_limit.as_ref() == Some(&limit.name));
            used.map(move |r| format!("{}{}", site.host, r.path))
        });
        vec![
            Line::new().code(&limit.name),
            Line::from(format!("{} for each client address", limit.rate)),
            Line::from(format!("{} more at once", limit.burst)),
            limit.memory.to_string().into(),
            Line::new().codes(paths),
        ]
    });
    if let Some(table) = table(&["Limit", "Rate", "Burst", "Memory", "Applies to"], limits.collect()) {
        blocks.push(Block::Heading("Rate limits".into()));
        blocks.push(table);
    }
    Section::new("Routing", blocks)
}

fn rows(stack: &Stack, site: &Site) -> Vec<Vec<Line>> {
    let mut list: Vec<Vec<Line>> = site.routes.iter().map(|route| row(stack, site, route)).collect();
    if let Answer::Files { root } = &site.answer
        && !site.routes.iter().any(|r| r.path == "/")
    {
        let to = Line::new().text("files below ").code(root);
        let body = site.body_size.to_string();
        let name = Line::new().code(format!("{}/", site.host));
        list.push(vec![name, to, Line::new(), body.into(), Line::new(), Line::new(), Line::new()]);
    }
    list
}

fn row(stack: &Stack, site: &Site, route: &Route) -> Vec<Line> {
    let name = Line::new().code(format!("{}{}", site.host, route.path));
    let to = match &route.action {
        Action::Proxy { service, port } => Line::new().code(format!("{service}:{port}")),
        Action::Files => "files".into(),
        Action::Deny => Line::new().status("bad", "403"),
        Action::Redirect(to) => Line::new().text("301 to ").code(to),
    };
    let passed = matches!(route.action, Action::Proxy { .. });
    let when = |holds: bool, text: String| if holds { Line::from(text) } else { Line::new() };
    let mut also: Vec<String> = Vec::new();
    if !route.buffering && passed {
        also.push("not buffered".into());
    }
    also.extend(route.expires.map(|e| format!("kept by browsers for {e}")));
    if !route.allow_from.is_empty() {
        also.push(format!("from {} only", route.allow_from.join(", ")));
    }
    let limit = route.rate_limit.as_ref().map(|name| {
        let rate = stack.rate_limits.iter().find(|l| l.name == *name).map(|l| format!(" ({})", l.rate));
        Line::new().code(name).text(rate.unwrap_or_default())
    });
    vec![
        if route.exact { name.text(" exactly") } else { name },
        to,
        when(route.websocket, "yes".into()),
        when(passed, route.body_size.unwrap_or(site.body_size).to_string()),
        when(passed, route.read_timeout.unwrap_or(site.read_timeout).to_string()),
        limit.unwrap_or_default(),
        also.join("; ").into(),
    ]
}
