//! Database servers, who is on them, and how many connections there are.

use super::{View, listed, provider, term};
use crate::docs::document::{Block, Line, Section, paragraph, table};
use crate::stack::{Database, DatabaseUse, Stack};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let blocks = view.stack.databases.iter().flat_map(|d| server(view.stack, d)).collect();
    Section::new("Databases", blocks)
}

fn server(stack: &Stack, database: &Database) -> Vec<Block> {
    let product = database.version.map_or("PostgreSQL".to_string(), |v| format!("PostgreSQL {v}"));
    let by = match (&database.service, database.provider) {
        (Some(service), _) => format!("the service {service} of this stack"),
        (None, Some(by)) if !provider(by).is_empty() => format!("managed by {}", provider(by)),
        (None, _) => "outside of this stack".to_string(),
    };
    let mut facts = vec![
        ("Server", Line::from(format!("{product}, {by}"))),
        ("Host", Line::new().code(&database.host)),
        ("Port", Line::new().code(database.port.to_string())),
    ];
    if let Some(region) = &database.region {
        facts.push(("Region", region.clone().into()));
    }
    let tls = Line::new().code(term(database.sslmode));
    facts.push((
        "TLS",
        match &database.ca {
            Some(ca) => tls.text(", verified by ").code(ca),
            None => tls,
        },
    ));
    if let Some(admin) = &database.admin {
        let line = Line::new().code(admin).text(", for administration by hand only");
        facts.push((
            "Administrator",
            match &database.admin_password {
                Some(secret) => line.text("; password ").code(secret),
                None => line,
            },
        ));
    }
    let users: Vec<(&str, &DatabaseUse)> = stack
        .services
        .iter()
        .filter(|s| s.role.stays())
        .filter_map(|s| Some((s.name.as_str(), s.database.as_ref().filter(|d| d.server == database.name)?)))
        .collect();
    let wanted: u32 = users.iter().map(|(_, d)| d.connections).sum();
    if let Some(allowed) = database.connections {
        let line = format!("{allowed} allowed, at most {wanted} wanted by all services together");
        facts.push(("Connections", line.into()));
    }
    let rows = users.iter().map(|(name, used)| {
        vec![
            Line::new().strong(name),
            Line::new().code(&used.name),
            Line::new().code(&used.user),
            Line::new().code(&used.password),
            Line::from(used.connections.to_string()),
        ]
    });
    let head = ["Service", "Database", "Role", "Password", "Connections at most"];
    let mut blocks =
        vec![Block::Heading(Line::new().text("Server ").code(&database.name)), Block::Facts(facts)];
    blocks.extend(table(&head, rows.collect()));
    if !users.is_empty() {
        blocks.push(paragraph(
            "Each role owns its database and nothing else. Addresses, for a program that asks for the password itself:",
        ));
        let mut addresses: Vec<Line> = Vec::new();
        for (_, used) in &users {
            let mode = term(database.sslmode);
            let address = format!(
                "postgresql://{}@{}:{}/{}?sslmode={mode}",
                used.user, database.host, database.port, used.name
            );
            let line = Line::new().code(address);
            if !addresses.contains(&line) {
                addresses.push(line);
            }
        }
        blocks.push(Block::List(addresses));
    }
    let others: Vec<&str> = stack
        .services
        .iter()
        .filter(|s| !s.role.stays() && s.database.as_ref().is_some_and(|d| d.server == database.name))
        .map(|s| s.name.as_str())
        .collect();
    if !others.is_empty() {
        blocks.push(paragraph(format!("For a moment also used by {}.", listed(&others))));
    }
    blocks
}
