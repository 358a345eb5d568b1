//! Why a value does not fit its type, and the words for it.

use std::fmt::{self, Display};

use serde::de::{Expected, Unexpected};
use serde_json::Value as Json;

use crate::finding::{Fix, Part, Path, Place};
use crate::text::{is_slip, nearest, shown};

use super::decode::{described, listed};
use super::tree::{Kind, NodeId, Tree};

/// A fault on its way up to where decoding started; boxed, for results carry it through every call.
#[derive(Debug)]
pub(super) struct Error(pub(super) Box<Fault>);

/// A fault and where it is, as far as that is known yet.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    /// The node that does not fit; the innermost one sets it.
    pub(super) node: Option<NodeId>,
    pub(super) path: Path,
    /// Whether the key is at fault and not the value.
    pub(super) on_key: bool,
    /// The key that the map lacks.
    pub(super) missing: Option<&'static str>,
}

#[derive(Debug)]
pub(super) enum FaultKind {
    /// The value is of another type: what was expected.
    Type(String),
    /// None of the choices.
    Choice(String, &'static [&'static str]),
    /// The map lacks a key.
    Missing(&'static str),
    /// Said by the type itself.
    Said(String),
}

impl Error {
    pub(super) fn new(kind: FaultKind) -> Self {
        Self(Box::new(Fault { kind, node: None, path: Path::default(), on_key: false, missing: None }))
    }

    /// The value is not what is expected here.
    pub(super) fn expected(what: impl Into<String>) -> Self {
        Self::new(FaultKind::Type(what.into()))
    }
}

impl FaultKind {
    pub(super) fn message(&self, tree: &Tree, node: NodeId, key: Option<&str>, private: bool) -> String {
        let boolean = |expected: &str| expected.contains("true or false");
        match self {
            FaultKind::Type(expected) if key.is_some() => {
                format!("expected {expected} as a key, found {}", shown(key.unwrap_or_default()))
            }
            FaultKind::Type(expected) => match &tree.node(node).kind {
                Kind::Str(text) if boolean(expected) && old_boolean(text).is_some() => {
                    format!("expected {expected}, found `{text}`")
                }
                _ => format!("expected {expected}, found {}", described(tree, node, private)),
            },
            FaultKind::Choice(found, choices) => {
                format!("expected {}, found {}", listed(choices), shown(found))
            }
            FaultKind::Missing(field) => format!("missing `{field}`"),
            FaultKind::Said(message) => message.clone(),
        }
    }

    pub(super) fn help(&self, tree: &Tree, node: NodeId) -> Option<String> {
        let raw = tree.raw(node).unwrap_or_default();
        match self {
            FaultKind::Type(expected) => {
                let takes = |what: &str| expected.contains(what);
                match &tree.node(node).kind {
                    Kind::Null => Some("remove the key or give it a value".to_string()),
                    Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) if takes("text") => {
                        Some(format!("write \"{raw}\" in quotes"))
                    }
                    Kind::Str(text) if takes("true or false") => {
                        let written = match text.to_ascii_lowercase().as_str() {
                            "true" => "remove the quotes: `true`",
                            "false" => "remove the quotes: `false`",
                            _ => return old_boolean(text).map(|value| format!("write `{value}`")),
                        };
                        Some(written.to_string())
                    }
                    Kind::Str(text) if takes("number") && text.parse::<f64>().is_ok() => {
                        Some(format!("remove the quotes: `{text}`"))
                    }
                    Kind::Str(_) | Kind::Int(_) | Kind::Float(_) | Kind::Bool(_) if takes("a list") => {
                        Some("write it as a list: `[...]`".to_string())
                    }
                    _ => None,
                }
            }
            FaultKind::Choice(found, choices) => {
                nearest(found, choices.iter().copied()).map(|near| format!("did you mean `{near}`?"))
            }
            FaultKind::Missing(field) => Some(format!("add the key `{field}`")),
            FaultKind::Said(_) => None,
        }
    }
}

