//! `stackgen why`: what made a line of a file, and which lines a line of the manifest made.

mod back;
mod message;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io::{IsTerminal, Read};
use std::path::Path;

use super::out::Out;
use super::{Status, stacks, team};
use crate::cli::Why;
use crate::compile::Compiled;
use crate::emit::{Artifact, compose};
use crate::finding::{Document, Place, Step};
use crate::origin::{Cause, cause, origin};
use crate::outline::{Entry, Outline, Value, read};
use crate::render::{BOLD, HELP, clean, count, text};
use crate::stack::{MountSource, Stack};
use crate::write::Failure;
use message::Spot;

/// Most places of one message, or entries of one line, that are told.
const MOST: usize = 8;

pub(super) fn run(args: &Why, out: &mut Out) -> Result<Status, Failure> {
    let what = match args.what.as_deref() {
        Some("-") => None,
        None if std::io::stdin().is_terminal() => {
            return Err(Failure::new(
                "expected a file that was written, or messages of a program on standard input, found neither",
            )
            .help("stackgen why deploy/nginx/nginx.conf:44, or pipe the messages in"));
        }
        what => what,
    };
    let (file, line) = what.map_or((None, None), |what| {
        let (file, line) = split(what);
        (Some(file), line)
    });
    let above = file.map(Path::new).filter(|path| path.exists()).and_then(stacks::above);
    let manifest = match (&args.stack, above) {
        (Some(stack), _) => stacks::find(Some(stack))?,
        (None, Some(manifest)) => manifest,
        (None, None) => stacks::find(None)?,
    };
    let compiled = team::compiled(&manifest, args.env.as_deref())?;
    let Some(stack) = compiled.stack.as_ref().filter(|_| !compiled.failed()) else {
        out.error(&text::findings(&compiled));
        return Err(Failure::new(format!(
            "expected a stack without errors, found some in {}",
            stacks::shown(&manifest)
        ))
        .help("mend what `stackgen lint` shows, then ask again"));
    };
    let view = View { compiled: &compiled, stack };
    match file {
        Some(file) => view.file(file, line, out),
        None => view.messages(out),
    }
}

/// `FILE:LINE`, or a file alone.
fn split(what: &str) -> (&str, Option<u32>) {
    match what.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?))) {
        Some((file, line)) if line > 0 => (file, Some(line)),
        _ => (what, None),
    }
}

struct View<'a> {
    compiled: &'a Compiled,
    stack: &'a Stack,
}

