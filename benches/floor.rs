//! Reads a manifest and writes as many bytes to as many files as a build does, without a thought in between.
//!
//! `floor MANIFEST LIST DIR`: each line of LIST is the size of a file and its path below DIR.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [manifest, list, dir] = arguments.as_slice() else {
        return Err(io::Error::other("usage: floor MANIFEST LIST DIR"));
    };
    let mut text = Vec::new();
    File::open(manifest)?.read_to_end(&mut text)?;
    let mut folders = HashSet::new();
    for line in fs::read_to_string(list)?.lines() {
        let (size, path) = line.split_once('\t').ok_or_else(|| io::Error::other("expected SIZE TAB PATH"))?;
        let mut left: usize = size.parse().map_err(io::Error::other)?;
        let path = Path::new(dir).join(path);
        if let Some(folder) = path.parent().filter(|f| folders.insert(f.to_path_buf())) {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::create(path)?;
        while left > 0 {
            let part = &text[..left.min(text.len())];
            file.write_all(part)?;
            left -= part.len();
        }
    }
    Ok(())
}
