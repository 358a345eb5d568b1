//! What was there once.

use super::{View, entry};
use crate::docs::document::{Block, Line, Section, table};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let stack = view.stack;
    let rows = stack.tombstones.iter().map(|t| {
        let text = |text: &Option<String>| Line::from(text.clone().unwrap_or_default());
        vec![Line::new().strong(&t.service), text(&t.removed), text(&t.reason)]
    });
    let mut blocks: Vec<Block> = table(&["Service", "Removed", "Why"], rows.collect()).into_iter().collect();
    for notes in
        stack.tombstones.iter().filter_map(|t| entry(stack, &t.service)).filter(|e| !e.notes.is_empty())
    {
        blocks.push(super::configuration::notes(&notes.notes));
    }
    Section::new("Removed services", blocks)
}
