//! The writing itself: everything is prepared beside its target first, then renamed into place file by file.
//!
//! Folders are never swapped: running containers have them mounted, and would keep the old ones.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use super::Failure;

/// How files in progress begin. Hidden, and of no ending that a program includes.
pub(super) const PREFIX: &str = ".stackgen-";

/// Most threads that wait for the disk.
const THREADS: usize = 16;

/// Folders that were made, outermost first. Those still empty when this is dropped are removed again.
#[derive(Debug, Default)]
pub(super) struct Made(Vec<PathBuf>);

impl Made {
    /// Makes a folder and those above it; the error names the one that could not be made.
    pub(super) fn folders(&mut self, dir: &Path) -> Result<(), (PathBuf, io::Error)> {
        if dir.as_os_str().is_empty() || dir.is_dir() {
            return Ok(());
        }
        if let Some(above) = dir.parent() {
            self.folders(above)?;
        }
        match fs::create_dir(dir) {
            Ok(()) => self.0.push(dir.into()),
            // Another build was faster.
            Err(_) if dir.is_dir() => {}
            Err(error) => return Err((dir.into(), error)),
        }
        Ok(())
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for dir in self.0.iter().rev() {
            // Fails for a folder with something in it, and that is the point.
            let _ = fs::remove_dir(dir);
        }
    }
}

/// One file, ready to be put in place or taken away.
struct Ready {
    target: PathBuf,
    /// The new file; `None` to take the target away, and once it is in place.
    new: Option<NamedTempFile>,
    /// The file that was there, by another name.
    backup: Option<NamedTempFile<()>>,
}

/// Everything that is needed, on disk but not in place. Dropped, it leaves nothing behind.
pub(super) struct Prepared {
    ready: Vec<Ready>,
    // Dropped after the files in it.
    made: Made,
}

impl Prepared {
    pub(super) fn new(made: Made) -> Self {
        Self { ready: Vec::new(), made }
    }

    /// Gets a text ready to replace what is at the target.
    pub(super) fn put(&mut self, target: &Path, bytes: &[u8], executable: bool) -> Result<(), Failure> {
        let failed = |error: io::Error| cannot("write", target, &error);
        let folder = folder(target);
        self.made.folders(folder).map_err(|(folder, error)| super::cannot_make(&folder, &error))?;
        let mut file = Builder::new().prefix(PREFIX).tempfile_in(folder).map_err(failed)?;
        file.write_all(bytes).and_then(|()| set_mode(file.path(), executable)).map_err(failed)?;
        let backup = backup(target).map_err(failed)?;
        self.ready.push(Ready { target: target.into(), new: Some(file), backup });
        Ok(())
    }

    /// Gets ready to take the target away.
    pub(super) fn remove(&mut self, target: &Path) -> Result<(), Failure> {
        let backup = backup(target).map_err(|error| cannot("remove", target, &error))?;
        self.ready.push(Ready { target: target.into(), new: None, backup });
        Ok(())
    }

    /// Waits until all bytes are on the disk: else a crash of the machine could leave new names without them.
    fn sync(&self) -> Result<(), Failure> {
        at_once(&self.ready, |ready| match &ready.new {
            Some(file) => file.as_file().sync_all().map_err(|e| cannot("write", &ready.target, &e)),
            None => Ok(()),
        })
    }

    /// Puts everything in place; when something cannot be, what was done is undone.
    pub(super) fn commit(mut self, root: &Path) -> Result<(), Failure> {
        self.sync()?;
        let mut removed = Vec::new();
        let last = self.ready.len();
        for i in 0..last {
            let (done, rest) = self.ready.split_at_mut(i);
            let Some(next) = rest.first_mut() else { break };
            if i + 1 == last {
                // The lock must not be there before what it speaks of, or that would look edited.
                sync_folders(done);
            }
            let result = match next.new.take() {
                Some(file) => {
                    file.persist(&next.target).map(drop).map_err(|e| cannot("write", &next.target, &e.error))
                }
                None => {
                    removed.push(next.target.clone());
                    fs::remove_file(&next.target).map_err(|e| cannot("remove", &next.target, &e))
                }
            };
            if let Err(failure) = result {
                return Err(undo(done, failure));
            }
        }
        // All is in place: what would have been put back goes.
        self.ready.iter_mut().for_each(|ready| ready.backup = None);
        for target in removed {
            prune(root, &target);
        }
        sync_folders(self.ready.get(last.saturating_sub(1)..).unwrap_or_default());
        Ok(())
    }
}

/// Makes the names in the folders of some files safe; a system that cannot do this does it by itself.
fn sync_folders(ready: &[Ready]) {
    let folders: BTreeSet<&Path> = ready.iter().map(|r| folder(&r.target)).collect();
    let folders: Vec<_> = folders.into_iter().collect();
    let _ = at_once(&folders, |dir| {
        let _ = File::open(dir).and_then(|d| d.sync_all());
        Ok(())
    });
}

