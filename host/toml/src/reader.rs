//! A reader of TOML tables that records problems and continues.

mod path;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use self::path::TablePath;
use super::sources::{SecretKind, SecretSource};
use super::values::Kind;
use crate::problem::Problem;

/// Minimum likeness of two keys for a suggestion. Equal keys have likeness 1.
const LIKENESS: f64 = 0.8;

/// The result of a read. `None` if the value is invalid, and then a problem is recorded.
pub(super) type Read<T> = Option<T>;

/// A file that is being read, with its problems so far.
pub(super) struct Document<'a> {
    file: &'a Path,
    text: &'a str,
    problems: RefCell<Vec<Problem>>,
    secrets: RefCell<Vec<(SecretSource, SecretKind)>>,
}

/// A table. The keys that a caller reads are the valid ones. `finish` reports every other key as a
/// problem.
pub(super) struct Section<'a> {
    document: &'a Document<'a>,
    path: TablePath<'a>,
    span: Option<Range<usize>>,
    table: Option<&'a DeTable<'a>>,
    asked: Vec<&'static str>,
}

/// A value with its position.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    document: &'a Document<'a>,
    section: TablePath<'a>,
    key: &'a str,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Document<'a> {
    pub(super) const fn new(file: &'a Path, text: &'a str) -> Self {
        Self {
            file,
            text,
            problems: RefCell::new(Vec::new()),
            secrets: RefCell::new(Vec::new()),
        }
    }

    pub(super) const fn file(&self) -> &'a Path {
        self.file
    }

    /// Returns the secrets that the file names, so far.
    pub(super) fn secrets(&self) -> Vec<(SecretSource, SecretKind)> {
        self.secrets.borrow().clone()
    }

    /// Returns the problems in the order of their lines.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(Problem::line);
        problems
    }

    /// Reports that the text is not TOML. Uses only the parser's message, because its own rendering
    /// quotes the line, which may hold a pasted secret.
    pub(super) fn report_syntax(&self, error: &toml::de::Error) {
        let message = format!("not TOML: {}", error.message().replace('\n', ", "));
        self.report(Problem::error(self.file, message), error.span().as_ref());
    }

    /// Reports a problem of a key in any table.
    pub(super) fn report_at(&self, key: String, message: impl Into<String>) {
        self.report(Problem::error(self.file, message).at_key(key), None);
    }

    fn report(&self, problem: Problem, span: Option<&Range<usize>>) {
        let problem = match span.and_then(|span| self.text.get(..span.start)) {
            Some(before) => problem.at_line(before.matches('\n').count() + 1),
            None => problem,
        };
        self.problems.borrow_mut().push(problem);
    }
}

impl<'a> Section<'a> {
    /// Returns the table of the whole file.
    pub(super) const fn root(document: &'a Document<'a>, table: &'a DeTable<'a>) -> Self {
        Self {
            document,
            path: TablePath::ROOT,
            span: None,
            table: Some(table),
            asked: Vec::new(),
        }
    }

    /// Returns a table in this one. An absent one is empty.
    pub(super) fn section(&mut self, name: &'static str) -> Self {
        let setting = self.setting(name);
        Self {
            document: self.document,
            path: self.path.child(name),
            span: setting.map(|setting| setting.value.span()),
            table: setting.and_then(Setting::table),
            asked: Vec::new(),
        }
    }

    /// Reads the tables in this one with names that the user chose. Parses each name as a `kind` of
    /// name, and reads each table with `read`. `None` if one of them is invalid. An empty map if
    /// there are none.
    pub(super) fn named<K: Ord, V>(
        self,
        kind: &Kind<K>,
        read: impl Fn(Self) -> Option<V>,
    ) -> Option<BTreeMap<K, V>> {
        let entries = self.table.into_iter().flatten();
        let read_entry = |(name, value): (&'a Spanned<DeString<'a>>, &'a Spanned<_>)| {
            let setting = self.setting_of(name.get_ref(), value);
            let key = (kind.parse)(setting.key).map_err(|message| setting.report(message));
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
    pub(super) fn setting(&mut self, key: &'static str) -> Option<Setting<'a>> {
        self.asked.push(key);
        let value = self.table?.get(key)?;
        Some(self.setting_of(key, value))
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
    pub(super) fn value<T>(&mut self, key: &'static str, kind: &Kind<T>, default: T) -> Option<T> {
        match self.setting(key) {
            None => Some(default),
            Some(setting) => setting.parse(kind),
        }
    }

    /// Parses a Boolean. `default` if the key is missing, `None` if the value is not a Boolean.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> Option<bool> {
        self.setting(key).map_or(Some(default), Setting::flag)
    }

    /// Parses the elements of an array. An empty list if the key is missing, `None` if an element
    /// is invalid.
    pub(super) fn list<T>(&mut self, key: &'static str, kind: &Kind<T>) -> Option<Vec<T>> {
        self.setting(key)
            .map_or(Some(Vec::new()), |setting| setting.list(kind))
    }

    /// Returns whether the file has this table.
    pub(super) const fn is_present(&self) -> bool {
        self.table.is_some()
    }

    /// Returns whether the table is empty or absent.
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_none_or(DeTable::is_empty)
    }

    /// Returns a path, relative to the directory of the file.
    pub(super) fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        let path = self.setting(key)?.parse(&super::values::TEXT)?;
        Some(self.resolve(path))
    }

    /// Resolves `path` relative to the directory of the file.
    pub(super) fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        self.document
            .file
            .parent()
            .unwrap_or(Path::new(""))
            .join(path)
    }