impl FaultKind {
    /// What would mend it: only a value that can be meant in no other way, or a choice that was mistyped.
    pub(super) fn fix(&self, tree: &Tree, node: NodeId, place: &Place) -> Option<Fix> {
        if let Place::At { part: Part::Key, .. } = place {
            return None;
        }
        let raw = tree.raw(node).unwrap_or_default();
        let (safe, new): (bool, Json) = match (self, &tree.node(node).kind) {
            (FaultKind::Choice(found, choices), Kind::Str(text)) if **text == **found => {
                let known = || choices.iter().copied();
                (is_slip(found, known()), nearest(found, known())?.into())
            }
            (FaultKind::Type(expected), kind) => match kind {
                Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) if expected.contains("text") => {
                    (true, raw.as_ref().into())
                }
                Kind::Str(text) if expected.contains("true or false") => {
                    let value = match text.to_ascii_lowercase().as_str() {
                        "true" => true,
                        "false" => false,
                        _ => old_boolean(text)?,
                    };
                    (true, value.into())
                }
                Kind::Str(text) if expected.contains("number") => {
                    let number: u64 = text.parse().ok().filter(|n: &u64| n.to_string() == **text)?;
                    (true, number.into())
                }
                _ => return None,
            },
            _ => return None,
        };
        let title = match &new {
            Json::String(text) => format!("write \"{text}\""),
            value => format!("write `{value}`"),
        };
        Some(Fix::new(safe, title).set(place.clone(), new))
    }
}

/// What a word means that YAML 1.1 took for a boolean.
fn old_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "y" => Some(true),
        "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

/// What a type wants in our words; serde's are Rust's.
pub(super) fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    let whole = |low: &str, high: &str| format!("a whole number from {low} to {high}");
    match text.as_str() {
        "a nonzero u8" => whole("1", "255"),
        "a nonzero u16" => whole("1", "65535"),
        "a nonzero u32" => whole("1", "4294967295"),
        "a nonzero u64" | "a nonzero usize" => "a whole number from 1".to_string(),
        "u8" => whole("0", "255"),
        "i8" => whole("-128", "127"),
        "u16" => whole("0", "65535"),
        "i16" => whole("-32768", "32767"),
        "u32" => whole("0", "4294967295"),
        "i32" => whole("-2147483648", "2147483647"),
        "u64" | "usize" | "u128" => "a whole number from 0".to_string(),
        "i64" | "isize" | "i128" => "a whole number".to_string(),
        "f32" | "f64" => "a number".to_string(),
        "a boolean" => "true or false".to_string(),
        "a string" | "a borrowed string" | "string" => "text".to_string(),
        "a sequence" => "a list".to_string(),
        "unit" => "nothing".to_string(),
        other if other.starts_with("struct ") => "a map".to_string(),
        other => other.strip_prefix("tuple ").map_or_else(|| other.to_string(), |_| "a list".to_string()),
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            FaultKind::Type(expected) => write!(f, "expected {expected}"),
            FaultKind::Choice(found, choices) => write!(f, "expected {}, found `{found}`", listed(choices)),
            FaultKind::Missing(field) => write!(f, "missing `{field}`"),
            FaultKind::Said(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(FaultKind::Said(message.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(wanted(expected))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(wanted(expected))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        // `a tuple of size 2` and the like.
        let size: String = expected.to_string().chars().filter(char::is_ascii_digit).collect();
        let wanted = if size.is_empty() {
            "a list of another length".to_string()
        } else {
            format!("a list of {size}")
        };
        Self::new(FaultKind::Said(format!("expected {wanted}, found a list of {length}")))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(FaultKind::Choice(variant.to_string(), expected))
    }

    fn missing_field(field: &'static str) -> Self {
        let mut error = Self::new(FaultKind::Missing(field));
        error.0.missing = Some(field);
        error
    }
}
