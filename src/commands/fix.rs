//! `stackgen lint --fix` and `--diff`: manifests with the fixes of their findings made, or what those would change.

use std::fmt::Write;
use std::path::Path;

use anstyle::{AnsiColor, Style};

use super::out::Out;
use super::stacks;
use super::team::Team;
use crate::cli::Lint;
use crate::compile::Compiled;
use crate::finding::Finding;
use crate::fix::{Fixed, fix};
use crate::render::{clean, difference, text};
use crate::rules;
use crate::write::{Failure, replace};

const DONE: Style = Style::new().bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));

/// What is found in a stack, once what is wanted of it is mended; and whether anything would be.
pub(super) fn compiled(
    manifest: &Path,
    env: Option<&str>,
    args: &Lint,
    wanted: impl Fn(&Compiled, &Finding) -> bool,
    out: &mut Out,
) -> Result<(Compiled, bool), Failure> {
    // Looked for anew each time: a fix of an earlier stack may have changed it.
    let mut team = Team::default();
    let policy = team.policy(manifest);
    if let Some(failure) = team.failures.pop() {
        return Err(failure);
    }
    if stacks::is_foreign(manifest) {
        return Ok((stacks::compiled(manifest, env, policy, args.pedantic)?, false));
    }
    let before = match stacks::input(manifest, env, policy, args.pedantic)? {
        stacks::Texts::Read(input) => input,
        texts => return Ok((texts.compiled(), false)),
    };
    let Fixed { input, compiled, applied } = fix(before.clone(), args.unsafe_fixes, wanted);
    let found = args.diff.then(|| crate::compile::compile(before.clone()));
    for ((path, new), (_, old)) in input.texts().zip(before.texts()).filter(|(new, old)| new != old) {
        match &found {
            Some(found) => out.print(&difference::patch(
                path,
                (old, &text::secrets(found, path)),
                (new, &text::secrets(&compiled, path)),
            )),
            None => replace(Path::new(path), old, new)?,
        }
    }
    if !args.diff {
        let mut report = String::new();
        for one in &applied {
            let id = rules::find(one.rule).map_or(one.rule, |r| r.id);
            // Writing to a String cannot fail.
            let (path, title) = (clean(&one.path), clean(&one.title));
            let _ = writeln!(report, "{DONE}     fixed{DONE:#} {path}:{} {id}: {title}", one.line);
        }
        out.status(&report);
    }
    Ok((compiled, !applied.is_empty()))
}
