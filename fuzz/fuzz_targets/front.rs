//! Any bytes as a manifest: it is compiled or refused, and what is said can be shown.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stackgen::compile::{Input, compile};
use stackgen::render::{json, text};

fuzz_target!(|bytes: &[u8]| {
    let (first, rest) = bytes.split_first().unwrap_or((&b'y', &[]));
    let path = if *first == b't' { "stack.toml" } else { "stack.yaml" };
    let manifest = (path.to_string(), String::from_utf8_lossy(rest).into_owned());
    let compiled = compile(Input { manifest, ..Input::default() });
    assert!(compiled.artifacts.is_empty() || !compiled.failed(), "files in spite of an error");
    let _ = text::findings(&compiled);
    let _ = json::print(&json::findings(&compiled));
});
