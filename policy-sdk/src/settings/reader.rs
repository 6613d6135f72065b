//! Deserialization from JSON into any type: the reading of each kind of value.
//!
//! Written for guests: `serde_json`'s own typed deserializer behind a path-tracking one made up
//! about a third of a policy's code. Two rules are stricter than those of `serde_json`. A table is
//! never written as a list of its values. Errors have no position, because the author never sees
//! the JSON text.

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, IntoDeserializer,
    MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::located::Located;
use super::node::Node;
use super::place::{self, Place};
use super::probe::{Asked, record};
use super::step::Step;

struct Items {
    items: std::vec::IntoIter<Node>,
    index: usize,
}

struct Entries {
    entries: std::vec::IntoIter<(String, Node)>,
    /// The entry whose key has been read and whose value has not.
    pending: Option<(String, Node)>,
}

/// The key of an entry.
struct Key<'text>(&'text str);

struct Variant {
    name: String,
    content: Option<Node>,
}

/// Defines the methods of one kind of scalar. The code of every kind in every type would be a tenth
/// of a policy.
macro_rules! forward {
    ($visit:ident, $asked:ident: $($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
                $visit(self, &Asked::$asked, visitor)
            }
        )*
    };
}

impl Node {
    /// Returns the error that this value is not what is expected. A probe records what is `asked`.
    fn mismatch(&self, asked: &Asked, expected: &dyn Expected) -> Located {
        let found = match self {
            Self::Null => Unexpected::Unit,
            Self::Bool(value) => Unexpected::Bool(*value),
            Self::Unsigned(value) => Unexpected::Unsigned(*value),
            Self::Signed(value) => Unexpected::Signed(*value),
            Self::Float(value) => Unexpected::Float(*value),
            Self::String(value) => Unexpected::Str(value),
            Self::List(_) => Unexpected::Seq,
            Self::Table(_) => Unexpected::Map,
            Self::Probe => return record(asked, expected),
        };
        Located::invalid_type(found, expected)
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = Located;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Unsigned(value) => visitor.visit_u64(value),
            Self::Signed(value) => visitor.visit_i64(value),
            Self::Float(value) => visitor.visit_f64(value),
            Self::String(value) => visitor.visit_string(value),
            Self::List(items) => visit_items(items, visitor),
            Self::Table(entries) => visit_entries(entries, visitor),
            Self::Probe => Err(record(&Asked::Any, &visitor)),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        match self {
            Self::List(items) => visit_items(items, visitor),
            other => Err(other.mismatch(&Asked::List, &visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        match self {
            Self::Table(entries) => visit_entries(entries, visitor),
            other => Err(other.mismatch(&Asked::Map, &visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        match self {
            Self::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Located> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Located> {
        match self {
            Self::Table(entries) => visit_entries(entries, visitor),
            other => Err(other.mismatch(&Asked::Table { name, keys }, &visitor)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Located> {
        let variant = match self {
            Self::String(name) => Variant {
                name,
                content: None,
            },
            Self::Table(entries) => match <[_; 1]>::try_from(entries) {
                Ok([(name, content)]) => Variant {
                    name,
                    content: Some(content),
                },
                Err(_) => return Err(Located::unknown_variant("", variants)),
            },
            Self::Probe => return Err(record(&Asked::Choice { name, variants }, &visitor)),
            _ => return Err(Located::unknown_variant("", variants)),
        };
        visitor.visit_enum(variant)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        if let Self::Probe = self {
            return Err(record(&Asked::Nothing, &visitor));
        }
        place::ignore();
        visitor.visit_unit()
    }

    forward! {
        visit_number, Integer: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128
    }
    forward! {
        visit_number, Natural: deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_u128
    }
    forward! {
        visit_number, Number: deserialize_f32 deserialize_f64
    }
    forward! {
        visit_text, Text: deserialize_char deserialize_str deserialize_string deserialize_identifier
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        match self {
            Self::Bool(value) => visitor.visit_bool(value),
            other => Err(other.mismatch(&Asked::Bool, &visitor)),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        match self {
            Self::Null => visitor.visit_unit(),
            other => Err(other.mismatch(&Asked::Nothing, &visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Located> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Located> {
        self.deserialize_seq(visitor)
    }

    forward_to_deserialize_any! { bytes byte_buf unit_struct }
}

fn visit_number<'de, V: Visitor<'de>>(
    value: Node,
    asked: &Asked,
    visitor: V,
) -> Result<V::Value, Located> {
    match value {
        Node::Unsigned(value) => visitor.visit_u64(value),
        Node::Signed(value) => visitor.visit_i64(value),
        Node::Float(value) => visitor.visit_f64(value),
        other => Err(other.mismatch(asked, &visitor)),
    }
}

fn visit_text<'de, V: Visitor<'de>>(
    value: Node,
    asked: &Asked,
    visitor: V,
) -> Result<V::Value, Located> {
    match value {
        Node::String(value) => visitor.visit_string(value),
        other => Err(other.mismatch(asked, &visitor)),
    }
}

fn visit_items<'de, V: Visitor<'de>>(items: Vec<Node>, visitor: V) -> Result<V::Value, Located> {
    let count = items.len();
    let mut items = Items {
        items: items.into_iter(),
        index: 0,
    };
    let value = visitor.visit_seq(&mut items)?;
    if items.items.len() == 0 {
        Ok(value)
    } else {
        Err(Located::invalid_length(count, &"a shorter list"))
    }
}

fn visit_entries<'de, V: Visitor<'de>>(
    entries: Vec<(String, Node)>,
    visitor: V,
) -> Result<V::Value, Located> {
    visitor.visit_map(Entries {
        entries: entries.into_iter(),
        pending: None,
    })
}

impl<'de> SeqAccess<'de> for &mut Items {
    type Error = Located;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Located> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let place = Place::enter(Step::Index(self.index));
        self.index = self.index.saturating_add(1);
        place.leave(seed.deserialize(item)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

impl Entries {
    /// Returns the entry whose key has been read.
    fn pending(&mut self) -> Result<(Place, Node), Located> {
        match self.pending.take() {
            Some((key, value)) => Ok((Place::enter(Step::Key(key)), value)),
            None => Err(Located::custom("a value was read before its key")),
        }
    }
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Located;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Located> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        match seed.deserialize(Key(&key)) {
            Ok(found) => {
                self.pending = Some((key, value));
                Ok(Some(found))
            }
            Err(error) => Err(error.within(Step::Key(key))),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Located> {
        let (place, value) = self.pending()?;
        place.leave(seed.deserialize(value))
    }
}

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = Located;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Located> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Located> {
        let key: de::value::StrDeserializer<'_, Located> = self.0.into_deserializer();
        visitor.visit_enum(key)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = Located;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Located> {
        let name: de::value::StrDeserializer<'_, Located> = self.name.as_str().into_deserializer();
        let variant = seed.deserialize(name)?;
        Ok((variant, self))
    }
}

impl Variant {
    /// Returns the content, and enters its place.
    fn content(self) -> Result<(Place, Node), Located> {
        let content = self.content.ok_or_else(|| {
            let unexpected = Unexpected::Str(&self.name);
            Located::invalid_type(unexpected, &"a table with this key and its content")
        })?;
        Ok((Place::enter(Step::Key(self.name)), content))
    }
}

impl<'de> VariantAccess<'de> for Variant {
    type Error = Located;

    fn unit_variant(self) -> Result<(), Located> {
        match self.content {
            None => Ok(()),
            Some(Node::Probe) => Err(record(&Asked::Nothing, &"the name alone")),
            Some(_) => Err(Located::invalid_type(Unexpected::Map, &"the name alone")),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Located> {
        let (place, content) = self.content()?;
        place.leave(seed.deserialize(content))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Located> {
        let (place, content) = self.content()?;
        place.leave(content.deserialize_seq(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Located> {
        let (place, content) = self.content()?;
        place.leave(content.deserialize_struct("", fields, visitor))
    }
}

#[cfg(test)]
mod tests;
