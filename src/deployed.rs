//! What is really on a server: read from sources that can only be read, kept as data without any secret value.
//!
//! [`Deployed`] is also the format of a snapshot: whatever a comparison needs is in it. Reading never writes: files are
//! opened to read, engines are asked by GET, and what is sent to other machines is in `ssh.rs`. What was read is
//! concealed before it gets into [`Deployed`]; see `conceal.rs`.

mod certificates;
pub mod conceal;
mod container;
mod directory;
mod dotenv;
mod engine;
mod files;
pub mod firewall;
mod http;
mod local;
mod pipe;
mod read;
pub mod snapshot;
pub mod source;
pub mod ssh;

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outline::{Syntax, Value};
use crate::secrecy::looks_secret;
use crate::text::{harmless, reason, shown};

pub use read::{commands, read};

/// What was found on a server.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Deployed {
    /// Version of this format.
    pub stackgen: u32,
    /// The time, in seconds since 1970, by which what has ended is told; no part of a snapshot.
    #[serde(skip)]
    pub now: Option<i64>,
    /// Whether the manifest was at hand: what it says, too, is plain then, so that what is concealed is something else.
    #[serde(default)]
    pub declared: bool,
    /// What was asked, and why what could not be read was not.
    pub sources: Vec<Reading>,
    /// Files of the deploy directory, by path below it; `None` when no source holds files.
    pub files: Option<BTreeMap<String, File>>,
    /// What the last build that was deployed wrote: the text of its `stackgen.lock`.
    pub lock: Option<String>,
    /// The Docker engine, when one was asked.
    pub engine: Option<Engine>,
    /// Firewalls of the provider, when a listing was read.
    pub firewalls: Option<Vec<CloudFirewall>>,
    /// Certificates that were read, by the path they lie at.
    pub certificates: Option<BTreeMap<String, Certificate>>,
}

/// One source that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// The source as it was named, without a password.
    pub source: String,
    /// Why it could not be read, or what of it.
    pub faults: Vec<String>,
}

/// A file of the deploy directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct File {
    /// SHA-256 of its bytes, as in `stackgen.lock`, when the lock or the manifest says the same; a fingerprint when they
    /// do not, since by a hash a password could be tried. `None` for `.env` and for files of which only the name is known.
    pub hash: Option<String>,
    /// When it was last written, in seconds since 1970.
    pub modified: Option<i64>,
    /// Permission bits.
    pub mode: Option<u32>,
    /// How it was understood.
    pub syntax: Syntax,
    /// What it says.
    pub entries: Vec<FileEntry>,
    /// Why its text could not be understood.
    pub fault: Option<String>,
}

/// One value of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileEntry {
    /// Keys on the way to it.
    pub path: Vec<String>,
    /// Its value.
    pub value: Value,
    /// Its line, from 1.
    pub line: u32,
    /// The image or the engine brings it where a Compose file does not say otherwise. Whether the file says it too is
    /// known only to who has the manifest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub implied: bool,
}

/// A Docker engine and what is on it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Engine {
    /// Version of the engine.
    pub version: String,
    /// Every container, running or not, of this stack or of anybody else.
    pub containers: Vec<Container>,
    /// Every network but Docker's own three.
    pub networks: Vec<EngineNetwork>,
    /// Every volume.
    pub volumes: Vec<EngineVolume>,
}

/// A container.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its name, without the slash.
    pub name: String,
    /// Compose project, from its label.
    pub project: Option<String>,
    /// Compose service, from its label.
    pub service: Option<String>,
    /// Whether `docker compose run` made it.
    pub one_off: bool,
    /// The label `com.docker.compose.config-hash`.
    pub config_hash: Option<String>,
    /// Reference it was made from.
    pub image: String,
    /// Id of the image it runs.
    pub image_id: String,
    /// Id that the reference has now; differs when the tag moved.
    pub reference_id: Option<String>,
    /// `running`, `exited`, `restarting`, …
    pub state: String,
    /// `healthy`, `unhealthy`, `starting`, or nothing.
    pub health: Option<String>,
    /// Exit code of the last end.
    pub exit_code: Option<i64>,
    /// How often the engine has restarted it.
    pub restarts: u64,
    /// When it was made, in seconds since 1970.
    pub created: Option<i64>,
    /// When it was last started, in seconds since 1970.
    pub started: Option<i64>,
    /// When nginx in it last read its configuration, in seconds since 1970: when its youngest worker was started.
    #[serde(default)]
    pub reloaded: Option<i64>,
    /// Fingerprints of the files in its `/run/secrets`, by name, to be compared with those of `.env`; `None` when they
    /// were not asked for.
    pub secrets: Option<BTreeMap<String, String>>,
    /// What it is, as the entries below `services.NAME` of a Compose file would say it; what the image itself brings
    /// is left out, unless the manifest says it, too.
    pub entries: Vec<FileEntry>,
}

/// A network of an engine.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct EngineNetwork {
    /// Its name.
    pub name: String,
    /// Compose project and key, from its labels.
    pub project: Option<String>,
    /// Key in the Compose file.
    pub key: Option<String>,
    /// The label `com.docker.compose.config-hash`.
    pub config_hash: Option<String>,
    /// As the entries below `networks.KEY` would say it.
    pub entries: Vec<FileEntry>,
    /// Names of the containers on it.
    pub containers: Vec<String>,
}

/// A volume of an engine.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct EngineVolume {
    /// Its name.
    pub name: String,
    /// Compose project, from its labels.
    pub project: Option<String>,
    /// Key in the Compose file.
    pub key: Option<String>,
    /// The label `com.docker.compose.config-hash`.
    pub config_hash: Option<String>,
    /// Whether Docker made it without anybody naming it.
    pub anonymous: bool,
    /// As the entries below `volumes.KEY` would say it.
    pub entries: Vec<FileEntry>,
    /// Names of the containers that mount it.
    pub containers: Vec<String>,
}

/// A firewall of a provider, in a form like that of `firewall/digitalocean.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CloudFirewall {
    /// Its name.
    pub name: String,
    /// Droplets and tags it is applied to.
    pub applied_to: Vec<String>,
    /// Canonical rules: `inbound tcp 22 from 0.0.0.0/0`.
    pub rules: Vec<String>,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// Host names on it.
    pub names: Vec<String>,
    /// Who issued it.
    pub issuer: String,
    /// Whether it is its own issuer, as the temporary ones are that nginx starts with.
    pub self_signed: bool,
    /// When it ends, in seconds since 1970.
    pub ends: i64,
    /// SHA-256 of the certificate.
    pub fingerprint: String,
}

/// The name of something on a server as it is told of.
fn told(name: &str) -> String {
    if looks_secret(name) { "one whose name looks like a secret".into() } else { shown(name) }
}

/// What the system said when something was tried.
fn cannot(what: impl fmt::Display, error: &io::Error) -> String {
    format!("cannot {what}: {}", reason(error))
}

/// What a program had to say, as far as it can be told: the last line.
fn said(messages: &str) -> String {
    let last = messages.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("it said nothing").trim();
    let short: String = last.chars().take(200).collect();
    if looks_secret(&short) { "something that looks like a secret".into() } else { harmless(short) }
}
