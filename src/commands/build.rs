//! `stackgen build`: a stack to the files of its server.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};

use super::out::Out;
use super::{Status, stacks, team};
use crate::cli::Build;
use crate::compile::Compiled;
use crate::emit::Artifact;
use crate::render::text::{self, Tally};
use crate::render::{BOLD, HELP, clean, count, difference, style};
use crate::write::{Action, Conflict, Failure, LOCK, Output, Plan, Reason};

pub(super) fn run(args: &Build, out: &mut Out) -> Result<Status, Failure> {
    let manifest = stacks::find(args.stack.as_deref())?;
    let Some(mut compiled) = compiled(&manifest, args.env.as_deref(), out)? else { return Ok(Status::Found) };
    let dir = args.output.clone().unwrap_or_else(|| manifest.with_file_name("deploy"));
    let artifacts = std::mem::take(&mut compiled.artifacts);
    let writing = Writing { command: "build", args, dir: PathBuf::from(stacks::shown(&dir)) };
    let status = writing.write(&compiled, artifacts, out);
    // The process ends here; to free a large stack piece by piece before takes longer than to write it.
    std::mem::forget(compiled);
    status
}

/// Compiles a stack and tells what was found; nothing if that keeps it from being written.
pub(super) fn compiled(
    manifest: &Path,
    env: Option<&str>,
    out: &mut Out,
) -> Result<Option<Compiled>, Failure> {
    let compiled = team::compiled(manifest, env)?;
    let mut tally = Tally::default();
    tally.add(&compiled.findings);
    out.error(&text::findings(&compiled));
    if compiled.failed() {
        out.status(&format!("{}; nothing was written\n", tally.summary().trim_end()));
        return Ok(None);
    }
    if !tally.words().is_empty() {
        out.status(&tally.summary());
    }
    if compiled.stack.is_none() {
        return Err(Failure::new("the manifest says nothing"));
    }
    Ok(Some(compiled))
}

/// A command that writes files of a stack into a folder, or says whether they are up to date.
pub(super) struct Writing<'a> {
    /// Its name.
    pub command: &'static str,
    /// Its arguments.
    pub args: &'a Build,
    /// The folder, as it is shown.
    pub dir: PathBuf,
}

impl Writing<'_> {
    /// Writes, or looks.
    pub(super) fn write(
        &self,
        compiled: &Compiled,
        files: Vec<Artifact>,
        out: &mut Out,
    ) -> Result<Status, Failure> {
        let (args, dir) = (self.args, self.dir.as_path());
        let stack = compiled.stack.as_ref().map(|s| s.name.as_str()).unwrap_or_default();
        let output = if args.check { Output::look(dir) } else { Output::create(dir)? };
        let plan = output.plan(stack, files, args.force)?;
        if args.check {
            return Ok(self.check(&plan, stack, out));
        }
        if !plan.is_free() {
            out.error(&refusal(&plan, stack, dir));
            return Ok(Status::Found);
        }
        let report = report(&plan, stack, dir, compiled);
        plan.apply()?;
        out.status(&report);
        Ok(Status::Fine)
    }
}

/// Words in front of a line, in a column as cargo has it.
fn line(out: &mut String, style: Style, word: &str, rest: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{style}{word:>10}{style:#} {rest}");
}

const DONE: Style = Style::new().bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));

/// What was done, and what comes next.
fn report(plan: &Plan, stack: &str, dir: &Path, compiled: &Compiled) -> String {
    let mut out = String::new();
    let number = |action: Action| plan.steps.iter().filter(|(_, a)| *a == action).count();
    let mut counts = Vec::new();
    for (action, word) in
        [(Action::Create, "created"), (Action::Update, "updated"), (Action::Remove, "removed")]
    {
        for (path, _) in plan.steps.iter().filter(|(_, a)| *a == action) {
            line(&mut out, DONE, word, &shown(dir, path));
        }
        if number(action) > 0 {
            counts.push(format!("{} {word}", number(action)));
        }
    }
    for conflict in &plan.conflicts {
        let rest =
            format!("{}: no longer written, but edited; delete it by hand", shown(dir, &conflict.path));
        line(&mut out, style(crate::finding::Level::Warning), "kept", &rest);
    }
    let kept = number(Action::Keep);
    let changed = !counts.is_empty();
    if changed {
        if kept > 0 {
            counts.push(format!("{kept} unchanged"));
        }
        line(&mut out, DONE, "built", &format!("{stack} in {}: {}", dir.display(), counts.join(", ")));
    } else {
        line(
            &mut out,
            DONE,
            "built",
            &format!("{stack} in {}: {} up to date", dir.display(), count(kept, "file")),
        );
    }
    let written = |name: &str| plan.steps.iter().any(|(p, a)| p == name && *a != Action::Remove);
    let secrets = compiled.stack.as_ref().map_or(0, |s| s.secrets.len());
    if written(".env.example") && !dir.join(".env").exists() {
        let (from, to) = (shown(dir, ".env.example"), shown(dir, ".env"));
        let fill =
            if secrets > 0 { format!(", then fill in {}", count(secrets, "secret")) } else { String::new() };
        line(&mut out, HELP, "next", &format!("`cp {from} {to}`{fill}"));
    } else if changed && written("docker-compose.yml") {
        let file = shown(dir, "docker-compose.yml");
        line(
            &mut out,
            HELP,
            "next",
            &format!("see what changes: `docker compose -f {file} up -d --dry-run`"),
        );
    }
    out
}

