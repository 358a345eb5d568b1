//! The page of a part of the manifest, from its JSON Schema.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::commands::schema;
use crate::render::{BOLD, clean};
use crate::text::{nearest, one_of};
use crate::write::Failure;

type Object = Map<String, Value>;

/// Where a resolved schema keeps how its text is written.
const WRITTEN: &str = "written";

/// The keys at the top of a manifest.
pub(super) fn keys() -> Vec<String> {
    let root = schema::stack();
    children(&root, &[root.as_object().cloned().unwrap_or_default()])
        .into_iter()
        .map(|(key, ..)| key)
        .collect()
}

/// The page of `services.odoo.routes[0].path` and the like; the names in it may be any.
pub(super) fn page(topic: &str) -> Result<String, Failure> {
    let root = schema::stack();
    let mut walked = String::new();
    // The ways a value may be written: a short form, and the full one.
    let mut ways = vec![root.as_object().cloned().unwrap_or_default()];
    let steps = steps(topic);
    if steps.is_empty() {
        return Err(Failure::new("expected a path, found an empty one"));
    }
    for step in steps {
        let next = match &step {
            Step::Item => ways.iter().find_map(|w| w.get("items")),
            // A list may be left out of the path: `services.odoo.routes.path`.
            Step::Key(key) => ways.iter().find_map(|w| child(w, key)),
        };
        let next = match (next.cloned(), &step) {
            (Some(next), _) => next,
            (None, Step::Key(key)) => match through_list(&root, &ways, key) {
                Some(next) => next,
                None => return Err(nothing(&root, &ways, &walked, key)),
            },
            (None, Step::Item) => {
                return Err(Failure::new(format!("expected a list before `[`, found none at `{walked}`"))
                    .help(format!("see `stackgen explain {walked}`")));
            }
        };
        match &step {
            Step::Item => walked.push_str("[]"),
            Step::Key(key) if walked.is_empty() => walked.push_str(key),
            Step::Key(key) => {
                walked.push('.');
                walked.push_str(key);
            }
        }
        ways = resolved(&root, &next);
    }
    Ok(print(&root, &walked, &ways))
}

enum Step {
    Key(String),
    Item,
}

fn steps(topic: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in topic.split('.') {
        let mut pieces = part.split('[');
        if let Some(key) = pieces.next().filter(|k| !k.is_empty()) {
            steps.push(Step::Key(key.to_string()));
        }
        steps.extend(pieces.map(|_| Step::Item));
    }
    steps
}

/// A schema with its references followed, as the ways it may be written. The outermost description counts.
fn resolved(root: &Value, schema: &Value) -> Vec<Object> {
    // `true`, which takes anything.
    let mut object = schema.as_object().cloned().unwrap_or_default();
    // References of references do not occur more than a few deep; a ring of them would be a bug of the generator.
    for _ in 0..8 {
        let Some(reference) = object.remove("$ref") else { break };
        let target = reference
            .as_str()
            .and_then(|r| root.pointer(r.trim_start_matches('#')))
            .and_then(Value::as_object);
        for (key, value) in target.into_iter().flatten() {
            // Of a scalar the type says how it is written, which is not what it is for here.
            let key = if key == "description" && target.is_some_and(|t| t.contains_key("pattern")) {
                WRITTEN
            } else {
                key
            };
            object.entry(key).or_insert_with(|| value.clone());
        }
    }
    let description = object.get("description").cloned();
    match object.get("anyOf").and_then(Value::as_array) {
        Some(choices) => choices
            .iter()
            .flat_map(|choice| resolved(root, choice))
            .map(|mut way| {
                if let Some(description) = &description {
                    way.insert("description".into(), description.clone());
                }
                way
            })
            .collect(),
        None => vec![object],
    }
}

/// The schema of what a map holds under a key.
fn child<'a>(way: &'a Object, key: &str) -> Option<&'a Value> {
    let named = way.get("properties").and_then(|p| p.get(key));
    named.or_else(|| any_name(way))
}

/// The schema of the values of a map whose keys are free.
fn any_name(way: &Object) -> Option<&Value> {
    let patterns = way.get("patternProperties").and_then(Value::as_object);
    patterns
        .and_then(|p| p.values().next())
        .or_else(|| way.get("additionalProperties").filter(|a| a.is_object() || **a == Value::Bool(true)))
}

fn through_list(root: &Value, ways: &[Object], key: &str) -> Option<Value> {
    let items = ways.iter().find_map(|w| w.get("items"))?;
    resolved(root, items).iter().find_map(|w| child(w, key)).cloned()
}

