//! The serde side of decoding: a tree node as a `Deserializer`.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::finding::Path;
use crate::text::Span;

use super::decode::RAW;
use super::decode_error::{Error, wanted};
use super::tree::{Entry, Kind, NodeId, Tree};

/// What all deserializers of one decoding share.
pub(super) struct Context<'a> {
    pub(super) tree: &'a Tree,
    /// Nodes that did not fit: their list item or map entry is left out.
    pub(super) pruned: RefCell<HashSet<NodeId>>,
    /// The number of the try, from 0.
    pub(super) pass: Cell<u32>,
    /// Lists and maps in lists and maps that fit, with the try that found so: later ones skip them, or a hundred
    /// faults would cost a hundred decodings. Nothing is kept in the first try, which a good document ends with.
    pub(super) done: RefCell<HashMap<NodeId, u32>>,
    /// Keys that were met and skipped.
    pub(super) unknown: RefCell<Vec<Unknown>>,
}

/// A key that its struct does not know.
pub(super) struct Unknown {
    /// The map it is in.
    pub(super) map: NodeId,
    /// The key.
    pub(super) at: Span,
    pub(super) path: Path,
    /// The keys there are.
    pub(super) fields: &'static [&'static str],
}

impl Context<'_> {
    pub(super) fn is_pruned(&self, node: NodeId) -> bool {
        self.pruned.borrow().contains(&node)
    }

    /// Whether a node is skipped for having been found good by an earlier try.
    pub(super) fn is_done(&self, node: NodeId) -> bool {
        let pass = self.pass.get();
        pass > 0 && self.done.borrow().get(&node).is_some_and(|found| *found < pass)
    }

    fn set_done(&self, node: NodeId) {
        let pass = self.pass.get();
        if pass > 0 && matches!(self.tree.node(node).kind, Kind::Seq(_) | Kind::Map(_)) {
            self.done.borrow_mut().entry(node).or_insert(pass);
        }
    }
}

/// The way from the root to a node, made a [`Path`] only when something is told.
pub(super) enum Trail<'a> {
    Root,
    Key(&'a Trail<'a>, &'a str),
    Index(&'a Trail<'a>, usize),
}

impl Trail<'_> {
    fn path(&self) -> Path {
        match self {
            Trail::Root => Path::default(),
            Trail::Key(above, key) => above.path().join(*key),
            Trail::Index(above, index) => above.path().join(*index),
        }
    }
}

/// The deserializer of one node.
#[derive(Clone, Copy)]
pub(super) struct De<'a> {
    context: &'a Context<'a>,
    node: NodeId,
    trail: &'a Trail<'a>,
    /// Scalars of every type are text, as written.
    raw: bool,
    /// The node stands for a map with a single field.
    short: bool,
}

impl<'a> De<'a> {
    pub(super) fn new(context: &'a Context<'a>, node: NodeId, trail: &'a Trail<'a>) -> Self {
        Self { context, node, trail, raw: false, short: false }
    }

