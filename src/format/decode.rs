//! A tree as the types that `serde` derives, with every fault told at its place and not only the first.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use serde::de::DeserializeOwned;

use crate::finding::{Document, Finding, Fix, Path, Place, Step};
use crate::text::{Span, is_slip, nearest, one_of, shown};

use super::decode_error::Fault;
use super::decode_serde::{Context, De, Trail, Unknown};
use super::tree::{Kind, NodeId, Tree};

/// The name of a newtype over `String` that takes text, numbers and booleans, each as it is written.
///
/// ```
/// /// `PORT: 8069`, `MIN: 0.60` and `DEBUG: True` keep their writing.
/// #[derive(serde::Deserialize)]
/// #[serde(rename = "$raw")]
/// struct Scalar(String);
/// ```
pub const RAW: &str = "$raw";

/// Most findings one decoding gives.
const LIMIT: usize = 100;

/// Most known keys or choices that one help lists.
const LISTED: usize = 24;

/// Decodes the value at `node`, which lies at the path `base` of `document`.
///
/// The types are plain `#[derive(Deserialize)]` ones; keys that a struct does not know are errors. A struct renamed
/// to `Name|field` also takes a scalar or list in place of its map, as the value of that field. A newtype renamed to
/// [`RAW`] takes scalars as written. A written null is an error for every type but `serde_json::Value` and `()`.
///
/// All faults are told, up to 100: a part that does not fit is left out and the rest decoded again. Of several keys
/// that one map lacks, the first is told. `None` when there was any fault.
pub fn decode<T: DeserializeOwned>(
    tree: &Tree,
    node: NodeId,
    document: Document,
    base: Path,
    out: &mut Vec<Finding>,
) -> Option<T> {
    let context = Context {
        tree,
        pruned: RefCell::default(),
        pass: Cell::new(0),
        done: RefCell::default(),
        unknown: RefCell::default(),
    };
    let mut report =
        Report { tree, document, base, seen: HashSet::new(), meant: HashSet::new(), findings: Vec::new() };
    let decoded = loop {
        let result = T::deserialize(De::new(&context, node, &Trail::Root));
        for unknown in context.unknown.borrow_mut().drain(..) {
            report.unknown_key(unknown);
        }
        let error = match result {
            Ok(value) => break Some(value),
            Err(error) => error,
        };
        if !report.error(&context, node, *error.0) || report.findings.len() >= LIMIT {
            break None;
        }
        context.pass.set(context.pass.get() + 1);
    };
    let Report { mut findings, .. } = report;
    findings.sort_by_key(|(offset, _)| *offset);
    let clean = findings.is_empty();
    out.extend(findings.into_iter().take(LIMIT).map(|(_, finding)| finding));
    decoded.filter(|_| clean)
}

/// The findings of one decoding.
struct Report<'a> {
    tree: &'a Tree,
    document: Document,
    base: Path,
    /// Unknown keys told already: every new try meets them again.
    seen: HashSet<Span>,
    /// The keys that unknown ones were probably meant to be, with their map: they are not missing besides.
    meant: HashSet<(NodeId, &'static str)>,
    findings: Vec<((u16, u32), Finding)>,
}

