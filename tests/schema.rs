//! The schemas: the files are what the types make, and they judge every manifest as the types do.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test fails by a panic")]

mod common;

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};
use stackgen::cli::SchemaOf;
use stackgen::commands::schema;
use stackgen::finding::{Level, Place};
use stackgen::format;
use stackgen::format::tree::{Kind, NodeId, Tree};
use stackgen::text::Sources;
use stackgen::{kinds, manifest, parse, scalar};

/// What only the types can see, and why.
const TYPES_ONLY: [(&str, &str); 3] = [
    ("duplicate-key.yaml", "a schema is asked about a map, in which no key is there twice"),
    ("duplicate.toml", "the same"),
    ("infinite-cpus.yaml", "JSON has no infinity to ask about"),
];

#[test]
fn the_files_are_what_the_types_make() {
    for (name, of) in [
        ("stack", SchemaOf::Stack),
        ("overlay", SchemaOf::Overlay),
        ("kind", SchemaOf::Kind),
        ("policy", SchemaOf::Policy),
        ("findings", SchemaOf::Findings),
        ("model", SchemaOf::Model),
        ("diff", SchemaOf::Diff),
        ("snapshot", SchemaOf::Snapshot),
    ] {
        let path = common::root().join(format!("schemas/{name}.schema.json"));
        let made = schema::text(of);
        if std::env::var_os("STACKGEN_BLESS").is_some() {
            std::fs::write(&path, &made).expect("written");
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == made,
            "schemas/{name}.schema.json is outdated; STACKGEN_BLESS=1 cargo test --test schema"
        );
    }
}

#[test]
fn the_schemas_are_schemas() {
    for schema in [
        schema::stack(),
        schema::overlay(),
        schema::kind(),
        schema::findings(),
        schema::policy(),
        schema::model(),
        schema::diff(),
        schema::snapshot(),
    ] {
        jsonschema::meta::validate(&schema).expect("a schema");
    }
    // Decoding refuses a written null wherever a type is known.
    assert!(!schema::text(SchemaOf::Stack).contains("\"null\""));
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::new(schema).expect("a schema")
}

fn read(path: &Path) -> (Sources, Option<Tree>) {
    let text = std::fs::read_to_string(path).expect("a text");
    let name = path.display().to_string();
    let mut sources = Sources::default();
    let id = sources.add(name.clone(), text.clone());
    let tree = format::read(&name, id, &text, &mut Vec::new());
    (sources, tree)
}

fn to_json(tree: &Tree, node: NodeId) -> Value {
    match &tree.node(node).kind {
        Kind::Null => Value::Null,
        Kind::Bool(b) => json!(b),
        Kind::Int(i) => json!(i),
        Kind::Float(f) => json!(f),
        Kind::Str(s) => json!(s),
        Kind::Seq(items) => items.iter().map(|i| to_json(tree, *i)).collect(),
        Kind::Map(entries) => {
            Value::Object(entries.iter().map(|e| (e.key.to_string(), to_json(tree, e.value))).collect())
        }
    }
}

/// Where the types find faults, as paths.
fn faults(path: &Path) -> Vec<String> {
    let (sources, _) = read(path);
    let mut out = Vec::new();
    let parsed = parse::parse(stackgen::text::SourceId(0), None, &sources, &mut out);
    let faults: Vec<_> = out
        .iter()
        .filter(|f| f.level == Level::Error)
        .map(|f| match &f.place {
            Place::At { path, .. } => path.to_string(),
            // No tree, so no path.
            Place::Text(_) => "=".to_string(),
        })
        .collect();
    assert!(parsed.manifest.is_some() || !faults.is_empty(), "{}: {out:#?}", path.display());
    faults
}

fn corpus(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(common::root().join("tests/manifests").join(folder))
        .expect("a folder")
        .map(|e| e.expect("an entry").path())
        .collect();
    files.sort();
    assert!(files.len() > 30, "{folder}: only {}", files.len());
    files
}

