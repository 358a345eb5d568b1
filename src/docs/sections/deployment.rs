//! How a change gets onto the server, and how a service is started again.

use super::{View, owners, word};
use crate::docs::document::{Block, Line, Section, commands, paragraph};
use crate::manifest::RunsIn;
use crate::stack::{Role, Stack};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let stack = view.stack;
    if stack.services.is_empty() {
        return None;
    }
    let mut blocks = vec![Block::Heading("A change".into())];
    blocks.push(paragraph(
        "Beside the manifest: build, see what differs on the server and what it costs, copy.",
    ));
    let mut lines = vec!["stackgen build".to_string(), "stackgen diff".into()];
    if let (Some(ssh), Some(directory)) = (&stack.host.ssh, &stack.host.directory) {
        lines.push(format!("rsync -rlpt --exclude .env deploy/ {}", word(&format!("{ssh}:{directory}/"))));
        lines.push(format!("ssh {}", word(ssh)));
    }
    blocks.push(commands(lines));
    blocks.push(paragraph(
        "On the server. Only what changed is replaced, and nothing is taken down first; the last command waits until \
         all is healthy.",
    ));
    let mut lines: Vec<String> = stack.host.directory.iter().map(|dir| format!("cd {}", word(dir))).collect();
    if stack.services.iter().any(|s| s.build.is_some()) {
        lines.push("docker compose build".into());
    }
    lines.push("docker compose pull --ignore-buildable".into());
    lines.push("docker compose up -d --wait".into());
    blocks.push(commands(lines));
    blocks.extend(again(stack));
    Section::new("Deployment", blocks)
}

/// One service at a time.
fn again(stack: &Stack) -> Vec<Block> {
    let mut lines = Vec::new();
    let proxy = stack.proxy.as_ref();
    if let Some(service) = proxy.and_then(|p| p.service.as_ref()) {
        lines.push(format!("docker compose kill -s HUP {service}    # a new nginx.conf; connections stay"));
    } else if proxy.is_some_and(|p| p.runs_in == RunsIn::Host) {
        lines.push("nginx -t && systemctl reload nginx    # a new nginx.conf; connections stay".into());
    }
    lines.extend(owners(stack).filter(|s| s.role.stays() && s.role != Role::Proxy).map(|s| {
        let with: Vec<&str> = stack
            .services
            .iter()
            .filter(|o| o.owner == s.name && o.name != s.name && o.role.stays())
            .map(|o| o.name.as_str())
            .collect();
        let all = std::iter::once(s.name.as_str()).chain(with).collect::<Vec<_>>().join(" ");
        format!("docker compose restart {all}")
    }));
    let heading = Block::Heading("One service".into());
    let about = Line::new()
        .text("A restart reads the configuration file again. Variables and secrets are only read when the container is \
               made anew: ")
        .code("docker compose up -d --force-recreate SERVICE")
        .text(".");
    if lines.is_empty() { Vec::new() } else { vec![heading, paragraph(about), commands(lines)] }
}