impl Report<'_> {
    /// Tells an error and marks what it concerns to be left out; false when there is nothing left to decode.
    fn error(&mut self, context: &Context<'_>, root: NodeId, fault: Fault) -> bool {
        let node = fault.node.unwrap_or(root);
        // What lacks a part because that was left out is no fault of its own.
        let left_out = |part: NodeId| context.is_pruned(part) || context.is_done(part);
        let consequence = match &fault.missing {
            Some(field) => {
                self.meant.contains(&(node, *field))
                    || self.tree.get(node, field).is_some_and(|e| left_out(e.value))
            }
            None => {
                self.tree.items(node).iter().any(|i| left_out(*i))
                    || self.tree.entries(node).iter().any(|e| left_out(e.value))
            }
        };
        if !consequence {
            self.tell(node, fault);
        }
        // A node that is pruned already would be met again for ever.
        context.pruned.borrow_mut().insert(node) && node != root
    }

    fn tell(&mut self, node: NodeId, fault: Fault) {
        let path = self.full(fault.path);
        let key = match path.0.last() {
            Some(Step::Key(key)) if fault.on_key => Some(key.clone()),
            _ => None,
        };
        let place = if fault.on_key || fault.missing.is_some() {
            Place::key(self.document.clone(), path)
        } else {
            Place::value(self.document.clone(), path)
        };
        let private = is_private(&place);
        let message = fault.kind.message(self.tree, node, key.as_deref(), private);
        let mut finding = Finding::error("schema-mismatch", place.clone(), message);
        if let Some(help) = fault.kind.help(self.tree, node).filter(|_| !private) {
            finding = finding.help(help).fix(fault.kind.fix(self.tree, node, &place));
        }
        let span = self.tree.node(node).span;
        self.findings.push(((span.source.0, span.start), finding));
    }

    fn unknown_key(&mut self, unknown: Unknown) {
        let Unknown { map, at, path, fields } = unknown;
        if self.findings.len() >= LIMIT || !self.seen.insert(at) {
            return;
        }
        let Some(Step::Key(key)) = path.0.last().cloned() else { return };
        let place = Place::key(self.document.clone(), self.full(path));
        let mut fix = None;
        let help = match nearest(&key, fields.iter().copied()) {
            Some(near) => {
                self.meant.insert((map, near));
                if self.tree.get(map, near).is_none() {
                    fix = Some(rename(&key, near, is_slip(&key, fields.iter().copied()), &place));
                }
                format!("did you mean `{near}`?")
            }
            None => format!("the keys here are {}", listed(fields)),
        };
        let message = format!("expected a known key, found {}", shown(&key));
        let finding = Finding::error("unknown-key", place, message).help(help).fix(fix);
        self.findings.push(((at.source.0, at.start), finding));
    }

    fn full(&self, path: Path) -> Path {
        Path(self.base.0.iter().cloned().chain(path.0).collect())
    }
}

/// The fix of a mistyped key.
fn rename(key: &str, near: &str, safe: bool, place: &Place) -> Fix {
    Fix::new(safe, format!("rename {} to `{near}`", shown(key))).rename(place.clone(), near)
}

/// Whether the value at a place may be a secret that somebody wrote where its name belongs: it is never shown.
fn is_private(place: &Place) -> bool {
    let Place::At { path, .. } = place else { return false };
    path.0.iter().any(|step| match step {
        Step::Key(key) => {
            let key = key.to_lowercase();
            key.contains("secret") || key.contains("password")
        }
        Step::Index(_) => false,
    })
}

/// Words in backquotes as prose, not more of them than help.
pub(super) fn listed(words: &[&str]) -> String {
    let mut quoted: Vec<_> = words.iter().take(LISTED).map(|w| format!("`{w}`")).collect();
    if words.len() > LISTED {
        quoted.push(format!("{} more", words.len() - LISTED));
    }
    one_of(quoted.iter().map(String::as_str))
}

