//! What is to come, and what it waits for.

use super::{View, site};
use crate::docs::document::{Block, Line, Section, paragraph, table};
use crate::docs::topology::titled;
use crate::manifest::Status;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let stack = view.stack;
    let planned: Vec<_> = stack.entries.iter().filter(|e| e.status == Status::Planned).collect();
    let rows = planned.iter().map(|entry| {
        let ready = match site(stack, &entry.name) {
            Some(_) => "name, route and certificate",
            None => "name",
        };
        let public = entry.url.as_deref().unwrap_or_default();
        let missing = entry.reason.as_deref().unwrap_or("not said");
        vec![
            Line::new().strong(&entry.name),
            titled(entry).into(),
            Line::new().code(public),
            ready.into(),
            missing.into(),
        ]
    });
    let head = ["Service", "What", "Public address", "There already", "What it waits for"];
    let mut blocks: Vec<Block> = table(&head, rows.collect()).into_iter().collect();
    if !blocks.is_empty() {
        let about = Line::new()
            .text("A planned service becomes real when ")
            .code("status: planned")
            .text(" is taken out of the manifest; ")
            .code("stackgen build")
            .text(" then says what else it needs.");
        blocks.push(paragraph(about));
        for entry in planned.iter().filter(|e| !e.notes.is_empty()) {
            blocks.push(Block::Heading(Line::new().text(&entry.name)));
            blocks.push(super::configuration::notes(&entry.notes));
        }
    }
    Section::new("Planned services", blocks)
}