/// Why nothing was written.
fn refusal(plan: &Plan, stack: &str, dir: &Path) -> String {
    let mut out = String::new();
    if let Some(other) = &plan.other_stack {
        let failure = Failure::new(format!(
            "{} holds the output of `{}`, not of `{stack}`",
            dir.display(),
            clean(other)
        ));
        let help = "name another folder with `-o DIR`; if the stack has a new name, build with `--force`";
        return text::failure(&failure.help(help));
    }
    let red = style(crate::finding::Level::Error);
    for Conflict { path, reason, there, new } in plan.conflicts.iter().filter(|c| c.reason != Reason::Kept) {
        let path = shown(dir, path);
        let what = match reason {
            Reason::Edited => "was edited since the last build",
            Reason::Foreign => "was not written by stackgen",
            Reason::Left | Reason::Kept => "was edited, and is no longer written",
        };
        let _ = writeln!(out, "{red}error{red:#}{BOLD}: {path} {what}{BOLD:#}");
        if let Some(new) = new {
            out.push_str(&difference::unified(there, new));
        }
        out.push('\n');
    }
    let _ = writeln!(
        out,
        "Nothing was written. Move what you need into the manifest, then build with `--force` to replace {}.",
        if plan.conflicts.len() == 1 { "the file" } else { "the files" },
    );
    out
}

impl Writing<'_> {
    /// What it would do.
    fn check(&self, plan: &Plan, stack: &str, out: &mut Out) -> Status {
        let (args, dir) = (self.args, self.dir.as_path());
        if plan.is_up_to_date() {
            let files = count(plan.steps.len(), "file");
            let mut report = String::new();
            line(&mut report, DONE, "checked", &format!("{stack} in {}: {files} up to date", dir.display()));
            out.status(&report);
            return Status::Fine;
        }
        let mut list = String::new();
        let (yellow, red) = (style(crate::finding::Level::Warning), style(crate::finding::Level::Error));
        if let Some(other) = &plan.other_stack {
            line(
                &mut list,
                red,
                "other",
                &format!("{} holds the output of `{}`", dir.display(), clean(other)),
            );
        }
        let mut differences: Vec<(&str, Style, &str)> = Vec::new();
        for (path, action) in &plan.steps {
            match action {
                Action::Create => differences.push((path, yellow, "missing")),
                Action::Update => differences.push((path, yellow, "outdated")),
                Action::Remove => differences.push((path, yellow, "extra")),
                Action::Keep => {}
            }
        }
        for conflict in &plan.conflicts {
            let word = match conflict.reason {
                Reason::Edited => "edited",
                Reason::Foreign => "foreign",
                Reason::Left | Reason::Kept => "extra",
            };
            differences.push((&conflict.path, red, word));
        }
        differences.sort_by_key(|(path, ..)| *path);
        if differences.is_empty() && plan.lock_is_outdated() {
            differences.push((LOCK, yellow, "outdated"));
        }
        for (path, style, word) in differences {
            line(&mut list, style, word, &shown(dir, path));
        }
        out.print(&list);
        // As the caller would write it, so that it can be copied.
        let mut command = format!("stackgen {}", self.command);
        if let Some(path) = &args.stack {
            let _ = write!(command, " {}", path.display());
        }
        if let Some(path) = &args.output {
            let _ = write!(command, " -o {}", path.display());
        }
        if let Some(env) = &args.env {
            let _ = write!(command, " --env {env}");
        }
        let mut next = String::new();
        line(&mut next, HELP, "next", &format!("`{command}` writes them"));
        out.status(&next);
        Status::Found
    }
}

fn shown(dir: &Path, path: &str) -> String {
    clean(&dir.join(path).display().to_string()).into_owned()
}
