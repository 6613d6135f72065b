//! Shapes of settings, and their JSON Schema.
//!
//! The schema is written by hand: `serde_json` would add its serializer to every policy.

use std::fmt::Write as _;

use super::docs::{KeyDoc, SettingsDoc};
use super::node::Node;
use super::words;

/// The values that a type takes.
#[derive(Default)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    /// The expected value, in the type's own words.
    pub(super) expected: String,
}

#[derive(Default)]
pub(super) enum Kind {
    #[default]
    Any,
    Bool,
    Integer,
    Natural,
    Number,
    Text,
    List(Box<Shape>),
    /// A table with any keys.
    Map(Box<Shape>),
    Table {
        entries: Vec<Entry>,
        /// Whether other keys are possible. The type ignores them.
        is_open: bool,
    },
    /// One of `names`, or a table with one key of `tables`.
    Choice {
        names: Vec<&'static str>,
        tables: Vec<(&'static str, Shape)>,
    },
}

/// One key of a table.
pub(super) struct Entry {
    pub(super) key: &'static str,
    pub(super) shape: Shape,
    pub(super) is_required: bool,
}

impl Shape {
    /// Returns a value of this shape. The type may refuse it, by a check of its own.
    pub(super) fn sample(&self) -> Node {
        match &self.kind {
            Kind::Any => Node::Null,
            Kind::Bool => Node::Bool(false),
            Kind::Integer | Kind::Natural => Node::Unsigned(1),
            Kind::Number => Node::Float(1.0),
            // Many types name an example.
            Kind::Text => Node::String(self.expected.split('"').nth(1).unwrap_or("x").to_owned()),
            Kind::List(_) => Node::List(Vec::new()),
            Kind::Map(_) => Node::Table(Vec::new()),
            Kind::Table { entries, .. } => {
                let required = entries.iter().filter(|entry| entry.is_required);
                let entries = required.map(|entry| (entry.key.to_owned(), entry.shape.sample()));
                Node::Table(entries.collect())
            }
            Kind::Choice { names, tables } => match (names.first(), tables.first()) {
                (Some(name), _) => Node::String((*name).to_owned()),
                (None, Some((name, shape))) => {
                    Node::Table(vec![((*name).to_owned(), shape.sample())])
                }
                (None, None) => Node::Null,
            },
        }
    }

    /// Returns the JSON Schema (draft 7), with the descriptions and defaults of `doc`.
    pub(super) fn to_schema(&self, doc: &SettingsDoc) -> String {
        let mut schema = String::new();
        self.write(&mut schema, "", doc);
        schema
    }

    /// Writes the schema of the value at `path`.
    fn write(&self, to: &mut String, path: &str, doc: &SettingsDoc) {
        let mut object = Object::open(to);
        match &self.kind {
            Kind::Any => {}
            Kind::Bool => object.text("type", "boolean"),
            Kind::Integer | Kind::Natural => self.write_range(&mut object),
            Kind::Number => object.text("type", "number"),
            Kind::Text => object.text("type", "string"),
            Kind::List(item) => {
                object.text("type", "array");
                item.write(object.key("items"), &format!("{path}[]"), doc);
            }
            Kind::Map(value) => {
                object.text("type", "object");
                value.write(
                    object.key("additionalProperties"),
                    &below(path, "NAME"),
                    doc,
                );
            }
            Kind::Table { entries, is_open } => {
                write_table(&mut object, entries, *is_open, path, doc);
            }
            Kind::Choice { names, tables } => write_choice(&mut object, names, tables, path, doc),
        }
        let doc = doc.of(path);
        if let Some(description) = self.described(doc) {
            object.text("description", &description);
        }
        if let Some(default) = doc.and_then(|doc| doc.default) {
            object.key("default").push_str(default);
        }
        object.close();
    }

    /// Writes the type of a whole number and its range.
    fn write_range(&self, object: &mut Object<'_>) {
        object.text("type", "integer");
        match (words::range(&self.expected), &self.kind) {
            (Some((least, most)), _) => {
                object.key("minimum").push_str(least);
                object.key("maximum").push_str(most);
            }
            (None, Kind::Natural) => object.key("minimum").push('0'),
            (None, _) => {}
        }
    }

