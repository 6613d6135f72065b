//! The keys of a policy's settings in lines, from their JSON Schema.

use serde_json::Value;

/// Maximum number of lines, because a module can write any schema.
const MAX_LINES: usize = 500;

/// Returns one line for each key that a policy's settings can have: its path, its type, whether it
/// is required, its default, and what the policy says about it. A name that the operator chooses is
/// `NAME`.
pub(super) fn keys(schema: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if is_table(schema) {
        add_inner(schema, "", &mut lines);
    } else {
        add(schema, "[settings]", false, &mut lines);
    }
    lines.truncate(MAX_LINES);
    lines
}

/// Adds the lines of the value at `path`.
fn add(schema: &Value, path: &str, is_required: bool, lines: &mut Vec<String>) {
    if lines.len() > MAX_LINES {
        return;
    }
    let has_keys = is_table(schema);
    // The lines of its keys show an optional table.
    if !has_keys || is_required {
        let mut line = format!("{path}: {}", type_of(schema));
        if is_required {
            line.push_str(", required");
        }
        if let Some(default) = schema.get("default") {
            line = format!("{line}, default `{default}`");
        }
        if let Some(description) = schema.get("description").and_then(Value::as_str) {
            line = format!("{line} ({description})");
        }
        lines.push(line);
    }
    add_inner(schema, &format!("{path}."), lines);
}

/// Adds the lines of the keys inside a value. `prefix` is the beginning of their paths.
fn add_inner(schema: &Value, prefix: &str, lines: &mut Vec<String>) {
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |key: &str| required.is_some_and(|keys| keys.iter().any(|one| one == key));
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, value) in properties.into_iter().flatten() {
        add(value, &format!("{prefix}{key}"), is_required(key), lines);
    }
    if let Some(value @ Value::Object(_)) = schema.get("additionalProperties") {
        add(value, &format!("{prefix}NAME"), false, lines);
    }
    if let Some(item) = schema.get("items").filter(|item| is_table(item)) {
        let path = prefix.strip_suffix('.').unwrap_or(prefix);
        add_inner(item, &format!("{path}[]."), lines);
    }
    for form in forms(schema).iter().filter(|form| is_table(form)) {
        add_inner(form, prefix, lines);
    }
}

/// Returns whether lines of its own show what is inside a value.
fn is_table(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "object")
        && (schema.get("properties").is_some()
            || schema
                .get("additionalProperties")
                .is_some_and(Value::is_object))
}

/// Returns the forms that a value can have, if it has several.
fn forms(schema: &Value) -> &[Value] {
    let forms = schema.get("anyOf").and_then(Value::as_array);
    forms.map(Vec::as_slice).unwrap_or_default()
}

/// Returns the type of a value in words.
fn type_of(schema: &Value) -> String {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
        return format!("one of `{}`", words.join("`, `"));
    }
    let forms = forms(schema);
    if !forms.is_empty() {
        let forms: Vec<_> = forms.iter().map(type_of).collect();
        return forms.join(", or ");
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("boolean") => "true or false".to_owned(),
        Some("integer") => whole_number(schema),
        Some("number") => "number".to_owned(),
        Some("string") => "text".to_owned(),
        Some("object") => "table".to_owned(),
        Some("array") => match schema.get("items").map(type_of) {
            Some(item) => format!("list, each: {item}"),
            None => "list".to_owned(),
        },
        _ => "any value".to_owned(),
    }
}

/// Returns the words for a whole number in the range of its schema.
fn whole_number(schema: &Value) -> String {
    match (schema.get("minimum"), schema.get("maximum")) {
        (Some(least), Some(most)) => format!("whole number from {least} to {most}"),
        (Some(least), None) => format!("whole number from {least}"),
        (None, Some(most)) => format!("whole number up to {most}"),
        (None, None) => "whole number".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_key_has_a_line() {
        let schema = json!({
            "type": "object",
            "required": ["account", "limits"],
            "properties": {
                "account": { "type": "string" },
                "limits": {
                    "type": "object",
                    "properties": { "expires": { "type": "string", "description": "a duration" } },
                },
                "mode": { "enum": ["deny", "abstain"], "default": "deny", "description": "of others" },
                "rules": {
                    "type": "array",
                    "items": { "type": "object", "properties": { "dns": { "type": "string" } } },
                },
                "size": {
                    "anyOf": [
                        { "enum": ["none"] },
                        {
                            "type": "object",
                            "properties": { "bytes": { "type": "integer", "minimum": 0, "maximum": 255 } },
                        },
                    ],
                },
                "users": { "type": "object", "additionalProperties": { "type": "string" } },
            },
        });
        assert_eq!(
            keys(&schema),
            [
                "account: text, required",
                "limits: table, required",
                "limits.expires: text (a duration)",
                "mode: one of `deny`, `abstain`, default `\"deny\"` (of others)",
                "rules: list, each: table",
                "rules[].dns: text",
                "size: one of `none`, or table",
                "size.bytes: whole number from 0 to 255",
                "users.NAME: text",
            ]
        );
    }

    #[test]
    fn a_schema_without_keys_has_no_lines() {
        let none = json!({ "type": "object", "properties": {}, "additionalProperties": false });
        assert_eq!(keys(&none), [""; 0]);
        assert_eq!(keys(&json!({})), ["[settings]: any value"]);
    }

    #[test]
    fn a_schema_of_any_size_has_few_lines() {
        let keys_of_module: serde_json::Map<_, _> = (0..2000)
            .map(|number| (format!("k{number}"), json!({})))
            .collect();
        let schema = json!({ "type": "object", "properties": keys_of_module });
        assert_eq!(keys(&schema).len(), MAX_LINES);
    }
}
