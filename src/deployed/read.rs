//! Every source in turn.

use std::io::{self, Read};

use super::conceal::{Concealer, Declared};
use super::source::Source;
use super::{
    Certificate, CloudFirewall, Deployed, Reading, cannot, certificates, directory, dotenv, engine, files,
    firewall, http, local, snapshot, ssh,
};
use crate::outline;
use crate::text::harmless;

/// Asks every source. What cannot be read is a fault of its source, and the rest is kept.
pub fn read(sources: &[Source], declared: Option<&Declared>, concealer: &Concealer) -> Deployed {
    let mut reader = Reader {
        out: Deployed { stackgen: snapshot::VERSION, declared: declared.is_some(), ..Deployed::default() },
        declared,
        concealer,
        dotenv: None,
    };
    let mut readings: Vec<Vec<Reading>> = sources.iter().map(|_| Vec::new()).collect();
    let is_engine = |source: &Source| matches!(source, Source::Docker(_) | Source::DockerSsh(_));
    // Engines come last: whether a container has the value that a file refers to can be told by `.env` only.
    for late in [false, true] {
        for (source, reading) in sources.iter().zip(&mut readings).filter(|(s, _)| is_engine(s) == late) {
            let mut faults = Vec::new();
            let mut inner = Vec::new();
            if let Err(fault) = reader.read(source, &mut faults, &mut inner) {
                faults.push(fault);
            }
            reading.push(Reading {
                source: told_source(source),
                faults: faults.into_iter().map(harmless).collect(),
            });
            reading.append(&mut inner);
        }
    }
    reader.out.sources = readings.into_iter().flatten().collect();
    reader.out
}

/// Everything that is run and asked for some sources, as text: the whole of it, whatever they answer.
pub fn commands(sources: &[Source]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for source in sources {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# {}", told_source(source));
        let lines = match source {
            Source::Ssh(host, directory) => ssh::shown(host, directory),
            Source::Docker(_) => engine::REQUESTS.map(String::from).to_vec(),
            Source::DockerSsh(host) => {
                let requests = engine::REQUESTS.iter().map(|r| (*r).to_string());
                std::iter::once(ssh::shown_command(&host.command(ssh::DIAL))).chain(requests).collect()
            }
            Source::Firewall(None) => vec!["standard input".into()],
            Source::Directory(_)
            | Source::Snapshot(_)
            | Source::Firewall(Some(_))
            | Source::Certificates(_) => {
                vec!["files, opened to read".into()]
            }
        };
        for line in lines {
            let _ = writeln!(text, "{}", harmless(line));
        }
    }
    text
}

struct Reader<'a> {
    out: Deployed,
    declared: Option<&'a Declared>,
    concealer: &'a Concealer,
    /// What `.env` says, while reading.
    dotenv: Option<dotenv::Dotenv>,
}

