//! What can be done with each service by hand.

use super::View;
use crate::docs::document::{Block, Line, Section, commands, paragraph, visible};
use crate::runbook;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let mut blocks = Vec::new();
    for service in &view.stack.services {
        let mut lines: Vec<String> = Vec::new();
        for task in runbook::of_service(view.stack, service) {
            let note = task.note.map(|n| format!(" ({n})")).unwrap_or_default();
            lines.push(format!("# {}{}", visible(&task.title), visible(&note)));
            lines.extend(task.commands.iter().map(|c| visible(c)));
        }
        if !lines.is_empty() {
            blocks.push(Block::Heading(Line::new().text(&service.name)));
            blocks.push(commands(lines));
        }
    }
    if !blocks.is_empty() {
        blocks.insert(0, paragraph("In the deploy directory on the server."));
    }
    Section::new("Service by service", blocks)
}
