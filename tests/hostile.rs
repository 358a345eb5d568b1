//! Hostile manifests: no text of one adds a directive, key, option, rule or shell word to any output.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;

#[path = "hostile/leaves.rs"]
mod leaves;
#[path = "hostile/shape.rs"]
mod shape;

use proptest::prelude::*;
use stackgen::compile::{Compiled, Input, compile};
use stackgen::finding::{Finding, Level, Place};
use stackgen::kinds::KindsFile;

use leaves::{Leaf, Tree, print, tree};
use shape::Judge;

/// A manifest that says everything.
const FULL: &str = include_str!("hostile/full.yaml");

/// Texts that mean something to one of the syntaxes we write, or to what shows our findings.
fn nasty() -> Vec<String> {
    let short = [
        "",
        " ",
        " lead",
        "trail ",
        "'",
        "\"",
        "a'b\"c`d",
        "'; evil on; '",
        "\"; evil on; \"",
        "x\nevil: true",
        "x\r\nevil = 1",
        "x\revil",
        "x\u{b}y\u{c}z",
        "a;b",
        "a; evil on;",
        "a;} server { listen 81; }",
        "{{",
        "}}",
        "{{ 7*7 }}",
        "{{ services",
        "{{ nothing }}",
        "{% raw %}",
        "{# x",
        "${EVIL}",
        "$EVIL",
        "$$",
        "$",
        "${",
        "$(id)",
        "`id`",
        "#",
        "x # y",
        "\\",
        "a\\",
        "\\n",
        "a\\\"b",
        "\0",
        "a\0b",
        "\x07\x08",
        "\x1b[31mred",
        "\x7f",
        "\u{85}",
        "\u{9b}1m",
        "\u{2028}x",
        "\u{202e}abc",
        "\u{feff}x",
        "\u{200b}",
        "\u{fffe}",
        "\u{10ffff}",
        "é漢字😀",
        "- a",
        "a: b",
        "[x]",
        "{x}",
        "*a",
        "&a",
        "!t",
        "%s%n",
        "../../etc/passwd",
        "/../x",
        "~root",
        "-v",
        "--help=x",
        "\t",
        "[options]\nadmin_passwd = x",
        "x\nEND\nevil",
        "x\nPYTHON\nevil",
        "\"\"\"\nevil()\n\"\"\"",
        "*/ evil /*",
        "x\n  evil: y\n",
        "https://u:hunter2@h.example/x",
        "0x1F",
        "1e3",
        "22:22",
        "true",
        "null",
    ];
    let mut list: Vec<String> = short.iter().map(ToString::to_string).collect();
    list.push("x".repeat(5000));
    list.push("漢 '\"".repeat(2_000));
    list
}

fn compiled(text: String) -> Compiled {
    compile(Input { manifest: ("stack.yaml".into(), text), ..Input::default() })
}

/// What a finding says, all of it.
fn said(finding: &Finding) -> String {
    let place = |p: &Place| match p {
        Place::At { path, .. } => path.to_string(),
        Place::Text(_) => String::new(),
    };
    let related: String =
        finding.related.iter().map(|r| format!("{} {}\n", place(&r.place), r.text)).collect();
    let help = finding.help.as_deref().unwrap_or("");
    format!("{} {}\n{}\n{help}\n{related}", place(&finding.place), finding.message, finding.label)
}

/// The findings in every format.
fn rendered(compiled: &Compiled) -> String {
    use stackgen::render::{github, gitlab, json, oneline, run::Run, sarif, text};
    let run = Run {
        stacks: std::slice::from_ref(compiled),
        failures: &[],
        status: 1,
        here: "/repo".into(),
        root: "/repo".into(),
    };
    [
        text::findings(compiled),
        json::print(&json::findings(compiled)),
        oneline::print(&run),
        github::annotations(&run),
        github::summary(&run),
        gitlab::print(&run),
        sarif::print(&run),
    ]
    .concat()
}

