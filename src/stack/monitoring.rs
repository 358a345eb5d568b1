//! What is watched, and who is told.

use crate::finding::Place;
use crate::scalar::Seconds;

/// Everything that is watched, and who is told what is wrong.
#[derive(Debug, Clone)]
pub struct Monitoring {
    /// Who is told.
    pub alerts: Alerts,
    /// How long measurements are kept.
    pub retention: Seconds,
    /// What is asked for measurements.
    pub targets: Vec<Target>,
    /// What is asked of the proxy, as a client would.
    pub probes: Vec<PublicProbe>,
    /// Whether backups report when they last succeeded.
    pub backups: bool,
    /// Where it is declared.
    pub place: Place,
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alerts {
    /// Key in [`super::Stack::mail`].
    pub mail: Option<String>,
    /// Addresses that get the mail.
    pub to: Vec<String>,
    /// Secret with the URL of an incoming webhook.
    pub webhook: Option<String>,
}

/// A service that answers with measurements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Service.
    pub service: String,
    /// Port.
    pub port: u16,
    /// Path.
    pub path: String,
    /// Key in [`super::Stack::databases`], where the measurements are about a server outside.
    pub database: Option<String>,
}

/// A request that the proxy gets again and again, and what it has to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicProbe {
    /// Main name of the site.
    pub site: String,
    /// Name that is asked.
    pub host: String,
    /// Path that is asked.
    pub path: String,
    /// Whether it is asked by TLS.
    pub https: bool,
    /// What it has to answer.
    pub expects: Expectation,
    /// Certificate the answer comes with, where it must be there and valid.
    pub certificate: Option<String>,
}

/// What a request has to be answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expectation {
    /// This status.
    Status(u16),
    /// 301 to the same site by https.
    Https,
    /// Whatever a service says; not that none can be reached.
    Answer,
}
