//! A Docker engine that answers GET from recorded JSON, and remembers whatever else it is asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::Value as Json;

/// An engine behind a socket of its own.
pub struct Engine {
    /// Keeps the socket's folder.
    _folder: tempfile::TempDir,
    pub socket: PathBuf,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Engine {
    /// Answers by path, without the version in front: JSON, or bytes in hexadecimal digits.
    pub fn new(answers: BTreeMap<String, Json>) -> Self {
        let answers: BTreeMap<String, Vec<u8>> =
            answers.into_iter().map(|(path, json)| (path, body(&json))).collect();
        Self::with(move |stream, path, n| {
            let Some(body) = answers.get(path) else {
                let body = r#"{"message":"no such thing"}"#;
                return write!(
                    stream,
                    "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
            };
            if n % 2 == 0 {
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len())?;
                return stream.write_all(body);
            }
            // As the engine does with long answers.
            write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for piece in body.chunks(1000) {
                write!(stream, "{:x}\r\n", piece.len())?;
                stream.write_all(piece)?;
                write!(stream, "\r\n")?;
            }
            write!(stream, "0\r\n\r\n")
        })
    }

    /// Answers as a function likes: it gets the path without version, and how many requests there were before.
    pub fn with(
        answer: impl Fn(&mut UnixStream, &str, usize) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (all, answer) = (asked.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (all, answer) = (all.clone(), answer.clone());
                // A client that goes away ends the thread.
                std::thread::spawn(move || drop(serve(stream, &all, &*answer)));
            }
        });
        Self { _folder: folder, socket, asked }
    }

    /// The source of this engine.
    pub fn source(&self) -> String {
        format!("docker://{}", self.socket.display())
    }

    /// Every request so far; fails when one could write.
    pub fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().expect("a list").clone();
        for request in &asked {
            let path = request.strip_prefix("GET ").unwrap_or_else(|| panic!("not a GET: {request}"));
            let (path, query) = path.split_once('?').unwrap_or((path, ""));
            let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
            let known = matches!(
                (parts.as_slice(), query),
                (
                    ["version" | "networks" | "volumes"] | ["containers", _, "json"] | ["images", .., "json"],
                    ""
                ) | (["containers", "json"], "all=1")
                    | (["containers", _, "archive"], "path=/run/secrets")
                    | (["containers", _, "top"], "ps_args=-eo%20pid,etimes,args")
            );
            assert!(known, "not a known path: {request}");
        }
        asked
    }
}

fn body(answer: &Json) -> Vec<u8> {
    let Json::String(hex) = answer else { return answer.to_string().into_bytes() };
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits");
    (0..hex.len()).step_by(2).map(digit).collect()
}

fn serve(
    mut stream: UnixStream,
    all: &Mutex<Vec<String>>,
    answer: &dyn Fn(&mut UnixStream, &str, usize) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace();
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = match path.strip_prefix("/v").and_then(|p| p.split_once('/')) {
            Some((version, rest)) if version.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
                format!("/{rest}")
            }
            _ => path.to_string(),
        };
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let header = header.trim().to_ascii_lowercase();
            let has_body = header.starts_with("transfer-encoding")
                || header.strip_prefix("content-length:").is_some_and(|n| n.trim() != "0");
            if has_body || header.starts_with("upgrade") {
                all.lock().expect("a list").push(format!("a body: {method} {path}"));
            }
            if header.is_empty() {
                break;
            }
        }
        let before = {
            let mut all = all.lock().expect("a list");
            all.push(format!("{method} {path}"));
            all.len() - 1
        };
        answer(&mut stream, &path, before)?;
    }
}