/// What holds for every compilation of anything: no control characters in what is said, paths that stay inside.
fn sound(compiled: &Compiled) -> Result<(), String> {
    for finding in &compiled.findings {
        let text = said(finding);
        let odd = |c: char| {
            c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        };
        if text.contains(odd) || finding.message.contains('\n') {
            return Err(format!("a finding shows a control character: {text:?}"));
        }
        if text.len() > 4000 {
            return Err(format!(
                "a finding of {} bytes: {:?}",
                text.len(),
                text.chars().take(300).collect::<String>()
            ));
        }
        let _ = compiled.span(&finding.place);
    }
    let shown = rendered(compiled);
    // The escapes are our own colours; theirs would start with the text of a nasty one.
    let odd = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\x1b')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{200b}' | '\u{feff}')
    };
    if shown.contains(odd) || shown.contains("\x1b[31mred") {
        return Err(format!("what is shown moves the cursor: {shown:?}"));
    }
    let failed = compiled.findings.iter().any(|f| f.level == Level::Error);
    if failed && !compiled.artifacts.is_empty() {
        return Err("files in spite of an error".into());
    }
    let mut paths: Vec<&str> = compiled.artifacts.iter().map(|a| a.path.as_str()).collect();
    for path in &paths {
        let fine =
            |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':', '\0']);
        if !path.split('/').all(fine) || path.len() > 200 || path.chars().any(char::is_control) {
            return Err(format!("a path that leaves the output: {path:?}"));
        }
    }
    let all = paths.len();
    paths.sort_unstable();
    paths.dedup();
    if paths.len() != all {
        return Err("two files with one path".into());
    }
    for artifact in &compiled.artifacts {
        let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        if let Some(c) = artifact.text.chars().find(|c| odd(*c)) {
            return Err(format!("{}: the control character {c:?}", artifact.path));
        }
        if !artifact.text.ends_with('\n') {
            return Err(format!("{}: no line break at the end", artifact.path));
        }
    }
    Ok(())
}

/// Judges one change: refused at its place, or written without a trace beside the value.
fn judge(judge: &Judge, base: &Tree, leaf: &Leaf, text: &str) -> Result<bool, String> {
    let changed = leaf.replaced(base, text);
    let compiled = compiled(print(&changed));
    let at = |error: String| {
        let shown: String = text.chars().take(80).collect();
        let error: String = error.chars().take(600).collect();
        format!("{} = {shown:?}: {error}", leaf.shown())
    };
    sound(&compiled).map_err(at)?;
    if compiled.failed() {
        let near = compiled
            .findings
            .iter()
            .filter(|f| f.level == Level::Error)
            .any(|f| leaf.explains(text, &f.place));
        if !near {
            let all: Vec<String> = compiled.findings.iter().map(said).collect();
            return Err(at(format!("no error at or above it: {all:#?}")));
        }
        return Ok(false);
    }
    judge.same_shape(&compiled, &[leaf], text).map_err(at)?;
    Ok(true)
}

/// A manifest, its files as they are, and what of it can be changed.
struct Bench {
    base: Tree,
    reference: Judge,
    /// Every scalar, and every key.
    leaves: Vec<Leaf>,
    /// Those that take free text: by no more than being text.
    taken: Vec<Leaf>,
}

impl Bench {
    fn new(base: Tree) -> Self {
        let first = compiled(print(&base));
        assert!(!first.failed(), "{:#?}", first.findings);
        sound(&first).expect("sound");
        let leaves = leaves::all(&base);
        let takes = |leaf: &&Leaf| {
            leaf.free && !leaf.is_key() && !compiled(print(&leaf.replaced(&base, "some text"))).failed()
        };
        let taken = leaves.iter().filter(takes).cloned().collect();
        Self { reference: Judge::new(&first), base, leaves, taken }
    }

    /// One text in all places at once. Where it is refused it is taken back, and the rest tried again.
    fn at_once(&self, text: &str) -> Result<usize, String> {
        let mut left: Vec<&Leaf> = self.taken.iter().filter(|l| !l.raw()).collect();
        loop {
            let tree = left.iter().fold(self.base.clone(), |tree, leaf| leaf.replaced(&tree, text));
            let compiled = compiled(print(&tree));
            sound(&compiled)?;
            if !compiled.failed() {
                self.reference.same_shape(&compiled, &left, text)?;
                return Ok(left.len());
            }
            let before = left.len();
            for finding in compiled.findings.iter().filter(|f| f.level == Level::Error) {
                if !left.iter().any(|l| l.explains(text, &finding.place)) && before == left.len() {
                    return Err(format!("no such place was changed: {}", said(finding)));
                }
                left.retain(|l| !l.explains(text, &finding.place));
            }
            if before == left.len() {
                return Err("an error that no place explains".into());
            }
        }
    }

