//! Files that are being read.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::path::TablePath;
use crate::problem::Problem;
use crate::schema::Node;

/// Maximum number of syntax errors that are told one by one. After some, the rest follows from the
/// first ones, or the file is none of TOML.
const MAX_SYNTAX_ERRORS: usize = 3;

/// A file that is being read, with its problems so far.
#[derive(Debug)]
pub struct Document<'a> {
    file: &'a Path,
    text: &'a str,
    shows_values: bool,
    problems: RefCell<Vec<Problem>>,
    /// The questions of the reader, if the document stands for all files of its kind.
    probe: Option<Probe<'a>>,
}

/// The record of a reader's questions.
#[derive(Debug)]
pub(crate) struct Probe<'a> {
    pub(crate) schema: RefCell<Node>,
    /// The value of every key. No reader sees it.
    pub(crate) value: Spanned<DeValue<'a>>,
}

/// The content of a file. [`Document::root`] reads it.
#[derive(Debug)]
pub struct Table<'a>(Spanned<DeTable<'a>>);

impl<'a> Document<'a> {
    /// Returns the document with `text` as the content of `file`. Messages show invalid values.
    pub const fn new(file: &'a Path, text: &'a str) -> Self {
        Self {
            file,
            text,
            shows_values: true,
            problems: RefCell::new(Vec::new()),
            probe: None,
        }
    }

    /// Returns a document that stands for all files of its kind, and records the questions of its
    /// reader.
    pub(crate) fn probing() -> Document<'static> {
        Document {
            probe: Some(Probe {
                schema: RefCell::default(),
                value: Spanned::new(0..0, DeValue::Boolean(false)),
            }),
            ..Document::new(Path::new(""), "")
        }
    }

    /// Returns the recorded questions as a JSON Schema.
    pub(crate) fn into_schema(self) -> Value {
        let schema = self.probe.map(|probe| probe.schema.into_inner());
        schema.unwrap_or_default().into_json()
    }

    /// Returns the record of the reader's questions, if this is no file.
    pub(crate) const fn probe(&self) -> Option<&Probe<'a>> {
        self.probe.as_ref()
    }

    /// Makes messages describe the expected value without the actual one, because files of this
    /// kind hold secrets, which may stand in the wrong place.
    #[must_use]
    pub fn without_values(self) -> Self {
        Self {
            shows_values: false,
            ..self
        }
    }

    /// Parses the text. If it is not TOML, reports that and returns `None`.
    pub fn parse(&self) -> Option<Table<'a>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors.iter().take(MAX_SYNTAX_ERRORS) {
            // The parser's own rendering quotes the line, which may hold a pasted secret.
            let message = error.message().replace('\n', ", ");
            let problem = Problem::error(self.file, format!("not TOML: {message}"));
            self.record(problem, error.span().as_ref());
        }
        if let Some(error) = errors.get(MAX_SYNTAX_ERRORS) {
            let rest = errors.len().saturating_sub(MAX_SYNTAX_ERRORS);
            let message =
                format!("not TOML: {rest} more errors; is this the file of another program?");
            self.record(Problem::error(self.file, message), error.span().as_ref());
        }
        errors.is_empty().then_some(Table(table))
    }

    /// Returns the file.
    pub const fn file(&self) -> &'a Path {
        self.file
    }

    /// Returns the text of the file.
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// Records a question of the reader about a table.
    pub(crate) fn ask(&self, path: TablePath<'_>, record: impl FnOnce(&mut Node)) {
        if let Some(probe) = &self.probe {
            record(probe.schema.borrow_mut().at(path.steps()));
        }
    }

    /// Returns the problems in the order of their lines.
    pub fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(Problem::line);
        problems
    }

    /// Reports a problem of a key in any table.
    pub fn report_at(&self, key: impl Into<String>, message: impl Into<String>) {
        self.record(Problem::error(self.file, message).at_key(key), None);
    }

    /// Returns whether messages may show values.
    pub(crate) const fn shows_values(&self) -> bool {
        self.shows_values
    }

    /// Records `problem`, with the line of `span` if there is one.
    pub(crate) fn record(&self, problem: Problem, span: Option<&Range<usize>>) {
        let problem = match span.and_then(|span| self.text.get(..span.start)) {
            Some(before) => problem.at_line(before.matches('\n').count().saturating_add(1)),
            None => problem,
        };
        self.problems.borrow_mut().push(problem);
    }
}

impl<'a> Table<'a> {
    pub(crate) fn entries(&self) -> &DeTable<'a> {
        self.0.get_ref()
    }
}
