//! Tables, whose keys are checked as they are read.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::document::{Document, Table};
use crate::kind::{Keyed, Kind};
use crate::kinds::{TEXT, VARIABLE};
use crate::path::TablePath;
use crate::problem::Problem;
use crate::schema::Node;
use crate::setting::Setting;
use crate::suggestion::nearest;

/// The result of a read. `None` if the value is invalid, and then a problem is recorded.
pub type Read<T> = Option<T>;

/// A table. The keys that a caller reads are the valid ones. `finish` reports every other key as a
/// problem.
#[derive(Debug)]
pub struct Section<'a> {
    document: &'a Document<'a>,
    path: TablePath<'a>,
    span: Option<Range<usize>>,
    table: Option<&'a DeTable<'a>>,
    asked: Vec<&'static str>,
}

impl<'a> Document<'a> {
    /// Returns the JSON Schema of the files that `read` accepts. `read` gets a table that has every
    /// key, with values of which none is valid: it has to go on after an invalid value.
    pub fn schema(read: impl FnOnce(&Document<'_>, Section<'_>)) -> Value {
        let document = Document::probing();
        read(&document, Section::probe(&document));
        document.into_schema()
    }

    /// Returns the table of the whole file, for reading.
    pub fn root(&'a self, table: &'a Table<'a>) -> Section<'a> {
        Section {
            document: self,
            path: TablePath::ROOT,
            span: None,
            table: Some(table.entries()),
            asked: Vec::new(),
        }
    }
}

impl<'a> Section<'a> {
    /// Returns the table of all files of a kind.
    pub(crate) const fn probe(document: &'a Document<'a>) -> Self {
        Self {
            document,
            path: TablePath::ROOT,
            span: None,
            table: None,
            asked: Vec::new(),
        }
    }

    /// Returns a table in this one. An absent one is empty.
    #[must_use]
    pub fn section(&mut self, name: &'static str) -> Self {
        let setting = self.setting(name);
        let path = self.path.child(name);
        self.document.ask(path, Node::is_table);
        Self {
            document: self.document,
            path,
            span: setting.map(|setting| setting.value.span()),
            table: setting.and_then(Setting::table),
            asked: Vec::new(),
        }
    }

    /// Reads the tables in this one with names that the user chose. Parses each name as a `kind` of
    /// name, and reads each table with `read`. `None` if one of them is invalid. An empty map if
    /// there are none.
    pub fn named<K: Ord, V>(
        self,
        kind: &Kind<K>,
        read: impl Fn(Self) -> Option<V>,
    ) -> Option<BTreeMap<K, V>> {
        if self.document.probe().is_some() {
            self.document
                .ask(self.path, |node| node.has_names(kind.expected));
            let path = self.path.named();
            self.document.ask(path, Node::is_table);
            // No name is valid in a schema.
            return read(Self { path, ..self }).and(None);
        }
        let entries = self.table.into_iter().flatten();
        let read_entry = |(name, value): (&'a Spanned<DeString<'a>>, &'a Spanned<_>)| {
            let setting = self.setting_of(name.get_ref(), value);
            let key = (kind.parse)(setting.key);
            let key = key.map_err(|error| setting.report(error.to_string()));
            let section = Self {
                document: self.document,
                path: self.path.child(setting.key),
                span: Some(name.span()),
                table: Some(setting.table()?),
                asked: Vec::new(),
            };
            key.ok().zip(read(section))
        };
        // All entries are read before the first failure returns, so that all problems are found.
        let entries: Vec<_> = entries.map(read_entry).collect();
        entries.into_iter().collect()
    }

