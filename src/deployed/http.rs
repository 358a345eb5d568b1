//! A client of the Docker engine that can ask and nothing else: HTTP over a socket, or over `ssh` and the docker program
//! of the other side.

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

use super::pipe::{Pipe, Program};
use super::source::Host;
use super::{cannot, said, ssh};

/// How long one answer may take, and all of them.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_ALL: Duration = Duration::from_secs(300);

/// Bytes an answer may have: ten thousand containers in a list take about 30 MiB.
const LARGEST: u64 = 64 << 20;

/// A Docker engine. There is no way to send it anything but GET.
pub(super) struct Client {
    agent: Agent,
    until: Instant,
}

/// Where an engine is.
#[derive(Debug)]
pub(super) enum At {
    /// Behind a socket of this machine.
    Socket(PathBuf),
    /// On another machine.
    Host(Host),
}

impl Client {
    pub(super) fn new(at: At) -> Self {
        let config = Agent::config_builder()
            // Variables such as http_proxy are about the internet.
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("stackgen/", env!("CARGO_PKG_VERSION")))
            .max_response_header_size(64 << 10)
            .max_idle_age(PATIENCE)
            .build();
        Self { agent: Agent::with_parts(config, at, Nowhere), until: Instant::now() + PATIENCE_ALL }
    }

    /// Asks for something; `None` is "there is no such thing".
    ///
    /// # Errors
    ///
    /// Why there was no answer, on one line; nothing of what was answered is in it.
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, String> {
        let Some(body) = self.bytes(path, LARGEST)? else { return Ok(None) };
        serde_json::from_slice(&body).map(Some).map_err(|e| {
            // What it says of the value may quote it.
            format!("expected JSON as an answer to GET {path}, found something else in line {}", e.line())
        })
    }

    /// Asks for something that is no JSON, of at most so many bytes.
    pub(super) fn bytes(&self, path: &str, most: u64) -> Result<Option<Vec<u8>>, String> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(format!("expected all answers in {} s, found more to ask", PATIENCE_ALL.as_secs()));
        }
        // The name of the host is not looked up; an engine takes any.
        let request = self.agent.get(format!("http://docker{path}"));
        let mut response = request
            .config()
            .timeout_global(Some(left.min(PATIENCE)))
            .build()
            .call()
            .map_err(|e| fault(path, e))?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(most).read_to_vec().map_err(|e| fault(path, e))?;
        match status {
            404 => Ok(None),
            200 => Ok(Some(body)),
            status => Err(format!("expected status 200 for GET {path}, found {status}")),
        }
    }
}

fn fault(path: &str, error: ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => {
            format!("expected an answer to GET {path} in {} s, found none", PATIENCE.as_secs())
        }
        ureq::Error::BodyExceedsLimit(most) => {
            format!("expected at most {} MiB as an answer to GET {path}, found more", most >> 20)
        }
        ureq::Error::Io(error) => match error.kind() {
            ErrorKind::NotFound => "expected the socket of a Docker engine, found nothing there".into(),
            ErrorKind::PermissionDenied => {
                "cannot connect: permission denied; read as root or as a member of the group docker".into()
            }
            _ => cannot("ask the Docker engine", &error),
        },
        _ => format!("expected HTTP as an answer to GET {path}, found something else"),
    }
}

/// Finds no addresses, as none are needed.
#[derive(Debug)]
struct Nowhere;

impl Resolver for Nowhere {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut one = self.empty();
        one.push(([127, 0, 0, 1], 80).into());
        Ok(one)
    }
}

impl Connector for At {
    type Out = Wire;

    fn connect(&self, _: &ConnectionDetails, _: Option<()>) -> Result<Option<Wire>, ureq::Error> {
        let buffers = LazyBuffers::new(64 << 10, 8 << 10);
        Ok(Some(match self {
            Self::Socket(path) => {
                let (input, output) = socket(path)?;
                Wire { input: Some(input), output, program: None, buffers }
            }
            Self::Host(host) => {
                let mut program = Program::start(&mut host.command(ssh::DIAL), Stdio::piped())?;
                let output = program.input().ok_or(io::Error::from(ErrorKind::BrokenPipe))?;
                Wire { input: None, output, program: Some(program), buffers }
            }
        }))
    }
}

#[cfg(unix)]
fn socket(path: &std::path::Path) -> io::Result<(Pipe, Box<dyn Write + Send + Sync>)> {
    use std::os::unix::net::UnixStream;
    let path = path.to_path_buf();
    // A socket whose owner takes no connections keeps one waiting.
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(UnixStream::connect(path)));
    let stream = receiver.recv_timeout(PATIENCE).map_err(|_| ErrorKind::TimedOut)??;
    stream.set_write_timeout(Some(PATIENCE))?;
    let reader = stream.try_clone()?;
    Ok((Pipe::new(move || Ok(reader)), Box::new(Closing(stream))))
}

#[cfg(not(unix))]
fn socket(_: &std::path::Path) -> io::Result<(Pipe, Box<dyn Write + Send + Sync>)> {
    Err(ErrorKind::Unsupported.into())
}

/// A socket that is closed for the thread that reads it, too.
#[cfg(unix)]
struct Closing(std::os::unix::net::UnixStream);

#[cfg(unix)]
impl Write for Closing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(unix)]
impl Drop for Closing {
    fn drop(&mut self) {
        // The other side may have closed it.
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

/// A connection to an engine.
pub(super) struct Wire {
    /// What comes from a socket; from a program it comes by `program`.
    input: Option<Pipe>,
    output: Box<dyn Write + Send + Sync>,
    program: Option<Program>,
    buffers: LazyBuffers,
}

impl Wire {
    fn input(&mut self) -> Option<&mut Pipe> {
        self.input.as_mut().or(self.program.as_mut().map(|p| &mut p.output))
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let bytes = self.buffers.output().get(..amount).unwrap_or_default().to_vec();
        // That the program has ended shows when its answer is read, with the reason.
        match self.output.write_all(&bytes).and_then(|()| self.output.flush()) {
            Err(error) if self.program.is_none() || error.kind() != ErrorKind::BrokenPipe => {
                Err(error.into())
            }
            _ => Ok(()),
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let wait = timeout.not_zero().map_or(PATIENCE, |wait| *wait);
        let mut piece = vec![0; self.buffers.input_append_buf().len()];
        if piece.is_empty() {
            return Err(io::Error::other("the head of its answer does not end").into());
        }
        let Some(input) = self.input() else { return Ok(false) };
        let length = match input.read(&mut piece, wait) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                return Err(ureq::Error::Timeout(timeout.reason));
            }
            Err(error) => return Err(error.into()),
        };
        if let (0, Some(program)) = (length, &mut self.program) {
            return Err(io::Error::other(format!("ssh ended: {}", said(&program.messages()))).into());
        }
        self.buffers.input_append_buf()[..length].copy_from_slice(&piece[..length]);
        self.buffers.input_appended(length);
        Ok(length > 0)
    }

    fn is_open(&mut self) -> bool {
        self.input().is_some_and(|input| !input.is_closed())
    }
}
