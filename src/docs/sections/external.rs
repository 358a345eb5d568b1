//! Services that somebody else runs.

use super::View;
use crate::docs::document::{Block, Line, Section};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let mut blocks = Vec::new();
    for external in &view.stack.external {
        blocks.push(Block::Heading(Line::new().text(&external.name)));
        let mut facts = vec![("Address", Line::new().code(&external.url))];
        facts.extend(external.project.iter().map(|p| ("Project", Line::new().code(p))));
        facts.extend(external.region.iter().map(|r| ("Region", Line::from(r.clone()))));
        let users: Vec<&str> = view
            .stack
            .services
            .iter()
            .filter(|s| s.env.iter().any(|e| e.value.to_string().contains(&external.url)))
            .map(|s| s.name.as_str())
            .collect();
        if !users.is_empty() {
            facts.push(("Asked by", users.join(", ").into()));
        }
        blocks.push(Block::Facts(facts));
        if !external.used_for.is_empty() {
            blocks.push(Block::List(external.used_for.iter().map(|t| Line::from(t.clone())).collect()));
        }
    }
    Section::new("External services", blocks)
}
