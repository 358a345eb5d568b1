//! Whether a container has the value that a Compose file with `${NAME}` in it asks for.

use crate::finding::{Path, Step};
use crate::outline::Value;

use super::view::{View, plain};

/// Whether two values are the same, or nobody can tell that they are not: of `.env` and of secrets only fingerprints
/// are known, so a text that holds more than one reference cannot be put together.
pub(super) fn same(view: &View, running: &Value, wanted: &Value) -> bool {
    let Some(text) = plain(wanted) else { return running == wanted };
    if let Some(name) = whole_reference(text) {
        let path = Path(vec![Step::from(name)]);
        return match view.dotenv.as_ref().map(|d| d.get(&path)) {
            Some(Some(entry)) => entry.value == *running,
            _ => true,
        };
    }
    match running {
        Value::Plain(running) => {
            let plain_text = text.replace("$$", "$");
            *running == plain_text || running.replace("$$", "$") == plain_text || has_reference(text)
        }
        Value::Concealed(_) => true,
    }
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
