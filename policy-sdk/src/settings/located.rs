//! Deserialization from JSON into any type, with the key in every error.
//!
//! Written for guests: `serde_json`'s own typed deserializer behind a path-tracking one made up
//! about a third of a policy's code. Two rules are stricter than those of `serde_json`. A table is
//! never written as a list of its values. Errors have no position, because the author never sees
//! the JSON text.

use std::cell::RefCell;
use std::fmt;

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::Node;
use super::probe::{Asked, record};
use super::words::{self, nearest};

/// A deserialization error with its place in the settings.
#[derive(Debug)]
pub(super) struct Located {
    /// Keys and indices, innermost first.
    path: Vec<Step>,
    message: String,
    /// The key that is missing, if that is the problem.
    missing: Option<&'static str>,
}

#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Index(usize),
}

thread_local! {
    /// The values that no type has read, as in [`Located::path`].
    static IGNORED: RefCell<Vec<Vec<Step>>> = const { RefCell::new(Vec::new()) };
}

/// An unexpected value, described in the words of TOML. Strings are not shown: one may be a
/// password under the wrong key.
struct Found<'value>(Unexpected<'value>);

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

/// The place of a value while a type reads it.
struct Place {
    step: Step,
    /// Number of values before it that no type has read.
    ignored: usize,
}

struct Variant {
    name: String,
    content: Option<Node>,
}

/// Returns the keys from the outermost to the innermost, as `users.alice.tags[0]`.
fn join(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps.iter().rev() {
        match step {
            Step::Key(key) if path.is_empty() => path.push_str(key),
            Step::Key(key) => {
                path.push('.');
                path.push_str(key);
            }
            Step::Index(index) => {
                path.push('[');
                path.push_str(&index.to_string());
                path.push(']');
            }
        }
    }
    path
}

/// Returns the paths of the values that no type has read on this thread since the last call.
pub(super) fn take_ignored() -> Vec<String> {
    let ignored = IGNORED.take();
    ignored.iter().map(|steps| join(steps)).collect()
}

impl Located {
    /// Returns the path of the value at fault, as `users.alice.tags[0]`.
    pub(super) fn path(&self) -> String {
        join(&self.path)
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Returns the key that is missing in the table at `depth`. `None` for every other problem.
    pub(super) fn missing_at(&self, depth: usize) -> Option<&'static str> {
        self.missing.filter(|_| self.path.len() == depth)
    }

    fn within(mut self, step: Step) -> Self {
        self.path.push(step);
        self
    }
}

impl Error for Located {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self {
            path: Vec::new(),
            message: message.to_string(),
            missing: None,
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            missing: Some(field),
            ..Self::custom(format_args!("missing field `{field}`"))
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = words::expected(expected.to_string());
        Self::custom(format_args!("expected {expected}, found {}", Found(found)))
    }

    /// The name itself is not shown: it may be a password under the wrong key.
    fn unknown_variant(name: &str, expected: &'static [&'static str]) -> Self {
        let expected_one = format!("expected one of `{}`", expected.join("`, `"));
        match nearest(name, expected) {
            Some(near) => Self::custom(format_args!("{expected_one}; did you mean `{near}`?")),
            None => Self::custom(expected_one),
        }
    }

    fn unknown_field(name: &str, expected: &'static [&'static str]) -> Self {
        match (nearest(name, expected), expected) {
            (Some(near), _) => Self::custom(format_args!(
                "unknown field `{name}`, did you mean `{near}`?"
            )),
            (None, []) => Self::custom(format_args!("unknown field `{name}`, there are no fields")),
            (None, _) => Self::custom(format_args!(
                "unknown field `{name}`, expected one of `{}`",
                expected.join("`, `")
            )),
        }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Unexpected::Bool(value) => write!(formatter, "`{value}`"),
            Unexpected::Unsigned(value) => write!(formatter, "`{value}`"),
            Unexpected::Signed(value) => write!(formatter, "`{value}`"),
            Unexpected::Float(_) => formatter.write_str("a number with a fraction"),
            Unexpected::Str(_) | Unexpected::Char(_) => formatter.write_str("a string"),
            Unexpected::Seq => formatter.write_str("a list"),
            Unexpected::Map => formatter.write_str("a table"),
            _ => formatter.write_str("something else"),
        }
    }
}

impl fmt::Display for Located {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Located {}

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
                Err(entries) => return visit_entries(entries, visitor),
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
        IGNORED.with_borrow_mut(|ignored| ignored.push(Vec::new()));
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
        Err(Located::invalid_length(count, &"fewer elements"))
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
        match seed.deserialize(item) {
            Ok(item) => {
                place.leave();
                Ok(Some(item))
            }
            Err(error) => Err(place.fail(error)),
        }
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
        match seed.deserialize(value) {
            Ok(value) => {
                place.leave();
                Ok(value)
            }
            Err(error) => Err(place.fail(error)),
        }
    }
}

impl Place {
    fn enter(step: Step) -> Self {
        let ignored = IGNORED.with_borrow(Vec::len);
        Self { step, ignored }
    }

    /// Completes the paths of the values that no type has read in this place.
    fn leave(self) {
        IGNORED.with_borrow_mut(|ignored| {
            for path in ignored.iter_mut().skip(self.ignored) {
                path.push(self.step.clone());
            }
        });
    }

    /// Completes the path of an error in this place.
    fn fail(self, error: Located) -> Located {
        error.within(self.step)
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
    fn content(self) -> Result<(Step, Node), Located> {
        let content = self.content.ok_or_else(|| {
            let unexpected = Unexpected::Str(&self.name);
            Located::invalid_type(unexpected, &"a table with this key and its content")
        })?;
        Ok((Step::Key(self.name), content))
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
        let (step, content) = self.content()?;
        seed.deserialize(content)
            .map_err(|error| error.within(step))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Located> {
        let (step, content) = self.content()?;
        content
            .deserialize_seq(visitor)
            .map_err(|error| error.within(step))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Located> {
        let (step, content) = self.content()?;
        content
            .deserialize_struct("", fields, visitor)
            .map_err(|error| error.within(step))
    }
}

#[cfg(test)]
mod tests;
