//! `stackgen schema`: JSON Schemas for editors, made from the types that read the files.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::Status;
use super::out::Out;
use crate::cli::{Schema, SchemaOf};
use crate::deployed::Deployed;
use crate::format::merge::REMOVE;
use crate::kinds::{Kind, Kinds, UsedAs};
use crate::manifest::Manifest;
use crate::policy::{self, PolicyFile};
use crate::render::diff::json::Diff;
use crate::render::json::Finding;
use crate::table::ValueType;
use crate::text::Sources;
use crate::write::Failure;

pub(super) fn run(args: &Schema, out: &mut Out) -> Result<Status, Failure> {
    out.print(&text(args.of));
    Ok(Status::Fine)
}

/// A schema as `schemas/` has it.
pub fn text(of: SchemaOf) -> String {
    let schema = match of {
        SchemaOf::Stack => stack(),
        SchemaOf::Overlay => overlay(),
        SchemaOf::Kind => kind(),
        SchemaOf::Policy => policy(),
        SchemaOf::Findings => findings(),
        SchemaOf::Model => model(),
        SchemaOf::Diff => diff(),
        SchemaOf::Snapshot => snapshot(),
    };
    format!("{schema:#}\n")
}

/// Of a manifest.
pub fn stack() -> Value {
    let root =
        SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<Manifest>();
    let mut schema = root.to_value();
    tidy(&mut schema);
    name_kinds(&mut schema);
    title(schema, "stackgen manifest")
}

/// Of a kind of service.
pub fn kind() -> Value {
    let root =
        SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<Kind>();
    let mut schema = root.to_value();
    tidy(&mut schema);
    title(schema, "stackgen kind")
}

/// Of what a team asks of all its stacks.
pub fn policy() -> Value {
    let root = SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<PolicyFile>();
    let mut schema = root.to_value();
    tidy(&mut schema);
    title(schema, "stackgen policy")
}

/// Of the model that the expressions of a policy see. Open, as the findings are.
pub fn model() -> Value {
    let mut schema = policy::view::schema();
    each(&mut schema, &mut |object| drop(object.remove("format")));
    title(schema, "stackgen model")
}

/// Of the findings that `lint --format json` prints. Open, so that one more field breaks nobody.
pub fn findings() -> Value {
    printed::<Vec<Finding>>("stackgen findings")
}

/// Of the differences that `diff --format json` prints; open too.
pub fn diff() -> Value {
    printed::<Diff>("stackgen diff")
}

/// Of something that is printed and never read.
fn printed<T: JsonSchema>(name: &str) -> Value {
    let root = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    let mut schema = root.to_value();
    each(&mut schema, &mut |object| drop(object.remove("format")));
    title(schema, name)
}

/// Of what `snapshot` writes. Open like that of the findings.
pub fn snapshot() -> Value {
    let root =
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Deployed>();
    let mut schema = root.to_value();
    each(&mut schema, &mut |object| drop(object.remove("format")));
    title(schema, "stackgen snapshot")
}

/// Of an overlay: a manifest of which everything may be left out, and what to remove.
pub fn overlay() -> Value {
    let mut schema = stack();
    // Lists are replaced whole, so what stands in one is complete; all else is merged and may be a part.
    let (mut parts, mut wholes) = (BTreeSet::new(), BTreeSet::new());
    reach(&schema, &schema, false, &mut parts, &mut wholes);
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        for name in &parts {
            let Some(part) = definitions.get(name) else { continue };
            let mut part = part.clone();
            optional(&mut part);
            if definitions.get(name) != Some(&part) && wholes.contains(name) {
                definitions.insert(format!("{name}Part"), part);
            } else {
                definitions.insert(name.clone(), part);
            }
        }
        let both: BTreeSet<String> =
            parts.iter().filter(|n| definitions.contains_key(&format!("{n}Part"))).cloned().collect();
        for (name, definition) in definitions.iter_mut() {
            if !wholes.contains(name) {
                point_to_parts(definition, &both);
            }
        }
        if let Some(service) = definitions.get_mut("Service").and_then(Value::as_object_mut) {
            service.remove("allOf");
        }
    }
    if let Some(root) = schema.as_object_mut() {
        root.remove("required");
        root.insert("description".into(), json!("What one environment has otherwise than the manifest."));
        if let Some(properties) = root.get_mut("properties").and_then(Value::as_object_mut) {
            let remove = json!({
                "description": "Paths of what the manifest has and this environment has not: services.odoo.env.NAME, services.web.aliases[0]. Removed first.",
                "type": "array", "items": { "type": "string", "minLength": 1 },
                "examples": [["services.odoo.publish"]],
            });
            properties.insert(REMOVE.into(), remove);
        }
    }
    title(schema, "stackgen overlay")
}

/// Puts the title first, where people look.
fn title(schema: Value, title: &str) -> Value {
    let Value::Object(object) = schema else { return schema };
    let mut out = Map::new();
    if let Some(dialect) = object.get("$schema") {
        out.insert("$schema".into(), dialect.clone());
    }
    out.insert("title".into(), title.into());
    out.extend(object.into_iter().filter(|(key, _)| key != "$schema" && key != "title"));
    Value::Object(out)
}

/// Calls a function on every schema in a schema, the inner ones first.
fn each(value: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each(item, visit)),
        Value::Object(object) => {
            object.values_mut().for_each(|inner| each(inner, visit));
            visit(object);
        }
        _ => {}
    }
}

