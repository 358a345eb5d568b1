//! `stackgen man`: the manual page, of the program or of one command.

use clap::CommandFactory;

use super::Status;
use super::out::Out;
use crate::cli::{Cli, Man};
use crate::text::{nearest, one_of};
use crate::write::Failure;

pub(super) fn run(args: &Man, out: &mut Out) -> Result<Status, Failure> {
    let mut program = Cli::command();
    program.build();
    let page = match &args.command {
        None => clap_mangen::Man::new(program),
        Some(name) => {
            let Some(verb) = program.find_subcommand(name) else {
                let verbs: Vec<_> = program.get_subcommands().map(|c| c.get_name()).collect();
                let failure = Failure::new(format!("expected a command, found `{name}`"));
                return Err(match nearest(name, verbs.iter().copied()) {
                    Some(near) => failure.help(format!("did you mean `{near}`?")),
                    None => failure.help(format!("the commands are {}", one_of(verbs))),
                });
            };
            clap_mangen::Man::new(verb.clone()).title(format!("stackgen-{name}"))
        }
    };
    let mut text = Vec::new();
    page.render(&mut text).map_err(|e| Failure::io("make the page", &e))?;
    out.print(&String::from_utf8_lossy(&text));
    Ok(Status::Fine)
}