/// Does what waits for the disk for many things at once, since a disk takes about as long for many as for one.
fn at_once<T: Sync>(things: &[T], work: impl Fn(&T) -> Result<(), Failure> + Sync) -> Result<(), Failure> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = things
            .chunks(things.len().div_ceil(THREADS).max(1))
            .map(|chunk| {
                let all = move || chunk.iter().try_for_each(work);
                std::thread::Builder::new().spawn_scoped(scope, all).map_err(|_| all())
            })
            .collect();
        threads.into_iter().try_for_each(|thread| match thread {
            Ok(thread) => {
                thread.join().unwrap_or_else(|_| Err(Failure::new("cannot write: a thread failed")))
            }
            // Where there are no more threads, it was done here.
            Err(done) => done,
        })
    })
}

/// Puts back what was there before; the failure says so when that does not work either.
fn undo(done: &mut [Ready], mut failure: Failure) -> Failure {
    for ready in done.iter_mut().rev() {
        let restored = match ready.backup.take() {
            Some(backup) => backup.persist(&ready.target).map(drop).map_err(|e| {
                let kept = e.file.into_temp_path().keep().map(|p| p.display().to_string());
                format!("{}, which is now {}", ready.target.display(), kept.unwrap_or_default())
            }),
            None => fs::remove_file(&ready.target).map_err(|_| ready.target.display().to_string()),
        };
        if let Err(what) = restored {
            failure.message.push_str(&format!("; then could not put back {what}"));
            failure.help = None;
        }
    }
    failure
}

/// The file at a path by a second name, so that it can be put back even on a full disk.
fn backup(target: &Path) -> io::Result<Option<NamedTempFile<()>>> {
    if fs::symlink_metadata(target).is_err() {
        return Ok(None);
    }
    // Some file systems have no hard links.
    let link = |path: &Path| fs::hard_link(target, path).or_else(|_| fs::copy(target, path).map(drop));
    Builder::new().prefix(PREFIX).make_in(folder(target), link).map(Some)
}

/// Removes what a build that was cut off left behind. Nobody else is at work: the folder is locked.
pub(super) fn sweep<'a>(root: &Path, paths: impl Iterator<Item = &'a str>) {
    let mut folders: Vec<PathBuf> = paths.map(|p| folder(&root.join(p)).to_path_buf()).collect();
    folders.push(root.into());
    folders.sort();
    folders.dedup();
    for entry in folders.iter().filter_map(|f| fs::read_dir(f).ok()).flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.file_type().is_ok_and(|t| t.is_file())
        {
            // What cannot be removed only takes room.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Removes the folders that held a file, as far as they are empty now.
fn prune(root: &Path, target: &Path) {
    for dir in target.ancestors().skip(1).take_while(|d| *d != root && d.starts_with(root)) {
        if fs::remove_dir(dir).is_err() {
            break;
        }
    }
}

fn folder(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn cannot(verb: &str, target: &Path, error: &io::Error) -> Failure {
    Failure::io(format_args!("{verb} {}", target.display()), error).help("nothing was changed")
}

#[cfg(unix)]
fn set_mode(path: &Path, executable: bool) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 }))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: bool) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(dir: &Path) -> Vec<(String, String)> {
        let mut files: Vec<_> = walkdir::WalkDir::new(dir)
            .into_iter()
            .flatten()
            .filter(|e| e.file_type().is_file())
            .map(|e| {
                let name = e.path().strip_prefix(dir).unwrap().display().to_string();
                (name, fs::read_to_string(e.path()).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    /// The second of three files cannot be put in place: the first comes back, and nothing is left over.
    #[test]
    fn what_was_done_is_undone() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a", "c", "gone"] {
            fs::write(dir.path().join(name), "old").unwrap();
        }
        let before = listing(dir.path());
        let mut prepared = Prepared::new(Made::default());
        prepared.put(&dir.path().join("a"), b"new", false).unwrap();
        prepared.remove(&dir.path().join("gone")).unwrap();
        prepared.put(&dir.path().join("new/file"), b"new", true).unwrap();
        prepared.put(&dir.path().join("b"), b"new", false).unwrap();
        prepared.put(&dir.path().join("c"), b"new", false).unwrap();
        fs::create_dir(dir.path().join("b")).unwrap();
        let failure = prepared.commit(dir.path()).unwrap_err();
        assert!(
            failure.message.starts_with("cannot write ") && !failure.message.contains("put back"),
            "{failure:?}"
        );
        fs::remove_dir(dir.path().join("b")).unwrap();
        assert_eq!(listing(dir.path()), before);
        assert!(!dir.path().join("new").exists());
    }

    #[test]
    fn dropped_before_the_end_it_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "old").unwrap();
        let before = listing(dir.path());
        let mut prepared = Prepared::new(Made::default());
        prepared.put(&dir.path().join("a"), b"new", false).unwrap();
        prepared.put(&dir.path().join("x/y/z"), b"new", false).unwrap();
        drop(prepared);
        assert_eq!(listing(dir.path()), before);
        assert!(!dir.path().join("x").exists());
    }

    #[test]
    fn leftovers_of_a_cut_off_build_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("x")).unwrap();
        for name in [".stackgen-1", "x/.stackgen-2", "x/mine", ".stackgen.lock"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        sweep(dir.path(), ["x/y"].into_iter());
        let names: Vec<_> = listing(dir.path()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [".stackgen.lock", "x/mine"]);
    }
}
