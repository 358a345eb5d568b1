//! One target per file: what a [`Stack`] looks like in that format. Nothing here reads a manifest or touches a disk.

pub mod backup;
pub mod certbot;
pub mod compose;
pub mod deploy;
pub mod dotenv;
pub mod files;
pub mod nginx;
pub mod firewall;
pub mod template;

use crate::finding::Finding;
use crate::stack::Stack;

/// A file of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Path below the output directory, with `/`.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// Whether it can be run.
    pub executable: bool,
}

impl Artifact {
    /// A file that is only read.
    pub fn file(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), executable: false }
    }

    /// A script.
    pub fn script(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), executable: true }
    }
}

/// A kind of output.
pub struct Target {
    /// Its name, as `stackgen explain` knows it.
    pub name: &'static str,
    /// What it is for, one line.
    pub about: &'static str,
    /// Writes its files; what cannot be written is a finding.
    pub emit: fn(&Stack, &mut Vec<Finding>) -> Vec<Artifact>,
}

/// Every target, in the order its files are listed.
pub const TARGETS: &[Target] = &[
    Target { name: "compose", about: "docker-compose.yml", emit: compose::emit },
    Target { name: "files", about: "configuration files and scripts of the kinds", emit: files::emit },
    Target { name: "nginx", about: "nginx.conf, complete", emit: nginx::emit },
    Target { name: "certbot", about: "certificates: options, list, script", emit: certbot::emit },
    Target { name: "backup", about: "backups: scripts and timers", emit: backup::emit },
    Target { name: "firewall", about: "nftables and the provider's firewall", emit: firewall::emit },
    Target {
        name: "deploy",
        about: "deploy.sh: checks, least steps, health gates, the way back",
        emit: deploy::emit,
    },
    Target { name: "dotenv", about: ".env.example: every secret, named and described", emit: dotenv::emit },
];

/// The comment at the top of every file; it depends on nothing but the stack's name, or each build would be a change.
pub fn header(stack: &Stack) -> String {
    format!("Made by stackgen from the manifest of {}; change that, not this file.", stack.name)
}