#[test]
fn schema_and_types_judge_alike() {
    let validator = validator(&schema::stack());
    let mut wrong = Vec::new();
    for path in corpus("accepted") {
        let (_, tree) = read(&path);
        let value = tree.map(|t| to_json(&t, t.root())).unwrap_or_default();
        let said: Vec<_> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        let faults = faults(&path);
        if !said.is_empty() || !faults.is_empty() {
            wrong.push(format!("{}: schema {said:?}, types {faults:?}", path.display()));
        }
    }
    for path in corpus("refused") {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a text");
        let first = text.lines().next().unwrap_or_default();
        let expected =
            first.strip_prefix("# refused at ").and_then(|r| r.split_once(": ")).expect("a first line").0;
        let faults = faults(&path).join(", ");
        if faults != expected {
            wrong.push(format!("{name}: expected a fault at `{expected}`, the types found `{faults}`"));
        }
        if TYPES_ONLY.iter().any(|(n, _)| *n == name) {
            continue;
        }
        let (_, tree) = read(&path);
        let value = tree.map(|t| to_json(&t, t.root())).unwrap_or_default();
        if validator.is_valid(&value) {
            wrong.push(format!("{name}: the schema accepts it"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_stack_and_kind_fits_its_schema() {
    let (stack, kind) = (validator(&schema::stack()), validator(&schema::kind()));
    let fits = |validator: &Validator, path: &Path| {
        let (_, tree) = read(path);
        let tree = tree.expect("a tree");
        let said: Vec<_> = validator
            .iter_errors(&to_json(&tree, tree.root()))
            .map(|e| format!("{} {e}", e.instance_path()))
            .collect();
        assert!(said.is_empty(), "{}: {said:#?}", path.display());
    };
    for (_, manifest) in common::manifests() {
        fits(&stack, &manifest);
    }
    for (name, _) in kinds::built_in() {
        fits(&kind, &common::root().join(format!("templates/kinds/{name}.yaml")));
    }
}

#[test]
fn an_overlay_may_be_a_part() {
    let (overlay, stack) = (validator(&schema::overlay()), validator(&schema::stack()));
    for (value, fits) in [
        (json!({}), true),
        (json!({ "remove": ["services.a"], "services": { "a": { "database": { "name": "b" } } } }), true),
        (json!({ "databases": { "main": { "port": 5433 } }, "rate_limits": { "a": { "burst": 1 } } }), true),
        (json!({ "mail": { "m": { "password": {} } } }), true),
        (json!({ "remove": "services.a" }), false),
        (json!({ "services": { "a": { "imge": "x" } } }), false),
        // A list is replaced whole, so its items are whole.
        (json!({ "services": { "a": { "routes": [{ "websocket": true }] } } }), false),
        (json!({ "services": { "a": { "listen": null } } }), false),
    ] {
        assert_eq!(overlay.is_valid(&value), fits, "{value}");
    }
    assert!(!stack.is_valid(&json!({ "stackgen": 1, "name": "a", "remove": [] })));
}

/// The schema of one definition of a manifest.
fn definition(name: &str) -> Validator {
    let mut schema = schema::stack();
    let root = schema.as_object_mut().expect("an object");
    root.retain(|key, _| key == "$schema" || key == "$defs");
    root.insert("$ref".into(), json!(format!("#/$defs/{name}")));
    validator(&schema)
}

/// A text newtype: its name, what the schema says, what the type says.
struct Scalar {
    name: &'static str,
    schema: Validator,
    accepts: fn(String) -> bool,
}

macro_rules! scalars {
    ($($module:ident::$name:ident),* $(,)?) => {
        vec![$(Scalar {
            name: stringify!($name),
            schema: definition(stringify!($name)),
            accepts: |text| $module::$name::try_from(text).is_ok(),
        }),*]
    };
}

fn scalars() -> Vec<Scalar> {
    scalars![
        scalar::Name,
        scalar::HostName,
        scalar::SecretName,
        scalar::ContainerName,
        scalar::VolumeName,
        scalar::ImageRef,
        scalar::Line,
        scalar::UrlPath,
        scalar::Date,
        scalar::Email,
        scalar::Cidr,
        scalar::Url,
        scalar::Bytes,
        scalar::Seconds,
        scalar::Rate,
        manifest::Timezone,
        manifest::HeaderName,
        manifest::DatabaseName,
        manifest::AbsolutePath,
        manifest::HostPath,
        manifest::UserName,
        manifest::Capability,
        manifest::RedirectTarget,
    ]
}

fn judge_alike(scalars: &[Scalar], text: &str) {
    for scalar in scalars {
        // An IPv4 address at the end of an IPv6 one is more than a pattern should know.
        if scalar.name == "Cidr" && text.contains(':') && text.contains('.') {
            continue;
        }
        let (schema, types) = (scalar.schema.is_valid(&json!(text)), (scalar.accepts)(text.to_string()));
        assert_eq!(schema, types, "{}: the schema says {schema}, the type {types}: {text:?}", scalar.name);
    }
}

#[test]
fn every_scalar_judges_like_its_pattern() {
    let scalars = scalars();
    let long = |n: usize| "a".repeat(n);
    let mut texts: Vec<String> = "a|A|0|-|_|.|/|a-b|a_b|a.b|A.b|.a|-a|a-|a.|a..b|a b| a|a |~|~/a|$a|a:b|a:|:a|a@b|a@b.c|a.b+c%d-e@f-g.h|\
        @b.c|a@b@c.d|a@.c|é|🚀|odoo:18.0|a:b:c|a/b|a//b|a/|/a|/a/|/a/../b|/..|/a..b|/a;b|/a{|/a b|/a?b|/%2f|//|\
        localhost:5000/a|localhost:5000|a:5000/b:c|a/b:5000/c|a:x/b|a:.b|a:-b|a@sha256:12|ghcr.io/a/b:1.2|A/b|a.b/-c|\
        a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef|\
        a:b@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef|\
        a@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef|\
        1.2.3.4|1.2.3|1.2.3.4.5|01.2.3.4|256.1.1.1|1.2.3.4/0|1.2.3.4/32|1.2.3.4/33|1.2.3.4/08|1.2.3.4/|1.2.3.4/-1|\
        ::|::1|1::|::/0|1::/128|1::/129|1:2:3:4:5:6:7:8|1:2:3:4:5:6:7|1:2:3:4:5:6:7::|::2:3:4:5:6:7:8|1:2:3:4:5:6:7:8::|\
        1::2::3|:1|1:|12345::|g::|fe80::1%eth0|2001:DB8::/32|1:2:3::4:5:6:7|1:2:3:4::5:6:7:8|\
        https://a.b|http://a.b/|https://a|https://a.b:443|https://a.b:0|https://a.b:65535|https://a.b:65536|https://a.b:0443|\
        https://a.b:|https://a.b/x?y|https://a.b/x~%20|https://A.b|https://a.b.|https://-a.b|https://a_b.c|https://|\
        HTTPS://a.b|https://u@a.b|https://a.b x|2026-02-12|2026-13-01|2026-00-10|2026-12-32|2026-1-1|20260212|2026-02-31|\
        1KiB|512MiB|8GiB|9TiB|0MiB|007MiB|0000001MiB|999999TiB|1000000KiB|1kib|1 GiB|1.5GiB|-1GiB|GiB|1GB|1g|\
        1s|30s|5m|2h|7d|0s|00001s|000001s|99999s|99999h|49710d|49711d|99999d|1w|s|-1s|1.5h|30|30S|\
        10r/s|30r/m|0r/s|000001r/s|0000001r/s|r/s|10r/h|10 r/s|Asia/Manila|UTC|asia/manila|Etc/GMT+8|America/Port-au-Prince|A B|\
        X-Real-IP|x|X_A|X:|1000:1000|node|a:b:c|a:|1000|CAP_CHOWN|NET_ADMIN|net_admin|CAP|_|A1|DB_PASSWORD|1A|A-B|db"
        .split('|')
        .map(|t| t.trim_start_matches('\n').trim_start_matches("        ").to_string())
        .collect();
    texts.extend(
        [
            "",
            " ",
            "\t",
            "\n",
            "a\n",
            "\na",
            "a\tb",
            "a\u{85}b",
            "a\u{2028}b",
            "a\0b",
            "a\u{7f}",
            "a\u{9f}",
            "a\u{a0}",
            "\u{a0}a",
        ]
        .map(str::to_string),
    );
    texts.extend([40, 41, 62, 63, 64, 80, 81, 126, 127, 128, 129, 253, 254, 255, 256].map(long));
    texts.extend([63, 64].map(|n| format!("{}.b", long(n))));
    texts.extend([251, 252, 253].map(|n| format!("{}.{}", vec![long(63); 3].join("."), long(n - 192))));
    texts.extend([41, 61, 62].map(|n| format!("https://{}.{}", vec![long(63); 3].join("."), long(n))));
    texts.extend([127, 128, 129].map(|n| format!("a:{}", long(n))));
    texts.extend([40, 41].map(|n| "A".repeat(n)));
    for text in &texts {
        judge_alike(&scalars, text);
    }
}

#[test]
fn every_scalar_judges_like_its_pattern_at_random() {
    let scalars = scalars();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 1500,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    // From letters that mean something to one of them, or nearly no text would be accepted by any.
    let text = "(https?://)?[a-c0-9A-C:./@_ %+-]{0,12}([0-9]{1,6}(s|m|h|d|KiB|TiB|r/s|r/m))?";
    let result = runner.run(&text, |text| {
        judge_alike(&scalars, &text);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