    /// Returns the source of a secret, in a file or in an environment variable. Both are a problem.
    pub(super) fn secret(
        &mut self,
        file_key: &'static str,
        environment_key: &'static str,
    ) -> Option<SecretSource> {
        let file = self.path(file_key);
        let variable = self.setting(environment_key);
        match (file, variable) {
            (Some(_), Some(variable)) => {
                variable.report(format!("`{file_key}` is set too; keep one of them"));
                None
            }
            (Some(path), None) => Some(SecretSource::file(&self.path.to_string(), file_key, path)),
            (None, Some(variable)) => {
                let name = variable.parse(&super::values::VARIABLE)?;
                Some(SecretSource::environment(
                    &self.path.to_string(),
                    environment_key,
                    name,
                ))
            }
            (None, None) => None,
        }
    }

    /// Records that a secret of this kind has to be read.
    pub(super) fn names_secret(&self, source: &SecretSource, kind: SecretKind) {
        self.document
            .secrets
            .borrow_mut()
            .push((source.clone(), kind));
    }

    /// Returns whether the table has a key, with any value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Reports a problem of a missing key.
    pub(super) fn report_missing(&self, key: &str, message: impl Into<String>) {
        let problem = Problem::error(self.document.file, message).at_key(self.path.key(key));
        self.document.report(problem, self.span.as_ref());
    }

    /// Reports a problem of the table itself.
    pub(super) fn report(&self, message: impl Into<String>) {
        let problem = Problem::error(self.document.file, message).at_key(self.path.to_string());
        self.document.report(problem, self.span.as_ref());
    }

    /// Reports a warning about the table itself.
    pub(super) fn warn(&self, message: impl Into<String>) {
        let problem = Problem::warning(self.document.file, message).at_key(self.path.to_string());
        self.document.report(problem, self.span.as_ref());
    }

    /// Reports the keys that no caller has read.
    pub(super) fn finish(self) {
        let Some(table) = self.table else { return };
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !self.asked.contains(&name) {
                let problem = Problem::error(self.document.file, unknown(name, &self.asked))
                    .at_key(self.path.key(name));
                self.document.report(problem, Some(&key.span()));
            }
        }
    }
}

impl<'a> Setting<'a> {
    /// Parses the value as a `kind` of value. `None`, with a problem, if it is not one.
    pub(super) fn parse<T>(self, kind: &Kind<T>) -> Option<T> {
        let Some(text) = self.value.get_ref().as_str() else {
            return self.report_type(kind.expected);
        };
        match (kind.parse)(text) {
            Ok(value) => Some(value),
            Err(message) => {
                self.report(message);
                None
            }
        }
    }

    /// Returns the value as a table.
    fn table(self) -> Option<&'a DeTable<'a>> {
        match self.value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => self.report_type("a table"),
        }
    }

    /// Returns the value as a Boolean.
    pub(super) fn flag(self) -> Option<bool> {
        match self.value.get_ref() {
            DeValue::Boolean(value) => Some(*value),
            _ => self.report_type("`true` or `false`"),
        }
    }

    /// Returns the value as a whole number from 1 to `most`.
    pub(super) fn count(self, most: usize) -> Option<usize> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let number = self.number(1, most)?;
        usize::try_from(number).ok()
    }

    /// Returns the value as a whole number from `least` to `most`.
    pub(super) fn number(self, least: i64, most: i64) -> Option<i64> {
        let DeValue::Integer(number) = self.value.get_ref() else {
            return self.report_type("a whole number");
        };
        let value = i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .filter(|value| (least..=most).contains(value));
        if value.is_none() {
            self.report(format!(
                "must be between {least} and {most}, found `{}`",
                number.as_str()
            ));
        }
        value
    }

    /// Parses the elements of an array, each as a `kind` of value. `None` if one of them is
    /// invalid.
    pub(super) fn list<T>(self, kind: &Kind<T>) -> Option<Vec<T>> {
        let DeValue::Array(elements) = self.value.get_ref() else {
            return self.report_type(&format!("an array, each element {}", kind.expected));
        };
        let values: Vec<Option<T>> = elements
            .iter()
            .map(|value| Setting { value, ..self }.parse(kind))
            .collect();
        values.into_iter().collect()
    }

    /// Reports a problem of this value.
    pub(super) fn report(self, message: impl Into<String>) {
        self.note(Problem::error(self.document.file, message));
    }

    /// Reports a warning about this value.
    pub(super) fn warn(self, message: impl Into<String>) {
        self.note(Problem::warning(self.document.file, message));
    }

    fn report_type<T>(self, expected: &str) -> Option<T> {
        let found = match self.value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.report(format!("expected {expected}, found {found}"));
        None
    }

    fn note(self, problem: Problem) {
        let problem = problem.at_key(self.section.key(self.key));
        self.document.report(problem, Some(&self.value.span()));
    }
}

fn unknown(key: &str, known: &[&str]) -> String {
    let likeness = |other: &str| strsim::jaro_winkler(&key.to_lowercase().replace('_', "-"), other);
    let nearest = known
        .iter()
        .map(|other| (likeness(other), other))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match nearest {
        Some((_, nearest)) => format!("unknown key, did you mean `{nearest}`?"),
        None => format!("unknown key, expected one of `{}`", known.join("`, `")),
    }
}
