//! The values that become YAML and JSON: ordered, typed, cheap to build from literals.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Text that costs nothing when it is a literal.
pub type Text = Cow<'static, str>;

/// One value of a document we write.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, written `null`.
    Null,
    /// A truth value, written `true` or `false`.
    Bool(bool),
    /// A whole number. There are no fractions: what looks like one (`cpus: "0.5"`, `version: "3.10"`) is text.
    Int(i64),
    /// Text, quoted wherever some reader would take it for something else.
    Text(Text),
    /// A list, one item per line.
    List(Vec<Value>),
    /// A short list of scalars on one line, `["CMD", "curl"]`; printed as a [`Value::List`] where it does not fit.
    Flow(Vec<Value>),
    /// A map in the order it was filled.
    Map(Map),
}

/// A map whose keys keep the order they were first set in.
#[derive(Debug, Clone, Default)]
pub struct Map {
    entries: IndexMap<Text, Entry>,
    note: Option<Text>,
    gap: bool,
}

/// What stands behind a key, and how it is set off from what is above it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The value.
    pub value: Value,
    /// Comment lines printed above the key in YAML; JSON has none.
    pub note: Option<Text>,
    /// Whether a blank line separates the entry from the one above.
    pub gap: bool,
}

impl Map {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key, in a chain. A key set twice keeps its first position and its last value.
    #[must_use]
    pub fn set(mut self, key: impl Into<Text>, value: impl Into<Value>) -> Self {
        self.insert(key, value);
        self
    }

    /// Sets a key when there is a value; a note or gap waiting for it is dropped with it when there is none.
    #[must_use]
    pub fn set_some(mut self, key: impl Into<Text>, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => {
                self.insert(key, value);
            }
            None => self.skip(),
        }
        self
    }

    /// Sets a key unless the value is null, an empty text, an empty list or an empty map.
    #[must_use]
    pub fn set_filled(mut self, key: impl Into<Text>, value: impl Into<Value>) -> Self {
        let value = value.into();
        if value.is_empty() {
            self.skip();
        } else {
            self.insert(key, value);
        }
        self
    }

    /// Comment lines above the entry that is set next.
    #[must_use]
    pub fn note(mut self, text: impl Into<Text>) -> Self {
        self.note = Some(text.into());
        self
    }

    /// A blank line above the entry that is set next.
    #[must_use]
    pub fn gap(mut self) -> Self {
        self.gap = true;
        self
    }

    /// Sets a key, in a loop; the entry's note and gap can be set on what is returned.
    pub fn insert(&mut self, key: impl Into<Text>, value: impl Into<Value>) -> &mut Entry {
        let entry = Entry { value: value.into(), note: self.note.take(), gap: std::mem::take(&mut self.gap) };
        match self.entries.entry(key.into()) {
            indexmap::map::Entry::Occupied(old) => {
                let old = old.into_mut();
                // A later value does not lose the reason written above the earlier one.
                let (note, gap) = (entry.note.or(old.note.take()), entry.gap || old.gap);
                *old = Entry { value: entry.value, note, gap };
                old
            }
            indexmap::map::Entry::Vacant(vacant) => vacant.insert(entry),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// The value of a key, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.entries.get_mut(key).map(|entry| &mut entry.value)
    }

    /// Keys and entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(key, entry)| (key.as_ref(), entry))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn skip(&mut self) {
        self.note = None;
        self.gap = false;
    }
}

/// Order counts: two maps are the same when they print the same.
impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.entries.iter().eq(other.entries.iter())
    }
}

impl<K: Into<Text>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

impl Value {
    /// Whether there is nothing in it: null, an empty text, list or map. `false` and `0` say something.
    pub fn is_empty(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Bool(_) | Value::Int(_) => false,
            Value::Text(text) => text.is_empty(),
            Value::List(items) | Value::Flow(items) => items.is_empty(),
            Value::Map(map) => map.is_empty(),
        }
    }
}

/// A map from pairs: `map([("test", flow(["CMD", "true"])), ("retries", 3.into())])`.
pub fn map<K: Into<Text>, V: Into<Value>>(entries: impl IntoIterator<Item = (K, V)>) -> Value {
    Value::Map(entries.into_iter().collect())
}

/// A list, one item per line.
pub fn list<V: Into<Value>>(items: impl IntoIterator<Item = V>) -> Value {
    Value::List(items.into_iter().map(Into::into).collect())
}

/// A short list on one line.
pub fn flow<V: Into<Value>>(items: impl IntoIterator<Item = V>) -> Value {
    Value::Flow(items.into_iter().map(Into::into).collect())
}

macro_rules! from {
    ($($type:ty => $variant:ident),* $(,)?) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Value::$variant(value.into())
            }
        })*
    };
}

from! {
    bool => Bool,
    i64 => Int, i32 => Int, u32 => Int, u16 => Int, u8 => Int,
    &'static str => Text, String => Text, Text => Text,
    Map => Map,
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Value::Text(text.clone().into())
    }
}

impl<V: Into<Value>> From<Vec<V>> for Value {
    fn from(items: Vec<V>) -> Self {
        list(items)
    }
}

impl<V: Into<Value>, const N: usize> From<[V; N]> for Value {
    fn from(items: [V; N]) -> Self {
        list(items)
    }
}

impl<V: Into<Value>> FromIterator<V> for Value {
    fn from_iter<I: IntoIterator<Item = V>>(items: I) -> Self {
        list(items)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) | Value::Flow(items) => serializer.collect_seq(items),
            Value::Map(map) => {
                let mut out = serializer.serialize_map(Some(map.len()))?;
                for (key, entry) in map.iter() {
                    out.serialize_entry(key, &entry.value)?;
                }
                out.end()
            }
        }
    }
}

/// A value as JSON: two spaces, keys in order, a line break at the end.
#[expect(clippy::expect_used, reason = "keys are texts and the buffer grows: there is no error to have")]
pub fn print_json(value: &Value) -> String {
    let mut out = serde_json::to_string_pretty(value).expect("text keys and a growing buffer");
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_keep_order_and_skip_what_is_empty() {
        let value = Value::from(
            Map::new()
                .set("b", 1)
                .note("gone with its entry")
                .set_some("x", None::<bool>)
                .set_some("a", Some(["one", "two"]))
                .set_filled("y", Map::new())
                .set_filled("zero", 0)
                .note("first")
                .set("c", false)
                .note("second")
                .set("b", Value::Null)
                .set("c", true),
        );
        let json = "{\n  \"b\": null,\n  \"a\": [\n    \"one\",\n    \"two\"\n  ],\n  \"zero\": 0,\n  \"c\": true\n}\n";
        assert_eq!(print_json(&value), json);
        let Value::Map(map) = value else { unreachable!() };
        let notes: Vec<_> = map.iter().map(|(key, entry)| (key, entry.note.as_deref())).collect();
        assert_eq!(notes, [("b", Some("second")), ("a", None), ("zero", None), ("c", Some("first"))]);
        assert_ne!(Map::new().set("a", 1).set("b", 2), Map::new().set("b", 2).set("a", 1), "order counts");
    }
}
