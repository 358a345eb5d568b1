//! `.env.example`: every secret by name, with what it is for and where it comes from. No file ever holds a value.

use minijinja::{Value, context};

use super::{Artifact, certbot, header};
use crate::finding::{Finding, Place};
use crate::stack::Stack;

/// Writes the file, sorted by name: moving a service about in the manifest changes nothing here.
pub fn emit(stack: &Stack, out: &mut Vec<Finding>) -> Vec<Artifact> {
    if stack.secrets.is_empty() {
        return Vec::new();
    }
    let mut secrets: Vec<_> = stack.secrets.iter().collect();
    secrets.sort_by(|a, b| a.name.cmp(&b.name));
    let secrets: Vec<Value> = secrets
        .into_iter()
        .map(|secret| {
            context! {
                name => secret.name.as_str(),
                description => secret.description.as_str(),
                used_by => secret.used_by.clone(),
                source => secret.source.as_deref(),
                generate => secret.generate.as_deref(),
            }
        })
        .collect();
    let context = context! {
        header => Value::from_safe_string(header(stack)),
        stack => stack.name.as_str(),
        secrets,
    };
    let place = Place::manifest(["secrets"]);
    certbot::rendered(".env.example", ".env.example.j2", &context, &place, out)
        .map(|text| Artifact::file(".env.example", text))
        .into_iter()
        .collect()
}
