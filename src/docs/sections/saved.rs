//! Backups that are made by themselves.

use super::{View, term};
use crate::docs::document::{Block, Line, Section, commands, paragraph, table};
use crate::manifest::{Drill, Keep};
use crate::stack::{Backups, Kept, Store};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let backup = view.stack.backup.as_ref()?;
    let mut facts = match &backup.store {
        Store::Bucket { repository, region, access_key, secret_key } => {
            let region = region.as_ref().map(|r| format!(", region {r}")).unwrap_or_default();
            let keys = Line::new().codes([access_key, secret_key]);
            vec![("Kept in", Line::new().code(repository).text(region)), ("Access", keys)]
        }
        Store::Directory(path) => vec![("Kept in", Line::new().code(path).text(" on the server"))],
    };
    facts.push(("Encrypted with", Line::new().text("the secret ").code(&backup.password)));
    facts.push(("Daily run", format!("{:02}:{:02}", backup.at.hour, backup.at.minute).into()));
    let drill = match backup.drill {
        Drill::Weekly => "every week",
        Drill::Monthly => "every month",
        Drill::Never => "never by itself",
    };
    facts.push(("A restore is tried", drill.into()));
    let mut blocks = vec![Block::Facts(facts)];
    blocks.extend(items(view, backup));
    blocks.push(paragraph("In the deploy directory on the server, as root:"));
    blocks.push(commands([
        "backup/backup.sh status                 # what became of the last runs",
        "backup/backup.sh list                   # the snapshots there are",
        "backup/backup.sh run ITEM               # now",
        "backup/backup.sh restore ITEM           # the newest snapshot; asks first",
        "backup/backup.sh drill ITEM             # restores into a place of its own, and looks at it",
    ]));
    Section::new("Automatic backups", blocks)
}

fn items(view: &View<'_>, backup: &Backups) -> Option<Block> {
    let volume = |key: &String| {
        let found = view.stack.volumes.iter().find(|v| v.key == *key);
        found.map_or_else(|| key.clone(), |v| v.name.clone())
    };
    let rows = backup.items.iter().map(|item| {
        let kept = match item.keep {
            Kept::Newest(keep) => newest(keep),
            Kept::Within(long) => format!("all of {long}"),
        };
        vec![
            Line::new().strong(&item.name),
            term(item.often).into(),
            Line::new().codes(item.databases.iter().map(|d| &d.name)),
            Line::new().codes(item.volumes.iter().map(volume)),
            kept.into(),
            item.services.join(", ").into(),
        ]
    });
    table(&["Item", "Saved", "Databases", "Volumes", "Kept", "Stopped for a restore"], rows.collect())
}

fn newest(keep: Keep) -> String {
    let parts =
        [(keep.hourly, "hourly"), (keep.daily, "daily"), (keep.weekly, "weekly"), (keep.monthly, "monthly")];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    parts.join(", ")
}
