//! Finds stacks and reads their files.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use walkdir::WalkDir;

use super::disk::Disk;
use super::team::{Text, absolute};
use crate::compile::{Compiled, Input, check_foreign, compile};
use crate::finding::{Document, Finding};
use crate::foreign;
use crate::format::decode_utf8;
use crate::kinds::KindsFile;
use crate::scalar::Name;
use crate::text::{Sources, nearest, one_of};
use crate::write::{Failure, LOCK};

/// What a manifest is called.
const MANIFESTS: [&str; 2] = ["stack.yaml", "stack.toml"];

/// The manifest that an argument names, or the only one there is to mean.
pub(super) fn find(stack: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(path) = stack else { return find_here() };
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) => {
            let failure = Failure::io(format_args!("read {}", shown(path)), &error);
            if error.kind() != ErrorKind::NotFound {
                return Err(failure);
            }
            return Err(failure.help(match near(path) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name a manifest or its folder".to_string(),
            }));
        }
    };
    if meta.is_dir() {
        return in_folder(path)?.ok_or_else(|| {
            let failure = Failure::new(format!(
                "expected a stack in {}, found no stack.yaml or stack.toml",
                shown(path)
            ));
            match fs::metadata(path.join("stack.yml")) {
                Ok(_) => failure.help("rename stack.yml to stack.yaml"),
                Err(_) => failure
                    .help(format!("write one with `stackgen init {} --domain example.com`", shown(path))),
            }
        });
    }
    if let Some((stem, env)) = overlay_name(path) {
        return Err(Failure::new(format!("expected a manifest, found an overlay: {}", shown(path)))
            .help(format!("name the manifest and the overlay: `{} --env {env}`", shown(&stem))));
    }
    if !["yaml", "yml", "toml"].iter().any(|e| path.extension().is_some_and(|x| x.eq_ignore_ascii_case(e))) {
        return Err(Failure::new(format!(
            "expected a manifest, a .yaml or .toml file, found {}",
            shown(path)
        ))
        .help("name a manifest or its folder"));
    }
    Ok(path.into())
}

/// The manifest of the nearest folder above a file that has one.
pub(super) fn above(file: &Path) -> Option<PathBuf> {
    let file = std::path::absolute(file).ok()?;
    file.ancestors().skip(1).find_map(|folder| in_folder(folder).ok().flatten())
}

fn find_here() -> Result<PathBuf, Failure> {
    if let Some(manifest) = in_folder(Path::new(""))? {
        return Ok(manifest);
    }
    let known = known();
    match known.as_slice() {
        [] => Err(Failure::new(
            "expected a stack here, found neither stack.yaml, stack.toml nor one under stacks/",
        )
        .help("name a manifest or its folder, or write one: `stackgen init --domain example.com`")),
        [folder] => in_folder(folder)?.ok_or_else(|| Failure::new("the stack is gone")),
        several => {
            let names: Vec<_> = several.iter().map(|p| shown(p)).collect();
            Err(Failure::new(format!("expected one stack under stacks/, found {}", several.len()))
                .help(format!("name the one you mean: {}", one_of(names.iter().map(String::as_str)))))
        }
    }
}

/// Folders under `stacks/` with a manifest, by name.
fn known() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir("stacks")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|folder| MANIFESTS.iter().any(|name| folder.join(name).is_file()))
        .collect();
    folders.sort();
    folders
}

/// What a path that is not there was probably meant to be.
fn near(path: &Path) -> Option<String> {
    let known: Vec<_> = known().iter().map(|p| shown(p)).collect();
    let word = shown(path);
    let under = |k: &&String| k.strip_prefix("stacks/").is_some_and(|name| name == word);
    known
        .iter()
        .find(under)
        .map(String::as_str)
        .or_else(|| nearest(&word, known.iter().map(String::as_str)))
        .map(str::to_string)
}

/// The manifest in a folder.
fn in_folder(folder: &Path) -> Result<Option<PathBuf>, Failure> {
    let mut found = MANIFESTS.iter().map(|name| folder.join(name)).filter(|path| path.is_file());
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => {
            let folder = if folder.as_os_str().is_empty() { ".".into() } else { shown(folder) };
            Err(Failure::new(format!("expected one manifest in {folder}, found stack.yaml and stack.toml"))
                .help("delete one of them, or name the one you mean"))
        }
        (first, _) => Ok(first),
    }
}

/// For `stack.prod.yaml` beside a `stack.yaml` or `stack.toml`: that, and `prod`.
fn overlay_name(path: &Path) -> Option<(PathBuf, String)> {
    let stem = path.file_stem()?.to_str()?;
    let (base, env) = stem.rsplit_once('.')?;
    ["yaml", "toml"]
        .iter()
        .map(|ending| path.with_file_name(format!("{base}.{ending}")))
        .find(|p| p.is_file())
        .map(|p| (p, env.to_string()))
}

