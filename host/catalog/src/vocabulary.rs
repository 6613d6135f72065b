//! The words for kinds of values: the same in the settings of a policy, which the SDK reads, and in
//! every file that the host reads.

use std::collections::BTreeMap;
use std::path::Path;

use portcullis_sdk::prelude::*;
use portcullis_sdk::testing;
use portcullis_toml::{Document, complaint, kinds};
use serde::Deserialize;
use serde_json::json;

/// A value of each kind that a key may have.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Values {
    text: String,
    flag: bool,
    natural: u64,
    small: u32,
    list: Vec<String>,
    table: BTreeMap<String, String>,
}

struct AnyPolicy;

impl Policy for AnyPolicy {
    type Settings = Values;

    fn configure(_: Values) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, _: &Request) -> Verdict {
        Verdict::Abstain
    }
}

/// Returns what the SDK says of a value in the settings of a policy.
fn sdk(key: &str, value: &serde_json::Value) -> Option<String> {
    let settings = json!({ key: value }).to_string();
    let error = testing::configure::<AnyPolicy>(&settings).err()?;
    Some(error.to_string().replacen(&format!("{key}: "), "", 1))
}

/// Returns what the host says of a value in a file that serde reads, from TOML and from JSON.
fn typed(key: &str, value: &serde_json::Value) -> [Option<String>; 2] {
    let of_toml = toml::from_str::<Values>(&format!("{key} = {value}\n")).err();
    let of_json = serde_json::from_value::<Values>(json!({ key: value })).err();
    [
        of_toml.map(|error| complaint(error.message())),
        of_json.map(|error| complaint(&error.to_string())),
    ]
}

/// Returns what the host says of a value in `portcullis.toml` or in the limits of a policy.
fn reader(key: &'static str, value: &serde_json::Value) -> Option<String> {
    let text = format!("{key} = {value}\n");
    let document = Document::new(Path::new("f.toml"), &text);
    let table = document.parse()?;
    let mut root = document.root(&table);
    match key {
        "text" => drop(root.value(key, &kinds::TEXT, String::new())),
        "flag" => drop(root.flag(key, false)),
        "list" => drop(root.list(key, &kinds::TEXT)),
        "table" => drop(root.section(key)),
        _ => drop(
            root.setting(key)
                .and_then(portcullis_toml::Setting::whole_number),
        ),
    }
    let problems = document.into_problems();
    let problem = problems.first()?.to_string();
    let (_, message) = problem.split_once(&format!("{key}: "))?;
    // The reader names the kind of the elements too.
    Some(message.replace(", each element a string", ""))
}

#[test]
fn settings_and_the_files_of_the_host_have_the_same_words() {
    let values = [
        (json!("x"), "text"),
        (json!(true), "flag"),
        (json!(7), "natural"),
        (json!(1.5), ""),
        (json!(["x"]), "list"),
        // An empty table has the same form in TOML and JSON.
        (json!({}), "table"),
    ];
    for key in ["text", "flag", "natural", "small", "list", "table"] {
        for (value, kind) in &values {
            let message = sdk(key, value);
            let is_right = *kind == key || (*kind == "natural" && key == "small");
            assert_eq!(message.is_none(), is_right, "{key} = {value}: {message:?}");
            assert_eq!(
                typed(key, value),
                [message.clone(), message.clone()],
                "{key} = {value}"
            );
            // No file of this reader has numbers of 32 bits.
            if key != "small" {
                assert_eq!(reader(key, value), message, "{key} = {value}");
            }
        }
    }
}
