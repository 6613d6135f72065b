//! The JSON Schema of test files.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::defaults;
use super::format::TestFile;

/// Returns the JSON Schema of test files, `NAME.tests.toml`.
pub fn tests_schema() -> Value {
    let mut schema = schema_with_logins::<TestFile>("Test");
    let test = schema.pointer("/definitions/Test/properties");
    let test = test.and_then(Value::as_object).into_iter().flatten();
    let shared = test.filter(|(key, _)| defaults::KEYS.contains(&key.as_str()));
    let keys = shared
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    add_defaults(
        &mut schema,
        keys,
        "Values of the tests that do not state them.",
    );
    schema
}

/// Returns the JSON Schema of a file with logins, whose entries have the type `entry`. A key that
/// `[defaults]` may supply is required nowhere, so an entry requires its name only.
pub(crate) fn schema_with_logins<T: JsonSchema>(entry: &str) -> Value {
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    remove_null(&mut schema);
    let definitions = schema.get_mut("definitions").and_then(Value::as_object_mut);
    for (name, definition) in definitions.into_iter().flatten() {
        if let Some(definition) = definition.as_object_mut() {
            definition.remove("required");
            if name == entry {
                definition.insert("required".to_owned(), json!(["name"]));
            }
        }
    }
    schema
}

/// Adds the table `[defaults]` with these keys.
pub(crate) fn add_defaults(schema: &mut Value, keys: Map<String, Value>, description: &str) {
    let table = json!({
        "description": description,
        "type": "object",
        "properties": Value::Object(keys),
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

    use schemars::schema_for;
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