    fn kind(&self) -> &'a Kind {
        &self.context.tree.node(self.node).kind
    }

    fn raw_text(&self) -> Option<Cow<'a, str>> {
        self.context.tree.raw(self.node)
    }

    /// An error that has no place yet is this node's.
    fn place(&self, mut error: Error) -> Error {
        if error.0.node.is_none() {
            error.0.node = Some(self.node);
            error.0.path = self.trail.path();
        }
        error
    }

    fn expected<T>(&self, what: impl Into<String>) -> Result<T, Error> {
        let mut what = what.into();
        if self.short {
            what.push_str(" or a map");
        }
        Err(self.place(Error::expected(what)))
    }

    fn map<'de, V: Visitor<'de>>(
        &self,
        visitor: V,
        fields: Option<&'static [&'static str]>,
        open: bool,
    ) -> Result<V::Value, Error> {
        let Kind::Map(entries) = self.kind() else {
            return self.expected("a map");
        };
        let map = Map { de: *self, entries: entries.iter(), entry: None, fields, open };
        visitor.visit_map(map).map_err(|e| self.place(e))
    }

    /// `open` when the type takes any number of items.
    fn list<'de, V: Visitor<'de>>(&self, visitor: V, open: bool) -> Result<V::Value, Error> {
        let Kind::Seq(items) = self.kind() else {
            return self.expected("a list");
        };
        let list = Seq { de: *self, items: items.iter().enumerate(), open };
        visitor.visit_seq(list).map_err(|e| self.place(e))
    }

    /// A whole number; one written with a dot is whole too, as in a JSON Schema.
    fn whole(&self) -> Option<i64> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match self.kind() {
            Kind::Int(value) => Some(*value),
            Kind::Float(value) if value.fract() == 0.0 && value.abs() <= EXACT => Some(*value as i64),
            _ => None,
        }
    }

    fn number<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Error> {
        let Some(value) = self.whole() else {
            return match self.kind() {
                // A number, but not a whole one, or out of every range.
                Kind::Float(_) => self.expected(wanted(&visitor as &dyn Expected)),
                _ => self.expected("a whole number"),
            };
        };
        visitor.visit_i64(value).map_err(|e| self.place(e))
    }
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.number(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for De<'_> {
    type Error = Error;

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.kind() {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Int(value) => visitor.visit_i64(*value),
            Kind::Float(value) => visitor.visit_f64(*value),
            Kind::Str(text) => visitor.visit_str(text),
            Kind::Seq(_) => return self.list(visitor, false),
            Kind::Map(_) => return self.map(visitor, None, false),
        }
        .map_err(|e| self.place(e))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.kind() {
            Kind::Bool(value) => visitor.visit_bool(*value).map_err(|e| self.place(e)),
            _ => self.expected("true or false"),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.kind() {
            Kind::Int(value) => visitor.visit_f64(*value as f64).map_err(|e| self.place(e)),
            Kind::Float(value) => visitor.visit_f64(*value).map_err(|e| self.place(e)),
            _ => self.expected("a number"),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = match self.kind() {
            Kind::Str(text) => Some(Cow::Borrowed(&**text)),
            _ if self.raw => self.raw_text(),
            _ => None,
        };
        match text {
            Some(text) => visitor.visit_str(&text).map_err(|e| self.place(e)),
            None if self.raw => self.expected("text, a number, true or false"),
            // A type that reads text of its own kind, as a size, says so itself.
            None => self.expected(wanted(&visitor as &dyn serde::de::Expected)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // A written null is no absent key: the type inside says what is missing.
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.kind() {
            Kind::Null => visitor.visit_unit().map_err(|e| self.place(e)),
            _ => self.expected("nothing"),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.raw = name == RAW;
        visitor.visit_newtype_struct(self).map_err(|e| self.place(e))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.list(visitor, true)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        match self.kind() {
            Kind::Seq(items) if items.len() != length => {
                let message = format!("expected a list of {length}, found a list of {}", items.len());
                Err(self.place(serde::de::Error::custom(message)))
            }
            _ => self.list(visitor, false),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.map(visitor, None, true)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match name.split_once('|') {
            Some((_, field)) if !matches!(self.kind(), Kind::Map(_)) => {
                visitor.visit_map(Short { de: self, field: Some(field) }).map_err(|e| self.place(e))
            }
            _ => self.map(visitor, Some(fields), false),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.kind() {
            Kind::Str(text) => visitor.visit_enum(Variant { de: self, name: text, value: None }),
            Kind::Map(entries) => match &**entries {
                [entry] => visitor.visit_enum(Variant { de: self, name: &entry.key, value: Some(entry) }),
                _ => {
                    return self
                        .expected(format!("a map with one of the keys {}", super::decode::listed(variants)));
                }
            },
            _ => return self.expected(super::decode::listed(variants)),
        }
        .map_err(|e| self.place(e))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { bytes byte_buf unit_struct }
}

struct Seq<'a> {
    de: De<'a>,
    items: std::iter::Enumerate<std::slice::Iter<'a, NodeId>>,
    /// Whether the type takes any number of items, so that some may be skipped.
    open: bool,
}

impl<'de> SeqAccess<'de> for Seq<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let context = self.de.context;
        let skip = |item: NodeId| context.is_pruned(item) || (self.open && context.is_done(item));
        let Some((index, item)) = self.items.find(|(_, item)| !skip(**item)) else {
            return Ok(None);
        };
        let trail = Trail::Index(self.de.trail, index);
        let de = De::new(context, *item, &trail);
        let value = seed.deserialize(de).map_err(|e| de.place(e))?;
        if self.open {
            context.set_done(*item);
        }
        Ok(Some(value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Map<'a> {
    de: De<'a>,
    entries: std::slice::Iter<'a, Entry>,
    entry: Option<&'a Entry>,
    /// The keys of a struct; a map takes every key.
    fields: Option<&'static [&'static str]>,
    /// Whether the type takes any number of entries, so that some may be skipped.
    open: bool,
}

impl<'de> MapAccess<'de> for Map<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let context = self.de.context;
        for entry in self.entries.by_ref() {
            if context.is_pruned(entry.value) || (self.open && context.is_done(entry.value)) {
                continue;
            }
            let trail = Trail::Key(self.de.trail, &entry.key);
            if let Some(fields) = self.fields.filter(|fields| !fields.contains(&&*entry.key)) {
                let unknown = Unknown { map: self.de.node, at: entry.key_span, path: trail.path(), fields };
                context.unknown.borrow_mut().push(unknown);
                continue;
            }
            self.entry = Some(entry);
            return seed.deserialize(KeyDe(&entry.key)).map(Some).map_err(|mut error| {
                error.0.on_key = true;
                De::new(context, entry.value, &trail).place(error)
            });
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some(entry) = self.entry.take() else {
            return Err(serde::de::Error::custom("expected a key before its value"));
        };
        let trail = Trail::Key(self.de.trail, &entry.key);
        let de = De::new(self.de.context, entry.value, &trail);
        let value = seed.deserialize(de).map_err(|e| de.place(e))?;
        if self.open {
            de.context.set_done(entry.value);
        }
        Ok(value)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A value written in place of the map `{field: value}`.
struct Short<'a> {
    de: De<'a>,
    field: Option<&'static str>,
}

impl<'de> MapAccess<'de> for Short<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.field.take().map(|field| seed.deserialize(KeyDe(field))).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(De { short: true, ..self.de })
    }
}

/// `name`, or `{name: value}`.
struct Variant<'a> {
    de: De<'a>,
    name: &'a str,
    value: Option<&'a Entry>,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Error;
    type Variant = Variant<'a>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        if self.value.is_some_and(|entry| self.de.context.is_pruned(entry.value)) {
            // Told before; without it the whole choice is left out.
            return Err(self.de.place(serde::de::Error::custom("left out")));
        }
        let name: StrDeserializer<'_, Error> = self.name.into_deserializer();
        let value = seed.deserialize(name).map_err(|mut error| match self.value {
            Some(entry) => {
                error.0.on_key = true;
                De::new(self.de.context, entry.value, &Trail::Key(self.de.trail, &entry.key)).place(error)
            }
            None => self.de.place(error),
        })?;
        Ok((value, self))
    }
}

impl<'a> Variant<'a> {
    fn inner<T>(&self, read: impl FnOnce(De<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let Some(entry) = self.value else {
            return self.de.expected(format!("a map with the key `{}`", self.name));
        };
        let trail = Trail::Key(self.de.trail, &entry.key);
        let de = De::new(self.de.context, entry.value, &trail);
        read(de).map_err(|e| de.place(e))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.value {
            None => Ok(()),
            Some(_) => self.de.expected(format!("the text `{}` alone", self.name)),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        self.inner(|de| seed.deserialize(de))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        self.inner(|de| de.deserialize_tuple(length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.inner(|de| de.map(visitor, Some(fields), false))
    }
}

/// The deserializer of a key, which is text whatever it looks like.
struct KeyDe<'a>(&'a str);

macro_rules! number_keys {
    ($($method:ident $visit:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0.parse() {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(Error::expected(wanted(&visitor as &dyn Expected))),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for KeyDe<'_> {
    type Error = Error;

    number_keys! {
        deserialize_u8 visit_u8 deserialize_u16 visit_u16 deserialize_u32 visit_u32 deserialize_u64 visit_u64
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32 deserialize_i64 visit_i64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let name: StrDeserializer<'_, Error> = self.0.into_deserializer();
        visitor.visit_enum(name)
    }

    forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}
