//! The shape of the source tree: the order of the modules, and that nothing lies about unregistered.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;

use std::path::{Path, PathBuf};

/// Rust files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut list: Vec<PathBuf> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|e| e.expect("an entry").into_path())
        .filter(|p| p.extension().is_some_and(|e| e == "rs"))
        .collect();
    list.sort();
    list
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The modules of the library in the order they are declared.
fn order() -> Vec<String> {
    read(&common::root().join("src/lib.rs"))
        .lines()
        .filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_string))
        .collect()
}

/// Modules named by `crate::x` or `crate::{x, y}` in a text.
fn used(text: &str) -> Vec<String> {
    let word = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = Vec::new();
    for (i, _) in text.match_indices("crate::") {
        let rest = &text[i + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => {
                let group = &group[..group.find("};").unwrap_or(group.len())];
                let mut depth = 0;
                for part in group.split_inclusive([',', '{', '}']) {
                    if depth == 0 && part.starts_with(|c: char| c.is_alphabetic() || c == ' ') {
                        names.push(word(part.trim()));
                    }
                    depth += part.matches('{').count();
                    depth -= part.matches('}').count();
                }
            }
            None => names.push(word(rest)),
        }
    }
    names
}

#[test]
fn modules_use_only_those_before_them() {
    let order = order();
    let position = |name: &str| order.iter().position(|m| m == name);
    let src = common::root().join("src");
    let mut checked = 0;
    for file in files(&src) {
        let inside = file.strip_prefix(&src).expect("below src");
        let module = inside.iter().next().expect("a part").to_string_lossy().replace(".rs", "");
        let Some(own) = position(&module) else {
            assert!(["lib", "main"].contains(&module.as_str()), "src/{module} is not declared in src/lib.rs");
            continue;
        };
        let text = read(&file);
        assert!(
            !text.contains("super::super::"),
            "{}: write crate:: instead of super::super::",
            file.display()
        );
        for name in used(&text) {
            let other =
                position(&name).unwrap_or_else(|| panic!("{}: no module crate::{name}", file.display()));
            assert!(other <= own, "{}: `{module}` uses `{name}`, which comes later", file.display());
        }
        checked += 1;
    }
    assert!(checked > 30, "only {checked} files");
}

#[test]
fn a_planted_upward_import_would_be_seen() {
    assert_eq!(used("use crate::rules::RULES;"), ["rules"]);
    assert_eq!(used("use crate::{text::{Span, nearest}, rules};"), ["text", "rules"]);
    assert_eq!(used("let x = crate::emit::TARGETS;"), ["emit"]);
}

/// Names in the first string of each line of a list, or the file names of a folder: both must be the same.
fn same(what: &str, mut listed: Vec<String>, mut there: Vec<String>) {
    listed.sort();
    there.sort();
    assert_eq!(listed, there, "{what}: listed and there differ");
}

fn stems(folder: &str, ending: &str) -> Vec<String> {
    std::fs::read_dir(common::root().join(folder))
        .expect(folder)
        .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter_map(|n| n.strip_suffix(ending).map(str::to_string))
        .collect()
}

#[test]
fn every_kind_table_and_template_is_registered() {
    let kinds = stackgen::kinds::built_in().map(|(name, _)| name.to_string()).collect();
    same("templates/kinds", kinds, stems("templates/kinds", ".yaml"));
    let source = read(&common::root().join("src/kinds.rs"));
    for table in stems("templates/kinds", ".tsv") {
        assert!(source.contains(&format!("\"{table}\"")), "{table}.tsv is not in tables! of src/kinds.rs");
    }
    for entry in walkdir::WalkDir::new(common::root().join("templates")) {
        let path = entry.expect("an entry").into_path();
        if path.extension().is_some_and(|e| e == "j2") {
            let name =
                path.strip_prefix(common::root().join("templates")).expect("below").display().to_string();
            assert!(
                stackgen::emit::template::exists(&name),
                "{name} is not in templates! of src/emit/template.rs"
            );
        }
    }
}

#[test]
fn every_target_is_registered() {
    let modules: Vec<String> =
        stems("src/emit", ".rs").into_iter().filter(|n| n != "mod" && n != "template").collect();
    let source = read(&common::root().join("src/emit/mod.rs"));
    for module in modules {
        assert!(source.contains(&format!("{module}::emit")), "src/emit/{module}.rs is not in TARGETS");
    }
}

#[test]
fn every_rule_is_registered() {
    let listed = stackgen::rules::RULES.iter().map(|r| r.name.replace('-', "_")).collect();
    let there = stems("src/rules", ".rs")
        .into_iter()
        .filter(|n| !["mod", "common", "allowances", "claims", "elsewhere"].contains(&n.as_str()))
        .collect();
    same("src/rules", listed, there);
}

/// Every file says in its first line what it is for.
#[test]
fn every_file_opens_with_its_purpose() {
    for file in files(&common::root().join("src")).into_iter().chain(files(&common::root().join("tests"))) {
        assert!(read(&file).starts_with("//! "), "{}: no sentence at the top", file.display());
    }
}
