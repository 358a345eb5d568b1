//! Whether a container has the value that a Compose file with `${NAME}` in it asks for.

use crate::deployed::conceal;
use crate::finding::{Path, Step};
use crate::outline::Value;

use super::view::{View, plain};

/// Whether a container has the value that is wanted, or nobody can tell that it has not.
///
/// Whoever read the container with the manifest at hand filled in the references: a value that comes to the same stands
/// there as the manifest has it. Without a `.env` that could not be done.
pub(super) fn same(view: &View, running: &Value, wanted: &Value) -> bool {
    let Some(text) = plain(wanted) else { return conceal::same(running, wanted) != Some(false) };
    if !has_reference(text) {
        return view.may_be_same(running, wanted);
    }
    let Some(dotenv) = &view.dotenv else { return true };
    let Some(name) = whole_reference(text) else { return !view.deployed.declared };
    match dotenv.get(&Path(vec![Step::from(name)])) {
        // With another key nobody can tell.
        Some(entry) => conceal::same(running, &entry.value).unwrap_or(!view.deployed.declared),
        None => true,
    }
}

/// What `.env` has for a value that is one reference.
pub(super) fn resolved(view: &View, wanted: &Value) -> Option<Value> {
    let name = whole_reference(plain(wanted)?)?;
    view.dotenv.as_ref()?.get(&Path(vec![Step::from(name)])).map(|e| e.value.clone())
}

/// `NAME` of a text that is `${NAME}` and nothing else, with or without an operator.
fn whole_reference(text: &str) -> Option<&str> {
    let inside = text.strip_prefix("${")?.strip_suffix('}')?;
    let end = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
    let (name, operator) = inside.split_at(end);
    (!name.is_empty() && !operator.contains(['{', '}'])).then_some(name)
}

fn has_reference(text: &str) -> bool {
    text.replace("$$", "").contains("${")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        assert_eq!(whole_reference("${DB_PASSWORD:?see .env.example}"), Some("DB_PASSWORD"));
        assert_eq!(whole_reference("${A}"), Some("A"));
        for text in ["x${A}", "${A}${B}", "${}", "$A", "${A:-${B}}"] {
            assert_eq!(whole_reference(text), None, "{text}");
        }
        assert!(has_reference("postgres://${A}@b"));
        assert!(!has_reference("$${A}"));
    }
}
