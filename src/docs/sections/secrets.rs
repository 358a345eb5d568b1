//! Secrets: names, purposes, and how to have a new one. No value is known here.

use super::View;
use crate::docs::document::{Line, Section, commands, paragraph, table};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let mut secrets: Vec<_> = view.stack.secrets.iter().collect();
    secrets.sort_by(|a, b| a.name.cmp(&b.name));
    let rows: Vec<Vec<Line>> = secrets
        .iter()
        .map(|secret| {
            let new = match (&secret.generate, &secret.source) {
                (Some(command), _) => Line::new().code(command),
                (None, Some(source)) => Line::from(source.clone()),
                (None, None) => Line::new(),
            };
            let used = if secret.used_by.is_empty() { "people".into() } else { secret.used_by.join(", ") };
            vec![Line::new().code(&secret.name), secret.description.clone().into(), new, used.into()]
        })
        .collect();
    let mut blocks: Vec<_> =
        table(&["Secret", "Purpose", "Where a new one comes from", "Used by"], rows).into_iter().collect();
    if blocks.is_empty() {
        return None;
    }
    blocks.insert(
        0,
        paragraph(
            Line::new()
                .text("The values are in ")
                .code(".env")
                .text(" in the deploy directory, readable by its owner only, and nowhere else; ")
                .code(".env.example")
                .text(" lists the names. After a change of one, the services that use it are made anew:"),
        ),
    );
    blocks.insert(1, commands(["chmod 600 .env", "docker compose up -d --wait --force-recreate SERVICE"]));
    Section::new("Secrets", blocks)
}
