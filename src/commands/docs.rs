//! `stackgen docs`: a stack to the documents about it.

use std::path::PathBuf;

use super::build::{self, Writing};
use super::out::Out;
use super::{Status, stacks};
use crate::cli::Build;
use crate::docs;
use crate::write::Failure;

pub(super) fn run(args: &Build, out: &mut Out) -> Result<Status, Failure> {
    let manifest = stacks::find(args.stack.as_deref())?;
    let Some(compiled) = build::compiled(&manifest, args.env.as_deref(), out)? else {
        return Ok(Status::Found);
    };
    let Some(stack) = &compiled.stack else { return Ok(Status::Found) };
    let files = docs::render(stack, &compiled.artifacts)
        .map_err(|error| Failure::new(format!("cannot write the documents: {error}")))?;
    let dir = args.output.clone().unwrap_or_else(|| manifest.with_file_name("docs"));
    Writing { command: "docs", args, dir: PathBuf::from(stacks::shown(&dir)) }.write(&compiled, files, out)
}
