//! Where to read what happened.

use super::{View, owners};
use crate::docs::document::{Section, commands, paragraph};
use crate::manifest::RunsIn;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let stack = view.stack;
    let mut lines: Vec<String> = owners(stack)
        .filter(|s| s.role.stays())
        .map(|s| format!("docker compose logs -f --tail 100 {}", s.name))
        .collect();
    if lines.is_empty() {
        return None;
    }
    lines.insert(0, "docker compose logs -f --tail 20".into());
    let proxy = stack.proxy.as_ref();
    if let Some(service) = proxy.and_then(|p| p.service.as_ref()) {
        lines.push(format!("docker compose logs --since 1h {service} | grep -E '\" 50[234] '"));
    } else if proxy.is_some_and(|p| p.runs_in == RunsIn::Host) {
        lines.push("tail -n 100 /var/log/nginx/error.log".into());
        lines.push("grep -E '\" 50[234] ' /var/log/nginx/access.log".into());
    }
    let mut blocks = vec![paragraph("In the deploy directory on the server."), commands(lines)];
    if proxy.is_some() {
        blocks.push(paragraph("The last line lists requests that a service did not answer."));
    }
    Section::new("Logs", blocks)
}
