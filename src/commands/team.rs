//! Finds what a team decides for all its stacks, and the repository they are in.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::stacks::shown;
use crate::compile::Compiled;
use crate::finding::Document;
use crate::policy::{self, FILES, Policy};
use crate::text::Sources;
use crate::write::Failure;

/// Policies as they are found.
#[derive(Default)]
pub(super) struct Team {
    /// The policy that holds in a folder.
    folders: HashMap<PathBuf, Policy>,
    /// What was found in the policies themselves.
    pub(super) files: Vec<Compiled>,
    /// What could not be read.
    pub(super) failures: Vec<Failure>,
}

impl Team {
    /// The policy for a manifest: the nearest one in its folder or above, within the repository.
    pub(super) fn policy(&mut self, manifest: &Path) -> Policy {
        let folder = absolute(manifest.parent().unwrap_or(Path::new("")));
        let last = root(&folder);
        self.at(&folder, &last)
    }

    fn at(&mut self, folder: &Path, last: &Path) -> Policy {
        if let Some(policy) = self.folders.get(folder) {
            return policy.clone();
        }
        let policy = match self.read(folder) {
            Some(policy) => policy,
            None => match folder.parent().filter(|_| folder != last) {
                Some(above) => self.at(above, last),
                None => Policy::default(),
            },
        };
        self.folders.insert(folder.into(), policy.clone());
        policy
    }

    fn read(&mut self, folder: &Path) -> Option<Policy> {
        let mut found = FILES.iter().map(|name| folder.join(name)).filter(|path| path.is_file());
        let path = found.next()?;
        if let Some(other) = found.next() {
            self.failures.push(
                Failure::new(format!("expected one policy, found {} and {}", shown(&path), shown(&other)))
                    .help("delete one of them"),
            );
        }
        match fs::read_to_string(&path) {
            Ok(text) => {
                let (mut sources, mut findings) = (Sources::default(), Vec::new());
                let id = sources.add(shown(&path), text);
                let (policy, tree) = policy::parse(id, &sources, &mut findings);
                self.files.push(Compiled::of(sources, Document::Policy, tree, findings));
                Some(policy)
            }
            Err(error) => {
                self.failures.push(Failure::io(format_args!("read {}", shown(&path)), &error));
                Some(Policy::default())
            }
        }
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
