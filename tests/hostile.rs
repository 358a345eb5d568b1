//! Hostile manifests: no text of one adds a directive, key, option, rule or shell word to any output.

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
    let bench = Bench::new(tree(FULL));
    let texts = nasty();
    // Each place with some of the texts, each time others; all with all is what the next test does.
    let work: Vec<(&Leaf, &String)> = bench
        .leaves
        .iter()
        .enumerate()
        .flat_map(|(i, leaf)| texts.iter().skip(i % 14).step_by(14).map(move |text| (leaf, text)))
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
    for (name, base) in [("full", tree(FULL)), ("on the host", on_host()), ("odoo-erp-prod", tree(&erp))] {
        let bench = Bench::new(base);
        let texts = nasty();
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
    let bench = Bench::new(tree(FULL));
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
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
