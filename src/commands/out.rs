//! Where commands print: results to standard output, everything about the work to standard error.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Write};

use anstream::{AutoStream, ColorChoice};

use crate::cli::Color;

/// Standard output and error.
pub(super) struct Out {
    color: Color,
    quiet: bool,
    /// The first thing that could not be printed.
    failed: Option<io::Error>,
}

impl Out {
    pub(super) fn new(color: Color, quiet: bool) -> Self {
        Self { color, quiet, failed: None }
    }

    /// Prints a result.
    pub(super) fn print(&mut self, text: &str) {
        let mut stream = io::stdout().lock();
        let text = self.colored(text, AutoStream::choice(&stream));
        if self.failed.is_none() {
            self.failed = stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).err();
        }
    }

    /// Prints what was done, unless asked to be quiet.
    pub(super) fn status(&mut self, text: &str) {
        if !self.quiet {
            self.error(text);
        }
    }

    /// Prints what went wrong.
    pub(super) fn error(&mut self, text: &str) {
        let mut stream = io::stderr().lock();
        let text = self.colored(text, AutoStream::choice(&stream));
        // Where errors cannot be printed there is nobody to tell; the exit status still says it.
        let _ = stream.write_all(text.as_bytes());
    }

    /// Whether only findings and errors are wanted.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// What could not be printed. A reader that has seen enough, as in `stackgen schema | head`, is no error.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self.failed.take() {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    fn colored<'a>(&self, text: &'a str, automatic: ColorChoice) -> Cow<'a, str> {
        let plain = match self.color {
            Color::Always => false,
            Color::Never => true,
            Color::Auto => automatic == ColorChoice::Never,
        };
        if plain { anstream::adapter::strip_str(text).to_string().into() } else { text.into() }
    }
}
