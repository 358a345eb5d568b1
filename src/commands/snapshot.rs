//! `stackgen snapshot`: what is on a server, in one file and without any secret value.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use super::out::Out;
use super::{Status, stacks, team};
use crate::cli::Snapshot;
use crate::deployed::conceal::{Concealer, Declared};
use crate::deployed::source::Source;
use crate::deployed::{self, Deployed, snapshot};
use crate::render::text::{self, Tally};
use crate::render::{clean, count};
use crate::write::Failure;

pub(super) fn run(args: &Snapshot, out: &mut Out) -> Result<Status, Failure> {
    let sources = sources(&args.sources)?;
    if args.show_commands {
        out.print(&deployed::commands(&sources));
        return Ok(Status::Fine);
    }
    let declared = match &args.stack {
        None => None,
        Some(stack) => {
            let compiled = team::compiled(&stacks::find(Some(stack))?, args.env.as_deref())?;
            if compiled.failed() {
                let mut tally = Tally::default();
                tally.add(&compiled.findings);
                out.error(&text::findings(&compiled));
                out.status(&format!("{}; nothing was read\n", tally.summary().trim_end()));
                return Ok(Status::Found);
            }
            Some(Declared::new(&compiled.artifacts))
        }
    };
    let concealer = concealer(args.fingerprint_key.as_deref())?;
    let deployed = deployed::read(&sources, declared.as_ref(), &concealer);
    let text = snapshot::print(&deployed);
    if args.output.as_os_str() == "-" {
        out.print(&text);
    } else {
        write(&args.output, &text)?;
    }
    Ok(report(&deployed, &args.output, out))
}

/// The sources by their names.
pub(super) fn sources(names: &[String]) -> Result<Vec<Source>, Failure> {
    let docker_host = std::env::var("DOCKER_HOST").ok();
    names.iter().map(|name| Source::parse(name, docker_host.as_deref()).map_err(Failure::new)).collect()
}

/// What makes the fingerprints, with the key in a file if there is one.
pub(super) fn concealer(key: Option<&Path>) -> Result<Concealer, Failure> {
    let Some(path) = key else { return Concealer::new().map_err(Failure::new) };
    let shown = stacks::shown(path);
    let mut key = Vec::new();
    // More than any key has.
    let read = fs::File::open(path).and_then(|file| file.take(4096).read_to_end(&mut key));
    read.map_err(|e| Failure::io(format_args!("read {shown}"), &e))?;
    Concealer::with_key(&key).map_err(|e| {
        Failure::new(format!("{e}: {shown}")).help(format!("make one: `openssl rand -hex 32 > {shown}`"))
    })
}

/// Says what could not be read, and how the command ends for it.
pub(super) fn faults(deployed: &Deployed, out: &mut Out) -> Status {
    let mut status = Status::Fine;
    for reading in &deployed.sources {
        for fault in &reading.faults {
            status = Status::Unseen;
            out.error(&text::failure(&Failure::new(format!("{}: {fault}", reading.source))));
        }
    }
    status
}

fn report(deployed: &Deployed, path: &Path, out: &mut Out) -> Status {
    let status = faults(deployed, out);
    let mut parts = Vec::new();
    let mut part = |number: Option<usize>, one: &str| parts.extend(number.map(|n| count(n, one)));
    part(deployed.files.as_ref().map(|f| f.len()), "file");
    part(deployed.engine.as_ref().map(|e| e.containers.len()), "container");
    part(deployed.engine.as_ref().map(|e| e.networks.len()), "network");
    part(deployed.engine.as_ref().map(|e| e.volumes.len()), "volume");
    part(deployed.firewalls.as_ref().map(Vec::len), "firewall");
    part(deployed.certificates.as_ref().map(|c| c.len()), "certificate");
    if path.as_os_str() != "-" {
        let what = if parts.is_empty() { "nothing".to_string() } else { parts.join(", ") };
        out.status(&format!("wrote {}: {what}\n", clean(&stacks::shown(path))));
    }
    status
}

/// Writes the file whole or not at all.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |e: &std::io::Error| Failure::io(format_args!("write {}", stacks::shown(path)), e);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|e| failed(&e))?;
    file.write_all(text.as_bytes()).map_err(|e| failed(&e))?;
    file.persist(path).map_err(|e| failed(&e.error))?;
    Ok(())
}
