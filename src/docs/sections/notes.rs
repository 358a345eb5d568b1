//! Notes of the manifest, and what this stack leaves to others.

use super::{View, configuration};
use crate::docs::document::{Block, Line, Section};
use crate::manifest::Provider;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let stack = view.stack;
    let mut blocks = Vec::new();
    if !stack.notes.is_empty() {
        blocks.push(configuration::notes(&stack.notes));
    }
    blocks.push(Block::Heading("Not managed here".into()));
    let mut left: Vec<Line> = vec![
        "The operating system of the server: its updates, its users, the keys that may log in.".into(),
        Line::new().text("Docker Engine and Docker Compose themselves."),
        Line::new().text("The values of the secrets: they are in ").code(".env").text(" on the server only."),
    ];
    if !stack.sites.is_empty() {
        left.push("The records in the DNS that lead to the server.".into());
    }
    for database in stack.databases.iter().filter(|d| d.service.is_none()) {
        let by =
            database.provider.filter(|p| *p == Provider::Digitalocean).map(|_| ", which DigitalOcean runs");
        left.push(
            Line::new()
                .text("The database server ")
                .code(&database.name)
                .text(by.unwrap_or_default())
                .text("."),
        );
    }
    left.extend(stack.external.iter().map(|e| Line::new().text(format!("{}, which others run.", e.name))));
    blocks.push(Block::List(left));
    Section::new("Notes", blocks)
}
