//! A deploy directory, here or on another machine: which of its files matter, and their bytes.
//!
//! Read are the files a build writes, the lock, `.env`, and what Compose would load beside docker-compose.yml. Of other
//! files in folders that hold files of a build only the name is kept. No link is followed out of the directory.

use std::collections::{BTreeMap, BTreeSet};

use super::told;

/// Name of the lock, as `write::LOCK` has it.
pub(super) const LOCK: &str = "stackgen.lock";

/// Bytes a file may have, and all files together.
pub(super) const LARGEST: u64 = 64 << 20;
pub(super) const LARGEST_ALL: usize = 256 << 20;

/// Names that are looked at, and of how many files that nobody declared the name is kept.
pub(super) const MOST_NAMES: usize = 100_000;
const MOST_FILES: usize = 10_000;

/// Levels below the directory that are looked at: no build writes deeper.
pub(super) const DEEPEST: usize = 4;

/// Links behind one another that are followed.
const MOST_LINKS: usize = 8;

/// A file before anything of it is concealed: never printed, never stored.
pub(super) struct Raw {
    pub(super) bytes: Vec<u8>,
    /// Seconds since 1970.
    pub(super) modified: Option<i64>,
    pub(super) mode: Option<u32>,
}

/// What was read so far.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) files: BTreeMap<String, Raw>,
    /// Links, by name, with the name in the directory they lead to; `None` leads out of it.
    pub(super) links: BTreeMap<String, Option<String>>,
    /// What of it could not be read.
    pub(super) faults: Vec<String>,
}

/// A directory, wherever it is.
pub(super) trait Files {
    /// Names of the files at most [`DEEPEST`] levels down. May put files that matter in any case into the answer.
    ///
    /// # Errors
    ///
    /// Why the directory cannot be read at all.
    fn look(&mut self, answer: &mut Answer) -> Result<BTreeSet<String>, String>;

    /// Adds files and links by name. What is missing afterwards could not be read.
    ///
    /// # Errors
    ///
    /// Why nothing could be read.
    fn read(&mut self, names: &[String], answer: &mut Answer) -> Result<(), String>;
}

/// What a directory holds that matters, by name; `None` is a file of which only the name is known.
pub(super) type Found = BTreeMap<String, Option<Raw>>;

/// Reads a directory. `declared` are the files that the manifest makes, as far as they are known.
pub(super) fn read(
    directory: &mut dyn Files,
    declared: &BTreeSet<String>,
    faults: &mut Vec<String>,
) -> Result<Found, String> {
    let mut answer = Answer::default();
    let names = directory.look(&mut answer)?;
    let mut ours: BTreeSet<String> = declared.clone();
    let mut asked = BTreeSet::new();
    // The lock names more files, and links lead to others.
    for _ in 0..MOST_LINKS {
        ours.extend(answer.files.get(LOCK).map(|lock| locked(&lock.bytes)).unwrap_or_default());
        let targets = answer.links.values().flatten();
        let wanted = names.iter().filter(|n| ours.contains(*n) || always(n)).chain(targets);
        let ask: Vec<String> = wanted
            .filter(|n| names.contains(*n) && !asked.contains(*n))
            .filter(|n| !answer.files.contains_key(*n) && !answer.links.contains_key(*n))
            .cloned()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        if ask.is_empty() {
            break;
        }
        asked.extend(ask.iter().cloned());
        if let Err(fault) = directory.read(&ask, &mut answer) {
            answer.faults.push(fault);
            break;
        }
    }
    let folders: BTreeSet<&str> = ours.iter().filter_map(|n| Some(n.split_once('/')?.0)).collect();
    let mut found = Found::new();
    let mut strangers = 0;
    for name in &names {
        if ours.contains(name) || always(name) {
            match content(&answer, name) {
                Ok(raw) => drop(found.insert(name.clone(), Some(raw))),
                Err(fault) => {
                    answer.faults.push(fault);
                    found.insert(name.clone(), None);
                }
            }
        } else if name.split_once('/').is_some_and(|(folder, _)| folders.contains(folder)) {
            strangers += 1;
            if strangers <= MOST_FILES {
                found.insert(name.clone(), None);
            }
        }
    }
    if strangers > MOST_FILES {
        answer
            .faults
            .push(format!("expected at most {MOST_FILES} files that no build writes, found {strangers}"));
    }
    faults.append(&mut answer.faults);
    Ok(found)
}

