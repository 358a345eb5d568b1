//! `stackgen diff`: what differs on the server, and what deploying does to it. Nothing is written anywhere.

use super::out::Out;
use super::{Status, snapshot, stacks, team};
use crate::built::Built;
use crate::cli::{Diff, DiffFormat};
use crate::deployed::conceal::{Concealer, Declared};
use crate::deployed::source::Source;
use crate::deployed::{self, Deployed};
use crate::diff::{self, Status as Moved};
use crate::render::{json, text};
use crate::stack::Host;
use crate::write::Failure;

pub(super) fn run(args: &Diff, out: &mut Out) -> Result<Status, Failure> {
    let manifest = stacks::find(args.stack.as_deref())?;
    let compiled = team::compiled(&manifest, args.env.as_deref())?;
    if compiled.failed() {
        out.error(&text::findings(&compiled));
        return Err(Failure::new("the manifest cannot be built, so nothing can be compared with it")
            .help("mend the errors above; `stackgen lint` shows them"));
    }
    let Some(stack) = &compiled.stack else { return Err(Failure::new("the manifest says nothing")) };
    let sources = sources(&args.against, &stack.host)?;
    if args.show_commands {
        out.print(&deployed::commands(&sources));
        return Ok(Status::Fine);
    }
    let declared = Declared::brief(&compiled.artifacts);
    let deployed = read(&sources, &declared)?;
    // A lock that is none was a fault of its source already.
    let built = deployed.lock.as_deref().and_then(|text| Built::read(text).ok());
    let diff = diff::diff(&compiled, &declared, &deployed, built.as_ref());
    match args.format {
        DiffFormat::Text if out.is_quiet() && diff.changes.is_empty() && !diff.partial => {}
        DiffFormat::Text => out.print(&crate::render::diff::text::diff(&compiled, &diff)),
        DiffFormat::Json => out.print(&json::print(&crate::render::diff::json::diff(&compiled, &diff))),
        DiffFormat::Markdown => out.print(&crate::render::diff::markdown::diff(&compiled, &diff)),
        DiffFormat::Github => out.print(&crate::render::diff::github::diff(&compiled, &diff)),
    }
    let status = status(&diff, args.detailed_exitcode);
    // The process ends here; to free a large stack piece by piece before takes longer than to compare it.
    std::mem::forget((compiled, declared, deployed, built, diff));
    Ok(status)
}

/// What to compare with: as asked, else as the manifest says.
fn sources(against: &[String], host: &Host) -> Result<Vec<Source>, Failure> {
    if !against.is_empty() {
        return snapshot::sources(against);
    }
    match (&host.ssh, &host.directory) {
        (Some(ssh), Some(directory)) => {
            snapshot::sources(&[format!("ssh://{ssh}{directory}"), format!("docker+ssh://{ssh}")])
        }
        _ => Err(Failure::new("expected something to compare with, found neither `--against` nor `ssh` and `directory` of `host`")
            .help("name a source: `--against ssh://root@host/dir`, `--against docker://`, `--against DIR`")),
    }
}

fn read(sources: &[Source], declared: &Declared) -> Result<Deployed, Failure> {
    let concealer = Concealer::new().map_err(Failure::new)?;
    let mut deployed = deployed::read(sources, Some(declared), &concealer);
    deployed.now = Some(jiff::Timestamp::now().as_second());
    Ok(deployed)
}

/// The exit status. What could not be seen wins: a partial view can show that something differs, not that nothing else
/// does.
fn status(diff: &diff::Diff, detailed: bool) -> Status {
    let any = |is: fn(Moved) -> bool| diff.changes.iter().any(|c| is(c.status));
    match (any(Moved::undeployed), any(Moved::drift)) {
        _ if diff.partial => Status::Unseen,
        (false, false) => Status::Fine,
        _ if !detailed => Status::Found,
        _ if diff.changes.iter().any(|c| c.destructive) => Status::Differs(6),
        (true, false) => Status::Differs(3),
        (false, true) => Status::Differs(4),
        (true, true) => Status::Differs(5),
    }
}
