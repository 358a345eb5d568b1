//! Where data is, and what its loss would mean.

use super::{View, term};
use crate::docs::document::{Line, Section, paragraph, table};
use crate::manifest::{Backup, Class};
use crate::stack::{MountSource, Stack, Volume};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let rows = view.stack.volumes.iter().map(|v| row(view.stack, v)).collect();
    let head = ["Volume", "Purpose", "Seen by", "Class", "Backup", "Kept until"];
    let mut blocks: Vec<_> = table(&head, rows).into_iter().collect();
    if !blocks.is_empty() {
        blocks.push(paragraph(
            "Critical data exists nowhere else, and people work with it. Important data would be missed. A cache is made \
             again by itself. What is deprecated is mounted by nothing any more and may be deleted after the day given.",
        ));
    }
    Section::new("Volumes", blocks)
}

fn row(stack: &Stack, volume: &Volume) -> Vec<Line> {
    let purpose = volume.description.iter().chain(&volume.reason).next().cloned().unwrap_or_default();
    let users = stack.services.iter().flat_map(|s| s.mounts.iter().map(move |m| (s, m)));
    let users = users.filter(|(_, m)| m.source == MountSource::Volume(volume.key.clone()));
    let mut seen = Line::new();
    for (i, (service, mount)) in users.enumerate() {
        seen = if i > 0 { seen.text(", ") } else { seen };
        seen = seen.text(format!("{} at ", service.name)).code(&mount.target);
    }
    let tone = match volume.class {
        Class::Critical => "bad",
        Class::Important => "waiting",
        Class::Cache | Class::Deprecated => "off",
    };
    let backup = match volume.backup {
        Backup::None => "none".to_string(),
        often => term(often),
    };
    let kept = volume.retention.map(|r| format!(", kept {r}")).unwrap_or_default();
    let until = Line::new().code(volume.keep_until.as_deref().unwrap_or_default());
    let class = Line::new().status(tone, term(volume.class));
    vec![Line::new().code(&volume.name), purpose.into(), seen, class, format!("{backup}{kept}").into(), until]
}
