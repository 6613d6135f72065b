//! The JSON Schema of `portcullis.toml`.
//!
//! The reader of the file says which keys exist and which values they have. The reference says what
//! they mean, and their defaults.

use portcullis_toml::Document;
use serde_json::{Value, json};

use crate::config::{Config, Parts};
use crate::sources::NamedSecrets;

impl Config {
    /// Returns the JSON Schema of `portcullis.toml`, with the comments and the defaults of
    /// [`Config::REFERENCE`].
    pub fn schema() -> Value {
        let mut schema = Document::schema(|document, root| {
            Parts::read(document, root, &NamedSecrets::default());
        });
        let mut table: Vec<&str> = Vec::new();
        for entry in entries(Self::REFERENCE) {
            let path = match entry.line {
                Line::Table(path) => {
                    table = path.split('.').collect();
                    table.clone()
                }
                Line::Key { key, .. } => table.iter().copied().chain([key]).collect(),
            };
            // The reference shows some tables in one line, as keys of the table around them.
            if let Some(node) = find(&mut schema, &path) {
                describe(node, &entry);
            }
        }
        schema
    }
}

/// A table or a key of the reference, with the comment above it.
struct Entry<'a> {
    comment: String,
    line: Line<'a>,
}

enum Line<'a> {
    /// The header of a table.
    Table(&'a str),
    /// A key. One that is not commented out has its default as value.
    Key { key: &'a str, text: Option<&'a str> },
}

/// Returns the tables and keys of the reference. Keys without a line between them share a comment.
fn entries(reference: &str) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let mut comment = String::new();
    let mut is_shared = false;
    for text in reference.lines() {
        let plain = text.strip_prefix("# ").unwrap_or(text);
        if let Some(line) = read_line(plain, text) {
            let comment = comment.clone();
            entries.push(Entry { comment, line });
            is_shared = true;
            continue;
        }
        if text.is_empty() || is_shared {
            comment.clear();
        }
        is_shared = false;
        if !comment.is_empty() {
            comment.push(' ');
        }
        comment.push_str(plain);
    }
    entries
}

/// Returns the table or key of a line, whose content is `plain`.
fn read_line<'a>(plain: &'a str, text: &'a str) -> Option<Line<'a>> {
    let is_name = |name: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        !name.is_empty() && name.bytes().all(known)
    };
    let header = plain
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if let Some(path) = header.filter(|path| is_name(path)) {
        return Some(Line::Table(path));
    }
    let (key, _) = plain.split_once(" = ").filter(|(key, _)| is_name(key))?;
    let text = (!text.starts_with('#')).then_some(text);
    Some(Line::Key { key, text })
}

/// Returns the part of the schema about the value at `path`.
fn find<'a>(schema: &'a mut Value, path: &[&str]) -> Option<&'a mut Value> {
    path.iter().try_fold(schema, |node, name| {
        let node = node.as_object_mut()?;
        let known = node
            .get("properties")
            .is_some_and(|keys| keys.get(name).is_some());
        if known {
            return node.get_mut("properties")?.get_mut(name);
        }
        node.get_mut("additionalProperties")
            .filter(|named| named.is_object())
    })
}

/// Adds comment and default to a part of the schema.
fn describe(node: &mut Value, entry: &Entry<'_>) {
    let Some(node) = node.as_object_mut() else {
        return;
    };
    let expected = node.get("description").and_then(Value::as_str);
    let parts = [Some(entry.comment.as_str()), expected];
    let parts: Vec<_> = parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    if !parts.is_empty() {
        let text = parts.join("\n\nValue: ");
        node.insert("description".to_owned(), text.into());
    }
    // The values of required keys are examples.
    if let Line::Key {
        key,
        text: Some(text),
    } = entry.line
        && !entry.comment.starts_with("Required")
        && let Some(default) = text
            .parse::<toml::Table>()
            .ok()
            .and_then(|mut table| table.remove(key))
    {
        node.insert("default".to_owned(), json!(default));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Adds the dotted names of all keys of a schema to `keys`. Tables that users name are `x`.
    fn collect(schema: &Value, path: &str, keys: &mut Vec<String>) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let named = schema.get("additionalProperties");
        let named = named
            .filter(|named| named.is_object())
            .map(|named| ("x", named));
        let properties = properties.into_iter().flatten();
        let properties = properties.map(|(key, node)| (key.as_str(), node));
        for (key, node) in properties.chain(named) {
            let path = if path.is_empty() {
                key.to_owned()
            } else {
                format!("{path}.{key}")
            };
            keys.push(path.clone());
            collect(node, &path, keys);
        }
    }

    #[test]
    fn every_key_of_the_schema_is_one_that_the_reader_knows() {
        let mut keys = Vec::new();
        collect(&Config::schema(), "", &mut keys);
        assert!(keys.len() > 100, "{keys:?}");
        for key in keys {
            // No key has a date as its value.
            let text = format!("{key} = 2026-01-01\n");
            let problems = Config::parse(Path::new("c.toml"), &text).unwrap_err();
            let unknown = problems.iter().find(|problem| {
                problem.message().contains("unknown key")
                    || problem.message().contains("is for [nats] only")
            });
            assert_eq!(unknown, None, "{key}");
        }
    }

    #[test]
    fn every_key_of_the_reference_is_in_the_schema() {
        let mut schema = Config::schema();
        let mut table = Vec::new();
        let mut missing = Vec::new();
        for entry in entries(Config::REFERENCE) {
            let path: Vec<_> = match entry.line {
                Line::Table(path) => {
                    table = path.split('.').collect();
                    table.clone()
                }
                Line::Key { key, .. } => table.iter().copied().chain([key]).collect(),
            };
            if find(&mut schema, &path).is_none() {
                missing.push(path.join("."));
            }
        }
        assert_eq!(missing, [""; 0]);
    }

    #[test]
    fn keys_have_the_comment_and_the_default_of_the_reference() {
        let mut schema = Config::schema();
        let connections = find(&mut schema, &["nats", "connections"]).unwrap();
        assert_eq!(connections["default"], 2);
        let text = connections["description"].as_str().unwrap();
        assert!(
            text.starts_with("Number of connections that requests arrive on"),
            "{text}"
        );
        let alone = find(&mut schema, &["callout", "when-alone"]).unwrap();
        assert_eq!(alone["enum"], json!(["deny", "silent"]));
        let issuer = find(&mut schema, &["identity", "issuers", "x", "issuer"]).unwrap();
        assert_eq!(issuer["type"], "string");
        let seed = find(&mut schema, &["callout", "issuer-seed-file"]).unwrap();
        assert_eq!(seed.get("default"), None);
    }
}
