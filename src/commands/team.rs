//! Finds what a team asks of all its stacks, and the repository they are in.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use super::stacks::{self, shown};
use crate::compile::Compiled;
use crate::policy::Policy;
use crate::text::Sources;
use crate::write::Failure;

/// What the file of a policy is called.
const FILES: [&str; 2] = ["stackgen-policy.yaml", "stackgen-policy.toml"];

/// Path and text of a file.
pub(super) type Text = (String, String);

/// Policies as they are found.
#[derive(Default)]
pub(super) struct Team {
    /// The policy that holds in a folder.
    folders: HashMap<PathBuf, Option<Text>>,
    /// What could not be read.
    pub(super) failures: Vec<Failure>,
}

impl Team {
    /// The policy for a manifest, or a directory without one: the nearest in its folder or above, within the
    /// repository.
    pub(super) fn policy(&mut self, manifest: &Path) -> Option<Text> {
        let folder = if manifest.is_dir() { manifest } else { manifest.parent().unwrap_or(Path::new("")) };
        let folder = absolute(folder);
        let last = root(&folder);
        self.at(&folder, &last)
    }

    /// Names of the rules that the policies found so far have.
    pub(super) fn rules(&self) -> Vec<String> {
        let texts: BTreeSet<&Text> = self.folders.values().flatten().collect();
        let mut sources = Sources::default();
        let read = |(path, text): &Text| {
            let id = sources.add(path.as_str(), text.as_str());
            Policy::read(id, &sources, &mut Vec::new()).0
        };
        let policies: Vec<Policy> = texts.into_iter().filter_map(read).collect();
        policies.iter().flat_map(Policy::names).map(str::to_string).collect()
    }

    fn at(&mut self, folder: &Path, last: &Path) -> Option<Text> {
        if let Some(policy) = self.folders.get(folder) {
            return policy.clone();
        }
        let policy = match self.read(folder) {
            Some(policy) => policy,
            None => folder.parent().filter(|_| folder != last).and_then(|above| self.at(above, last)),
        };
        self.folders.insert(folder.into(), policy.clone());
        policy
    }

    /// The policy of a folder, if it has one: nothing if that cannot be read.
    fn read(&mut self, folder: &Path) -> Option<Option<Text>> {
        let mut found = FILES.iter().map(|name| folder.join(name)).filter(|path| path.is_file());
        let path = found.next()?;
        if let Some(other) = found.next() {
            let message = format!("expected one policy, found {} and {}", seen(&path), seen(&other));
            self.failures.push(Failure::new(message).help("delete one of them"));
        }
        Some(match fs::read_to_string(&path) {
            Ok(text) => Some((seen(&path), text)),
            Err(error) => {
                self.failures.push(Failure::io(format_args!("read {}", seen(&path)), &error));
                None
            }
        })
    }
}

/// Compiles a stack by the policy that holds for it.
pub(super) fn compiled(manifest: &Path, env: Option<&str>) -> Result<Compiled, Failure> {
    let mut team = Team::default();
    let policy = team.policy(manifest);
    match team.failures.pop() {
        Some(failure) => Err(failure),
        None => stacks::compiled(manifest, env, policy, false),
    }
}

/// Whether that is the path of a policy.
pub(super) fn is_policy(path: &str) -> bool {
    path.rsplit(['/', '\\']).next().is_some_and(|name| FILES.contains(&name))
}

/// A file as one in this folder would write it: `../stackgen-policy.yaml`.
fn seen(file: &Path) -> String {
    let here = absolute(Path::new(""));
    let common = here.ancestors().find(|above| file.starts_with(above)).unwrap_or(Path::new(""));
    match (file.strip_prefix(common), here.strip_prefix(common)) {
        (Ok(rest), Ok(up)) if common.parent().is_some() => {
            let path: PathBuf = up.components().map(|_| Path::new("..")).chain([rest]).collect();
            path.display().to_string()
        }
        _ => shown(file),
    }
}

/// The root of the repository a folder is in; where there is none, the working directory or the folder itself.
pub(super) fn root(folder: &Path) -> PathBuf {
    if let Some(root) = folder.ancestors().find(|f| f.join(".git").exists()) {
        return root.into();
    }
    let here = absolute(Path::new(""));
    if folder.starts_with(&here) { here } else { folder.into() }
}

/// A path that does not depend on the working directory, without `.` and `..`.
pub(super) fn absolute(path: &Path) -> PathBuf {
    fs::canonicalize(if path.as_os_str().is_empty() { Path::new(".") } else { path })
        .or_else(|_| std::path::absolute(path))
        .unwrap_or_else(|_| path.into())
}
