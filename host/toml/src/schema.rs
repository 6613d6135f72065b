//! Schemas of files, made by the reader of the files.
//!
//! [`Document::probe`] is a document that answers every question of a reader and records it. The
//! schema so has the keys that the reader accepts, and needs no list of its own.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::kind::Kind;

/// The part of a schema that describes one value.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// The forms of the value: more than one if a reader tries several.
    forms: Vec<Value>,
    /// Keys of a table with their values.
    keys: BTreeMap<String, Self>,
    /// Names of the tables in a table, if users choose them, with the content of such a table.
    named: Option<(String, Box<Self>)>,
    is_table: bool,
    is_refused: bool,
}

/// A step from a table to a value in it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    Key(&'a str),
    /// A table with a name that the user chose.
    Named,
}

impl Node {
    /// Returns the value at the end of `path`, which is created if it is new.
    pub(crate) fn at<'a>(&mut self, path: impl IntoIterator<Item = Step<'a>>) -> &mut Self {
        path.into_iter().fold(self, |node, step| {
            node.is_table = true;
            match step {
                Step::Key(key) => node.keys.entry(key.to_owned()).or_default(),
                Step::Named => &mut node.named.get_or_insert_default().1,
            }
        })
    }

    /// Records that the value is a table.
    pub(crate) const fn is_table(&mut self) {
        self.is_table = true;
    }

    /// Records that the value is a table, whose keys are names of the kind `expected`.
    pub(crate) fn has_names(&mut self, expected: &str) {
        self.is_table = true;
        expected.clone_into(&mut self.named.get_or_insert_default().0);
    }

    /// Records a form of the value.
    pub(crate) fn takes(&mut self, form: Value) {
        if !self.forms.contains(&form) {
            self.forms.push(form);
        }
    }

    /// Records that the reader refuses the value with a message of its own.
    pub(crate) const fn is_refused(&mut self) {
        self.is_refused = true;
    }

    /// Returns the schema as JSON.
    pub(crate) fn into_json(self) -> Value {
        let mut forms = self.forms;
        if self.is_table {
            forms.push(table(self.keys, self.named));
        }
        match forms.pop() {
            None => json!({}),
            Some(only) if forms.is_empty() => only,
            Some(last) => {
                forms.push(last);
                json!({ "anyOf": forms })
            }
        }
    }
}

fn table(keys: BTreeMap<String, Node>, named: Option<(String, Box<Node>)>) -> Value {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    let keys = keys.into_iter().filter(|(_, node)| !node.is_refused);
    let keys: Map<_, _> = keys.map(|(key, node)| (key, node.into_json())).collect();
    if !keys.is_empty() {
        schema.insert("properties".to_owned(), keys.into());
    }
    let others = match named {
        None => false.into(),
        Some((expected, node)) => {
            let text = json!({ "description": expected });
            schema.insert("propertyNames".to_owned(), text);
            node.into_json()
        }
    };
    schema.insert("additionalProperties".to_owned(), others);
    schema.into()
}

/// Returns the schema of a string of this kind.
pub(crate) fn string<T>(kind: &Kind<T>) -> Value {
    let mut schema = json!({ "type": "string", "description": kind.expected });
    let words = quoted(kind.expected).filter(|word| (kind.parse)(word).is_ok());
    let words: Vec<_> = words.collect();
    if let Some(schema) = schema.as_object_mut()
        && !words.is_empty()
    {
        let key = if is_list(kind.expected) {
            "enum"
        } else {
            "examples"
        };
        schema.insert(key.to_owned(), words.into());
    }
    schema
}

/// Returns the texts in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns whether a description lists all values, as in "`a`, `b` or `c`" and "one of `a`, `b`".
fn is_list(expected: &str) -> bool {
    let between = expected.split('`').step_by(2);
    let mut between = between.map(str::trim);
    between.all(|words| matches!(words, "" | "," | "or" | "one of"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::document::Document;
    use crate::kinds::{DURATION, TEXT, WORD};
    use crate::section::Section;
    use crate::setting::Setting;

    const COLOUR: Kind<()> = Kind {
        expected: "`red` or `blue`",
        parse: |text| match text {
            "red" | "blue" => Ok(()),
            _ => Err(crate::InvalidValue::Empty),
        },
    };

    fn read(mut root: Section<'_>) -> Option<()> {
        let wait = root.value("wait", &DURATION, Duration::ZERO);
        let colour = root.value("colour", &COLOUR, ());
        let retries = root.setting("retries").map(|setting| setting.number(-1, 5));
        let words = root.list("words", &TEXT);
        let any = root.setting("any").map(Setting::any_table);
        let on = root.section("part").flag("on", false);
        let named = root.section("users").named(&WORD, |mut user| {
            let admin = user.flag("admin", false);
            user.finish();
            admin
        });
        if let Some(old) = root.refused("old") {
            old.report("moved");
        }
        root.finish();
        let _ = (retries??, words?, any??, on?, named?);
        wait.zip(colour).map(|_| ())
    }

    #[test]
    fn a_schema_has_what_the_reader_asks_for() {
        let schema = Document::schema(|_, root| {
            read(root);
        });
        let expected = json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "wait": {
                    "type": "string",
                    "description": DURATION.expected,
                    "examples": ["250ms", "1h 30m"],
                },
                "colour": {
                    "type": "string",
                    "description": COLOUR.expected,
                    "enum": ["red", "blue"],
                },
                "retries": { "type": "integer", "minimum": -1, "maximum": 5 },
                "words": {
                    "type": "array",
                    "items": { "type": "string", "description": "a string" },
                },
                "any": { "type": "object" },
                "part": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": { "on": { "type": "boolean" } },
                },
                "users": {
                    "type": "object",
                    "propertyNames": { "description": "a name" },
                    "additionalProperties": {
                        "type": "object",
                        "additionalProperties": false,
                        "properties": { "admin": { "type": "boolean" } },
                    },
                },
            },
        });
        assert_eq!(schema, expected);
    }
}