/// What a value is, in the words of a finding; of a private one only what kind of value it is.
pub(super) fn described(tree: &Tree, node: NodeId, private: bool) -> String {
    let raw = tree.raw(node).unwrap_or_default();
    match &tree.node(node).kind {
        Kind::Null => "nothing".to_string(),
        Kind::Seq(_) => "a list".to_string(),
        Kind::Map(_) => "a map".to_string(),
        Kind::Str(text) if text.is_empty() => "empty text".to_string(),
        Kind::Str(_) if private => "text".to_string(),
        Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) if private => "another value".to_string(),
        Kind::Bool(_) => format!("`{raw}`"),
        Kind::Int(_) | Kind::Float(_) => format!("the number `{raw}`"),
        Kind::Str(text) => format!("the text {}", shown(text)),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use indexmap::IndexMap;
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::finding::Part;
    use crate::format::{toml, yaml};
    use crate::text::Sources;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename = "$raw")]
    struct Scalar(String);

    #[derive(Debug, PartialEq, Eq, Hash, Deserialize)]
    #[serde(try_from = "String")]
    struct Name(String);

    impl TryFrom<String> for Name {
        type Error = String;
        fn try_from(text: String) -> Result<Self, String> {
            if text.chars().all(|c| c.is_ascii_lowercase()) {
                Ok(Self(text))
            } else {
                Err(format!("expected lower-case letters, found `{text}`"))
            }
        }
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename = "Build|context")]
    struct Build {
        context: String,
        target: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename = "Command|words")]
    struct Command {
        words: Vec<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Status {
        Active,
        Planned,
        Other { since: u8 },
        Days(u8),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Service {
        image: String,
        port: Option<NonZeroU16>,
        small: Option<u8>,
        debug: Option<bool>,
        cpus: Option<f64>,
        status: Option<Status>,
        build: Option<Build>,
        command: Option<Command>,
        #[serde(default)]
        env: IndexMap<String, Scalar>,
        #[serde(default)]
        aliases: Vec<Name>,
        pair: Option<(u8, u8)>,
        extra: Option<serde_json::Value>,
        healthcheck: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Stack {
        name: Name,
        #[serde(default)]
        services: IndexMap<Name, Service>,
    }

    fn decode_all<T: DeserializeOwned>(path: &str, text: &str) -> (Option<T>, Vec<String>) {
        let mut sources = Sources::default();
        let id = sources.add(path, text);
        let mut out = Vec::new();
        let Some(tree) = crate::format::read(path, id, text, &mut out) else { panic!("{out:?}") };
        assert!(out.is_empty(), "{out:?}");
        let value = decode(&tree, tree.root(), Document::Manifest, Path::default(), &mut out);
        let shown = out
            .iter()
            .map(|f| {
                let Place::At { path, part, .. } = &f.place else { panic!("{f:?}") };
                let found = tree.find(path);
                assert!(found.exact, "{f:?}");
                let span = if *part == Part::Key { found.key.unwrap_or(found.value) } else { found.value };
                let help = f.help.as_ref().map(|h| format!("; {h}")).unwrap_or_default();
                format!("{} {path}: {}{help}", sources.get(id).position(span.start as usize), f.message)
            })
            .collect();
        (value, shown)
    }

    /// The faults of one service whose lines are given.
    fn service(lines: &str) -> Vec<String> {
        decode_all::<Service>("a.yaml", &format!("image: x\n{lines}\n")).1
    }

    #[test]
    fn faults_read_well() {
        for (lines, expected) in [
            ("port: abc", "2:7 port: expected a whole number, found the text `abc`"),
            ("port: '80'", "2:7 port: expected a whole number, found the text `80`; remove the quotes: `80`"),
            ("port: 70000", "2:7 port: expected a whole number from 1 to 65535, found the number `70000`"),
            ("port: 0", "2:7 port: expected a whole number from 1 to 65535, found the number `0`"),
            ("small: -1", "2:8 small: expected a whole number from 0 to 255, found the number `-1`"),
            ("small: 1.5", "2:8 small: expected a whole number from 0 to 255, found the number `1.5`"),
            (
                "small: 99999999999999999999",
                "2:8 small: expected a whole number from 0 to 255, found the number `99999999999999999999`",
            ),
            ("small: [1]", "2:8 small: expected a whole number, found a list"),
            ("debug: 'yes'", "2:8 debug: expected true or false, found `yes`; write `true`"),
            (
                "debug: 'false'",
                "2:8 debug: expected true or false, found the text `false`; remove the quotes: `false`",
            ),
            ("debug: 1", "2:8 debug: expected true or false, found the number `1`"),
            ("cpus: '0.5'", "2:7 cpus: expected a number, found the text `0.5`; remove the quotes: `0.5`"),
            (
                "healthcheck: 1.10",
                "2:14 healthcheck: expected text, found the number `1.10`; write \"1.10\" in quotes",
            ),
            ("healthcheck: true", "2:14 healthcheck: expected text, found `true`; write \"true\" in quotes"),
            (
                "healthcheck:",
                "2:13 healthcheck: expected text, found nothing; remove the key or give it a value",
            ),
            (
                "port: ~",
                "2:7 port: expected a whole number, found nothing; remove the key or give it a value",
            ),
            (
                "status: planed",
                "2:9 status: expected `active`, `planned`, `other` or `days`, found `planed`; did you mean `planned`?",
            ),
            (
                "status: {planed: 1}",
                "2:10 status.planed: expected `active`, `planned`, `other` or `days`, found `planed`; did you mean `planned`?",
            ),
            ("status: {days: x}", "2:16 status.days: expected a whole number, found the text `x`"),
            ("status: days", "2:9 status: expected a map with the key `days`, found the text `days`"),
            (
                "status: {other: {since: 1, sinse: 2}}",
                "2:28 status.other.sinse: expected a known key, found `sinse`; did you mean `since`?",
            ),
            ("status: [a]", "2:9 status: expected `active`, `planned`, `other` or `days`, found a list"),
            ("build: 5", "2:8 build: expected text or a map, found the number `5`; write \"5\" in quotes"),
            ("build: {}", "2:1 build: missing `context`; add the key `context`"),
            (
                "build: {contxt: x}",
                "2:9 build.contxt: expected a known key, found `contxt`; did you mean `context`?",
            ),
            (
                "command: x",
                "2:10 command: expected a list or a map, found the text `x`; write it as a list: `[...]`",
            ),
            (
                "command: [x, 1]",
                "2:14 command[1]: expected text, found the number `1`; write \"1\" in quotes",
            ),
            (
                "env: {A: }",
                "2:9 env.A: expected text, a number, true or false, found nothing; remove the key or give it a value",
            ),
            ("env: {A: [1]}", "2:10 env.A: expected text, a number, true or false, found a list"),
            ("env: [A=1]", "2:6 env: expected a map, found a list"),
            (
                "aliases: [a, B, c, D]",
                "2:14 aliases[1]: expected lower-case letters, found `B`\n2:20 aliases[3]: expected lower-case letters, found `D`",
            ),
            ("aliases: a", "2:10 aliases: expected a list, found the text `a`; write it as a list: `[...]`"),
            ("pair: [1, 2, 3]", "2:7 pair: expected a list of 2, found a list of 3"),
            ("pair: [1, x]", "2:11 pair[1]: expected a whole number, found the text `x`"),
            (
                "helthcheck: x",
                "2:1 helthcheck: expected a known key, found `helthcheck`; did you mean `healthcheck`?",
            ),
            (
                "zzzzzzzz: x",
                "2:1 zzzzzzzz: expected a known key, found `zzzzzzzz`; the keys here are `image`, `port`, `small`, `debug`, `cpus`, `status`, `build`, `command`, `env`, `aliases`, `pair`, `extra` or `healthcheck`",
            ),
        ] {
            assert_eq!(service(lines).join("\n"), expected, "{lines}");
        }
    }

    #[test]
    fn all_faults_of_a_document_are_told_at_once() {
        let text = "\
name: Stack
services:
  odoo:
    image: 16
    port: x
    helthcheck: w
    env: {A: , B: 1}
  web:
    imge: nginx
    port: 99999
  Bad: {image: x}
  none: {}
  empty:
  ok: {image: x, extra: {any: [thing, ~]}}
";
        let expected = [
            "1:7 name: expected lower-case letters, found `Stack`",
            "4:12 services.odoo.image: expected text, found the number `16`; write \"16\" in quotes",
            "5:11 services.odoo.port: expected a whole number, found the text `x`",
            "6:5 services.odoo.helthcheck: expected a known key, found `helthcheck`; did you mean `healthcheck`?",
            "7:13 services.odoo.env.A: expected text, a number, true or false, found nothing; remove the key or give it a value",
            "9:5 services.web.imge: expected a known key, found `imge`; did you mean `image`?",
            "10:11 services.web.port: expected a whole number from 1 to 65535, found the number `99999`",
            "11:3 services.Bad: expected lower-case letters, found `Bad`",
            "12:3 services.none: missing `image`; add the key `image`",
            "13:9 services.empty: expected a map, found nothing; remove the key or give it a value",
        ];
        let (value, shown) = decode_all::<Stack>("a.yaml", text);
        assert_eq!(value, None);
        assert_eq!(shown, expected);
    }

    #[test]
    fn short_forms_and_raw_scalars() {
        let yaml = "\
image: x
port: 8069
small: 4.0
cpus: 2
status: {other: {since: 1}}
build: ../ocr
command: [a, b]
env: {A: 0.60, B: '0.60', C: 1.10, D: True, E: 8069, F: x, G: 0x1F}
pair: [1, 2]
";
        let toml = "
image = 'x'
port = 8069
small = 4.0
cpus = 2
status = {other = {since = 1}}
build = '../ocr'
command = ['a', 'b']
env = {A = 0.60, B = '0.60', C = 1.10, D = true, E = 8_069, F = 'x', G = 0x1F}
pair = [1, 2]
";
        let (value, shown) = decode_all::<Service>("a.yaml", yaml);
        assert_eq!(shown, [""; 0]);
        let mut value = value.unwrap();
        assert_eq!(value.build, Some(Build { context: "../ocr".into(), target: None }));
        assert_eq!(value.command, Some(Command { words: vec!["a".into(), "b".into()] }));
        let env: Vec<_> = value.env.values().map(|v| v.0.as_str()).collect();
        assert_eq!(env, ["0.60", "0.60", "1.10", "True", "8069", "x", "0x1F"]);
        let (other, shown) = decode_all::<Service>("a.toml", toml);
        assert_eq!(shown, [""; 0]);
        value.env["D"].0 = "true".into();
        assert_eq!(Some(value), other);
        let long = "image: x\nbuild: {context: ../ocr, target: z}\ncommand: {words: []}\n";
        let value = decode_all::<Service>("a.yaml", long).0.unwrap();
        assert_eq!(value.build, Some(Build { context: "../ocr".into(), target: Some("z".into()) }));
    }

    #[test]
    fn the_path_starts_at_the_base_and_findings_are_bounded() {
        let text = "x: {a: 1}\n";
        let tree = yaml::read(Default::default(), text, &mut Vec::new()).unwrap();
        let node = tree.get(tree.root(), "x").unwrap().value;
        let mut out = Vec::new();
        let base = Path(vec!["x".into()]);
        let kind = Document::Kind("n8n".into());
        assert_eq!(
            decode::<IndexMap<String, String>>(&tree, node, kind.clone(), base.clone(), &mut out),
            None
        );
        assert_eq!(out.len(), 1);
        assert_eq!(out[0].place, Place::value(kind, base.join("a")));
        let many = format!("[{}]", "x, ".repeat(500));
        let tree = yaml::read(Default::default(), &many, &mut Vec::new()).unwrap();
        let mut out = Vec::new();
        assert_eq!(
            decode::<Vec<u8>>(&tree, tree.root(), Document::Manifest, Path::default(), &mut out),
            None
        );
        assert_eq!(out.len(), LIMIT);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn any_tree_is_decoded_or_refused(text in "(name: [xX1]\n|services:\n|  [aB]:( \\{\\}|)\n|    (image|port|debug|env|build|aliases|status|pair|command|zz): ?(x|1|~|\\[1, x\\]|\\{a: 1\\}|&a \\{context: 1\\}|\\*a|)\n){1,16}") {
            let mut out = Vec::new();
            if let Some(tree) = yaml::read(Default::default(), &text, &mut out) {
                let mut told = Vec::new();
                let value = decode::<Stack>(&tree, tree.root(), Document::Manifest, Path::default(), &mut told);
                prop_assert_eq!(value.is_some(), told.is_empty(), "{}", text);
                for (i, finding) in told.iter().enumerate() {
                    prop_assert!(!told[..i].contains(finding), "{:?} twice in {}", finding, text);
                }
            }
            if let Some(tree) = toml::read(Default::default(), &text, &mut out) {
                decode::<Stack>(&tree, tree.root(), Document::Manifest, Path::default(), &mut out);
            }
        }
    }
}
