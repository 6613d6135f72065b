//! The fields that the object under `nats` has in every kind of token.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error as _, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Body, FirstVersion, VERSION};
use crate::keys::KeyKind;
use crate::lenient::is_empty;

/// The object under `nats`: the fields of one kind of token, and those that every kind has
/// (`GenericFields` in nats-io/jwt). It dereferences to the former.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Envelope<F> {
    #[serde(flatten)]
    fields: F,
    /// Tags of the token.
    #[serde(skip_serializing_if = "is_empty")]
    pub tags: Vec<String>,
    #[serde(rename = "type", skip_serializing_if = "is_empty")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "is_empty")]
    version: Option<i64>,
}

/// The fields of one kind of token.
pub trait Fields {
    /// Name of the kind: `nats.type`.
    const KIND: &'static str;
    /// Kinds of keys that may sign the token.
    const ISSUERS: &'static [KeyKind];
    /// Kind of the subject, which is checked before signing. `None` if it is not checked.
    const SUBJECT: Option<KeyKind> = None;
    /// Whether this kind has a version 1, so that the claims have to name their version.
    const HAS_FIRST_VERSION: bool = false;

    /// Puts lists into the order in which the Go library signs them.
    fn sort(&mut self) {}

    /// Moves fields from their place in version 1, and drops those that version 1 did not have.
    /// `kind` is `nats.type`. Does nothing for newer kinds.
    fn migrate(&mut self, _kind: Option<&str>, _old: &FirstVersion) {}
}

impl<F: Fields> Envelope<F> {
    /// Returns these fields as a token of the current version has them.
    pub(crate) fn current(fields: F) -> Self {
        let mut envelope = Self::from(fields);
        envelope.name();
        envelope
    }

    fn name(&mut self) {
        self.kind = Some(F::KIND.to_owned());
        self.version = Some(VERSION);
    }
}

impl<F> Envelope<F> {
    /// Returns the fields of the kind.
    pub fn into_fields(self) -> F {
        self.fields
    }
}

impl<F> From<F> for Envelope<F> {
    fn from(fields: F) -> Self {
        Self {
            fields,
            tags: Vec::new(),
            kind: None,
            version: None,
        }
    }
}

impl<F> Deref for Envelope<F> {
    type Target = F;

    fn deref(&self) -> &F {
        &self.fields
    }
}

impl<F> DerefMut for Envelope<F> {
    fn deref_mut(&mut self) -> &mut F {
        &mut self.fields
    }
}

impl<F: Fields> Body for Envelope<F> {
    const KIND: &'static str = F::KIND;
    const ISSUERS: &'static [KeyKind] = F::ISSUERS;
    const SUBJECT: Option<KeyKind> = F::SUBJECT;
    const HAS_FIRST_VERSION: bool = F::HAS_FIRST_VERSION;

    fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    fn version(&self) -> Option<i64> {
        self.version
    }

    fn stamp(&mut self) {
        self.fields.sort();
        self.name();
    }

    fn migrate(&mut self, old: FirstVersion) {
        self.fields.migrate(self.kind.as_deref(), &old);
        self.tags = old.tags;
        self.kind = old.kind;
        self.version = Some(1);
    }
}

/// The common fields that were read. A `null` is as an absent field.
#[derive(Default)]
struct Common {
    tags: Option<Vec<String>>,
    kind: Option<String>,
    version: Option<i64>,
}

/// The entries of an object without the common fields, which it stores on the way.
///
/// Serde's own `flatten` would keep every other value in memory before it reads it. The host reads
/// an envelope for every login.
struct Rest<'common, M> {
    map: M,
    common: &'common mut Common,
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de, M: MapAccess<'de>> Rest<'_, M> {
    fn store<T: Deserialize<'de>>(
        map: &mut M,
        name: &'static str,
        place: &mut Option<T>,
    ) -> Result<(), M::Error> {
        if place.is_some() {
            return Err(M::Error::duplicate_field(name));
        }
        *place = map.next_value()?;
        Ok(())
    }
}

impl<'de, M: MapAccess<'de>> MapAccess<'de> for Rest<'_, M> {
    type Error = M::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, M::Error> {
        while let Some(Key(key)) = self.map.next_key()? {
            match &*key {
                "tags" => Self::store(&mut self.map, "tags", &mut self.common.tags)?,
                "type" => Self::store(&mut self.map, "type", &mut self.common.kind)?,
                "version" => Self::store(&mut self.map, "version", &mut self.common.version)?,
                _ => return seed.deserialize(key.into_deserializer()).map(Some),
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, M::Error> {
        self.map.next_value_seed(seed)
    }
}

impl<'de, F: Deserialize<'de>> Deserialize<'de> for Envelope<F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EnvelopeVisitor<F>(PhantomData<F>);

        impl<'de, F: Deserialize<'de>> Visitor<'de> for EnvelopeVisitor<F> {
            type Value = Envelope<F>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Envelope<F>, M::Error> {
                let mut common = Common::default();
                let rest = Rest {
                    map,
                    common: &mut common,
                };
                let fields = F::deserialize(MapAccessDeserializer::new(rest))?;
                Ok(Envelope {
                    fields,
                    tags: common.tags.unwrap_or_default(),
                    kind: common.kind,
                    version: common.version,
                })
            }
        }

        deserializer.deserialize_map(EnvelopeVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(default)]
    struct Text {
        text: String,
    }

    impl Fields for Text {
        const KIND: &'static str = "text";
        const ISSUERS: &'static [KeyKind] = &[KeyKind::Account];
    }

    #[rstest]
    #[case(r#"{"text":"x","tags":["a"],"type":"text","version":2}"#)]
    #[case(r#"{"version":2,"later":{"type":7},"tags":["a"],"text":"x","type":"text"}"#)]
    #[case(r#"{"t\u0079pe":"text","t\u0065xt":"x","version":2,"tags":["a"]}"#)]
    fn fields_are_read_in_any_order(#[case] json: &str) {
        let mut expected = Envelope::current(Text {
            text: "x".to_owned(),
        });
        expected.tags.push("a".to_owned());
        let read: Envelope<Text> = serde_json::from_str(json).unwrap();
        assert_eq!(read, expected);
    }

    #[test]
    fn fields_are_written_in_the_order_of_the_go_library() {
        let mut envelope = Envelope::from(Text {
            text: "x".to_owned(),
        });
        let written = |envelope: &Envelope<Text>| serde_json::to_string(envelope).unwrap();
        assert_eq!(written(&envelope), r#"{"text":"x"}"#);
        envelope.tags.push("a".to_owned());
        envelope.stamp();
        let json = r#"{"text":"x","tags":["a"],"type":"text","version":2}"#;
        assert_eq!(written(&envelope), json);
    }

    #[rstest]
    #[case(r#"{"type":"text","type":"text"}"#)]
    #[case(r#"{"text":"x","text":"y"}"#)]
    #[case(r#"{"version":"2"}"#)]
    #[case(r#"{"tags":"a"}"#)]
    #[case(r#"["x"]"#)]
    fn objects_of_another_form_are_refused(#[case] json: &str) {
        assert!(serde_json::from_str::<Envelope<Text>>(json).is_err());
    }
}
