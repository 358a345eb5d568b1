//! Backups: the script that saves, restores and tries restores, what it runs in containers, and timers.

use minijinja::{Value, context};

use super::certbot::{deploy_directory, rendered};
use super::{Artifact, header};
use crate::finding::Finding;
use crate::manifest::{Backup, Drill};
use crate::stack::{Backups, Item, Kept, Stack};

/// Writes the files when there is something to save.
pub fn emit(stack: &Stack, out: &mut Vec<Finding>) -> Vec<Artifact> {
    let Some(backups) = stack.backup.as_ref().filter(|b| !b.items.is_empty()) else { return Vec::new() };
    let directory = format!("{}/backup", deploy_directory(stack));
    let items: Vec<Value> = backups.items.iter().map(item).collect();
    let timers = timers(stack, backups);
    let common = context! {
        header => Value::from_safe_string(header(stack)),
        stack => stack.name.as_str(),
        script => format!("{directory}/backup.sh"),
        directory,
    };
    let context = context! { items, archived => backups.archived.clone(), ..common.clone() };
    let mut files: Vec<(String, &str, Value, bool)> = vec![
        ("backup.sh".into(), "backup/backup.sh.j2", context, true),
        ("database.sh".into(), "backup/database.sh.j2", common.clone(), false),
        ("restic.sh".into(), "backup/restic.sh.j2", common.clone(), false),
        (
            "stackgen-backup-failed@.service".into(),
            "backup/stackgen-backup-failed@.service.j2",
            common.clone(),
            false,
        ),
    ];
    for timer in timers {
        let name = format!("stackgen-backup-{}", timer.name);
        let context = context! {
            name => name.as_str(), about => timer.about, command => timer.command, when => timer.when,
            delay => timer.delay, ..common.clone()
        };
        files.push((format!("{name}.service"), "backup/stackgen-backup.service.j2", context.clone(), false));
        files.push((format!("{name}.timer"), "backup/stackgen-backup.timer.j2", context, false));
    }
    files
        .into_iter()
        .filter_map(|(name, template, context, executable)| {
            let path = format!("backup/{name}");
            let text = rendered(&path, template, &context, &backups.place, out)?;
            Some(Artifact { path, text, executable })
        })
        .collect()
}

/// An item as the script knows it.
fn item(item: &Item) -> Value {
    let databases = item.databases.iter().map(|d| format!("{} {} {} {}", d.tool, d.name, d.user, d.password));
    let keep: Vec<String> = match item.keep {
        Kept::Within(time) => {
            vec!["--keep-last=3".into(), format!("--keep-within={}h", time.0.div_ceil(3600))]
        }
        Kept::Newest(keep) => [
            ("hourly", keep.hourly),
            ("daily", keep.daily),
            ("weekly", keep.weekly),
            ("monthly", keep.monthly),
        ]
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(name, n)| format!("--keep-{name}={n}"))
        .collect(),
    };
    context! {
        name => item.name.as_str(),
        often => often(item.often),
        databases => databases.collect::<Vec<_>>(),
        volumes => item.volumes.clone(),
        left_out => item.left_out.iter().map(|(v, path)| format!("--exclude=/data/{v}/{path}")).collect::<Vec<_>>(),
        services => item.services.clone(),
        stopped => item.stopped.clone(),
        keep,
    }
}

fn often(often: Backup) -> &'static str {
    match often {
        Backup::Hourly => "hourly",
        Backup::Daily => "daily",
        Backup::Weekly => "weekly",
        Backup::None => "never",
    }
}

/// A unit of systemd and when it is started.
struct Timer {
    name: &'static str,
    about: &'static str,
    command: &'static str,
    when: String,
    delay: &'static str,
}

/// Timers for what there is: no hourly one where nothing is saved hourly.
fn timers(stack: &Stack, backups: &Backups) -> Vec<Timer> {
    let (hour, minute) = (backups.at.hour, backups.at.minute);
    let zone = stack.timezone.as_ref().map(|zone| format!(" {zone}")).unwrap_or_default();
    let daily = format!("{hour:02}:{minute:02}:00{zone}");
    let has = |often: Backup| backups.items.iter().any(|i| i.often == often);
    let timer = |name, about, command, when, delay| Timer { name, about, command, when, delay };
    let mut list = Vec::new();
    if has(Backup::Hourly) {
        let when = format!("*-*-* *:{minute:02}:00{zone}");
        list.push(timer("hourly", "Backups of what is saved every hour", "run hourly", when, "5m"));
    }
    if has(Backup::Daily) {
        let when = format!("*-*-* {daily}");
        list.push(timer("daily", "Backups of what is saved every day", "run daily", when, "15m"));
    }
    if has(Backup::Weekly) {
        let when = format!("Sat *-*-* {daily}");
        list.push(timer("weekly", "Backups of what is saved every week", "run weekly", when, "30m"));
    }
    let when = format!("Sun *-*-* {daily}");
    list.push(timer(
        "check",
        "Look whether the backups can be read, and clear away old ones",
        "check",
        when,
        "30m",
    ));
    let about = "Try a restore of each backup";
    match backups.drill {
        Drill::Weekly => list.push(timer("drill", about, "drill", format!("Mon *-*-* {daily}"), "30m")),
        Drill::Monthly => list.push(timer("drill", about, "drill", format!("*-*-01 {daily}"), "30m")),
        Drill::Never => {}
    }
    list
}
