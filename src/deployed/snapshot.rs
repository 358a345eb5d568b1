//! A snapshot: everything that was read, as one JSON file. `schemas/snapshot.schema.json` describes it.

use super::Deployed;

/// Version of the format.
pub(super) const VERSION: u32 = 1;

/// Bytes a snapshot may have.
pub(super) const LARGEST: u64 = 512 << 20;

/// The text of a snapshot: sorted, one value on a line, so that two are easy to compare.
pub fn print(deployed: &Deployed) -> String {
    let mut text = serde_json::to_string_pretty(deployed).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads one.
///
/// # Errors
///
/// In which line it is something else; nothing of it is quoted.
pub fn parse(text: &[u8]) -> Result<Deployed, String> {
    let read: Result<Deployed, _> = serde_json::from_slice(text);
    let deployed = read.map_err(|e| {
        format!("expected what `stackgen snapshot` writes, found something else in line {}", e.line())
    })?;
    match deployed.stackgen {
        VERSION => Ok(deployed),
        other => Err(format!("expected version {VERSION} of the format, found {other}; take a new snapshot")),
    }
}
