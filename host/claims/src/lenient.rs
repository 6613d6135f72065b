//! Reading JSON as leniently as the Go library does: what is missing or `null` is empty.

use serde::{Deserialize, Deserializer};

/// Any value; `null` is the empty one.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A list of texts, or one text with commas in it. Entries of the latter are trimmed and in lower case, each
/// once, as in the Go library's `CIDRList`.
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

/// What the Go library leaves out of its JSON: no text, zero, false, an empty list or map.
pub(crate) fn is_empty<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn split(text: &str) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    for entry in text.split(',') {
        let entry = entry.trim().to_lowercase();
        if !entry.is_empty() && !list.contains(&entry) {
            list.push(entry);
        }
    }
    list
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
