//! What a document says, without how it is written: to hold what a change was meant to do against what it did.

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::finding::{Change, Step};

use super::tree::{Kind, NodeId, Tree};

/// A value. Two maps are the same in any order.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Its type and the text of it; `1.10` is not `1.1`.
    Scalar(Type, String),
    /// A list.
    Seq(Vec<Data>),
    /// A map.
    Map(IndexMap<String, Data>),
    /// What was removed: it keeps its place until all changes are made, so that those of its neighbours are right.
    Gone,
}

/// The type of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Nothing.
    Null,
    /// A truth value.
    Bool,
    /// A number.
    Number,
    /// Text.
    Text,
}

impl Data {
    /// What stands in a tree.
    pub fn of(tree: &Tree, id: NodeId) -> Self {
        let kind = match &tree.node(id).kind {
            Kind::Seq(items) => return Self::Seq(items.iter().map(|i| Self::of(tree, *i)).collect()),
            Kind::Map(entries) => {
                return Self::Map(
                    entries.iter().map(|e| (e.key.to_string(), Self::of(tree, e.value))).collect(),
                );
            }
            Kind::Null => Type::Null,
            Kind::Bool(_) => Type::Bool,
            Kind::Int(_) | Kind::Float(_) => Type::Number,
            Kind::Str(_) => Type::Text,
        };
        Self::Scalar(kind, tree.raw(id).unwrap_or_default().into_owned())
    }

    fn from(json: &Json) -> Self {
        match json {
            Json::Null => Self::Scalar(Type::Null, String::new()),
            Json::Bool(value) => Self::Scalar(Type::Bool, value.to_string()),
            Json::Number(number) => Self::Scalar(Type::Number, number.to_string()),
            Json::String(text) => Self::Scalar(Type::Text, text.clone()),
            Json::Array(items) => Self::Seq(items.iter().map(Self::from).collect()),
            Json::Object(map) => Self::Map(map.iter().map(|(k, v)| (k.clone(), Self::from(v))).collect()),
        }
    }

    /// Makes a change; false when there is nothing it could be made to.
    pub fn change(&mut self, path: &[Step], change: &Change) -> bool {
        let Some((step, rest)) = path.split_first() else {
            return match (self, change) {
                (Self::Seq(items), Change::Append(value)) => {
                    items.push(Self::from(value));
                    true
                }
                (data, Change::Set(value)) => {
                    *data = Self::from(value);
                    true
                }
                _ => false,
            };
        };
        let last = rest.is_empty();
        match (self, step) {
            (Self::Seq(items), Step::Index(i)) => match items.get_mut(*i) {
                None | Some(Self::Gone) => false,
                Some(item) if last && *change == Change::Remove => {
                    *item = Self::Gone;
                    true
                }
                Some(item) => item.change(rest, change),
            },
            (Self::Map(map), Step::Key(key)) => match (map.get_mut(key), change) {
                (Some(Self::Gone), _) => false,
                (Some(entry), Change::Remove) if last => {
                    *entry = Self::Gone;
                    true
                }
                (Some(_), Change::Rename(new)) if last => {
                    if new == key {
                        return true;
                    }
                    if map.contains_key(new) {
                        return false;
                    }
                    let Some((at, _, value)) = map.shift_remove_full(key) else { return false };
                    map.shift_insert(at, new.clone(), value);
                    true
                }
                (Some(entry), _) => entry.change(rest, change),
                (None, Change::Set(_) | Change::Append(_)) => {
                    let Some(value) = Self::new(rest, change) else { return false };
                    map.insert(key.clone(), value);
                    true
                }
                (None, _) => false,
            },
            _ => false,
        }
    }

    /// What stands at a path where nothing was.
    fn new(path: &[Step], change: &Change) -> Option<Self> {
        path.iter().rev().try_fold(
            match change {
                Change::Set(value) => Self::from(value),
                Change::Append(value) => Self::Seq(vec![Self::from(value)]),
                Change::Rename(_) | Change::Remove => return None,
            },
            |inner, step| match step {
                Step::Key(key) => Some(Self::Map([(key.clone(), inner)].into_iter().collect())),
                Step::Index(_) => None,
            },
        )
    }

    /// Takes out what was removed, once all changes are made.
    pub fn sweep(&mut self) {
        match self {
            Self::Seq(items) => {
                items.retain(|i| *i != Self::Gone);
                items.iter_mut().for_each(Self::sweep);
            }
            Self::Map(map) => {
                map.retain(|_, v| *v != Self::Gone);
                map.values_mut().for_each(Self::sweep);
            }
            Self::Scalar(..) | Self::Gone => {}
        }
    }
}
