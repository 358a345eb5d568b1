//! What was found at an earlier revision of git. Nothing is checked out: texts come from the object store.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::stacks::{foreign_name, is_foreign, is_kinds_file, overlay_names, shown};
use super::team::absolute;
use crate::compile::{Compiled, Input, check_foreign, compile};
use crate::foreign::{Entry, Folder, LARGEST};
use crate::kinds::KindsFile;
use crate::text;
use crate::write::Failure;

/// The files of a revision.
pub(super) struct Revision {
    /// Root of the repository.
    root: PathBuf,
    /// Object of each file.
    objects: BTreeMap<String, String>,
    /// Texts by object, as far as they were asked for.
    texts: HashMap<String, String>,
}

impl Revision {
    /// Looks up a revision of the repository that the manifests are in, and reads what it has of them.
    pub(super) fn read(name: &str, manifests: &[PathBuf], env: Option<&str>) -> Result<Self, Failure> {
        let first = manifests.first().map_or(Path::new(""), PathBuf::as_path);
        let near = if is_foreign(first) { first } else { first.parent().unwrap_or(Path::new("")) };
        let near = absolute(near);
        let root = git(&near, &["rev-parse", "--show-toplevel"], &[]).map_err(|mut f| {
            f.help.get_or_insert("`--since` compares with a revision of git: run it in a repository".into());
            f
        })?;
        let root = PathBuf::from(String::from_utf8_lossy(&root).trim_end_matches(['\n', '\r']));
        let unknown = || {
            Failure::new(format!("git knows no revision {}", text::shown(name))).help(
                "name a branch, tag or commit; a shallow clone lacks older ones: `git fetch --unshallow`",
            )
        };
        if name.starts_with('-') {
            return Err(unknown());
        }
        let commit = git(&root, &["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")], &[]);
        let commit = String::from_utf8_lossy(&commit.map_err(|_| unknown())?).trim().to_string();
        // What others did since the branch began is not what it brings.
        let base = git(&root, &["merge-base", &commit, "HEAD"], &[]).unwrap_or_default();
        let base = String::from_utf8_lossy(&base).trim().to_string();
        let commit = if base.is_empty() { commit } else { base };
        let listed = git(&root, &["ls-tree", "-r", "-z", "--full-tree", &commit], &[])?;
        let mut revision = Self { root, objects: BTreeMap::new(), texts: HashMap::new() };
        for entry in listed.split(|b| *b == 0) {
            let entry = String::from_utf8_lossy(entry);
            // The target of a link and the commit of a submodule are no texts.
            if let Some((mode, path)) = entry.split_once('\t')
                && let Some(object) = mode.strip_prefix("100").and_then(|m| m.split(' ').nth(2))
            {
                revision.objects.insert(path.to_string(), object.to_string());
            }
        }
        revision.fetch(manifests, env)?;
        Ok(revision)
    }

    /// Reads every text that the manifests are made of.
    fn fetch(&mut self, manifests: &[PathBuf], env: Option<&str>) -> Result<(), Failure> {
        let folders: BTreeSet<String> =
            manifests.iter().filter_map(|m| self.path(m)).map(|p| format!("{}kinds/", folder(&p))).collect();
        let kinds = self.objects.iter().filter(|(path, _)| {
            // `kinds/NAME` or `kinds/FOLDER/NAME`.
            let above = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let above_that = above.rsplit_once('/').map_or("", |(folder, _)| folder);
            folders.contains(&format!("{above}/")) || folders.contains(&format!("{above_that}/"))
        });
        let own = manifests.iter().filter_map(|m| self.path(m)).flat_map(|path| {
            let overlays = env.map(|env| overlay_names(Path::new(&path), env)).into_iter().flatten();
            let overlays: Vec<_> = overlays.map(|p| p.to_string_lossy().into_owned()).collect();
            std::iter::once(path).chain(overlays)
        });
        let own: Vec<String> = own.filter_map(|path| self.objects.get(&path).cloned()).collect();
        let wanted: Vec<String> =
            kinds.map(|(_, object)| object.clone()).chain(own).collect::<BTreeSet<_>>().into_iter().collect();
        let input = wanted.iter().flat_map(|object| format!("{object}\n").into_bytes()).collect::<Vec<_>>();
        let output = git(&self.root, &["cat-file", "--batch"], &input)?;
        let mut rest = output.as_slice();
        for object in wanted {
            // `OBJECT blob SIZE`, a line break, the bytes, a line break.
            let Some(end) = rest.iter().position(|b| *b == b'\n') else { break };
            let head = String::from_utf8_lossy(&rest[..end]).into_owned();
            let size = head.rsplit(' ').next().and_then(|n| n.parse::<usize>().ok()).unwrap_or_default();
            let bytes = rest.get(end + 1..end + 1 + size).unwrap_or_default();
            self.texts.insert(object, String::from_utf8_lossy(bytes).into_owned());
            rest = rest.get(end + 2 + size..).unwrap_or_default();
        }
        Ok(())
    }

    /// A path of the disk as git has it.
    fn path(&self, file: &Path) -> Option<String> {
        let path = match file.file_name() {
            Some(name) if !is_foreign(file) => absolute(file.parent().unwrap_or(Path::new(""))).join(name),
            _ => absolute(file),
        };
        let root = absolute(&self.root);
        Some(path.strip_prefix(root).ok()?.to_str()?.replace('\\', "/"))
    }

    fn text(&self, path: &str) -> Option<String> {
        self.texts.get(self.objects.get(path)?).cloned()
    }

    /// What was found in a stack, or a directory without a manifest. Nothing where it was not there.
    pub(super) fn compiled(
        &self,
        manifest: &Path,
        env: Option<&str>,
        with: impl FnOnce(&mut Input),
    ) -> Compiled {
        let mut input = self.input(manifest, env).unwrap_or_default();
        with(&mut input);
        if !is_foreign(manifest) {
            return if input.manifest.0.is_empty() { Compiled::default() } else { compile(input) };
        }
        let Some(path) = self.path(manifest) else { return Compiled::default() };
        let below = if path.is_empty() { path } else { format!("{path}/") };
        let mut compiled =
            check_foreign(&Past { revision: self, below }, &foreign_name(manifest), input.pedantic);
        input.policy.into_iter().for_each(|policy| compiled.obey(policy));
        compiled
    }

    /// A stack as it was; `None` when it was not there.
    fn input(&self, manifest: &Path, env: Option<&str>) -> Option<Input> {
        let path = self.path(manifest)?;
        let text = self.text(&path)?;
        let overlay = env.and_then(|env| {
            overlay_names(manifest, env).into_iter().find_map(|file| {
                let text = self.text(&self.path(&file)?)?;
                Some((shown(&file), text))
            })
        });
        let below = format!("{}kinds/", folder(&path));
        let mut kinds: Vec<KindsFile> = self
            .objects
            .keys()
            .filter_map(|file| {
                let name = file.strip_prefix(&below).filter(|name| is_kinds_file(name))?;
                Some(KindsFile { name: name.to_string(), path: file.clone(), text: self.text(file)? })
            })
            .collect();
        kinds.sort_by(|a, b| a.path.cmp(&b.path));
        Some(Input { manifest: (shown(manifest), text), overlay, kinds, ..Input::default() })
    }
}

