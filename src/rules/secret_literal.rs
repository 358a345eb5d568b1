//! A password, key or token stands in the manifest itself.
//!
//! The manifest is in version control; whoever can read the repository, now or in ten years, has the password, and so
//! have all copies and logs of the build. stackgen never shows such a value. Names are judged by the table of the
//! product, else by their ending.
//!
//! Fix, unsafe: writes the name of a secret in its place. The value has to be put into .env, and changed.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     healthcheck: { command: [/app, ready] }
//!     env: { API_TOKEN: 7f3a9c51d0e84b26 }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! secrets:
//!   API_TOKEN: { description: token of the API, source: its web page }
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     healthcheck: { command: [/app, ready] }
//!     env: { API_TOKEN: { secret: API_TOKEN } }
//! ```

use serde_json::Value as Json;

use super::common::{owners, settings};
use crate::finding::{Finding, Fix, Place, Step};
use crate::scalar::SecretName;
use crate::secrecy::names_a_secret;
use crate::stack::{Origin, Piece, Service, Stack};
use crate::table::{Lookup, Reading, Row, Table};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack) {
        for literal in literals(service).into_iter().filter(|l| !is_placeholder(l)) {
            let message = format!("a secret is written out as the value of `{}`", literal.name);
            let help = if literal.setting {
                "remove it; passwords reach this file by secrets, at the start of the container"
            } else {
                "write `{ secret: NAME }`, put the value into .env on the server, and change it: this one is known"
            };
            let fix = literal.fix();
            out.push(Finding::error("secret-literal", literal.place, message).help(help).fix(fix));
        }
    }
}

/// A secret that is written out.
pub(super) struct Literal {
    /// The name it has; its value is shown nowhere.
    pub name: String,
    pub value: String,
    /// What the product takes where nothing is set.
    pub default: String,
    /// Whether it is a key of a configuration file.
    pub setting: bool,
    pub place: Place,
}

impl Literal {
    /// The name of the secret in place of its value, which then still has to be changed.
    pub fn fix(&self) -> Option<Fix> {
        let Place::At { path, .. } = &self.place else { return None };
        if self.setting {
            return Some(Fix::risky(format!("remove `{}`", self.name)).remove(self.place.clone()));
        }
        let in_env = path.0.get(2) == Some(&Step::from("env"));
        let name = SecretName::try_from(self.name.clone()).ok().filter(|_| in_env)?;
        let title = format!("write `{{ secret: {} }}`", self.name);
        Some(Fix::risky(title).set(self.place.clone(), serde_json::json!({ "secret": name.as_str() })))
    }
}

/// Secrets that are written out for a service: in its environment, its settings, its build, its Compose keys.
pub(super) fn literals(service: &Service) -> Vec<Literal> {
    let mut found = Vec::new();
    let mut add = |name: &str, value: String, table: Option<&Table>, setting: bool, place: Place| {
        let row = match table.map(|t| t.find(name)) {
            Some(Lookup::Known(row)) => Some(row),
            _ => None,
        };
        // A name that is not read is reported as such; what is written there reaches nobody.
        let read = |row: &Row| row.secret && !matches!(row.reading, Reading::Removed(_));
        let secret = row.map_or_else(|| names_a_secret(name), read);
        // What is no credential: nothing, a switch, a small number, a reference, a file.
        let harmless = value.is_empty()
            || value.contains("${")
            || value.starts_with("/run/secrets/")
            || matches!(value.as_str(), "True" | "true" | "False" | "false" | "None" | "none")
            || value.len() < 4 && value.bytes().all(|b| b.is_ascii_digit());
        if secret && !harmless || in_url(&value) {
            let default = row.map_or(String::new(), |r| r.default.clone());
            found.push(Literal { name: name.to_string(), value, default, setting, place });
        }
    };
    for env in &service.env {
        let Origin::Manifest(place) = &env.origin else { continue };
        // With a secret in it the rest is only what stands around it.
        let literal = |p: &Piece| match p {
            Piece::Literal(text) => Some(text.clone()),
            _ => None,
        };
        if let Some(value) = env.value.0.iter().map(literal).collect::<Option<String>>() {
            add(&env.name, value, service.variables.as_deref(), false, place.clone());
        }
    }
    for setting in settings(service) {
        if let Origin::Manifest(place) = &setting.origin {
            add(&setting.name, setting.value.clone(), service.known_settings.as_deref(), true, place.clone());
        }
    }
    for (name, value) in service.build.iter().flat_map(|b| &b.args) {
        add(name, value.clone(), None, false, service.place.join("build").join("args").join(name));
    }
    let place = service.key_place("environment");
    match service.overrides.get("environment") {
        Some(Json::Object(map)) => {
            for (name, value) in map {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_string);
                add(name, value, service.variables.as_deref(), false, place.join(name));
            }
        }
        Some(Json::Array(list)) => {
            for (i, entry) in list.iter().enumerate() {
                if let Some((name, value)) = entry.as_str().and_then(|e| e.split_once('=')) {
                    add(name, value.to_string(), service.variables.as_deref(), false, place.join(i));
                }
            }
        }
        _ => {}
    }
    found
}

/// Whether a value may be a secret, by its name or its looks.
pub fn may_be_secret(table: Option<&Table>, name: &str, value: &str) -> bool {
    let known = match table.map(|t| t.find(name)) {
        Some(Lookup::Known(row)) => Some(row.secret),
        _ => None,
    };
    known.unwrap_or(false) || names_a_secret(name) || in_url(value)
}

/// Whether a URL holds a password: `scheme://user:password@host`.
fn in_url(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', ' ']).next().unwrap_or_default();
    let password = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).map(|(_, p)| p);
    password.is_some_and(|p| !p.is_empty() && !p.contains('$'))
}

/// Whether a value is one that everybody knows.
pub(super) fn is_placeholder(literal: &Literal) -> bool {
    const KNOWN: &[&str] = &[
        "admin",
        "password",
        "passwd",
        "secret",
        "postgres",
        "odoo",
        "root",
        "user",
        "test",
        "demo",
        "default",
        "n8n",
        "superset",
        "example",
        "changeme",
        "change_me",
        "change-me",
        "changethis",
        "change_this",
        "replaceme",
        "replace_me",
        "todo",
        "none",
        "null",
        "letmein",
        "qwerty",
        "12345678",
        "123456",
        "1234",
        "xxx",
        "xxxx",
    ];
    const PARTS: &[&str] = &[
        "changeme",
        "change_me",
        "change-me",
        "change_this",
        "your_",
        "your-",
        "placeholder",
        "example",
        "<",
    ];
    let value = literal.value.to_lowercase();
    value == literal.default.to_lowercase() && !value.is_empty()
        || KNOWN.contains(&value.as_str())
        || PARTS.iter().any(|part| value.contains(part))
}
