//! Deserialization as lenient as the Go library's: missing and `null` values are empty.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A structure that is read from a JSON object only. Plain serde also reads the fields of a
/// structure from a list, in order, which Go refuses.
pub(crate) struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Object<T>, M::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// Deserializes an object. Any other value is an error.
pub(crate) fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Object::deserialize(deserializer).map(|object| object.0)
}

/// Deserializes an object. `null` is the empty one.
pub(crate) fn object_or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(optional_object(deserializer)?.unwrap_or_default())
}

/// Deserializes an object. `null` is `None`.
pub(crate) fn optional_object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|object| object.0))
}

/// Deserializes a list of objects. A `null` entry is the empty object, and `null` in place of the
/// list is `None`.
pub(crate) fn optional_objects<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    let list = Option::<Vec<Option<Object<T>>>>::deserialize(deserializer)?;
    let value = |object: Option<Object<T>>| object.map(|object| object.0).unwrap_or_default();
    Ok(list.map(|list| list.into_iter().map(value).collect()))
}

/// Deserializes a list of objects. `null` is the empty list, and a `null` entry the empty object.
pub(crate) fn objects_or_default<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(optional_objects(deserializer)?.unwrap_or_default())
}

/// Deserializes any value. `null` is the empty one.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Deserializes a list of texts, or one text with commas. Entries of the latter are trimmed, in
/// lower case and without duplicates, as in the Go library's `CIDRList`.
pub(crate) fn comma_separated<'de, D>(deserializer: D) -> Result<Vec<String>, D::Error>
where
    D: Deserializer<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        Many(Vec<String>),
        One(String),
    }

    Ok(match Option::deserialize(deserializer)? {
        None => Vec::new(),
        Some(OneOrMany::Many(list)) => list,
        Some(OneOrMany::One(text)) => split(&text),
    })
}

/// Returns whether the Go library leaves out `value` in its JSON: an empty text, zero, false, an
/// empty list or map.
pub(crate) fn is_empty<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn split(text: &str) -> Vec<String> {
    // A client chooses the text. Comparing each entry with all previous ones would take quadratic
    // time.
    let mut seen = HashSet::new();
    let entries = text.split(',').map(|entry| entry.trim().to_lowercase());
    entries
        .filter(|entry| !entry.is_empty() && seen.insert(entry.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[derive(Debug, Default, PartialEq, Eq, Deserialize)]
    #[serde(default)]
    struct Sample {
        #[serde(deserialize_with = "comma_separated")]
        networks: Vec<String>,
        #[serde(deserialize_with = "or_default")]
        number: i64,
    }

    #[rstest]
    #[case("{}", &[])]
    #[case(r#"{"networks": null, "number": null}"#, &[])]
    #[case(r#"{"networks": []}"#, &[])]
    #[case(r#"{"networks": ["A", " b"]}"#, &["A", " b"])]
    #[case(r#"{"networks": "10.0.0.0/8, FE80::/10,,10.0.0.0/8 "}"#, &["10.0.0.0/8", "fe80::/10"])]
    #[case(r#"{"networks": ""}"#, &[])]
    fn lists_are_read_in_every_form(#[case] json: &str, #[case] expected: &[&str]) {
        let sample: Sample = serde_json::from_str(json).unwrap();
        assert_eq!(sample.networks, expected);
        assert_eq!(sample.number, 0);
    }

    #[rstest]
    #[case(r#"{"networks": 7}"#)]
    #[case(r#"{"networks": [7]}"#)]
    #[case(r#"{"number": "7"}"#)]
    fn values_of_another_type_are_refused(#[case] json: &str) {
        assert!(serde_json::from_str::<Sample>(json).is_err());
    }
}
