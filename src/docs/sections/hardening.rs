//! What a container may do on the server.

use super::View;
use crate::docs::document::{Line, Section, paragraph, table};
use crate::stack::Service;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let rows = view.stack.services.iter().map(row);
    let head = [
        "Service",
        "Networks",
        "Capabilities",
        "File system",
        "Gains privileges",
        "Processes",
        "Secrets as files",
    ];
    let mut blocks: Vec<_> = table(&head, rows.collect()).into_iter().collect();
    if !blocks.is_empty() {
        blocks.push(paragraph(
            "Output goes to the engine's log, three files of 10 MB for each container. A container keeps the \
             capabilities listed; where it says default, those that Docker gives.",
        ));
    }
    Section::new("Container security", blocks)
}

fn row(service: &Service) -> Vec<Line> {
    let h = &service.hardening;
    let capabilities = match &h.capabilities {
        None => Line::from("default"),
        Some(list) if list.is_empty() => "none".into(),
        Some(list) => Line::new().codes(list),
    };
    let disk = if h.read_only { Line::from("read only") } else { "writable".into() };
    let disk = if h.tmpfs.is_empty() { disk } else { disk.text("; in memory ").codes(&h.tmpfs) };
    vec![
        Line::new().strong(&service.name),
        if service.networks.is_empty() { "none".into() } else { service.networks.join(", ").into() },
        capabilities,
        disk,
        if h.new_privileges { "may" } else { "never" }.into(),
        h.pids.map_or_else(Line::new, |n| format!("at most {n}").into()),
        Line::new().codes(&service.secret_files),
    ]
}
