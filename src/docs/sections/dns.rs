//! Names in the DNS.

use super::View;
use crate::docs::document::{Block, Line, Section, table};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let dns = view.stack.dns.as_ref()?;
    let mut blocks = Vec::new();
    for zone in &dns.zones {
        let rows = zone.records.iter().map(|record| {
            let status = if record.planned { Line::new().status("off", "planned") } else { Line::new() };
            vec![
                Line::new().code(&record.name),
                record.data.kind().into(),
                Line::new().code(record.data.text()),
                record.note.clone().into(),
                status,
            ]
        });
        if let Some(table) = table(&["Name", "Type", "Says", "For", ""], rows.collect()) {
            blocks.push(Block::Heading(Line::new().text("Zone ").code(&zone.name)));
            blocks.push(table);
        }
    }
    Section::new("Names in the DNS", blocks)
}
