//! `stackgen docs`: the documents in the repository are up to date, and no text of a manifest is more than a text.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;

use std::path::Path;
use std::process::Output;

use stackgen::compile::{Compiled, Input, compile};
use stackgen::docs;

/// The documents of a stack: Markdown, page, picture.
fn documents(compiled: &Compiled) -> [String; 3] {
    let stack = compiled.stack.as_ref().expect("a stack");
    let files = docs::render(stack, &compiled.artifacts).expect("documents");
    let text = |name: &str| files.iter().find(|a| a.path == name).expect(name).text.clone();
    docs::FILES.map(text)
}

fn of(manifest: &str) -> [String; 3] {
    let compiled = compile(Input { manifest: ("stack.yaml".into(), manifest.into()), ..Input::default() });
    assert!(!compiled.failed(), "{:#?}", compiled.findings);
    documents(&compiled)
}

fn stackgen(folder: &Path, args: &[&str]) -> Output {
    common::run(Path::new(env!("CARGO_BIN_EXE_stackgen")), folder, args)
}

#[test]
fn the_documents_of_the_repository_are_up_to_date() {
    let mut seen = 0;
    for (name, manifest) in common::manifests() {
        if manifest.with_file_name("docs").is_dir() {
            let folder = manifest.parent().expect("a folder").display().to_string();
            let output = stackgen(common::root(), &["docs", "--check", &folder]);
            assert_eq!(
                output.status.code(),
                Some(0),
                "`stackgen docs stacks/{name}`: {}",
                common::printed(&output)
            );
            seen += 1;
        }
    }
    assert!(seen >= 1);
}

#[test]
fn every_stack_has_the_same_documents_twice() {
    for (_, manifest) in common::stacks() {
        assert_eq!(documents(&common::built(&manifest)), documents(&common::built(&manifest)));
    }
}

#[test]
fn the_exit_status_says_what_happened() {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = "stackgen: 1\nname: shop\nservices:\n  www: { image: \"nginx:1.28\", internal: true, healthcheck: { command: [nginx, -t] } }\n";
    std::fs::write(folder.path().join("stack.yaml"), manifest).expect("written");
    let run = |args: &[&str]| stackgen(folder.path(), args).status.code();
    assert_eq!(run(&["docs", "--check"]), Some(1));
    assert!(!folder.path().join("docs").exists());
    assert_eq!(run(&["docs"]), Some(0));
    assert_eq!(run(&["docs", "--check"]), Some(0));
    let file = folder.path().join("docs/INFRASTRUCTURE.md");
    let text = std::fs::read_to_string(&file).expect("a file");
    std::fs::write(&file, format!("{text}\nmine\n")).expect("written");
    assert_eq!((run(&["docs", "--check"]), run(&["docs"])), (Some(1), Some(1)));
    assert!(std::fs::read_to_string(&file).expect("a file").ends_with("mine\n"), "an edit is kept");
    assert_eq!((run(&["docs", "--force"]), run(&["docs", "--check"])), (Some(0), Some(0)));
    std::fs::write(folder.path().join("stack.yaml"), manifest.replace("shop", "store")).expect("written");
    assert_eq!(run(&["docs", "--check"]), Some(1));
    std::fs::write(folder.path().join("stack.yaml"), "stackgen: 1\n").expect("written");
    assert_eq!(run(&["docs"]), Some(1));
    assert_eq!(run(&["docs", "nowhere"]), Some(2));
}

/// Texts that mean something to Markdown, HTML, Mermaid or a shell.
const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "</style></svg><img src=x onerror=alert(1)>",
    "a | b `c` **d** [e](javascript:alert(1))",
    "--> <!-- ]]> &lt;script&gt;",
    "\"] end; click n0 call alert() %%{init: {}}%%",
    "# no heading",
    "1. no list",
    "``` no fence",
];