    /// Returns the value of a key. `None` if the table does not have it.
    pub fn setting(&mut self, key: &'static str) -> Option<Setting<'a>> {
        self.asked.push(key);
        let value = match self.document.probe() {
            Some(probe) => &probe.value,
            None => self.table?.get(key)?,
        };
        let setting = self.setting_of(key, value);
        setting.ask(|_| ());
        Some(setting)
    }

    /// Returns the value of a key that this table may not have, for a message that says why. `None`
    /// if the table does not have it.
    pub fn refused(&mut self, key: &'static str) -> Option<Setting<'a>> {
        if self.document.probe().is_some() {
            self.document.ask(self.path.child(key), Node::is_refused);
            return None;
        }
        self.has(key).then(|| self.setting(key)).flatten()
    }

    fn setting_of(&self, key: &'a str, value: &'a Spanned<DeValue<'a>>) -> Setting<'a> {
        Setting {
            document: self.document,
            section: self.path,
            key,
            value,
        }
    }

    /// Parses the value of a key. `default` if the key is missing, `None` if the value is invalid.
    pub fn value<T>(&mut self, key: &'static str, kind: &Kind<T>, default: T) -> Option<T> {
        match self.setting(key) {
            None => Some(default),
            Some(setting) => setting.parse(kind),
        }
    }

    /// Parses a Boolean. `default` if the key is missing, `None` if the value is not a Boolean.
    pub fn flag(&mut self, key: &'static str, default: bool) -> Option<bool> {
        self.setting(key).map_or(Some(default), Setting::flag)
    }

    /// Parses the elements of an array. An empty list if the key is missing, `None` if an element
    /// is invalid.
    pub fn list<T>(&mut self, key: &'static str, kind: &Kind<T>) -> Option<Vec<T>> {
        self.setting(key)
            .map_or(Some(Vec::new()), |setting| setting.list(kind))
    }

    /// Returns whether the file has this table.
    pub const fn is_present(&self) -> bool {
        self.table.is_some() || self.document.probe().is_some()
    }

    /// Returns whether the table is empty or absent.
    pub fn is_empty(&self) -> bool {
        self.table.is_none_or(DeTable::is_empty) && self.document.probe().is_none()
    }

    /// Returns a path, relative to the directory of the file.
    pub fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        let path = self.setting(key)?.parse(&TEXT)?;
        Some(self.resolve(path))
    }

    /// Resolves `path` relative to the directory of the file.
    pub fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        self.document
            .file()
            .parent()
            .unwrap_or(Path::new(""))
            .join(path)
    }

    /// Returns the place of a secret with its key. The place is either a path, which `in_file`
    /// takes, or the name of an environment variable, which `in_variable` takes. Both are a
    /// problem.
    pub fn secret<P>(
        &mut self,
        file_key: &'static str,
        variable_key: &'static str,
        in_file: impl FnOnce(PathBuf) -> P,
        in_variable: impl FnOnce(String) -> P,
    ) -> Option<Keyed<P>> {
        let file = self.path(file_key);
        let variable = self.setting(variable_key);
        let (key, value) = match (file, variable) {
            (Some(_), Some(variable)) => {
                variable.report(format!("`{file_key}` is set too; keep one of them"));
                return None;
            }
            (Some(path), None) => (file_key, in_file(path)),
            (None, Some(variable)) => (variable_key, in_variable(variable.parse(&VARIABLE)?)),
            (None, None) => return None,
        };
        Some(Keyed {
            key: self.path.key(key),
            value,
        })
    }

    /// Returns whether the table has a key, with any value.
    pub fn has(&self, key: &str) -> bool {
        let has = |table: &DeTable<'_>| table.contains_key(key);
        self.table.is_some_and(has) || self.document.probe().is_some()
    }

    /// Reports a problem of a missing key.
    pub fn report_missing(&self, key: &str, message: impl Into<String>) {
        let problem = Problem::error(self.document.file(), message).at_key(self.path.key(key));
        self.document.record(problem, self.span.as_ref());
    }

    /// Reports a problem of the table itself.
    pub fn report(&self, message: impl Into<String>) {
        let problem = Problem::error(self.document.file(), message).at_key(self.path.to_string());
        self.document.record(problem, self.span.as_ref());
    }

    /// Reports a warning about the table itself.
    pub fn warn(&self, message: impl Into<String>) {
        let problem = Problem::warning(self.document.file(), message).at_key(self.path.to_string());
        self.document.record(problem, self.span.as_ref());
    }

    /// Reports the keys that no caller has read.
    pub fn finish(self) {
        let Some(table) = self.table else { return };
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !self.asked.contains(&name) {
                let problem = Problem::error(self.document.file(), unknown(name, &self.asked))
                    .at_key(self.path.key(name));
                self.document.record(problem, Some(&key.span()));
            }
        }
    }
}

fn unknown(key: &str, known: &[&str]) -> String {
    match nearest(key, known) {
        Some(nearest) => format!("unknown key, did you mean `{nearest}`?"),
        None => format!("unknown key, expected one of `{}`", known.join("`, `")),
    }
}
