//! The page of a kind: what it runs, and what a service of it may choose.

use std::fmt::Write;

use crate::kinds::{Container, Kind, Need, UsedAs};
use crate::manifest::{Class, Map};
use crate::render::{BOLD, clean};
use crate::scalar::Name;
use crate::table::ValueType;

/// Columns a list of words is filled to.
const WIDTH: usize = 100;

// Writing to a String cannot fail, so the results are dropped throughout.
pub(super) fn page(kind: &Kind) -> String {
    let mut out = format!("{BOLD}{}{BOLD:#}: {}\n\n", clean(kind.kind.as_str()), clean(kind.title.as_str()));
    for line in kind.about.lines() {
        let _ = writeln!(out, "{}", clean(line));
    }
    if !kind.about.trim().is_empty() {
        out.push('\n');
    }
    let used = match kind.used_as {
        UsedAs::Service => "a service of the manifest",
        UsedAs::Store => "a service that keeps data for others",
        UsedAs::Site => "a static site, without a container",
        UsedAs::Proxy => "the proxy; configured under `proxy`",
        UsedAs::Acme => "what gets certificates; configured under `certificates`",
        UsedAs::Backup => "what saves and restores; configured under `backup`",
    };
    fact(&mut out, "used as", used);
    if let Some(image) = &kind.image {
        fact(&mut out, "image", image.as_str());
    }
    if let Some(version) = &kind.version {
        fact(&mut out, "version", version.as_str());
    }
    match kind.database {
        Need::Required => fact(&mut out, "database", "required"),
        Need::Optional => fact(&mut out, "database", "optional"),
        Need::None => {}
    }
    if let Some(when) = &kind.redis {
        fact(&mut out, "redis", &format!("when {when}"));
    }
    if kind.mail {
        fact(&mut out, "mail", "optional");
    }
    let ports: Vec<String> =
        kind.service.listen.iter().chain(&kind.service.ports).map(|p| p.0.to_string()).collect();
    if !ports.is_empty() {
        fact(&mut out, "ports", &ports.join(", "));
    }
    if let Some(memory) = kind.service.memory {
        fact(&mut out, "memory", &memory.to_string());
    }
    options(&mut out, kind);
    volumes(&mut out, &kind.service, &kind.companions);
    if !kind.secrets.is_empty() {
        heading(&mut out, "Secrets, each with the name of the service before it");
        for (name, secret) in &kind.secrets {
            let when = secret.when.as_ref().map(|w| format!(" (when {w})")).unwrap_or_default();
            row(&mut out, name.as_str(), &format!("{}{when}", secret.description));
        }
    }
    environment(&mut out, &kind.service);
    if !kind.companions.is_empty() {
        heading(&mut out, "Containers beside it");
        for (name, companion) in &kind.companions {
            let when = companion.when.as_ref().map(|w| format!(" (when {w})")).unwrap_or_default();
            let title = companion.title.as_ref().map(|t| t.as_str()).unwrap_or_default();
            row(&mut out, name.as_str(), &format!("{title}{when}"));
        }
    }
    if !kind.sources.is_empty() {
        heading(&mut out, "Sources");
        for source in &kind.sources {
            let _ = writeln!(out, "  {}", clean(source.as_str()));
        }
    }
    out
}

fn fact(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "{name:<9} {}", clean(value));
}

fn heading(out: &mut String, text: &str) {
    let _ = writeln!(out, "\n{BOLD}{text}{BOLD:#}");
}

fn row(out: &mut String, name: &str, text: &str) {
    let _ = writeln!(out, "  {:<20} {}", clean(name), clean(text));
}

fn options(out: &mut String, kind: &Kind) {
    if kind.options.is_empty() {
        return;
    }
    heading(out, "Options, under `options` of the service");
    for (name, option) in &kind.options {
        let default = match option.default.0.as_str() {
            "" => "none",
            text if text.contains("{{") => "computed",
            text => text,
        };
        let _ = writeln!(out, "  {:<20} {}; default: {}", clean(name), words(&option.kind.0), clean(default));
        let _ = writeln!(out, "  {:<20} {}", "", clean(option.help.as_str()));
    }
}

/// A type as people say it.
fn words(kind: &ValueType) -> String {
    match kind {
        ValueType::String => "text".into(),
        ValueType::Bool => "true or false".into(),
        ValueType::Int(i64::MIN, i64::MAX) => "whole number".into(),
        ValueType::Int(low, i64::MAX) => format!("whole number from {low}"),
        ValueType::Int(i64::MIN, high) => format!("whole number up to {high}"),
        ValueType::Int(low, high) => format!("whole number from {low} to {high}"),
        ValueType::Float => "number".into(),
        ValueType::Enum(choices) => clean(&choices.join(" or ")).into_owned(),
        ValueType::Path => "absolute path".into(),
        ValueType::List => "list".into(),
        ValueType::Json => "JSON".into(),
        ValueType::Url => "URL".into(),
    }
}

fn volumes(out: &mut String, service: &Container, companions: &Map<Name, Container>) {
    let all: Vec<_> = std::iter::once(service).chain(companions.values()).flat_map(|c| &c.volumes).collect();
    if all.is_empty() {
        return;
    }
    heading(out, "Volumes");
    for (name, volume) in all {
        let class = match volume.class {
            Class::Critical => "critical",
            Class::Important => "important",
            Class::Cache => "cache",
            Class::Deprecated => "deprecated",
        };
        let about = volume.description.as_ref().map(|d| format!(": {d}")).unwrap_or_default();
        row(out, name.as_str(), &format!("{} ({class}){about}", volume.mount.0));
    }
}

fn environment(out: &mut String, service: &Container) {
    let mut names: Vec<&str> = service.env.iter().flat_map(|g| g.set.keys()).map(|n| n.as_str()).collect();
    names.dedup();
    if names.is_empty() {
        return;
    }
    heading(out, "Variables it sets by itself, as far as they apply");
    let mut line = String::new();
    let mut seen = std::collections::HashSet::new();
    for name in names.into_iter().filter(|n| seen.insert(*n)) {
        if !line.is_empty() && line.len() + name.len() + 4 > WIDTH {
            let _ = writeln!(out, "  {line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push_str(", ");
        }
        line.push_str(name);
    }
    let _ = writeln!(out, "  {line}");
}
