//! Values with their positions.

use serde_json::{Map, Value, json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::Document;
use crate::json::to_json;
use crate::kind::Kind;
use crate::path::TablePath;
use crate::problem::Problem;
use crate::schema::{self, Node, Step};
use crate::words;

/// A value with its position.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    pub(crate) document: &'a Document<'a>,
    pub(crate) section: TablePath<'a>,
    pub(crate) key: &'a str,
    pub(crate) value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Setting<'a> {
    /// Parses the value as a `kind` of value. `None`, with a problem, if it is not one.
    pub fn parse<T>(self, kind: &Kind<T>) -> Option<T> {
        if self.ask(|node| node.takes(schema::string(kind))) {
            return None;
        }
        let Some(text) = self.value.get_ref().as_str() else {
            return self.report_type(kind.expected);
        };
        match (kind.parse)(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.report(if self.document.shows_values() {
                    error.to_string()
                } else {
                    format!("expected {}", kind.expected)
                });
                None
            }
        }
    }

    /// Returns the value as a table.
    pub(crate) fn table(self) -> Option<&'a DeTable<'a>> {
        if self.document.probe().is_some() {
            return None;
        }
        match self.value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => self.report_type(words::TABLE),
        }
    }

    /// Returns the value as a table of any content, in JSON. Dates are texts there. `None`, with a
    /// problem, if it is not a table, or holds a number that JSON does not have.
    pub fn any_table(self) -> Option<Map<String, Value>> {
        if self.ask(|node| node.takes(json!({ "type": "object" }))) {
            return None;
        }
        self.table()?;
        match to_json(self.value) {
            Ok(Value::Object(table)) => Some(table),
            // The value is a table.
            Ok(_) => None,
            Err(wrong) => {
                let key = format!("{}.{}", self.section.key(self.key), wrong.path);
                let problem = Problem::error(self.document.file(), wrong.message).at_key(key);
                self.document.record(problem, Some(&wrong.span));
                None
            }
        }
    }

    /// Returns the value as a Boolean.
    pub fn flag(self) -> Option<bool> {
        if self.ask(|node| node.takes(json!({ "type": "boolean" }))) {
            return None;
        }
        match self.value.get_ref() {
            DeValue::Boolean(value) => Some(*value),
            _ => self.report_type(words::TRUTH_VALUE),
        }
    }

    /// Returns the value as a whole number that is not negative.
    pub fn whole_number(self) -> Option<usize> {
        if self.ask(|node| node.takes(json!({ "type": "integer", "minimum": 0 }))) {
            return None;
        }
        let DeValue::Integer(number) = self.value.get_ref() else {
            return self.report_type(words::NATURAL_NUMBER);
        };
        let value = usize::from_str_radix(number.as_str(), number.radix()).ok();
        if value.is_none() {
            let found = if number.as_str().starts_with('-') {
                words::NEGATIVE_NUMBER
            } else {
                words::LARGER_NUMBER
            };
            self.report(format!("expected {}, found {found}", words::NATURAL_NUMBER));
        }
        value
    }

    /// Returns the value as a whole number from 1 to `most`.
    pub fn count(self, most: usize) -> Option<usize> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let number = self.number(1, most)?;
        usize::try_from(number).ok()
    }

    /// Returns the value as a whole number from `least` to `most`.
    pub fn number(self, least: i64, most: i64) -> Option<i64> {
        let schema = || json!({ "type": "integer", "minimum": least, "maximum": most });
        if self.ask(|node| node.takes(schema())) {
            return None;
        }
        let DeValue::Integer(number) = self.value.get_ref() else {
            return self.report_type(words::WHOLE_NUMBER);
        };
        let value = i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .filter(|value| (least..=most).contains(value));
        if value.is_none() {
            let found = if self.document.shows_values() {
                format!(", found `{}`", number.as_str())
            } else {
                String::new()
            };
            self.report(format!("must be between {least} and {most}{found}"));
        }
        value
    }

    /// Parses the elements of a list, each as a `kind` of value. `None` if one of them is invalid.
    pub fn list<T>(self, kind: &Kind<T>) -> Option<Vec<T>> {
        let schema = || json!({ "type": "array", "items": schema::string(kind) });
        if self.ask(|node| node.takes(schema())) {
            return None;
        }
        let DeValue::Array(elements) = self.value.get_ref() else {
            return self.report_type(&format!("{}, each element {}", words::LIST, kind.expected));
        };
        let values: Vec<Option<T>> = elements
            .iter()
            .map(|value| Setting { value, ..self }.parse(kind))
            .collect();
        values.into_iter().collect()
    }

    /// Reports a problem of this value.
    pub fn report(self, message: impl Into<String>) {
        self.record(Problem::error(self.document.file(), message));
    }

    /// Reports a warning about this value.
    pub fn warn(self, message: impl Into<String>) {
        self.record(Problem::warning(self.document.file(), message));
    }

    /// Records a question of the reader. Returns `false` if this is a value of a file.
    pub(crate) fn ask(self, record: impl FnOnce(&mut Node)) -> bool {
        let Some(probe) = self.document.probe() else {
            return false;
        };
        let path = self.section.steps().chain([Step::Key(self.key)]);
        record(probe.schema.borrow_mut().at(path));
        true
    }

    fn report_type<T>(self, expected: &str) -> Option<T> {
        let found = match self.value.get_ref() {
            DeValue::String(_) => words::STRING,
            DeValue::Integer(_) => words::WHOLE_NUMBER,
            DeValue::Float(_) => words::FRACTION,
            DeValue::Boolean(found) => words::truth_value(*found),
            DeValue::Datetime(_) => words::DATE,
            DeValue::Array(_) => words::LIST,
            DeValue::Table(_) => words::TABLE,
        };
        self.report(format!("expected {expected}, found {found}"));
        None
    }

    fn record(self, problem: Problem) {
        let problem = problem.at_key(self.section.key(self.key));
        self.document.record(problem, Some(&self.value.span()));
    }
}
