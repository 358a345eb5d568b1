//! What is sent to other machines: these commands and no others, by the user's own `ssh` and its configuration.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::directory::{Answer, Files, LARGEST_ALL, MOST_NAMES, Raw, is_below, target};
use super::pipe::Program;
use super::source::Host;
use super::{cannot, said};
use crate::format::Refused;
use crate::format::shell::sh_quote;

/// Names the files of a directory, then gives those that say which others matter, as a tar stream: with their times
/// and modes. `find` follows no link and opens nothing but files; 131072 of its blocks are 64 MiB.
pub const LOOK: &str = r#"cd -- "$1" && printf 'stackgen\0' && { find . -maxdepth 4 ! -type d -print0; printf '\0'; find . -maxdepth 1 \( -type f -o -type l \) -size -131073 \( -name stackgen.lock -o -name .env -o -name 'compose*.y*ml' -o -name 'docker-compose*.y*ml' \) -exec tar -cf - {} +; }"#;

/// Gives files by name, in the same way.
pub const READ: &str = r#"cd -- "$1" && shift && printf 'stackgen\0' && find "$@" -maxdepth 0 \( -type f -o -type l \) -size -131073 -exec tar -cf - {} +"#;

/// Passes on what is sent to and from the Docker engine, as the docker program itself does it.
pub const DIAL: &str = "docker system dial-stdio";

/// What every answer begins with, behind whatever the shell of the account prints.
const BEGIN: &[u8] = b"stackgen\0";

/// How long one command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes of names in one command; systems take 128 KiB as one argument.
const LONGEST: usize = 64 << 10;

impl Host {
    /// `ssh` with a command for the other side: no questions, no terminal, no forwarding.
    pub(super) fn command(&self, command: &str) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.args(["-T", "-a", "-x", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]);
        ssh.args(["-o", "ClearAllForwardings=yes"]);
        if let Some(user) = &self.user {
            ssh.args(["-l", user]);
        }
        if let Some(port) = self.port {
            ssh.args(["-p", &port.to_string()]);
        }
        ssh.args(["--", &self.name, command]);
        ssh
    }
}

/// One of the scripts above with its words, as it is sent: for `sh`, whatever the shell of the account is.
///
/// # Errors
///
/// A word with a NUL byte.
pub(super) fn line(script: &str, words: &[&str]) -> Result<String, Refused> {
    let mut line = format!("exec sh -c {} sh", sh_quote(script)?);
    for word in words {
        line.push(' ');
        line.push_str(&sh_quote(word)?);
    }
    Ok(line)
}

/// The commands for a directory, as they could be given to a shell here.
pub(super) fn shown(host: &Host, directory: &str) -> Vec<String> {
    let look = line(LOOK, &[directory]);
    let read = line(READ, &[directory]).map(|line| format!("{line} ./FILE..."));
    [look, read].into_iter().flatten().map(|line| shown_command(&host.command(&line))).collect()
}

/// A command as it could be given to a shell.
pub(super) fn shown_command(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|w| sh_quote(&w.to_string_lossy()).unwrap_or_default());
    words.collect::<Vec<_>>().join(" ")
}

/// A deploy directory on another machine.
pub(super) struct Remote<'a> {
    host: &'a Host,
    directory: &'a str,
    size: usize,
}

impl<'a> Remote<'a> {
    pub(super) fn new(host: &'a Host, directory: &'a str) -> Self {
        Self { host, directory, size: 0 }
    }

    /// Runs one of the scripts; what it printed behind [`BEGIN`].
    fn run(&mut self, script: &str, words: &[&str], faults: &mut Vec<String>) -> Result<Vec<u8>, String> {
        let words: Vec<&str> = std::iter::once(self.directory).chain(words.iter().copied()).collect();
        let line = line(script, &words).map_err(|e| e.to_string())?;
        let until = Instant::now() + PATIENCE;
        let mut ssh = Program::start(&mut self.host.command(&line), Stdio::null())
            .map_err(|e| cannot("run ssh", &e))?;
        let output = ssh.output.read_all(LARGEST_ALL - self.size, until).map_err(|e| match e.kind() {
            ErrorKind::TimedOut => format!("expected an answer in {} s, found none", PATIENCE.as_secs()),
            ErrorKind::FileTooLarge => format!("expected at most {} MiB, found more", LARGEST_ALL >> 20),
            _ => cannot("read what ssh says", &e),
        })?;
        self.size += output.len();
        let (code, messages) = ssh.end(until);
        let begin = output.windows(BEGIN.len()).take(LONGEST).position(|w| w == BEGIN);
        let Some(begin) = begin else {
            return Err(match code {
                Some(0) => "expected an answer of `sh`, found something else".into(),
                _ => format!("ssh failed: {}", said(&messages)),
            });
        };
        // What one of the two programs could not read, it says in lines of its own.
        let told = messages.lines().filter(|l| l.contains("find: ") || l.contains("tar: "));
        faults.extend(told.filter(|l| !l.contains("previous errors")).take(20).map(said));
        if code != Some(0) && faults.is_empty() {
            faults.push(format!("ssh ended before everything was read: {}", said(&messages)));
        }
        Ok(output[begin + BEGIN.len()..].to_vec())
    }

