//! One verb per file. Only here, and in what they call of `write`, does anything touch disk, terminal or environment.

mod build;
mod completions;
mod diff;
mod disk;
mod docs;
mod explain;
mod fix;
mod init;
mod lint;
mod man;
mod out;
mod parallel;
pub mod schema;
mod since;
mod snapshot;
mod stacks;
mod team;
mod why;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Color, Verb};
use crate::render::text;
use crate::write::Failure;
use out::Out;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// All is well.
    Fine,
    /// There were findings or differences.
    Found,
    /// Not all could be seen, and it was said why.
    Unseen,
    /// There were differences, and of which kind was asked for.
    Differs(u8),
}

impl Status {
    /// How the program ends.
    fn code(self) -> u8 {
        match self {
            Status::Fine => 0,
            Status::Found => 1,
            Status::Unseen => 2,
            Status::Differs(code) => code,
        }
    }
}

/// The program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => return usage(&message),
    };
    let mut out = Out::new(cli.color, cli.quiet);
    let result = match cli.verb {
        Verb::Build(args) => build::run(&args, &mut out),
        Verb::Docs(args) => docs::run(&args, &mut out),
        Verb::Lint(args) => lint::run(&args, &mut out),
        Verb::Diff(args) => diff::run(&args, &mut out),
        Verb::Snapshot(args) => snapshot::run(&args, &mut out),
        Verb::Explain(args) => explain::run(&args, &mut out),
        Verb::Why(args) => why::run(&args, &mut out),
        Verb::Schema(args) => schema::run(&args, &mut out),
        Verb::Init(args) => init::run(&args, &mut out),
        Verb::Completions(args) => completions::run(&args, &mut out),
        Verb::Man(args) => man::run(&args, &mut out),
    };
    let status = match result {
        Ok(status) => status,
        Err(failure) => {
            out.error(&text::failure(&failure));
            Status::Unseen
        }
    };
    let status = match out.finish() {
        Ok(()) => status,
        Err(error) => {
            out.error(&text::failure(&Failure::io("print", &error)));
            Status::Unseen
        }
    };
    ExitCode::from(status.code())
}

/// Prints help, the version, or what is wrong with the arguments.
fn usage(message: &clap::Error) -> ExitCode {
    // The arguments were not understood, and yet `--color` among them counts.
    let args: Vec<_> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    let said = |value: &str| {
        args.iter().any(|a| *a == format!("--color={value}"))
            || args.windows(2).any(|w| matches!(w, [flag, v] if flag == "--color" && v == value))
    };
    let color = if said("always") {
        Color::Always
    } else if said("never") {
        Color::Never
    } else {
        Color::Auto
    };
    let mut out = Out::new(color, false);
    let text = message.render().ansi().to_string();
    if message.use_stderr() {
        out.error(&text);
        ExitCode::from(2)
    } else {
        out.print(&text);
        if out.finish().is_ok() { ExitCode::SUCCESS } else { ExitCode::from(2) }
    }
}