/// Manifests named by paths and below them, each once, in the order of the paths; and what could not be read.
pub(super) fn below(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<Failure>) {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    let here = [PathBuf::from(".")];
    for path in if paths.is_empty() { &here } else { paths } {
        if !path.is_dir() {
            match find(Some(path)) {
                Ok(manifest) => found.push(manifest),
                Err(failure) => failures.push(failure),
            }
            continue;
        }
        let mut here = Vec::new();
        let walk = WalkBuilder::new(path)
            // What is found must not depend on whose machine it is.
            .git_global(false)
            .git_exclude(false)
            // A copy without .git has the same stacks.
            .require_git(false)
            .filter_entry(|e| {
                e.depth() == 0 || !e.file_type().is_some_and(|t| t.is_dir()) || is_looked_into(e.path())
            })
            .build();
        for entry in walk {
            match entry {
                Ok(entry) if entry.depth() > 0 => {
                    let mut names = MANIFESTS.iter().chain(foreign::COMPOSE_FILES);
                    if names.any(|name| entry.file_name() == *name) {
                        here.extend(entry.path().parent().map(Path::to_path_buf));
                    }
                }
                Ok(_) => {}
                Err(error) => failures.push(unwalkable(path, &error)),
            }
        }
        // A folder comes before those in it; one with several such files was seen several times.
        here.sort();
        here.dedup();
        if here.is_empty() && foreign::is_one(&Disk::new(path)) {
            here.push(path.clone());
        }
        if here.is_empty() && failures.is_empty() {
            failures.push(
                Failure::new(format!(
                    "expected a stack below {}, found neither stack.yaml, stack.toml nor a Compose file",
                    shown(path)
                ))
                .help("name a manifest or a folder above one"),
            );
        }
        for folder in here {
            match in_folder(&folder) {
                // Where there is no manifest, a directory stands for the files in it.
                Ok(manifest) => found.push(manifest.unwrap_or(folder)),
                Err(failure) => failures.push(failure),
            }
        }
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|p| seen.insert(fs::canonicalize(p).unwrap_or_else(|_| p.clone())));
    (found, failures)
}

/// Whether a folder may hold stacks: hidden ones, those of package managers and what a build wrote do not.
fn is_looked_into(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with('.') && name != "target" && name != "node_modules" && !folder.join(LOCK).exists()
}

fn unwalkable(path: &Path, error: &ignore::Error) -> Failure {
    let mut at = path;
    let mut cause = error;
    // The path and the cause are layers around one another.
    loop {
        cause = match cause {
            ignore::Error::WithPath { path, err } => {
                at = path;
                err
            }
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => err,
            _ => break,
        };
    }
    match cause {
        ignore::Error::Io(error) => Failure::io(format_args!("read {}", shown(at)), error),
        _ => Failure::new(format!("cannot read {}: {cause}", shown(at))),
    }
}

/// Whether that is a directory without a manifest, and so stands for the files in it.
pub(super) fn is_foreign(manifest: &Path) -> bool {
    manifest.is_dir()
}

/// What a directory without a manifest is called.
pub(super) fn foreign_name(folder: &Path) -> String {
    absolute(folder).file_name().map_or_else(|| "stack".into(), |name| name.to_string_lossy().into_owned())
}

/// Compiles a stack. What could not be read is a failure, unless its text is at fault.
pub(super) fn compiled(
    manifest: &Path,
    env: Option<&str>,
    policy: Option<Text>,
    pedantic: bool,
) -> Result<Compiled, Failure> {
    if is_foreign(manifest) {
        let mut compiled = check_foreign(&Disk::new(manifest), &foreign_name(manifest), pedantic);
        policy.into_iter().for_each(|policy| compiled.obey(policy));
        return Ok(compiled);
    }
    Ok(input(manifest, env, policy, pedantic)?.compiled())
}

/// The files of a stack.
pub(super) enum Texts {
    /// All of them.
    Read(Input),
    /// One is no text.
    Faulty(Faults),
}

impl Texts {
    /// What comes out of them.
    pub(super) fn compiled(self) -> Compiled {
        match self {
            Texts::Read(input) => compile(input),
            Texts::Faulty(faults) => Compiled::of(faults.sources, Document::Manifest, None, faults.findings),
        }
    }
}

/// Reads the files of a stack.
pub(super) fn input(
    manifest: &Path,
    env: Option<&str>,
    policy: Option<Text>,
    pedantic: bool,
) -> Result<Texts, Failure> {
    let mut faults = Faults::default();
    let overlay = env.map(|env| overlay(manifest, env)).transpose()?;
    let input = Input {
        pedantic,
        // Accepted findings may have an end.
        today: Some(today()),
        manifest: (shown(manifest), faults.text(manifest)?),
        overlay: match &overlay {
            Some(path) => Some((shown(path), faults.text(path)?)),
            None => None,
        },
        policy,
        kinds: kinds(manifest.parent().unwrap_or(Path::new("")), &mut faults)?,
    };
    Ok(if faults.findings.is_empty() { Texts::Read(input) } else { Texts::Faulty(faults) })
}