/// A directory as it was. Texts are asked for one by one: few of its files are read.
struct Past<'a> {
    revision: &'a Revision,
    /// What its paths begin with.
    below: String,
}

impl Past<'_> {
    /// The rest of every path that begins so.
    fn rest(&self, path: &str) -> impl Iterator<Item = &str> {
        let start = match path {
            "" => self.below.clone(),
            path => format!("{}{path}/", self.below),
        };
        let there = self.revision.objects.range(start.clone()..);
        there.map_while(move |(path, _)| path.strip_prefix(&start))
    }
}

impl Folder for Past<'_> {
    fn entry(&self, path: &str) -> Entry {
        if self.tracked(path) {
            Entry::File
        } else if self.rest(path).next().is_some() {
            Entry::Folder
        } else {
            Entry::Nothing
        }
    }

    fn read(&self, path: &str) -> Option<String> {
        let object = self.revision.objects.get(&format!("{}{path}", self.below))?;
        let bytes = git(&self.revision.root, &["cat-file", "blob", object], &[]).ok()?;
        String::from_utf8(bytes).ok().filter(|text| text.len() <= LARGEST)
    }

    fn list(&self, path: &str) -> Vec<String> {
        let names = self.rest(path).filter_map(|rest| rest.split('/').next());
        let mut names: Vec<String> = names.map(str::to_string).collect();
        names.sort();
        names.dedup();
        names
    }

    fn tracked(&self, path: &str) -> bool {
        self.revision.objects.contains_key(&format!("{}{path}", self.below))
    }
}

/// The folder of a path of git, with a slash unless it is the root.
fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |i| &path[..=i])
}

/// What git prints.
fn git(folder: &Path, args: &[&str], input: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut command = Command::new("git");
    command
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A hook is run with these, for its own repository and index.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(name);
    }
    let cannot = |error: &std::io::Error| {
        let failure = Failure::io("run git", error);
        match error.kind() {
            ErrorKind::NotFound => failure.help("`--since` needs git: install it, or leave out `--since`"),
            _ => failure,
        }
    };
    let mut child = command.spawn().map_err(|e| cannot(&e))?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // Both pipes are of limited size, so one must be filled while the other is emptied.
        scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(input)));
        child.wait_with_output()
    });
    let output = output.map_err(|e| cannot(&e))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or_default().trim_start_matches("fatal: ");
    let what = args.first().map_or(OsStr::new(""), OsStr::new).display();
    Err(Failure::new(format!("git {what} failed: {}", text::harmless(said.to_string()))))
}