#[test]
fn a_hostile_text_is_a_text() {
    let quoted = |text: &str| serde_json::to_string(text).expect("a text");
    let mut notes = HOSTILE.map(quoted).join(", ");
    notes.push_str(", \"first\\nsecond <b>\"");
    let code =
        regex::Regex::new("(?:^|[^`])(?:`[^`]+`|`` .*? ``|``` .*? ```|```` .*? ````)").expect("a pattern");
    for hostile in HOSTILE {
        let text = quoted(hostile);
        let manifest = format!(
            "stackgen: 1\nname: shop\ntitle: {text}\nnotes: [{notes}]\ncertificates: {{ email: a@example.com }}\n\
             external:\n  other: {{ url: \"https://other.example\", used_for: [{text}] }}\n\
             secrets:\n  API_KEY: {{ description: {text}, source: {text} }}\n\
             services:\n  www:\n    image: \"nginx:1.28\"\n    listen: 80\n    url: https://www.example.com\n    title: {text}\n    \
             notes: [{notes}]\n    env: {{ GREETING: {text}, API_KEY: {{ secret: API_KEY }} }}\n    \
             healthcheck: {{ command: [nginx, -t] }}\n  later: {{ status: planned, kind: redis, title: {text}, reason: {text} }}\n  \
             gone: {{ status: removed, removed: \"2026-01-02\", reason: {text} }}\n"
        );
        let compiled = compile(Input { manifest: ("stack.yaml".into(), manifest), ..Input::default() });
        let [markdown, page, picture] = documents(&compiled);
        let plain = of(
            "stackgen: 1\nname: shop\ntitle: t\ncertificates: { email: a@example.com }\nservices:\n  www: { image: \"nginx:1.28\", listen: 80, url: \"https://www.example.com\", healthcheck: { command: [nginx, -t] } }\n",
        );
        for (text, like) in [(&page, &plain[1]), (&picture, &plain[2])] {
            for tag in ["<script", "<img", "<b>", "onerror=alert(1)>"] {
                assert!(!text.contains(tag), "{hostile}: {tag}");
            }
            for once in ["<style", "</style>", "<svg", "</svg>", "<!--", "-->"] {
                assert_eq!(text.matches(once).count(), like.matches(once).count(), "{hostile}: {once}");
            }
        }
        let mut columns = 0;
        let mut fence = String::new();
        for line in markdown.lines() {
            let start: String = line.chars().take_while(|c| *c == '`').collect();
            if !fence.is_empty() {
                if *line == fence {
                    fence.clear();
                }
                continue;
            }
            if start.len() >= 3 {
                fence = start;
                continue;
            }
            let bars = line.replace("\\|", "").matches('|').count();
            if bars > 0 && columns > 0 {
                assert_eq!(bars, columns, "{hostile}: {line}");
            }
            columns = bars;
            let titles = ["# ", "## ", "### "].iter().any(|h| line.starts_with(h));
            assert!(!titles || !line.ends_with("# no heading") || line.contains("\\#"), "{line}");
            // In a span of code it is letter by letter.
            let outside = code.replace_all(line, "").replace("\\<", "").replace("\\]", "");
            assert!(!outside.contains("<script"), "{line}");
            assert!(!outside.contains("](javascript"), "{line}");
        }
        assert!(fence.is_empty(), "{hostile}: a fence is open");
    }
}

#[test]
fn a_secret_is_a_name() {
    let manifest = "stackgen: 1\nname: shop\nservices:\n  www:\n    image: \"nginx:1.28\"\n    internal: true\n    healthcheck: { command: [nginx, -t] }\n    \
                    env: { SMTP_PASSWORD: hunter2hunter2, URL: \"https://me:pa55word@other.example/\", MODE: fast }\nallow:\n  - { rule: secret-literal, reason: a test of what is shown }\n";
    let compiled = compile(Input { manifest: ("stack.yaml".into(), manifest.into()), ..Input::default() });
    for text in documents(&compiled) {
        assert!(!text.contains("hunter2") && !text.contains("pa55word"));
    }
    assert!(documents(&compiled)[0].contains("| `MODE` | `fast` |"));
}

/// The page needs nothing else: it is read where there is no network, too.
#[test]
fn the_page_loads_nothing() {
    for (name, manifest) in common::stacks() {
        let [_, page, picture] = documents(&common::built(&manifest));
        for text in [page, picture] {
            for word in ["src=", "<link", "@import", "url(", "<iframe", "<object", "xlink", "<script"] {
                assert!(!text.contains(word), "{name}: {word}");
            }
        }
    }
}

/// `docs/reference.md` names sections that there are.
#[test]
fn every_section_of_the_mapping_exists() {
    let manifest = common::root().join("stacks/odoo-erp-prod/stack.yaml");
    let [markdown, ..] = documents(&common::built(&manifest));
    let mapping = std::fs::read_to_string(common::root().join("docs/reference.md")).expect("the mapping");
    let mut seen = 0;
    for name in mapping
        .lines()
        .filter_map(|l| l.split('|').nth(2))
        .flat_map(|cell| cell.split('*').skip(1).step_by(2))
    {
        assert!(markdown.contains(&format!("\n## {name}\n")), "no section `{name}`");
        seen += 1;
    }
    assert!(seen >= 25, "only {seen} sections");
}
