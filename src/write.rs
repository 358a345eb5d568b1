//! Artifacts to disk: all of them or none, never over what somebody else wrote, never out of the output folder.
//!
//! Looking ([`Output::plan`]) and writing ([`Plan::apply`]) are apart, so that `--check` and a refusal change nothing.

mod commit;
mod lock;
mod replace;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::emit::Artifact;
use crate::text::reason;
use commit::Prepared;
use lock::Lock;
pub use replace::replace;

/// The file that says what was written last, by path and hash.
pub const LOCK: &str = "stackgen.lock";

/// Why something could not be done, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What could not be done and why: one lower-case line.
    pub message: String,
    /// What to do, as an instruction.
    pub help: Option<String>,
}

impl Failure {
    /// A failure that explains itself.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    /// What the system said when something was tried: `cannot write a/b: permission denied`.
    pub fn io(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::new(format!("cannot {what}: {}", reason(error)))
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}

/// Writes one file, whole or not at all; what is no file, such as a pipe, is written to as it is.
pub fn file(path: &Path, text: &str) -> Result<(), Failure> {
    // A link stays one: what it names is replaced.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        return fs::write(path, text).map_err(|e| Failure::io(format_args!("write {}", path.display()), &e));
    }
    let mut prepared = Prepared::new(commit::Made::default());
    let put = prepared.put(path, text.as_bytes(), false);
    put.map_err(|failure| failure.help("name a file that can be written"))?;
    prepared.commit(path.parent().unwrap_or(Path::new("")))
}

/// What becomes of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is not there yet.
    Create,
    /// It is there, as the last build left it.
    Update,
    /// It is there already, byte for byte.
    Keep,
    /// The last build wrote it, this one does not, and nobody edited it.
    Remove,
}

/// A file that is not as the last build left it, so that writing would lose what somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Path below the output folder.
    pub path: String,
    /// Why it is one.
    pub reason: Reason,
    /// What is there.
    pub there: Vec<u8>,
    /// What the build would write; `None` when it no longer writes the file.
    pub new: Option<String>,
}

/// Why a file is not replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its hash is not the one in the lock.
    Edited,
    /// The lock does not know it.
    Foreign,
    /// Its hash is not the one in the lock, and the build no longer writes it.
    Left,
    /// The same, but the build goes on and lets it be.
    Kept,
}

/// An output folder that no other build can write to meanwhile.
#[derive(Debug)]
pub struct Output {
    dir: PathBuf,
    /// Folders made for this build; gone again if nothing gets into them.
    made: commit::Made,
    /// Holds the lock on the folder until the end.
    _guard: Option<File>,
}

/// What a build would do.
#[derive(Debug)]
pub struct Plan {
    output: Output,
    /// Each file with what becomes of it, in the order of the paths.
    pub steps: Vec<(String, Action)>,
    /// Files that stand in the way; none of them is among `steps`.
    pub conflicts: Vec<Conflict>,
    /// The stack whose output the folder holds, when that is another one.
    pub other_stack: Option<String>,
    artifacts: BTreeMap<String, Artifact>,
    /// The text of the new lock, unless the old one says the same.
    lock: Option<String>,
}

impl Output {
    /// Opens a folder to write to, and makes it if needed; waits for a build that is writing there.
    pub fn create(dir: &Path) -> Result<Self, Failure> {
        let mut made = commit::Made::default();
        made.folders(dir).map_err(|(folder, error)| cannot_make(&folder, &error))?;
        Ok(Self { dir: dir.into(), made, _guard: guard(dir) })
    }

    /// Opens a folder to look at; it need not exist.
    pub fn look(dir: &Path) -> Self {
        Self { dir: dir.into(), made: commit::Made::default(), _guard: guard(dir) }
    }

    /// Compares the folder with what it should hold. `force` stands for the consent to replace what was edited.
    pub fn plan(self, stack: &str, artifacts: Vec<Artifact>, force: bool) -> Result<Plan, Failure> {
        let old = match Lock::read(&self.dir.join(LOCK)) {
            Err(_) if force => Lock::default(),
            read => read?,
        };
        let root = fs::canonicalize(&self.dir).unwrap_or_else(|_| self.dir.clone());
        let mut plan = Plan {
            output: self,
            steps: Vec::new(),
            conflicts: Vec::new(),
            other_stack: old.stack.clone().filter(|other| other != stack && !force),
            artifacts: BTreeMap::new(),
            lock: None,
        };
        let mut new = Lock { stack: Some(stack.to_string()), ..Lock::default() };
        for artifact in artifacts {
            let path = artifact.path.clone();
            if !is_inside(&path) || path == LOCK {
                return Err(Failure::new(format!(
                    "cannot write `{path}`: it is no path below the output folder"
                )));
            }
            new.add(&artifact, &old);
            if plan.artifacts.insert(path.clone(), artifact).is_some() {
                return Err(Failure::new(format!("cannot write `{path}`: two files have this path")));
            }
        }
        plan.compare(&root, &old, force)?;
        plan.leftovers(&root, &old, force)?;
        plan.steps.sort_by(|a, b| a.0.cmp(&b.0));
        plan.conflicts.sort_by(|a, b| a.path.cmp(&b.path));
        plan.lock = Some(new.print()).filter(|text| *text != old.text);
        Ok(plan)
    }
}

