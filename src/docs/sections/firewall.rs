//! Who may reach the server, and whom it may reach.

use super::View;
use crate::docs::document::{Block, Line, Section, commands, paragraph, table};
use crate::stack::Stack;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let wall = &view.stack.firewall;
    let addresses = |list: &[String]| {
        if list.is_empty() { Line::from("anywhere") } else { Line::new().codes(list) }
    };
    let rows = wall.inbound.iter().map(|rule| {
        let port = format!("{}/{}", rule.port, protocol(rule.protocol));
        vec![Line::new().code(port), addresses(&rule.from), rule.reason.clone().into()]
    });
    let mut blocks = vec![Block::Heading("Inbound".into())];
    blocks.extend(table(&["Port", "From", "For"], rows.collect()));
    blocks.push(Block::Heading("Outbound".into()));
    match &wall.outbound {
        None => blocks.push(paragraph("Everything is allowed.")),
        Some(rules) => {
            let rows = rules.iter().map(|rule| {
                let port = rule.port.map_or("all ports".to_string(), |p| p.to_string());
                let port = Line::new().code(format!("{port}/{}", protocol(rule.protocol)));
                vec![port, addresses(&rule.to)]
            });
            blocks.extend(table(&["Port", "To"], rows.collect()));
        }
    }
    let published = published(view.stack);
    if !published.is_empty() {
        blocks.push(Block::Heading("Ports that containers publish".into()));
        blocks.extend(table(&["Service", "On the server", "In the container"], published));
    }
    if view.artifacts.iter().any(|a| a.path == "firewall/apply.sh") {
        blocks.push(paragraph("In the deploy directory, as root; without the second command the first is taken back after a minute:"));
        let mut lines = vec!["sh firewall/apply.sh", "sh firewall/apply.sh confirm    # from a new login"];
        if view.artifacts.iter().any(|a| a.path == "firewall/doctl.sh") {
            lines.push("sh firewall/doctl.sh            # the same rules at DigitalOcean");
        }
        blocks.push(commands(lines));
    }
    Section::new("Firewall", blocks)
}

fn protocol(protocol: crate::manifest::Protocol) -> &'static str {
    match protocol {
        crate::manifest::Protocol::Tcp => "tcp",
        crate::manifest::Protocol::Udp => "udp",
    }
}

fn published(stack: &Stack) -> Vec<Vec<Line>> {
    let all = stack.services.iter().flat_map(|s| s.publish.iter().map(move |p| (s, p)));
    all.map(|(service, p)| {
        let address = p.address.as_deref().unwrap_or("every address");
        let on = Line::new()
            .code(format!("{}/{}", p.host_port, protocol(p.protocol)))
            .text(format!(", {address}"));
        vec![Line::new().strong(&service.name), on, Line::new().code(p.port.to_string())]
    })
    .collect()
}