    /// One text in one place.
    fn alone(&self, leaf: &Leaf, text: &str) -> Result<bool, String> {
        judge(&self.reference, &self.base, leaf, text)
    }
}

/// Several tests use it, and what can be changed takes a compilation each to find out.
static FULL_BENCH: std::sync::LazyLock<Bench> = std::sync::LazyLock::new(|| Bench::new(tree(FULL)));

/// The faults of many tries, on all cores.
fn on_all_cores<T: Sync>(work: &[T], run: impl Fn(&T) -> Result<(), String> + Sync) -> Vec<String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let run = &run;
        let part = |part: &[T]| part.iter().filter_map(|one| run(one).err()).collect::<Vec<_>>();
        let threads: Vec<_> =
            work.chunks(work.len().div_ceil(cores).max(1)).map(|p| scope.spawn(move || part(p))).collect();
        threads.into_iter().flat_map(|t| t.join().expect("no panic")).collect()
    })
}

fn expect_none(what: &str, faults: Vec<String>) {
    let shown: Vec<&str> = faults.iter().take(40).map(String::as_str).collect();
    assert!(faults.is_empty(), "{what}: {} faults\n{}", faults.len(), shown.join("\n"));
}

#[test]
fn no_text_adds_anything_alone() {
    let bench = &*FULL_BENCH;
    let texts = nasty();
    // Each place with some of the texts, each time others; all with all is what the next test does.
    let work: Vec<(&Leaf, &String)> = bench
        .leaves
        .iter()
        .enumerate()
        .flat_map(|(i, leaf)| texts.iter().skip(i % 26).step_by(26).map(move |text| (leaf, text)))
        .collect();
    eprintln!("{} leaves and keys, {} tries", bench.leaves.len(), work.len());
    let mut faults = on_all_cores(&work, |(leaf, text)| bench.alone(leaf, text).map(drop));
    faults.extend(bench.reference.programs());
    expect_none("alone", faults);
}

#[test]
fn no_text_adds_anything_together() {
    let on_host = || {
        // Upstreams by loopback ports, paths of the server, units of systemd.
        let mut base = tree(FULL);
        base["proxy"]["runs_in"] = "host".into();
        base
    };
    let erp =
        std::fs::read_to_string(common::root().join("stacks/odoo-erp-prod/stack.yaml")).expect("a stack");
    let mut erp = tree(&erp);
    // An absolute directory has another place in nginx's container than one beside the output.
    erp["services"]["www"]["root"] = "siteroot".into();
    let (on_host, erp) = (Bench::new(on_host()), Bench::new(erp));
    // Of the others some texts each are enough: what they write differently is little.
    for (name, bench, step) in
        [("full", &*FULL_BENCH, 1), ("on the host", &on_host, 4), ("odoo-erp-prod", &erp, 3)]
    {
        let texts: Vec<String> = nasty().into_iter().step_by(step).collect();
        let written = std::sync::atomic::AtomicUsize::new(0);
        let mut faults = on_all_cores(&texts, |text| {
            let accepted = bench.at_once(text).map_err(|e| {
                let (text, e): (String, String) =
                    (text.chars().take(60).collect(), e.chars().take(600).collect());
                format!("{text:?}: {e}")
            })?;
            written.fetch_add(accepted, std::sync::atomic::Ordering::Relaxed);
            Ok(())
        });
        eprintln!(
            "{name}: {} places, {} texts, {} written",
            bench.taken.len(),
            texts.len(),
            written.into_inner()
        );
        faults.extend(bench.reference.programs());
        expect_none(name, faults);
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[-:#?!&*|>%@`'\"\\[\\]{},~=<.+_;$ \n\r\t\\\\a0]{0,12}",
        "(\\{\\{|\\}\\}|\\$|\\$\\{|'|\"|\\\\|\n|;|#| |a){1,10}",
        "[\\x00-\\x1f\\x7f-\\x9f\\u{2028}\\u{202e}a]{1,6}",
    ]
}

#[test]
fn random_texts_add_nothing() {
    let bench = &*FULL_BENCH;
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&(0..bench.taken.len() + 1, any_text()), |(i, text)| {
        let outcome = match bench.taken.get(i) {
            Some(leaf) => bench.alone(leaf, &text).map(drop),
            None => bench.at_once(&text).map(drop),
        };
        outcome.map_err(TestCaseError::fail)
    });
    outcome.unwrap_or_else(|e| panic!("{e}"));
    expect_none("random", bench.reference.programs());
}