    /// Adds what a tar stream holds.
    fn unpack(&self, stream: &[u8], answer: &mut Answer) {
        let mut archive = tar::Archive::new(stream);
        // `find` may run tar more than once.
        archive.set_ignore_zeros(true);
        let broken = |e: &std::io::Error| cannot("read the tar stream", e);
        let entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return answer.faults.push(broken(&error)),
        };
        for entry in entries {
            let mut entry = match entry {
                Ok(entry) => entry,
                Err(error) => return answer.faults.push(broken(&error)),
            };
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let name = name.strip_prefix("./").unwrap_or(&name).to_string();
            if !is_below(&name) {
                continue;
            }
            if entry.header().entry_type().is_symlink() {
                let leads_to = entry.link_name_bytes().map(|l| String::from_utf8_lossy(&l).into_owned());
                let leads_to = leads_to.and_then(|l| target(self.directory.trim_end_matches('/'), &name, &l));
                answer.links.insert(name, leads_to);
            } else if entry.header().entry_type().is_file() {
                let modified = entry.header().mtime().ok().and_then(|m| i64::try_from(m).ok());
                let mode = entry.header().mode().ok().map(|m| m & 0o7777);
                let mut bytes = Vec::new();
                // It lies in the stream, so it is no larger than that.
                match entry.read_to_end(&mut bytes) {
                    Ok(length) if length as u64 == entry.size() => {
                        answer.files.insert(name, Raw { bytes, modified, mode });
                    }
                    Ok(_) => {
                        return answer.faults.push("expected a whole tar stream, found a part of one".into());
                    }
                    Err(error) => return answer.faults.push(broken(&error)),
                }
            }
        }
    }
}

impl Files for Remote<'_> {
    fn look(&mut self, answer: &mut Answer) -> Result<BTreeSet<String>, String> {
        let output = self.run(LOOK, &[], &mut answer.faults)?;
        let mut names = BTreeSet::new();
        let mut at = 0;
        loop {
            let rest = output.get(at..).unwrap_or_default();
            let Some(end) = rest.iter().position(|b| *b == 0) else {
                return Err("expected names of files, found something else".into());
            };
            at += end + 1;
            // The last name is empty.
            if end == 0 {
                break;
            }
            let name = std::str::from_utf8(&rest[..end]).ok().and_then(|n| n.strip_prefix("./"));
            if names.len() == MOST_NAMES {
                answer.faults.push(format!("expected at most {MOST_NAMES} files, found more"));
                let last = output.windows(2).skip(at).position(|w| w == [0, 0]);
                at = last.map_or(output.len(), |last| at + last + 2);
                break;
            }
            names.extend(name.filter(|n| is_below(n)).map(str::to_string));
        }
        self.unpack(output.get(at..).unwrap_or_default(), answer);
        Ok(names)
    }

    fn read(&mut self, names: &[String], answer: &mut Answer) -> Result<(), String> {
        let names: Vec<String> = names.iter().map(|n| format!("./{n}")).collect();
        let mut rest = names.as_slice();
        while !rest.is_empty() {
            let mut length = 0;
            let fits = rest.iter().take_while(|n| {
                length += n.len() * 2 + 3;
                length < LONGEST
            });
            let count = fits.count().max(1);
            let words: Vec<&str> = rest[..count].iter().map(String::as_str).collect();
            let stream = self.run(READ, &words, &mut answer.faults)?;
            self.unpack(&stream, answer);
            rest = &rest[count..];
        }
        Ok(())
    }
}
