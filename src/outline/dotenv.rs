//! `.env` files: which names one sets. Values are secrets, so none is kept: an entry says `set` or `empty`, or
//! `passed on` for a name without `=`.

use std::collections::BTreeMap;

use super::{Entries, Entry};
use crate::finding::Path;
use crate::format::{Fault, dotenv};

/// Reads a `.env` file.
pub(super) fn read(text: &str) -> Result<BTreeMap<Path, Entry>, Fault> {
    let mut out = Entries::default();
    for (name, value) in dotenv::values(text)? {
        let state = match value {
            _ if !name.assigned => "passed on",
            "" => "empty",
            _ => "set",
        };
        out.set(Path(vec![name.name.as_str().into()]), state, u32::try_from(name.line).unwrap_or(u32::MAX));
    }
    Ok(out.0)
}