    /// Returns the policy's description of the key and the type's own words.
    fn described(&self, doc: Option<KeyDoc>) -> Option<String> {
        let is_table = matches!(self.kind, Kind::Table { .. });
        match (doc.map(|doc| doc.text), self.description()) {
            (Some(text), Some(words)) if !is_table => {
                Some(format!("{text}; {}", words::expected(words.to_owned())))
            }
            (Some(text), _) => Some(text.to_owned()),
            (None, words) => words.map(|words| words::expected(words.to_owned())),
        }
    }

    /// Returns the type's own words, if they say more than its kind.
    fn description(&self) -> Option<&str> {
        let expected = self.expected.as_str();
        let is_named_after_a_type = words::is_named_after_a_type(expected);
        let says_more = match self.kind {
            Kind::Any => !expected.starts_with("any v"),
            Kind::Text | Kind::Bool => !matches!(expected, "a string" | "a boolean"),
            Kind::Number => !matches!(expected, "f32" | "f64"),
            Kind::List(_) => expected != "a sequence",
            Kind::Map(_) => expected != "a map",
            // The range says which numbers fit.
            Kind::Integer | Kind::Natural => {
                let has_range = words::range(expected).is_some();
                !has_range && !matches!(expected, "i64" | "i128" | "u64" | "u128")
            }
            Kind::Table { .. } | Kind::Choice { .. } => true,
        };
        (says_more && !is_named_after_a_type && !expected.is_empty()).then_some(expected)
    }
}

/// Returns the path of a key in the table at `path`.
fn below(path: &str, key: &str) -> String {
    let dot = if path.is_empty() { "" } else { "." };
    format!("{path}{dot}{key}")
}

fn write_table(
    object: &mut Object<'_>,
    entries: &[Entry],
    is_open: bool,
    path: &str,
    doc: &SettingsDoc,
) {
    object.text("type", "object");
    let mut properties = Object::open(object.key("properties"));
    for entry in entries {
        let path = below(path, entry.key);
        entry.shape.write(properties.key(entry.key), &path, doc);
    }
    properties.close();
    let required = entries.iter().filter(|entry| entry.is_required);
    let required: Vec<_> = required.map(|entry| entry.key).collect();
    if !required.is_empty() {
        write_texts(object.key("required"), &required);
    }
    if !is_open {
        object.key("additionalProperties").push_str("false");
    }
}

fn write_choice(
    object: &mut Object<'_>,
    names: &[&str],
    tables: &[(&'static str, Shape)],
    path: &str,
    doc: &SettingsDoc,
) {
    if tables.is_empty() {
        write_texts(object.key("enum"), names);
        return;
    }
    let forms = object.key("anyOf");
    forms.push('[');
    if !names.is_empty() {
        let mut form = Object::open(forms);
        write_texts(form.key("enum"), names);
        form.close();
    }
    for (index, (name, shape)) in tables.iter().enumerate() {
        if index > 0 || !names.is_empty() {
            forms.push(',');
        }
        let mut form = Object::open(forms);
        form.text("type", "object");
        let mut properties = Object::open(form.key("properties"));
        shape.write(properties.key(name), &below(path, name), doc);
        properties.close();
        write_texts(form.key("required"), &[name]);
        form.key("additionalProperties").push_str("false");
        form.close();
    }
    forms.push(']');
}

/// An object of JSON that is being written.
struct Object<'a> {
    to: &'a mut String,
    is_empty: bool,
}

impl<'a> Object<'a> {
    fn open(to: &'a mut String) -> Self {
        to.push('{');
        Self { to, is_empty: true }
    }

    /// Writes a key. The caller writes its value.
    fn key(&mut self, key: &str) -> &mut String {
        if !self.is_empty {
            self.to.push(',');
        }
        self.is_empty = false;
        write_text(self.to, key);
        self.to.push(':');
        self.to
    }

    fn text(&mut self, key: &str, text: &str) {
        write_text(self.key(key), text);
    }

    fn close(self) {
        self.to.push('}');
    }
}

fn write_texts(to: &mut String, texts: &[&str]) {
    to.push('[');
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            to.push(',');
        }
        write_text(to, text);
    }
    to.push(']');
}

fn write_text(to: &mut String, text: &str) {
    to.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                to.push('\\');
                to.push(character);
            }
            '\0'..' ' => {
                // Writing to a string does not fail.
                let _ = write!(to, "\\u{:04x}", u32::from(character));
            }
            character => to.push(character),
        }
    }
    to.push('"');
}
