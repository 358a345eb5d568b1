//! SARIF 2.1.0, with all that GitHub's code scanning asks for.

use std::collections::BTreeMap;

use serde::Serialize;

use super::json;
use super::run::{Item, Region, Run, region, told};
use crate::finding::{Finding, Level};
use crate::rules::{self, Rule};

/// Most results of a run that GitHub takes; of more it takes none.
const MOST: usize = 25_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [SarifRun; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifRun {
    tool: Tool,
    column_kind: &'static str,
    original_uri_base_ids: BTreeMap<&'static str, Base>,
    invocations: [Invocation; 1],
    results: Vec<Outcome>,
}

#[derive(Serialize)]
struct Base {
    description: Text,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    semantic_version: &'static str,
    rules: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    /// Left out where it would only repeat the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    short_description: Text,
    full_description: Text,
    default_configuration: Configuration,
    help: Help,
    properties: Properties,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Serialize)]
struct Properties {
    tags: [&'static str; 2],
    precision: &'static str,
    #[serde(rename = "problem.severity")]
    severity: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    exit_code: u8,
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: Fingerprints,
}

/// GitHub reads only the hash by the name it gives its own; every other reader has ours.
#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "primaryLocationLineHash")]
    github: String,
    #[serde(rename = "ruleAndSubject/v1")]
    own: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: Physical,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: SarifRegion,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifRegion {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical {
    fully_qualified_name: String,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

fn text(text: impl Into<String>) -> Text {
    Text { text: text.into() }
}

const ROOT: &str = "%SRCROOT%";

/// The log of a run.
pub fn print(run: &Run) -> String {
    let mut items = run.items();
    let mut notes: Vec<_> = run.failures.iter().map(|f| notification("error", &f.message)).collect();
    if items.len() > MOST {
        items.sort_by_key(|item| item.finding.level);
        let left = items.len() - MOST;
        notes.push(notification("warning", &format!("{left} findings are left out: GitHub takes {MOST}")));
        items.truncate(MOST);
    }
    for line in run.stacks.iter().flat_map(|stack| &stack.unseen) {
        notes.push(notification("note", line));
    }
    let mut rules = BTreeMap::new();
    for item in &items {
        rules.entry(item.id).or_insert_with(|| match item.rule {
            Some(rule) => descriptor(rule),
            None => team_rule(item),
        });
    }
    let index: BTreeMap<&str, usize> = rules.keys().copied().zip(0..).collect();
    let results = items.iter().filter_map(|item| Some(outcome(run, item, index.get(item.id).copied()?)));
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [SarifRun {
            results: results.collect(),
            tool: Tool {
                driver: Driver {
                    name: "stackgen",
                    version: env!("CARGO_PKG_VERSION"),
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    rules: rules.into_values().collect(),
                },
            },
            column_kind: "utf16CodeUnits",
            original_uri_base_ids: BTreeMap::from([(
                ROOT,
                Base { description: text("The root of the repository.") },
            )]),
            invocations: [Invocation {
                execution_successful: run.failures.is_empty(),
                exit_code: run.status,
                tool_execution_notifications: notes,
            }],
        }],
    };
    json::print(&log)
}

fn notification(level: &'static str, message: &str) -> Notification {
    Notification { level, message: text(message) }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "note",
    }
}

fn descriptor(rule: &'static Rule) -> Descriptor {
    let page = rules::header(rule.source);
    let prose = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs = page.split("\n\n").filter(|p| !p.starts_with("```")).map(prose);
    let first = paragraphs.next().unwrap_or_default();
    let rest = paragraphs.next().unwrap_or_else(|| first.clone());
    Descriptor {
        id: rule.id,
        name: Some(rule.name),
        short_description: text(first),
        full_description: text(rest),
        default_configuration: Configuration { level: level(rule.level) },
        properties: properties(rule.level, rule.id.get(..2).unwrap_or_default()),
        help: Help { text: page.clone(), markdown: page },
    }
}

/// A rule of the team, as its policy has it.
fn team_rule(item: &Item) -> Descriptor {
    let rule = item.compiled.policy.as_ref().and_then(|policy| policy.rule(item.finding.rule));
    let require = rule.map_or("", |rule| rule.require.as_str());
    let about = rule.and_then(|rule| rule.about.as_deref()).unwrap_or(require).trim();
    Descriptor {
        id: item.id,
        name: (item.id != item.finding.rule).then_some(item.finding.rule),
        short_description: text(about),
        full_description: text(about),
        default_configuration: Configuration { level: level(item.finding.level) },
        properties: properties(item.finding.level, "team"),
        help: Help { text: require.to_string(), markdown: format!("`{require}`") },
    }
}

fn properties(level: Level, group: &'static str) -> Properties {
    Properties {
        tags: ["configuration", group],
        precision: "very-high",
        severity: match level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "recommendation",
        },
    }
}

fn outcome(run: &Run, item: &Item, rule_index: usize) -> Outcome {
    let Item { finding, compiled, .. } = item;
    let Finding { related, .. } = finding;
    let related = related.iter().enumerate().filter_map(|(i, r)| {
        let place = physical(run, &region(compiled, &r.place)?);
        let place = location(place, compiled.subject(&r.place));
        Some(Location { id: Some(i), message: Some(text(r.text.clone())), ..place })
    });
    Outcome {
        rule_id: item.id,
        rule_index,
        level: level(finding.level),
        message: text(told(finding)),
        locations: [location(physical(run, &item.at), item.subject.clone())],
        related_locations: related.collect(),
        partial_fingerprints: Fingerprints {
            github: item.fingerprint.clone(),
            own: item.fingerprint.clone(),
        },
    }
}

fn location(physical_location: Physical, subject: String) -> Location {
    let logical = Some(subject).filter(|s| !s.is_empty());
    Location {
        id: None,
        physical_location,
        logical_locations: logical
            .map(|fully_qualified_name| Logical { fully_qualified_name })
            .into_iter()
            .collect(),
        message: None,
    }
}

fn physical(run: &Run, at: &Region) -> Physical {
    let path = run.below_root(&at.path);
    let outside = path.starts_with('/');
    Physical {
        artifact_location: Artifact {
            uri: format!("{}{}", if outside { "file://" } else { "" }, encoded(&path)),
            uri_base_id: (!outside).then_some(ROOT),
        },
        region: SarifRegion {
            start_line: at.start.line,
            start_column: at.utf16.0,
            end_line: at.end.line,
            end_column: at.utf16.1,
        },
    }
}

/// A path as part of a URI. A colon too is encoded: before the first slash it would end a scheme.
fn encoded(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte.into())
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_part_of_a_uri() {
        assert_eq!(encoded("a b/é:#?%.yaml"), "a%20b/%C3%A9%3A%23%3F%25.yaml");
    }
}