/// Makes a derived schema say what decoding does: no null, no unknown keys, no number out of range.
fn tidy(schema: &mut Value) {
    each(schema, &mut |object| {
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|t| t != "null");
            if let [one] = types.as_slice() {
                let one = one.clone();
                object.insert("type".into(), one);
            }
        }
        if let Some(Value::Array(choices)) = object.get_mut("enum") {
            choices.retain(|c| !c.is_null());
        }
        if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
            choices.retain(|c| c.get("type").is_none_or(|t| t != "null"));
            if let [Value::Object(one)] = choices.as_slice() {
                let one = one.clone();
                object.remove("anyOf");
                for (key, value) in one {
                    object.entry(key).or_insert(value);
                }
            }
        }
        // Rust's names of number types mean nothing to an editor.
        if let Some(format) = object.get("format").and_then(Value::as_str) {
            let most = match format {
                "uint16" => Some(u64::from(u16::MAX)),
                "uint32" => Some(u64::from(u32::MAX)),
                _ => None,
            };
            if let Some(most) = most {
                object.insert("maximum".into(), most.into());
            }
            object.remove("format");
        }
        // That what is left out is empty goes without saying.
        let empty = |d: &Value| {
            d.is_null() || d.as_array().is_some_and(Vec::is_empty) || d.as_object().is_some_and(Map::is_empty)
        };
        if object.get("default").is_some_and(empty) {
            object.remove("default");
        }
        // A struct; what derives from a map says by itself which keys it takes.
        if object.get("properties").is_some_and(Value::is_object)
            && object.get("type").is_some_and(|t| t == "object")
            && !object.contains_key("additionalProperties")
        {
            object.insert("additionalProperties".into(), false.into());
        }
    });
}

/// Names the built-in kinds and their options, so that editors offer them. Nothing becomes an error by it: a folder
/// of own kinds may add to them or replace them.
fn name_kinds(schema: &mut Value) {
    let (mut sources, mut faults) = (Sources::default(), Vec::new());
    let mut kinds = Kinds::default();
    let names: Vec<String> = kinds.names().into_iter().map(str::to_string).collect();
    let (mut examples, mut choices) = (Vec::new(), Vec::new());
    for name in names {
        let Some(kind) = kinds.get(&name, &mut sources, &mut faults) else { continue };
        if !matches!(kind.used_as, UsedAs::Service | UsedAs::Store | UsedAs::Site) {
            continue;
        }
        examples.push(Value::from(name.as_str()));
        if kind.options.is_empty() {
            continue;
        }
        let options: Map<String, Value> =
            kind.options.iter().map(|(name, option)| (name.clone(), option_schema(option))).collect();
        choices.push(json!({
            "if": { "properties": { "kind": { "const": name } }, "required": ["kind"] },
            "then": { "properties": { "options": { "properties": options } } },
        }));
    }
    let Some(service) = schema.pointer_mut("/$defs/Service").and_then(Value::as_object_mut) else { return };
    service.insert("allOf".into(), choices.into());
    if let Some(kind) =
        service.get_mut("properties").and_then(|p| p.get_mut("kind")).and_then(Value::as_object_mut)
    {
        kind.insert("examples".into(), examples.into());
    }
}

fn option_schema(option: &crate::kinds::OptionKind) -> Value {
    let typed = |text: &str| match &option.kind.0 {
        ValueType::Bool => text.parse().map(Value::Bool).unwrap_or_else(|_| text.into()),
        ValueType::Int(..) => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
        _ => Value::from(text),
    };
    let mut schema = Map::new();
    schema.insert("description".into(), option.help.as_str().into());
    // A computed default has no value to show.
    if !option.default.0.contains("{{") && !option.default.0.is_empty() {
        schema.insert("default".into(), typed(&option.default.0));
    }
    let examples: Vec<Value> = match &option.kind.0 {
        ValueType::Enum(words) => words.iter().map(|w| w.as_str().into()).collect(),
        ValueType::Bool => vec![true.into(), false.into()],
        _ => Vec::new(),
    };
    if !examples.is_empty() {
        schema.insert("examples".into(), examples.into());
    }
    Value::Object(schema)
}

/// Names of the definitions that are reached outside of lists, and inside.
fn reach(
    root: &Value,
    schema: &Value,
    in_list: bool,
    parts: &mut BTreeSet<String>,
    wholes: &mut BTreeSet<String>,
) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| reach(root, item, in_list, parts, wholes)),
        Value::Object(object) => {
            for (key, value) in object {
                if key == "$defs" {
                    continue;
                }
                if let Some(name) = value.as_str().filter(|_| key == "$ref").and_then(definition) {
                    let seen = if in_list { &mut *wholes } else { &mut *parts };
                    if seen.insert(name.to_string())
                        && let Some(next) = root.get("$defs").and_then(|d| d.get(name))
                    {
                        reach(root, next, in_list, parts, wholes);
                    }
                }
                reach(root, value, in_list || key == "items", parts, wholes);
            }
        }
        _ => {}
    }
}

fn definition(reference: &str) -> Option<&str> {
    reference.strip_prefix("#/$defs/")
}

/// Drops what is required, except in the items of lists and in conditions.
fn optional(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(optional),
        Value::Object(object) => {
            object.remove("required");
            object
                .iter_mut()
                .filter(|(key, _)| *key != "items" && *key != "if")
                .for_each(|(_, v)| optional(v));
        }
        _ => {}
    }
}

/// Refers to the partial variant of definitions that have one, except in the items of lists.
fn point_to_parts(schema: &mut Value, both: &BTreeSet<String>) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| point_to_parts(item, both)),
        Value::Object(object) => {
            for (key, value) in object.iter_mut().filter(|(key, _)| *key != "items") {
                match value.as_str().filter(|_| key == "$ref").and_then(definition) {
                    Some(name) if both.contains(name) => *value = format!("#/$defs/{name}Part").into(),
                    _ => point_to_parts(value, both),
                }
            }
        }
        _ => {}
    }
}