fn nothing(root: &Value, ways: &[Object], walked: &str, key: &str) -> Failure {
    let keys: Vec<_> = children(root, ways).into_iter().map(|(key, ..)| key).collect();
    let at = if walked.is_empty() {
        "at the top of the manifest".to_string()
    } else {
        format!("under `{walked}`")
    };
    let failure = Failure::new(format!("expected a known key {at}, found `{key}`"));
    let quoted: Vec<_> = keys.iter().map(|k| format!("`{k}`")).collect();
    match nearest(key, keys.iter().map(String::as_str)) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None if keys.is_empty() => failure.help(format!("`{walked}` has no keys")),
        None => failure.help(format!("the keys are {}", one_of(quoted.iter().map(String::as_str)))),
    }
}

/// The keys of a map: name, what it holds, whether it must be there, what it is for.
fn children(root: &Value, ways: &[Object]) -> Vec<(String, String, bool, String)> {
    let Some(way) = ways.iter().find(|w| w.contains_key("properties")) else { return Vec::new() };
    let required =
        |key: &str| way.get("required").and_then(Value::as_array).is_some_and(|r| r.iter().any(|k| k == key));
    way.get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, schema)| {
            let ways = resolved(root, schema);
            let about = ways.first().map(about).unwrap_or_default();
            (key.clone(), kinds(root, &ways), required(key), about)
        })
        .collect()
}

fn about(way: &Object) -> String {
    way.get("description").and_then(Value::as_str).unwrap_or_default().to_string()
}

/// What may be written, in a few words.
fn kinds(root: &Value, ways: &[Object]) -> String {
    let mut words: Vec<String> = ways.iter().map(|way| kind(root, way)).collect();
    words.dedup();
    one_of(words.iter().map(String::as_str))
}

fn kind(root: &Value, way: &Object) -> String {
    if let Some(choices) = choices(way) {
        return one_of(choices.iter().map(|(word, _)| word.as_str()));
    }
    if let Some(only) = way.get("const") {
        return only.to_string();
    }
    let number = |key: &str| way.get(key).filter(|n| n.is_number());
    match way.get("type") {
        Some(Value::Array(_)) => "text, number, true or false".into(),
        Some(Value::String(name)) => match name.as_str() {
            "integer" => match (number("minimum"), number("maximum")) {
                (Some(low), Some(high)) => format!("whole number from {low} to {high}"),
                _ => "whole number".into(),
            },
            "array" => {
                let items = way.get("items").map(|items| kinds(root, &resolved(root, items)));
                format!("list of {}", items.unwrap_or_default()).replace("list of map", "list of maps")
            }
            "object" if any_name(way).is_some() => "map by name".into(),
            other => word(other).into(),
        },
        _ => "anything".into(),
    }
}

fn word(name: &str) -> &str {
    match name {
        "string" => "text",
        "integer" => "whole number",
        "boolean" => "true or false",
        "array" => "list",
        "object" => "map",
        other => other,
    }
}

/// The words of an enum, with what each means.
fn choices(way: &Object) -> Option<Vec<(String, String)>> {
    let text = |v: &Value| v.as_str().map(str::to_string);
    if let Some(words) = way.get("enum").and_then(Value::as_array) {
        return Some(words.iter().filter_map(text).map(|w| (w, String::new())).collect());
    }
    let list = way.get("oneOf")?.as_array()?;
    list.iter()
        .map(|c| {
            let about = c.get("description").and_then(Value::as_str).unwrap_or_default();
            Some((text(c.get("const")?)?, about.to_string()))
        })
        .collect()
}

// Writing to a String cannot fail, so the results are dropped throughout.
fn print(root: &Value, walked: &str, ways: &[Object]) -> String {
    let mut out = format!("{BOLD}{}{BOLD:#}: {}\n", clean(walked), kinds(root, ways));
    if let Some(about) = ways.first().map(about).filter(|a| !a.is_empty()) {
        let _ = writeln!(out, "\n{about}");
    }
    if let Some(written) = ways.iter().find_map(|w| w.get(WRITTEN)).and_then(Value::as_str) {
        let _ = writeln!(out, "\nWritten as {written}.");
    }
    if let Some(choices) = ways.iter().find_map(choices) {
        out.push('\n');
        for (word, about) in choices {
            let _ = writeln!(out, "  {word:<16} {about}");
        }
    }
    // Of a list or a map by name, what one entry is made of.
    let inner = ways.iter().find_map(|w| w.get("items").or_else(|| any_name(w))).map(|i| resolved(root, i));
    let (keys, heading) = match (&inner, children(root, ways)) {
        (Some(inner), own) if own.is_empty() => (children(root, inner), "Keys of each"),
        (_, own) => (own, "Keys"),
    };
    if !keys.is_empty() {
        let _ = writeln!(out, "\n{BOLD}{heading}{BOLD:#}");
        for (key, kind, required, about) in keys {
            let required = if required { ", required" } else { "" };
            let _ = writeln!(out, "  {key:<20} {kind}{required}");
            if !about.is_empty() {
                let _ = writeln!(out, "  {:<20} {about}", "");
            }
        }
    }
    out
}