/// The day, anywhere the same.
pub(super) fn today() -> String {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

/// The overlay of a manifest for an environment.
pub(super) fn overlay(manifest: &Path, env: &str) -> Result<PathBuf, Failure> {
    let stem = manifest.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let named = overlay_names(manifest, env);
    let mut found = named.iter().filter(|p| p.is_file()).cloned();
    // A name with a slash would lead elsewhere.
    let name_ok = Name::try_from(env.to_string()).is_ok();
    match (found.next().filter(|_| name_ok), found.next()) {
        (Some(one), None) => return Ok(one),
        (Some(one), Some(other)) => {
            return Err(Failure::new(format!(
                "expected one overlay, found {} and {}",
                shown(&one),
                shown(&other)
            ))
            .help("delete one of them"));
        }
        _ => {}
    }
    let environments = environments(manifest, &stem);
    let failure = Failure::new(format!("expected the overlay {}, found none", shown(&named[0])));
    Err(match (nearest(env, environments.iter().map(String::as_str)), environments.as_slice()) {
        (_, []) => failure.help(format!("{} has no overlays; leave out `--env`", shown(manifest))),
        (Some(near), _) => failure.help(format!("did you mean `--env {near}`?")),
        (None, all) => failure.help(format!("known: `--env {}`", all.join("`, `--env "))),
    })
}

/// What the overlay of a manifest for an environment may be called.
pub(super) fn overlay_names(manifest: &Path, env: &str) -> [PathBuf; 2] {
    let stem = manifest.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    ["yaml", "toml"].map(|ending| manifest.with_file_name(format!("{stem}.{env}.{ending}")))
}

/// Environments a manifest has overlays for, sorted.
fn environments(manifest: &Path, stem: &str) -> Vec<String> {
    let folder = manifest.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let rest = name.strip_prefix(stem)?.strip_prefix('.')?;
            let env = rest.strip_suffix(".yaml").or_else(|| rest.strip_suffix(".toml"))?;
            Some(env.to_string())
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Texts that are no UTF-8, as findings.
#[derive(Default)]
pub(super) struct Faults {
    sources: Sources,
    findings: Vec<Finding>,
}

impl Faults {
    fn text(&mut self, path: &Path) -> Result<String, Failure> {
        let bytes = fs::read(path).map_err(|e| Failure::io(format_args!("read {}", shown(path)), &e))?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(error) => {
                // The id is known only once the text is kept, and the text only once it is read.
                let id = self.sources.add(shown(path), String::from_utf8_lossy(error.as_bytes()));
                if let Err(fault) = decode_utf8(id, error.into_bytes()) {
                    self.findings.push(fault.1);
                }
                Ok(String::new())
            }
        }
    }
}

/// The kinds beside a manifest, as far as they are text.
pub(super) fn kinds_beside(manifest: &Path) -> Result<Vec<KindsFile>, Failure> {
    kinds(manifest.parent().unwrap_or(Path::new("")), &mut Faults::default())
}

/// The files of the `kinds/` folder beside a manifest, sorted.
fn kinds(folder: &Path, faults: &mut Faults) -> Result<Vec<KindsFile>, Failure> {
    let folder = folder.join("kinds");
    let mut files = Vec::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    // Templates may lie in a folder of their own, as the built-in ones do.
    for entry in WalkDir::new(&folder).min_depth(1).max_depth(2).follow_links(true).sort_by_file_name() {
        let entry = entry.map_err(|e| match e.io_error() {
            Some(error) => Failure::io(format_args!("read {}", shown(e.path().unwrap_or(&folder))), error),
            None => Failure::new(format!("cannot read {}: {e}", shown(&folder))),
        })?;
        let path = entry.path();
        let name = path.strip_prefix(&folder).unwrap_or(path).to_string_lossy().replace('\\', "/");
        if entry.file_type().is_file() && is_kinds_file(&name) {
            files.push(KindsFile { name, path: shown(path), text: faults.text(path)? });
        }
    }
    Ok(files)
}

/// Whether a path below `kinds/` is part of a kind.
pub(super) fn is_kinds_file(name: &str) -> bool {
    let endings: &[&str] = match name.matches('/').count() {
        0 => &[".yaml", ".yml", ".tsv", ".j2"],
        1 => &[".j2"],
        _ => &[],
    };
    endings.iter().any(|e| name.ends_with(e)) && !name.starts_with('.')
}

/// A path as the caller would write it: relative to the working directory if it lies below.
pub(super) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).unwrap_or(path);
    let path = path.strip_prefix(".").unwrap_or(path);
    if path.as_os_str().is_empty() { ".".into() } else { path.display().to_string() }
}
