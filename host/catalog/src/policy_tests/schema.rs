//! The JSON Schema of test files.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::defaults;
use super::format::TestFile;

/// Returns the JSON Schema of test files, `NAME.tests.toml`.
pub fn tests_schema() -> Value {
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<TestFile>().to_value();
    remove_null(&mut schema);
    add_defaults(&mut schema);
    schema
}

/// Adds the table `[defaults]`. A key that it may supply is required nowhere.
fn add_defaults(schema: &mut Value) {
    let definitions = schema.get_mut("definitions").and_then(Value::as_object_mut);
    let mut keys = Map::new();
    for (name, definition) in definitions.into_iter().flatten() {
        let Some(definition) = definition.as_object_mut() else {
            continue;
        };
        definition.remove("required");
        if name == "Test" {
            definition.insert("required".to_owned(), json!(["name"]));
            let test = definition.get("properties").and_then(Value::as_object);
            let test = test.into_iter().flatten();
            let shared = test.filter(|(key, _)| defaults::KEYS.contains(&key.as_str()));
            keys = shared
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
        }
    }
    let table = json!({
        "description": "Values of the tests that do not state them.",
        "type": "object",
        "properties": keys,
        "additionalProperties": false,
    });
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("defaults".to_owned(), table);
    }
}

/// Removes `null` from the types of optional keys, because TOML has no such value.
fn remove_null(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            if let Some(Value::Array(types)) = keys.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    keys.insert("type".to_owned(), only);
                }
            }
            if keys.get("default").is_some_and(Value::is_null) {
                keys.remove("default");
            }
            let null = json!({ "type": "null" });
            if let Some(Value::Array(forms)) = keys.get_mut("anyOf") {
                forms.retain(|form| *form != null);
            }
            keys.values_mut().for_each(remove_null);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_null),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use schemars::{JsonSchema, schema_for};
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::policy_tests::format::{
        Certificate, Client, Identity, Login, Permit, Responses, Server, Subjects, Test, TimeRange,
    };

    /// Compares the keys that the reader names in its error with those of the schema.
    fn agrees<T: DeserializeOwned + JsonSchema>() {
        let error = toml::from_str::<T>("no-such-key = 1").err().unwrap();
        let message = error.message().to_owned();
        let read: BTreeSet<_> = message.split('`').skip(3).step_by(2).collect();
        let schema = schema_for!(T).to_value();
        let keys = schema["properties"].as_object().unwrap();
        assert_eq!(read, keys.keys().map(String::as_str).collect(), "{message}");
        assert_eq!(schema["additionalProperties"], false);
    }

    #[test]
    fn the_schema_has_the_keys_that_the_reader_knows() {
        agrees::<TestFile>();
        agrees::<Test>();
        agrees::<Login>();
        agrees::<Identity>();
        agrees::<Certificate>();
        agrees::<Client>();
        agrees::<Server>();
        agrees::<Permit>();
        agrees::<Subjects>();
        agrees::<Responses>();
        agrees::<TimeRange>();
    }

    #[test]
    fn tests_share_the_keys_of_defaults() {
        let schema = tests_schema();
        let shared = schema["properties"]["defaults"]["properties"].as_object();
        let shared: Vec<_> = shared.unwrap().keys().map(String::as_str).collect();
        assert_eq!(shared, defaults::KEYS);
        assert_eq!(schema["definitions"]["Test"]["required"], json!(["name"]));
        assert_eq!(schema["definitions"]["Permit"].get("required"), None);
    }

    #[test]
    fn no_key_can_be_null() {
        let text = tests_schema().to_string();
        assert!(!text.contains("null"), "{text}");
    }
}