fn stacks() -> Vec<String> {
    common::manifests().into_iter().map(|(_, path)| std::fs::read_to_string(path).expect("a stack")).collect()
}

/// A text of the repository, damaged.
fn damaged() -> impl Strategy<Value = String> {
    let texts = stacks();
    let change = (0..5_u8, any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>());
    (0..texts.len(), prop::collection::vec(change, 1..6)).prop_map(move |(i, changes)| {
        let mut bytes = texts[i].clone().into_bytes();
        for (what, a, b, byte) in changes {
            let (from, to) = (a.index(bytes.len() + 1), b.index(bytes.len() + 1));
            match what {
                0 if from < bytes.len() => bytes[from] ^= byte,
                1 => bytes.truncate(from.max(1)),
                2 => {
                    let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
                    let (x, y) = (a.index(lines.len()), b.index(lines.len()));
                    lines.swap(x, y);
                    bytes = lines.join(&b'\n');
                }
                3 => {
                    let piece = bytes[from.min(to)..from.max(to).min(from.min(to) + 400)].to_vec();
                    bytes.splice(to.min(from)..to.min(from), piece);
                }
                _ => bytes.insert(from, byte),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_manifest_is_read_or_refused(text in damaged()) {
        for path in ["stack.yaml", "stack.toml"] {
            let compiled = compile(Input { manifest: (path.into(), text.clone()), ..Input::default() });
            sound(&compiled).map_err(TestCaseError::fail)?;
        }
    }
}

/// What the fuzz target does with its input, and a few more ways in.
#[test]
fn the_corpus_of_the_fuzz_target() {
    let folder = common::root().join("fuzz/corpus/front");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("a corpus") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("an input");
        let shown = path.display();
        sound(&front(&bytes)).unwrap_or_else(|e| panic!("{shown}: {e}"));
        // The same text as an overlay, and as a kind.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let overlay = Some(("overlay.yaml".to_string(), text.clone()));
        let kinds = vec![KindsFile { name: "own.yaml".into(), path: "kinds/own.yaml".into(), text }];
        let manifest =
            ("stack.yaml".to_string(), "stackgen: 1\nname: a\nservices: { x: { kind: own } }\n".to_string());
        sound(&compile(Input { manifest, overlay, kinds, ..Input::default() }))
            .unwrap_or_else(|e| panic!("{shown}: {e}"));
        count += 1;
    }
    assert!(count >= 30, "{count} inputs");
}

/// The body of the fuzz target `front`: the first byte says which language.
fn front(bytes: &[u8]) -> Compiled {
    let (first, rest) = bytes.split_first().unwrap_or((&b'y', &[]));
    let path = if *first == b't' { "stack.toml" } else { "stack.yaml" };
    compile(Input { manifest: (path.into(), String::from_utf8_lossy(rest).into_owned()), ..Input::default() })
}

const ONE: &str = "stackgen: 1\nname: one\nservices:\n  x: { image: a:1, env: { A: VALUE } }\n";

fn errors(compiled: &Compiled) -> Vec<String> {
    sound(compiled).expect("sound");
    compiled.findings.iter().filter(|f| f.level == Level::Error).map(said).collect()
}

#[test]
fn no_expression_ends_the_program() {
    let long = |unit: &str| format!("{{{{ 1{} }}}}", unit.repeat(100_000));
    for value in [
        format!("{{{{ {}1 }}}}", "-".repeat(200_000)),
        format!("{{{{ {}1 }}}}", "not ".repeat(200_000)),
        format!("{{{{ {}1 }}}}", "(".repeat(499)),
        format!("{{{{ {}1 }}}}", "[".repeat(300)),
        long("+1"),
        long(".a"),
        long("|e"),
        long(" if 1 else 1"),
        "{{ ('x' * 9000000) * 10 }}".into(),
        "{{ (range(100000)|list * 1000) | map('upper') | list | length }}".into(),
        "{{ range(99999999999999) | list }}".into(),
        "{{ 'x' | indent(999999999999) }}".into(),
        "{{ [1] | batch(9223372036854775807) | list }}".into(),
        "{{ 1 / 0 }}".into(),
        "{{ 9223372036854775807 * 9223372036854775807 ** 99 }}".into(),
        "{{ services.x.name.y }}".into(),
        "{{ debug() }}".into(),
        "{{ \u{1b}[31m }}".into(),
        "{{ lipsum }}{{".into(),
    ] {
        let text = ONE.replace("VALUE", &serde_json::to_string(&value).expect("JSON"));
        let _ = errors(&compiled(text));
        // 500 bytes of each are allowed, on the small stack of a test.
        let short: String = value.chars().take(495).collect();
        let text = ONE.replace("VALUE", &serde_json::to_string(&format!("{short} }}}}")).expect("JSON"));
        let _ = errors(&compiled(text));
    }
}

/// A stack of one service of an own kind with one file.
fn own_kind(template: &str) -> Compiled {
    let kind = "kind: own\ntitle: t\nimage: a\nversion: \"1\"\nservice:\n  config_dir: /etc/own\n  files:\n    - { name: f.conf, template: own.conf.j2 }\n";
    let file = |name: &str, text: &str| KindsFile {
        name: name.into(),
        path: format!("kinds/{name}"),
        text: text.into(),
    };
    let manifest = (
        "stack.yaml".to_string(),
        "stackgen: 1\nname: a\nservices: { x: { kind: own, title: \"t'x\" } }\n".to_string(),
    );
    compile(Input {
        manifest,
        kinds: vec![file("own.conf.j2", template), file("own.yaml", kind)],
        ..Input::default()
    })
}

#[test]
fn no_template_of_others_ends_the_program_or_writes_what_it_should_not() {
    let good = own_kind("a = {{ service.name }}\n");
    assert_eq!(errors(&good), Vec::<String>::new());
    assert!(good.artifacts.iter().any(|a| a.path == "x/f.conf" && a.text == "a = x\n"));
    let elif = format!("{{% if 0 %}}{}{{% endif %}}a = b\n", "{%elif 0%}".repeat(3_000));
    let nested = format!("{}x{}\n", "{% if 1 %}".repeat(1_000), "{% endif %}".repeat(1_000));
    for template in [
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}\n",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}\n",
        "{% set x = 'x' * 100000000 %}{{ x }}\n",
        "{% include '../../etc/passwd' %}\n",
        "{% include '/etc/passwd' %}\n",
        "{% extends 'own.conf.j2' %}\n",
        "{% include 'own.conf.j2' %}\n",
        "{% import 'nothing.j2' as n %}\n",
        "{{ 'a\\nb = evil' }}\n",
        "{{ 'a\\nb' | safe }}\n",
        "{% autoescape false %}{{ 'a\\nb' }}{% endautoescape %}\n",
        "{{ {'a': 1} }}\n",
        "{{ service }}\n",
        "{{ nothing }}\n",
        "{{ 'x' | directives(99999999999) }}\n",
        "{{ 1 + }}\n",
        "{% for %}\n",
        "{{\n",
        "{% raw %}\n",
        nested.as_str(),
        &format!("{{{{ 1{} + [] }}}}\n", "+1".repeat(15_000)),
        &format!("{{{{ a{} }}}}\n", ".a".repeat(15_000)),
        &"x".repeat(40_000),
    ] {
        let shown: String = template.chars().take(60).collect();
        assert!(!errors(&own_kind(template)).is_empty(), "{shown}");
    }
    // Deep, but good.
    assert_eq!(errors(&own_kind(&elif)), Vec::<String>::new());
    let _ = errors(&own_kind(&format!("{{{{ {}1 }}}}\n", "-".repeat(30_000))));
}

#[test]
fn no_kind_of_others_leads_out_of_the_output() {
    let with = |files: &[(&str, &str)], service: &str| {
        let kinds = files
            .iter()
            .map(|(name, text)| KindsFile {
                name: (*name).into(),
                path: format!("kinds/{name}"),
                text: (*text).into(),
            })
            .collect();
        let text = format!("stackgen: 1\nname: a\nservices:\n  {service}\n");
        compile(Input { manifest: ("stack.yaml".into(), text), kinds, ..Input::default() })
    };
    let kind = |file: &str, template: &str| {
        format!(
            "kind: own\ntitle: t\nimage: a\nversion: \"1\"\nservice:\n  files:\n    - {{ name: {file}, template: {template} }}\n"
        )
    };
    for (file, template) in [
        ("../f", "t.j2"),
        ("/etc/passwd", "t.j2"),
        ("a/b", "t.j2"),
        ("..", "t.j2"),
        (".env", "t.j2"),
        ("\"a\\\\b\"", "t.j2"),
        ("\"a\\0\"", "t.j2"),
        ("é", "t.j2"),
        ("f", "../t.j2"),
        ("f", "/t.j2"),
        ("f", "a/b/t.j2"),
        ("f", "../../src/lib.rs"),
        ("f", "nothing.j2"),
    ] {
        let compiled = with(&[("own.yaml", &kind(file, template)), ("t.j2", "x\n")], "x: { kind: own }");
        assert!(!errors(&compiled).is_empty(), "{file} {template}");
    }
    for text in [
        "",
        "[",
        "- a",
        "kind: other\ntitle: t",
        "kind: own",
        "{a: &x [*x]}",
        "kind: [own]\ntitle: {}",
        "\u{feff}",
    ] {
        assert!(!errors(&with(&[("own.yaml", text)], "x: { kind: own }")).is_empty(), "{text}");
    }
    for name in
        ["../own.yaml", "a/b.yaml", ".yaml", "own\n.yaml", "odoo.settings.tsv", "\u{1b}[31m.tsv", ".j2"]
    {
        let _ = errors(&with(&[(name, "kind: x\n\tevil")], "x: { image: a:1 }"));
    }
    // One file twice, and the directory of a target.
    let twice = "kind: own\ntitle: t\nimage: a\nversion: \"1\"\nservice:\n  files: [{ name: f, template: t.j2 }, { name: f, template: t.j2 }]\n";
    assert!(errors(&with(&[("own.yaml", twice), ("t.j2", "x\n")], "x: { kind: own }"))[0].contains("twice"));
    for name in ["firewall", "nginx", "certbot"] {
        let service = format!(
            "{name}: {{ kind: redis, status: active }}\n  web: {{ image: a:1, listen: 8080, url: https://a.example.com }}\nproxy: {{ runs_in: host }}"
        );
        let found = errors(&with(&[], &service));
        assert!(found.iter().any(|f| f.contains(&format!("services.{name}"))), "{name}: {found:?}");
    }
    for name in ["../x", "/x", "x/y", "..", ".", "x y", "", "漢", "\u{0}", &"x".repeat(64)] {
        let service = format!("{}: {{ kind: redis }}", serde_json::to_string(name).expect("JSON"));
        assert!(!errors(&with(&[], &service)).is_empty(), "{name}");
    }
}

#[test]
fn names_that_would_meet_by_chance_are_told() {
    let redis = "{ kind: redis }";
    let meets = |services: &str| errors(&compiled(format!("stackgen: 1\nname: a\nservices:\n{services}")));
    for services in [
        // Volumes `a-b-c` of both.
        "  a: { image: x:1, volumes: { b-c: { mount: /v } } }\n  a-b: { image: x:1, volumes: { c: { mount: /v } } }\n".to_string(),
        // One key in the file for two volumes.
        "  a: { image: x:1, volumes: { v: { name: same, exact_name: one, mount: /v } } }\n  b: { image: x:1, volumes: { v: { name: same, mount: /v } } }\n".into(),
        "  a: { image: x:1, volumes: { v: { name: same, mount: /v } } }\nvolumes: { same: { exact_name: other } }\n".into(),
        // Secrets `A_B_PASSWORD` of both.
        format!("  a-b: {redis}\n  a_b: {redis}\n"),
        // `X_DB_PASSWORD`: of the database of x, and of a redis called x-db.
        format!("  x-db: {redis}\n  pg: {{ kind: postgres }}\n  x: {{ image: x:1, database: pg }}\n"),
        "  erp: { kind: odoo, database: pg, settings: { Workers: 3 } }\n  pg: { kind: postgres }\n".into(),
    ] {
        assert!(meets(&services).iter().any(|f| !f.is_empty()), "{services}");
    }
    // A variable cannot start with a digit.
    let compiled = compiled(format!("stackgen: 1\nname: a\nservices:\n  3cx: {redis}\n"));
    assert_eq!(errors(&compiled), Vec::<String>::new());
    let names: Vec<_> = compiled.stack.iter().flat_map(|s| &s.secrets).map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["SERVICE_3CX_PASSWORD"]);
}

/// A secret that somebody wrote where its name belongs, or inside something else.
#[test]
fn a_secret_is_never_repeated() {
    const CANARY: &str = "hunter2 canary";
    let base = tree(FULL);
    let mut tried = 0;
    let mut places: Vec<(String, Tree)> = Vec::new();
    for leaf in leaves::all(&base) {
        let path = leaf.shown();
        // The name of a secret, whatever it is in.
        if path.ends_with(".secret") || path.ends_with(".password") {
            for text in [CANARY, "hunter2-canary", "HUNTER2 CANARY"] {
                places.push((path.clone(), leaf.replaced(&base, text)));
            }
        }
        if leaf.free && !leaf.is_key() && !leaf.raw() {
            for text in [
                format!("postgresql://doadmin:{CANARY}@db.example.com:5432/x"),
                "https://user:hunter2%20canary@host.example/x".to_string(),
                format!("doadmin:{CANARY}@db.example.com"),
            ] {
                places.push((path.clone(), leaf.replaced(&base, &text)));
            }
            if leaf.filled() && !path.contains(".healthcheck.") {
                places.push((path.clone(), leaf.replaced(&base, &format!("{CANARY}{{{{"))));
            }
        }
    }
    let password = |value: serde_json::Value| {
        let mut tree = base.clone();
        tree["mail"]["relay"]["password"] = value.clone();
        let mut other = base.clone();
        other["services"]["erp"]["env"]["OTHER_TOKEN"]["secret"] = value.clone();
        let mut third = base.clone();
        third["secrets"]["APP_TOKEN"] = value;
        [tree, other, third]
    };
    for value in [
        serde_json::json!(CANARY),
        serde_json::json!([CANARY]),
        serde_json::json!({ "value": CANARY }),
        serde_json::json!({ "secret": { "secret": CANARY } }),
        serde_json::json!(7_223_372_036_i64),
    ] {
        places.extend(password(value).into_iter().map(|t| ("password".to_string(), t)));
    }
    for (path, tree) in places {
        let compiled = compiled(print(&tree));
        sound(&compiled).expect("sound");
        for finding in &compiled.findings {
            let text = said(finding).to_lowercase();
            let found = ["hunter2", "7223372036"].iter().any(|c| text.contains(c));
            assert!(!found, "{path}: {text}");
        }
        // Lines of the manifest are shown too.
        let shown = rendered(&compiled);
        if path == "password" || path.ends_with(".secret") || path.ends_with(".password") {
            let found = ["hunter2", "7223372036"].iter().any(|c| shown.to_lowercase().contains(c));
            assert!(!found, "{path}: {shown}");
        }
        tried += 1;
    }
    eprintln!("{tried} secrets in wrong places");
}

/// A manifest of many services: half with URLs, some with databases, volumes, mounts and dependencies.
fn many(count: usize, broken: bool) -> String {
    let mut text =
        String::from("stackgen: 1\nname: many\ndomain: example.com\nservices:\n  pg: { kind: postgres }\n");
    for i in 0..count {
        let fault = if broken { format!(", redis: nothing-{i}") } else { String::new() };
        let extra = match i % 4 {
            0 => format!(", listen: 8080, url: https://s{i}.example.com"),
            1 if i < 40 => ", database: pg".to_string(),
            2 => format!(", volumes: {{ data: {{ mount: /data }} }}, depends_on: [s-{}]", i - 1),
            _ => ", env: { A: \"{{ services.pg.name }}\" }".to_string(),
        };
        let extra = if broken { String::new() } else { extra };
        text.push_str(&format!(
            "  s-{i}: {{ image: registry.example.com/team/app-{i}:1.2{extra}{fault} }}\n"
        ));
    }
    text
}

#[test]
fn ten_thousand_services_compile() {
    let good = compiled(many(10_000, false));
    assert_eq!(errors(&good), Vec::<String>::new());
    assert!(good.stack.as_ref().is_some_and(|s| s.services.len() > 10_000));
    assert!(good.artifacts.iter().any(|a| a.path == "docker-compose.yml" && a.text.len() > 1_000_000));
}

#[test]
fn ten_thousand_faulty_services_are_told() {
    let bad = compiled(many(10_000, true));
    assert!(errors(&bad).len() >= 10_000, "{}", bad.findings.len());
    assert!(bad.artifacts.is_empty());
}