impl View<'_> {
    fn file(&self, file: &str, line: Option<u32>, out: &mut Out) -> Result<Status, Failure> {
        if let Some(artifact) = self.artifact(file) {
            let shown = match line {
                Some(line) => {
                    let (outline, ours) = self.outline(file, artifact)?;
                    self.line(artifact, &outline, line, ours)
                }
                None => self.overview(artifact)?,
            };
            return Ok(printed(out, shown));
        }
        let sources = self.compiled.sources.iter();
        let same = |path: &str| {
            path == file
                || stacks::shown(Path::new(file)) == path
                || ends_with(path, file)
                || ends_with(file, path)
        };
        let Some((source, _)) = sources.into_iter().find(|(_, s)| same(&s.path)) else {
            let known: Vec<&str> = self.compiled.artifacts.iter().map(|a| a.path.as_str()).collect();
            return Err(Failure::new(format!(
                "expected a file that the build of {} writes, found `{file}`",
                self.stack.name
            ))
            .help(format!("it writes {}", known.join(", "))));
        };
        let Some(line) = line else {
            return Err(Failure::new(format!("expected a line of {file}, found none"))
                .help(format!("name one: stackgen why {file}:12")));
        };
        Ok(printed(out, back::made_by(self, source, line)))
    }

    /// Answers messages of programs on standard input.
    fn messages(&self, out: &mut Out) -> Result<Status, Failure> {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .take(1 << 20)
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::io("read standard input", &error))?;
        let mut told = Vec::new();
        let mut shown = String::new();
        let text = String::from_utf8_lossy(&bytes);
        for spot in text.lines().flat_map(message::spots) {
            let answer = self.spot(&spot);
            if !answer.is_empty() && told.len() < MOST && !told.contains(&spot) {
                shown.push_str(&answer);
                told.push(spot);
            }
        }
        Ok(printed(out, shown))
    }

    /// What is known of a place in a message; nothing when it is none of ours.
    fn spot(&self, spot: &Spot) -> String {
        let compose = || self.compiled.artifacts.iter().find(|a| a.path == compose::FILE);
        match spot {
            Spot::Line(file, line) => self
                .artifact(file)
                .and_then(|a| Some((a, read(&a.path, &a.text).ok()?)))
                .map_or_else(String::new, |(artifact, outline)| self.line(artifact, &outline, *line, true)),
            Spot::ComposeLine(line) => compose()
                .and_then(|a| Some((a, read(&a.path, &a.text).ok()?)))
                .map_or_else(String::new, |(artifact, outline)| self.line(artifact, &outline, *line, true)),
            // Options of certbot stand in its file.
            Spot::Option(name) => {
                let artifact = self.artifact("certbot/cli.ini");
                let outline = artifact.and_then(|a| Some((a, read(&a.path, &a.text).ok()?)));
                let found = outline.as_ref().and_then(|(artifact, outline)| {
                    let entry = outline.entries.get(&crate::finding::Path(vec![name.into()]))?;
                    Some(self.line(artifact, outline, entry.line, true))
                });
                found.unwrap_or_default()
            }
            Spot::Keys(keys) => {
                let Some(artifact) = compose() else { return String::new() };
                let Ok(outline) = read(&artifact.path, &artifact.text) else { return String::new() };
                self.keys(artifact, &outline, keys)
            }
        }
    }

    /// The entries below some keys of the Compose file, or of their nearest parent that has any.
    fn keys(&self, artifact: &Artifact, outline: &Outline, keys: &[String]) -> String {
        for end in (2..=keys.len()).rev() {
            let steps: Vec<Step> = keys[..end].iter().map(Step::from).collect();
            let first = outline
                .entries
                .iter()
                .filter(|(path, _)| path.0.starts_with(&steps))
                .min_by_key(|(_, e)| e.line);
            if let Some((_, entry)) = first {
                // Of a whole service its own line in the manifest says more than that of its first key.
                if end == 2 && steps.first() == Some(&"services".into()) {
                    return self.service(&keys[1]);
                }
                return self.line(artifact, outline, entry.line, true);
            }
        }
        String::new()
    }

    fn service(&self, name: &str) -> String {
        let Some(service) = self.stack.service(name) else { return String::new() };
        let heading = format!("{BOLD}{}{BOLD:#}: service {}\n", compose::FILE, clean(name));
        heading + &text::place(self.compiled, &service.place.on_key(), &format!("kind {}", service.kind))
    }

    /// The artifact a path means: below the output folder, anywhere on a disk, or as a container sees it.
    fn artifact(&self, file: &str) -> Option<&Artifact> {
        let file = file.strip_prefix("./").unwrap_or(file);
        let all = &self.compiled.artifacts;
        if let Some(exact) = all.iter().find(|a| a.path == file) {
            return Some(exact);
        }
        // A container sees a folder of the output somewhere else.
        for mount in self.stack.services.iter().flat_map(|s| &s.mounts) {
            if let MountSource::Output(folder) = &mount.source
                && let Some(rest) =
                    file.strip_prefix(mount.target.as_str()).and_then(|rest| rest.strip_prefix('/'))
                && let Some(found) = all.iter().find(|a| a.path == format!("{folder}/{rest}"))
            {
                return Some(found);
            }
        }
        if let Some(below) = all.iter().find(|a| ends_with(file, &a.path)) {
            return Some(below);
        }
        // A name alone, if there is one file of it.
        let mut named = all.iter().filter(|a| ends_with(&a.path, file));
        named.next().filter(|_| named.next().is_none())
    }

    /// What the file on disk says, if there is one and it is not as the manifest makes it now, and whether it is.
    fn outline(&self, file: &str, artifact: &Artifact) -> Result<(Outline, bool), Failure> {
        let on_disk = fs::read_to_string(file).ok().filter(|text| *text != artifact.text);
        let ours = on_disk.is_none();
        let outline =
            read(&artifact.path, on_disk.as_deref().unwrap_or(&artifact.text)).map_err(|fault| {
                let line =
                    on_disk.as_deref().map_or(0, |text| text[..fault.offset.min(text.len())].lines().count());
                Failure::new(format!("cannot read {file}: line {line}: {fault}"))
                    .help("`stackgen build --check` shows what was edited")
            })?;
        Ok((outline, ours))
    }

    /// A line: its entries with what made them. A line without any belongs to the entry above it, a comment to the one
    /// below.
    fn line(&self, artifact: &Artifact, outline: &Outline, line: u32, ours: bool) -> String {
        let text = artifact.text.lines().nth(line as usize - 1).unwrap_or_default();
        let is_comment = text.trim_start().starts_with(['#', ';']) && !text.starts_with("#!");
        let on = |wanted: u32| outline.entries.iter().filter(move |(_, e)| e.line == wanted);
        let numbers = || outline.entries.iter().filter(|(path, _)| !path.0.is_empty()).map(|(_, e)| e.line);
        let near = match () {
            () if on(line).next().is_some() => Some(line),
            () if is_comment => numbers().filter(|n| *n > line).min(),
            () => numbers().filter(|n| *n < line).max(),
        };
        let Some(near) = near else { return String::new() };
        let mut shown = format!("{BOLD}{}:{line}{BOLD:#}:", clean(&artifact.path));
        if ours {
            let _ = write!(shown, " {}", clean(text.trim()));
        }
        shown.push('\n');
        let mut told: Vec<Cause> = Vec::new();
        for (path, entry) in on(near).filter(|(path, _)| !path.0.is_empty()) {
            let Some(cause) = origin(self.stack, &artifact.path, path).map(|o| cause(self.compiled, &o))
            else {
                continue;
            };
            let differs = if ours { None } else { Some(self.differs(artifact, path, entry)) };
            if told.contains(&cause) || told.len() == MOST {
                continue;
            }
            let _ = writeln!(shown, "  {}", clean(&path.to_string()));
            if let Some(differs) = differs.flatten() {
                let _ = writeln!(shown, "  {HELP}differs:{HELP:#} {differs}");
            }
            shown.push_str(&self.cause(&cause));
            told.push(cause);
        }
        shown
    }

    /// How an entry of an edited file differs from what the manifest makes now.
    fn differs(&self, artifact: &Artifact, path: &crate::finding::Path, entry: &Entry) -> Option<String> {
        let now = read(&artifact.path, &artifact.text).ok()?;
        match now.entries.get(path) {
            None => Some(
                "the manifest does not make this; it was added by hand, or by an older manifest".to_string(),
            ),
            // The value on disk may be a secret, and is not shown.
            Some(Entry { value: Value::Plain(value), .. }) if entry.value != Value::Plain(value.clone()) => {
                Some(format!("the manifest makes it `{}` now", clean(value)))
            }
            Some(_) => None,
        }
    }

    /// The places of a cause, or its rule.
    fn cause(&self, cause: &Cause) -> String {
        let mut shown = String::new();
        match (&cause.manifest, &cause.kind) {
            (None, None) => {}
            (Some(manifest), None) => shown.push_str(&text::place(self.compiled, manifest, "")),
            (None, Some(kind)) => shown.push_str(&text::place(self.compiled, kind, "the kind says so")),
            (Some(manifest), Some(kind)) => {
                shown.push_str(&text::place(self.compiled, manifest, "from here"));
                shown.push_str(&text::place(self.compiled, kind, "by way of the kind"));
            }
        }
        if cause.manifest.is_none() {
            let _ = writeln!(shown, "  {HELP}why:{HELP:#} {}", cause.rule);
        }
        shown
    }

    /// The parts of a file with the lines they take, and where each comes from.
    fn overview(&self, artifact: &Artifact) -> Result<String, Failure> {
        let (outline, _) = self.outline(&artifact.path, artifact)?;
        let mut parts: BTreeMap<u32, (String, u32, Vec<Place>)> = BTreeMap::new();
        // That a server is the default of its address is a part of the server.
        let of_server = |path: &crate::finding::Path| {
            path.0.is_empty()
                || matches!(path.0.as_slice(), [_, Step::Key(key)] if key.starts_with("default server of "))
        };
        let mut lines: Vec<_> = outline.entries.iter().filter(|(path, _)| !of_server(path)).collect();
        lines.sort_by_key(|(path, entry)| (entry.line, *path));
        let mut open: Option<(String, u32)> = None;
        for (path, entry) in lines {
            let name = part(path);
            let start = match &open {
                Some((there, start)) if *there == name => *start,
                _ => entry.line,
            };
            open = Some((name.clone(), start));
            let part = parts.entry(start).or_insert_with(|| (name, entry.line, Vec::new()));
            part.1 = part.1.max(entry.line);
            let from = origin(self.stack, &artifact.path, path).map(|o| cause(self.compiled, &o));
            part.2.extend(from.and_then(|cause| cause.manifest));
        }
        let mut shown = format!("{BOLD}{}{BOLD:#}: {}\n", clean(&artifact.path), count(parts.len(), "part"));
        let width = parts.values().map(|(name, ..)| name.chars().count()).max().unwrap_or_default().min(48);
        for (start, (name, end, places)) in &parts {
            let range = if start == end { start.to_string() } else { format!("{start}-{end}") };
            let from = common(places).unwrap_or_else(|| "kinds and rules".to_string());
            let _ = writeln!(shown, "{range:>9}  {:width$}  {from}", clean(name));
        }
        Ok(shown)
    }
}

