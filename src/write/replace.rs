//! Replaces a file that somebody writes by hand: whole or not at all, and only what was read.

use std::fs;
use std::io::Write;
use std::path::Path;

use tempfile::Builder;

use super::{Failure, commit};

/// Puts a new text in the place of the old one, with the mode the file has. A link stays one.
///
/// # Errors
///
/// What the system refuses; and a file that is no longer as it was read, which is left alone.
pub fn replace(path: &Path, old: &str, new: &str) -> Result<(), Failure> {
    let failed = |error| Failure::io(format_args!("write {}", path.display()), &error);
    let target = fs::canonicalize(path).map_err(failed)?;
    if fs::read(&target).map_err(failed)? != old.as_bytes() {
        let message = format!("{} was changed by somebody else just now; it was left alone", path.display());
        return Err(Failure::new(message).help("run the same again"));
    }
    let folder = target.parent().unwrap_or(Path::new("/"));
    let mut file = Builder::new().prefix(commit::PREFIX).tempfile_in(folder).map_err(failed)?;
    let mode = fs::metadata(&target).map_err(failed)?.permissions();
    file.write_all(new.as_bytes())
        .and_then(|()| fs::set_permissions(file.path(), mode))
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed)?;
    file.persist(&target).map(drop).map_err(|e| failed(e.error))
}