/// A file, at the end of its links.
fn content(answer: &Answer, name: &str) -> Result<Raw, String> {
    let mut at = name;
    for _ in 0..MOST_LINKS {
        match answer.links.get(at) {
            Some(Some(target)) => at = target,
            Some(None) => {
                return Err(format!("{} is a link out of the directory, and is not followed", told(name)));
            }
            None => {
                let raw = answer.files.get(at);
                return raw.map(|r| Raw { bytes: r.bytes.clone(), ..*r }).ok_or_else(|| {
                    format!(
                        "expected a file of at most {} MiB that can be read: {}",
                        LARGEST >> 20,
                        told(name)
                    )
                });
            }
        }
    }
    Err(format!("{} is a link that leads back to itself", told(name)))
}

/// Whether a file matters whatever is built: the lock, `.env`, and what Compose loads or is told to load.
pub(super) fn always(name: &str) -> bool {
    let compose = |stem: &str| stem.starts_with("compose") || stem.starts_with("docker-compose");
    name == LOCK
        || name == ".env"
        || !name.contains('/')
            && name.rsplit_once('.').is_some_and(|(stem, end)| matches!(end, "yml" | "yaml") && compose(stem))
}

/// The files a lock names.
fn locked(text: &[u8]) -> Vec<String> {
    let lock: Option<serde_json::Value> = serde_json::from_slice(text).ok();
    let files = lock.as_ref().and_then(|l| l.get("files")).and_then(serde_json::Value::as_object);
    files.into_iter().flat_map(|f| f.keys()).filter(|n| is_below(n)).cloned().collect()
}

/// Whether a name is that of something below the directory.
pub(super) fn is_below(name: &str) -> bool {
    !name.is_empty() && name.split('/').all(|part| !matches!(part, "" | "." | "..")) && !name.contains('\0')
}

/// Where a link leads, as a name below the directory, which is at `root`.
pub(super) fn target(root: &str, link: &str, leads_to: &str) -> Option<String> {
    let below = match leads_to.strip_prefix('/') {
        None => {
            format!("{}{leads_to}", link.rsplit_once('/').map(|(f, _)| format!("{f}/")).unwrap_or_default())
        }
        Some(_) => leads_to.strip_prefix(root)?.strip_prefix('/')?.to_string(),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in below.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/")).filter(|name| is_below(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_inside() {
        for (link, leads_to, expected) in [
            (".env", ".env.prod", Some(".env.prod")),
            ("nginx/a", "../b", Some("b")),
            ("nginx/a", "./b//c", Some("nginx/b/c")),
            ("nginx/a", "../../b", None),
            ("a", "/opt/deploy/b", Some("b")),
            ("a", "/opt/deploy/../b", None),
            ("a", "/opt/deployed/b", None),
            ("a", "/etc/passwd", None),
            ("a", ".", None),
        ] {
            assert_eq!(target("/opt/deploy", link, leads_to).as_deref(), expected, "{link} {leads_to}");
        }
    }

    #[test]
    fn what_matters_in_any_case() {
        for name in [".env", LOCK, "docker-compose.yml", "docker-compose.override.yaml", "compose.prod.yml"] {
            assert!(always(name), "{name}");
        }
        for name in [".env.bak", "x/docker-compose.yml", "compose.txt", "my-compose.yml", "stack.yaml"] {
            assert!(!always(name), "{name}");
        }
    }
}
