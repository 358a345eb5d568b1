//! A directory on disk, as far as it may be read: never through a link that leads out of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::foreign::{Entry, Folder, LARGEST};

use super::stacks::shown;

/// Names of one directory that are looked at.
const MOST_NAMES: usize = 2_000;

/// A directory on disk.
pub(super) struct Disk {
    root: PathBuf,
    /// Where it really is.
    real: PathBuf,
    /// Paths under version control, relative to the directory.
    tracked: OnceLock<Vec<String>>,
}

impl Disk {
    pub(super) fn new(root: &Path) -> Self {
        let real = fs::canonicalize(root).unwrap_or_else(|_| root.into());
        Self { root: root.into(), real, tracked: OnceLock::new() }
    }

    /// The path on disk, if it is inside.
    fn inside(&self, path: &str) -> Option<PathBuf> {
        let real = fs::canonicalize(self.root.join(path)).ok()?;
        real.starts_with(&self.real).then_some(real)
    }
}

impl Folder for Disk {
    fn entry(&self, path: &str) -> Entry {
        match self.inside(path).and_then(|p| fs::metadata(p).ok()) {
            Some(meta) if meta.is_file() => Entry::File,
            Some(meta) if meta.is_dir() => Entry::Folder,
            // A link that leads out is there, whatever is behind it.
            None if fs::symlink_metadata(self.root.join(path)).is_ok() => Entry::Folder,
            _ => Entry::Nothing,
        }
    }

    fn read(&self, path: &str) -> Option<String> {
        let real = self.inside(path)?;
        let meta = fs::metadata(&real).ok()?;
        if !meta.is_file() || meta.len() > LARGEST as u64 {
            return None;
        }
        fs::read_to_string(real).ok()
    }

    fn list(&self, path: &str) -> Vec<String> {
        let Some(real) = self.inside(path) else { return Vec::new() };
        let entries = fs::read_dir(real).into_iter().flatten().flatten().take(MOST_NAMES);
        let mut names: Vec<String> = entries.filter_map(|e| e.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    fn shown(&self, path: &str) -> String {
        shown(&self.root.join(path))
    }

    fn tracked(&self, path: &str) -> bool {
        self.tracked.get_or_init(|| index(&self.real)).iter().any(|p| p == path)
    }
}

/// Paths in the index of the repository that a directory is in, as far as they are below it.
fn index(folder: &Path) -> Vec<String> {
    let Some(top) = folder.ancestors().find(|p| p.join(".git").is_dir()) else { return Vec::new() };
    let prefix = folder.strip_prefix(top).unwrap_or(Path::new("")).display().to_string();
    let Ok(bytes) = fs::read(top.join(".git/index")) else { return Vec::new() };
    entries(&bytes)
        .into_iter()
        .filter_map(|p| match prefix.as_str() {
            "" => Some(p),
            prefix => Some(p.strip_prefix(prefix)?.strip_prefix('/')?.to_string()),
        })
        .collect()
}

/// Paths of a git index of version 2 or 3. Source: gitformat-index(5).
fn entries(bytes: &[u8]) -> Vec<String> {
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let mut paths = Vec::new();
    if bytes.get(..4) != Some(b"DIRC") || !matches!(number(4), Some(2 | 3)) {
        return paths;
    }
    let mut at = 12;
    for _ in 0..number(8).unwrap_or(0) {
        let Some(flags) = bytes.get(at + 60..at + 62) else { break };
        // A second word of flags follows if the first says so.
        let start = at + if flags[0] & 0x40 != 0 { 64 } else { 62 };
        let Some(length) = bytes.get(start..).and_then(|rest| rest.iter().position(|b| *b == 0)) else {
            break;
        };
        paths.push(String::from_utf8_lossy(&bytes[start..start + length]).into_owned());
        // Padded with zeros to a multiple of eight, at least one.
        at += (start + length - at) / 8 * 8 + 8;
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_read() {
        let mut bytes = b"DIRC\0\0\0\x02\0\0\0\x02".to_vec();
        for name in [".env", "nginx/nginx.conf"] {
            let start = bytes.len();
            bytes.extend([0; 62]);
            bytes.extend(name.as_bytes());
            let padded = (bytes.len() - start) / 8 * 8 + 8;
            bytes.resize(start + padded, 0);
        }
        assert_eq!(entries(&bytes), [".env", "nginx/nginx.conf"]);
        assert!(entries(b"DIRC\0\0\0\x02\xff\xff\xff\xff").is_empty() && entries(b"").is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_lead_out() {
        let outside = tempfile::tempdir().expect("a folder");
        fs::write(outside.path().join("secret"), "x").expect("written");
        let folder = tempfile::tempdir().expect("a folder");
        std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).expect("linked");
        fs::write(folder.path().join("own"), "y").expect("written");
        let disk = Disk::new(folder.path());
        assert_eq!(disk.read("own").as_deref(), Some("y"));
        assert_eq!(disk.read("link/secret"), None);
        assert!(disk.list("link").is_empty());
    }
}