impl Plan {
    /// Looks at every file that is to be written.
    fn compare(&mut self, root: &Path, old: &Lock, force: bool) -> Result<(), Failure> {
        for (path, artifact) in &self.artifacts {
            let there = there(root, &self.output.dir, path)?;
            let action = match &there {
                None => Action::Create,
                Some(there) if there.bytes == artifact.text.as_bytes() => {
                    if there.executable.is_none_or(|is| is == artifact.executable) {
                        Action::Keep
                    } else {
                        Action::Update
                    }
                }
                Some(there) if force || old.wrote(path, &there.bytes) => Action::Update,
                Some(_) => {
                    let known = old.files.contains_key(path);
                    self.conflicts.push(Conflict {
                        path: path.clone(),
                        reason: if known { Reason::Edited } else { Reason::Foreign },
                        there: there.map(|t| t.bytes).unwrap_or_default(),
                        new: Some(artifact.text.clone()),
                    });
                    continue;
                }
            };
            self.steps.push((path.clone(), action));
        }
        Ok(())
    }

    /// Looks at every file that the last build wrote and this one does not.
    fn leftovers(&mut self, root: &Path, old: &Lock, force: bool) -> Result<(), Failure> {
        if self.other_stack.is_some() {
            return Ok(());
        }
        for path in old.files.keys().filter(|p| !self.artifacts.contains_key(*p)) {
            let Some(there) = there(root, &self.output.dir, path)? else { continue };
            if old.wrote(path, &there.bytes) {
                self.steps.push((path.clone(), Action::Remove));
            } else {
                // Even --force only lets it be: a deleted edit could not be had back.
                let reason = if force { Reason::Kept } else { Reason::Left };
                self.conflicts.push(Conflict { path: path.clone(), reason, there: there.bytes, new: None });
            }
        }
        Ok(())
    }

    /// Whether writing would lose nothing.
    pub fn is_free(&self) -> bool {
        self.other_stack.is_none() && self.conflicts.iter().all(|c| c.reason == Reason::Kept)
    }

    /// Whether the folder holds just what it should.
    pub fn is_up_to_date(&self) -> bool {
        self.is_free() && self.lock.is_none() && self.steps.iter().all(|(_, action)| *action == Action::Keep)
    }

    /// Whether the lock says something else than it should.
    pub fn lock_is_outdated(&self) -> bool {
        self.lock.is_some()
    }

    /// Writes. Either all of it happens or nothing does.
    pub fn apply(mut self) -> Result<(), Failure> {
        commit::sweep(&self.output.dir, self.steps.iter().map(|(path, _)| path.as_str()));
        let mut prepared = Prepared::new(std::mem::take(&mut self.output.made));
        for (path, action) in &self.steps {
            let target = self.output.dir.join(path);
            match (action, self.artifacts.get(path)) {
                (Action::Create | Action::Update, Some(artifact)) => {
                    prepared.put(&target, artifact.text.as_bytes(), artifact.executable)?;
                }
                (Action::Remove, _) => prepared.remove(&target)?,
                _ => {}
            }
        }
        // The lock goes last: cut off before, the next build finds files that are as they should be.
        if let Some(lock) = &self.lock {
            prepared.put(&self.output.dir.join(LOCK), lock.as_bytes(), false)?;
        }
        prepared.commit(&self.output.dir)
    }
}

/// A path made of plain names: neither absolute nor up, nor one of our own files in progress.
fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\\', '\0'])
        && path.split('/').all(|name| !matches!(name, "" | "." | "..") && !name.starts_with(commit::PREFIX))
        && Path::new(path).components().all(|c| matches!(c, std::path::Component::Normal(_)))
}

/// A file of the output folder.
struct There {
    bytes: Vec<u8>,
    /// Whether it can be run, where the system knows such a thing.
    executable: Option<bool>,
}

/// Reads a file of the output folder, if it is there; whatever is not a file inside the folder is refused.
fn there(root: &Path, dir: &Path, path: &str) -> Result<Option<There>, Failure> {
    let mut at = dir.to_path_buf();
    let mut names = path.split('/').peekable();
    while let Some(name) = names.next() {
        at.push(name);
        let meta = match fs::symlink_metadata(&at) {
            Ok(meta) => meta,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::io(format_args!("read {}", at.display()), &error)),
        };
        if meta.is_symlink() && !fs::canonicalize(&at).is_ok_and(|real| real.starts_with(root)) {
            return Err(Failure::new(format!(
                "{} is a link that leads out of the output folder",
                at.display()
            ))
            .help("delete the link, then build again"));
        }
        let Ok(meta) = fs::metadata(&at) else { return Ok(None) };
        let (needed, wrong) =
            if names.peek().is_some() { ("folder", !meta.is_dir()) } else { ("file", !meta.is_file()) };
        if wrong {
            return Err(Failure::new(format!("expected a {needed}, found something else: {}", at.display()))
                .help("move it away, then build again"));
        }
    }
    let read = fs::read(&at).and_then(|bytes| Ok((bytes, fs::metadata(&at)?)));
    match read {
        Ok((bytes, meta)) => Ok(Some(There { bytes, executable: executable(&meta) })),
        Err(error) => Err(Failure::io(format_args!("read {}", at.display()), &error)),
    }
}

#[cfg(unix)]
fn executable(meta: &fs::Metadata) -> Option<bool> {
    use std::os::unix::fs::PermissionsExt;
    Some(meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn executable(_: &fs::Metadata) -> Option<bool> {
    None
}

/// Takes the folder for this process alone, waiting for whoever has it. The folder itself is locked, since every file
/// in it may be replaced. Where a file system or system has no such locks, two builds at once are not kept apart.
fn guard(dir: &Path) -> Option<File> {
    let file = File::open(dir).ok()?;
    file.lock().ok()?;
    Some(file)
}

fn cannot_make(folder: &Path, error: &io::Error) -> Failure {
    let failure = if error.kind() == ErrorKind::AlreadyExists {
        Failure::new(format!("expected a folder, found something else: {}", folder.display()))
    } else {
        Failure::io(format_args!("make the folder {}", folder.display()), error)
    };
    failure.help("name a folder that can be written with `-o DIR`")
}
