//! How a change gets onto the server, and the way back.

use super::{View, word};
use crate::docs::document::{Block, Section, commands, paragraph};
use crate::emit::deploy;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let host = &view.stack.host;
    if !view.artifacts.iter().any(|a| a.path == deploy::FILE) {
        return None;
    }
    let mut blocks = vec![Block::Heading("A change".into())];
    blocks.push(paragraph(
        "Beside the manifest: build, see what differs on the server and what it costs, copy.",
    ));
    let mut lines = vec!["stackgen build".to_string(), "stackgen diff".into()];
    if let Some(ssh) = &host.ssh {
        lines.push(format!("deploy/deploy.sh push {}", word(ssh)));
        lines.push(format!("ssh {}", word(ssh)));
    }
    blocks.push(commands(lines));
    blocks.push(paragraph(
        "On the server. Nothing is taken down first: one service after the other takes what is new and has to get \
         well, else all goes back to what ran before.",
    ));
    let mut lines: Vec<String> = host.directory.iter().map(|dir| format!("cd {}", word(dir))).collect();
    lines.push("./deploy.sh plan        # what would be done; changes nothing".into());
    lines.push("./deploy.sh             # shows the plan, asks, does it".into());
    lines.push("./deploy.sh status      # what runs, how well, since when".into());
    blocks.push(commands(lines));
    blocks.push(Block::Heading("The way back".into()));
    blocks.push(commands(["./deploy.sh rollback    # to what was deployed before"]));
    Section::new("Deployment", blocks)
}