/// What a path belongs to in an overview: a service, a server, a block, a setting.
fn part(path: &crate::finding::Path) -> String {
    let keys: Vec<String> =
        path.0.iter().map(|step| crate::finding::Path(vec![step.clone()]).to_string()).collect();
    match keys.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["services", name, ..] => format!("services.{name}"),
        ["http", block, ..] if ["server ", "upstream ", "\"server "].iter().any(|s| block.starts_with(s)) => {
            block.trim_matches('"').to_string()
        }
        ["options", key, ..] => (*key).to_string(),
        [first, ..] => first.trim_matches('"').to_string(),
        [] => String::new(),
    }
}

/// The path of the manifest that most of some places lie below; nothing when there are no places.
fn common(places: &[Place]) -> Option<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for place in places {
        if let Place::At { document: Document::Manifest, path, .. } = place {
            let depth = if matches!(path.0.first(), Some(Step::Key(key)) if ["services", "databases", "mail", "volumes", "secrets", "rate_limits"].contains(&key.as_str()))
            {
                2
            } else {
                1
            };
            *counts
                .entry(crate::finding::Path(path.0.iter().take(depth).cloned().collect()).to_string())
                .or_default() += 1;
        }
    }
    let all: usize = counts.values().sum();
    let (path, most) = counts.into_iter().max_by_key(|(_, n)| *n)?;
    Some(if most * 2 > all { path } else { "several places".to_string() })
}

/// Whether a path ends with another one, by whole names.
fn ends_with(path: &str, end: &str) -> bool {
    path.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

fn printed(out: &mut Out, shown: String) -> Status {
    if shown.is_empty() {
        out.status("nothing found: no line of the output or the manifest is spoken of\n");
        return Status::Found;
    }
    out.print(&shown);
    Status::Fine
}
