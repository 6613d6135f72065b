//! A reader of EDN that reports every problem with its path.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use edn_format::{Keyword, Value};
use portcullis_toml::{Problem, nearest};

use super::nesting::too_deep;

/// A document with its problems so far. Problems never repeat values, because a seed may be
/// misplaced.
pub(super) struct Document<'a> {
    file: &'a Path,
    problems: RefCell<Vec<Problem>>,
}

/// A map with keywords as keys. `finish` reports every key that no caller has read.
pub(super) struct Map<'a> {
    document: &'a Document<'a>,
    path: String,
    entries: BTreeMap<Value, Value>,
}

impl<'a> Document<'a> {
    pub(super) const fn new(file: &'a Path) -> Self {
        Self {
            file,
            problems: RefCell::new(Vec::new()),
        }
    }

    /// Parses `text` as a map.
    pub(super) fn root(&'a self, text: &str) -> Option<Map<'a>> {
        if let Some(line) = too_deep(text) {
            let message =
                "brackets, tags or `#_` are nested too deeply: no configuration needs that";
            let problem = Problem::error(self.file, message);
            self.problems.borrow_mut().push(problem.at_line(line));
            return None;
        }
        match edn_format::parse_str(text) {
            Ok(value) => self.map(value, String::new()),
            Err(error) => {
                let problem = Problem::error(self.file, "not EDN from here on");
                // The library's column is the line.
                self.problems.borrow_mut().push(problem.at_line(error.col));
                None
            }
        }
    }

    pub(super) fn report(&self, path: &str, message: impl Into<String>) {
        let problem = Problem::error(self.file, message);
        let problem = if path.is_empty() {
            problem
        } else {
            problem.at_key(path)
        };
        self.problems.borrow_mut().push(problem);
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    pub(super) fn map(&'a self, value: Value, path: String) -> Option<Map<'a>> {
        let Value::Map(entries) = value else {
            self.report(&path, "expected a map");
            return None;
        };
        Some(Map {
            document: self,
            path,
            entries,
        })
    }

    /// Returns the texts of a vector, a list or a set.
    fn texts(&self, value: Value, path: &str) -> Option<Vec<String>> {
        let values = match value {
            Value::Vector(values) | Value::List(values) => values,
            Value::Set(values) => values.into_iter().collect(),
            _ => {
                self.report(path, "expected a vector of strings");
                return None;
            }
        };
        let mut texts = Vec::with_capacity(values.len());
        for (index, value) in values.into_iter().enumerate() {
            match value {
                Value::String(text) => texts.push(text),
                _ => self.report(&format!("{path} {index}"), "expected a string"),
            }
        }
        Some(texts)
    }
}

impl Map<'_> {
    fn at(&self, key: &str) -> String {
        if self.path.is_empty() {
            format!(":{key}")
        } else {
            format!("{} :{key}", self.path)
        }
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        let value = self
            .entries
            .remove(&Value::Keyword(Keyword::from_name(key)));
        value.filter(|value| *value != Value::Nil)
    }

    /// Returns the text at `key`. `None` if the map does not have it.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let value = self.take(key)?;
        if let Value::String(text) = value {
            return Some(text);
        }
        self.document.report(&self.at(key), "expected a string");
        None
    }

    /// Returns the text at `key`, which is required.
    pub(super) fn needed_text(&mut self, key: &str) -> Option<String> {
        let is_there = self.has(key);
        let text = self.text(key);
        if !is_there {
            self.document
                .report(&self.at(key), "missing: expected a string");
        }
        text
    }

    fn has(&self, key: &str) -> bool {
        let key = Value::Keyword(Keyword::from_name(key));
        self.entries
            .get(&key)
            .is_some_and(|value| *value != Value::Nil)
    }

    /// Returns the texts at `key`. Empty if the map does not have it.
    pub(super) fn texts(&mut self, key: &str) -> Vec<String> {
        let texts = self
            .take(key)
            .and_then(|value| self.document.texts(value, &self.at(key)));
        texts.unwrap_or_default()
    }

    /// Returns the map at `key`. `None` if this map does not have it.
    pub(super) fn map(&mut self, key: &str) -> Option<Self> {
        let value = self.take(key)?;
        self.document.map(value, self.at(key))
    }

    /// Returns the values whose keys are strings, with their paths.
    pub(super) fn named(self) -> Vec<(String, String, Value)> {
        let mut named = Vec::with_capacity(self.entries.len());
        for (key, value) in self.entries {
            match key {
                Value::String(name) => {
                    let path = format!("{} \"{}\"", self.path, name.escape_debug());
                    named.push((name, path, value));
                }
                _ => self
                    .document
                    .report(&self.path, "expected keys that are strings"),
            }
        }
        named
    }

    /// Reports the keys that no caller has read.
    pub(super) fn finish(self, known: &[&str]) {
        for key in self.entries.keys() {
            let Value::Keyword(key) = key else {
                self.document
                    .report(&self.path, "expected keys that are keywords");
                continue;
            };
            let hint = nearest(key.name(), known)
                .map(|name| format!(", did you mean `:{name}`?"))
                .unwrap_or_default();
            let path = self.at(key.name());
            self.document.report(&path, format!("unknown key{hint}"));
        }
    }
}
