//! `stackgen completions`: what a shell needs to complete the arguments.

use clap::CommandFactory;

use super::Status;
use super::out::Out;
use crate::cli::{Cli, Completions};
use crate::write::Failure;

pub(super) fn run(args: &Completions, out: &mut Out) -> Result<Status, Failure> {
    // Made whole first: clap_complete panics when it cannot write, as when the reader went away.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "stackgen", &mut text);
    out.print(&String::from_utf8_lossy(&text));
    Ok(Status::Fine)
}