impl Reader<'_> {
    fn read(
        &mut self,
        source: &Source,
        faults: &mut Vec<String>,
        inner: &mut Vec<Reading>,
    ) -> Result<(), String> {
        let second = |what: &str| Err(format!("expected one {what} among the sources, found another"));
        match source {
            Source::Directory(_) | Source::Ssh(..) if self.out.files.is_some() => second("directory"),
            Source::Docker(_) | Source::DockerSsh(_) if self.out.engine.is_some() => second("Docker engine"),
            Source::Directory(path) => self.directory(&mut local::Local::new(path), faults),
            Source::Ssh(host, path) => self.directory(&mut ssh::Remote::new(host, path), faults),
            Source::Docker(path) => self.engine(http::At::Socket(path.clone()), faults),
            Source::DockerSsh(host) => self.engine(http::At::Host(host.clone()), faults),
            Source::Firewall(path) => {
                let text = match path {
                    Some(path) => local::read(path, LARGEST_LISTING).map(|raw| raw.bytes),
                    None => standard_input(LARGEST_LISTING),
                };
                let listed = firewall::read(&text.map_err(|e| cannot("read the list of firewalls", &e))?)?;
                self.out.firewalls.get_or_insert_default().extend(listed.into_iter().map(|f| {
                    CloudFirewall {
                        name: self.concealer.name(&f.name),
                        applied_to: f.applied_to.iter().map(|a| self.concealer.name(a)).collect(),
                        rules: f.rules.iter().map(|r| self.concealer.name(r)).collect(),
                    }
                }));
                Ok(())
            }
            Source::Certificates(path) => {
                let found = certificates::read(path, faults)?;
                let found = found.into_iter().map(|(path, certificate)| {
                    let names = certificate.names.iter().map(|n| self.concealer.name(n)).collect();
                    let issuer = self.concealer.name(&certificate.issuer);
                    (self.concealer.name(&path), Certificate { names, issuer, ..certificate })
                });
                self.out.certificates.get_or_insert_default().extend(found);
                Ok(())
            }
            Source::Snapshot(path) => {
                let raw =
                    local::read(path, snapshot::LARGEST).map_err(|e| cannot("read the snapshot", &e))?;
                self.merge(snapshot::parse(&raw.bytes)?, source, inner)
            }
        }
    }

    fn directory(
        &mut self,
        directory: &mut dyn directory::Files,
        faults: &mut Vec<String>,
    ) -> Result<(), String> {
        let names = self.declared.map(|d| d.paths().cloned().collect()).unwrap_or_default();
        let found = directory::read(directory, &names, faults)?;
        let kept = files::keep(found, self.declared, self.concealer, faults);
        (self.out.files, self.out.lock, self.dotenv) = (Some(kept.files), kept.lock, kept.dotenv);
        Ok(())
    }

    fn engine(&mut self, at: http::At, faults: &mut Vec<String>) -> Result<(), String> {
        let declared = self.declared.and_then(|d| d.outline(crate::emit::compose::FILE));
        // Without a `.env` it is not known what references stand for.
        let filled =
            declared.zip(self.dotenv.as_ref()).map(|(d, env)| outline::filled(d, &|name| env.get(name)));
        let known = engine::Known { declared, filled: filled.as_ref() };
        self.out.engine = Some(engine::read(&http::Client::new(at), known, self.concealer, faults)?);
        Ok(())
    }

    /// Takes over what a snapshot has.
    fn merge(&mut self, snapshot: Deployed, source: &Source, inner: &mut Vec<Reading>) -> Result<(), String> {
        let out = &mut self.out;
        if out.files.is_some() && snapshot.files.is_some()
            || out.engine.is_some() && snapshot.engine.is_some()
        {
            return Err("expected what no other source says, found a second directory or engine in it".into());
        }
        if snapshot.files.is_some() || snapshot.engine.is_some() {
            let alone = out.files.is_none() && out.engine.is_none();
            out.declared = snapshot.declared && (alone || out.declared);
        }
        out.files = out.files.take().or(snapshot.files);
        out.lock = out.lock.take().or(snapshot.lock);
        out.engine = out.engine.take().or(snapshot.engine);
        if let Some(firewalls) = snapshot.firewalls {
            out.firewalls.get_or_insert_default().extend(firewalls);
        }
        if let Some(certificates) = snapshot.certificates {
            out.certificates.get_or_insert_default().extend(certificates);
        }
        let source = told_source(source);
        inner.extend(
            snapshot.sources.into_iter().map(|r| Reading { source: format!("{source}: {}", r.source), ..r }),
        );
        Ok(())
    }
}

/// Bytes a list of firewalls may have.
const LARGEST_LISTING: u64 = 16 << 20;

fn standard_input(most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it has more than {most} bytes")));
    }
    Ok(bytes)
}

/// A source as it is told of.
fn told_source(source: &Source) -> String {
    // A password in it was refused.
    harmless(source.to_string())
}
