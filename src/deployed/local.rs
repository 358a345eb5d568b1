//! Files on this machine: directories, and single files that are sources.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use walkdir::WalkDir;

use super::directory::{Answer, DEEPEST, Files, LARGEST, LARGEST_ALL, MOST_NAMES, Raw};
use super::{cannot, told};

/// A deploy directory on this machine.
pub(super) struct Local {
    root: PathBuf,
    size: usize,
}

impl Local {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.into(), size: 0 }
    }
}

impl Files for Local {
    fn look(&mut self, answer: &mut Answer) -> Result<BTreeSet<String>, String> {
        // Links above and at the directory itself are the user's own.
        self.root = fs::canonicalize(&self.root).map_err(|e| cannot("read the directory", &e))?;
        fs::read_dir(&self.root).map_err(|e| cannot("read the directory", &e))?;
        let mut names = BTreeSet::new();
        for entry in WalkDir::new(&self.root).min_depth(1).max_depth(DEEPEST) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let path = error.path().map(|p| self.name(p)).unwrap_or_default();
                    let error = error.into_io_error().unwrap_or_else(|| ErrorKind::Other.into());
                    answer.faults.push(cannot(format_args!("read {}", told(&path)), &error));
                    continue;
                }
            };
            if entry.file_type().is_dir() {
                continue;
            }
            if names.len() == MOST_NAMES {
                answer.faults.push(format!("expected at most {MOST_NAMES} files, found more"));
                break;
            }
            if entry.path().to_str().is_some() {
                names.insert(self.name(entry.path()));
            }
        }
        Ok(names)
    }

    fn read(&mut self, names: &[String], answer: &mut Answer) -> Result<(), String> {
        for name in names {
            let path = self.root.join(name);
            let Ok(kind) = fs::symlink_metadata(&path).map(|m| m.file_type()) else { continue };
            if kind.is_symlink() {
                let target = fs::canonicalize(&path).ok();
                let target =
                    target.and_then(|t| Some(t.strip_prefix(&self.root).ok()?.to_str()?.to_string()));
                answer.links.insert(name.clone(), target);
                continue;
            }
            match read(&path, LARGEST.min((LARGEST_ALL - self.size) as u64)) {
                Ok(raw) => {
                    self.size += raw.bytes.len();
                    answer.files.insert(name.clone(), raw);
                }
                // What is missing afterwards is a fault, too; this one says more.
                Err(error) => answer.faults.push(cannot(format_args!("read {}", told(name)), &error)),
            }
        }
        Ok(())
    }
}

impl Local {
    fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().into_owned()
    }
}

/// Reads a regular file. Anything else, a FIFO above all, is not even opened.
pub(super) fn read(path: &Path, most: u64) -> io::Result<Raw> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let file = File::open(path)?;
    let meta = file.metadata()?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it has more than {most} bytes")));
    }
    let modified = meta.modified().ok().and_then(|m| m.duration_since(UNIX_EPOCH).ok());
    let modified = modified.and_then(|d| i64::try_from(d.as_secs()).ok());
    Ok(Raw { bytes, modified, mode: mode(&meta) })
}

#[cfg(unix)]
fn mode(meta: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    Some(meta.permissions().mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> Option<u32> {
    None
}
