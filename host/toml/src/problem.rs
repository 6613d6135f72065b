//! Problems of files, described so that an operator can mend them.

use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use crate::text::one_line;

/// A problem of a file. Displays as `FILE: key: message`, or `FILE:LINE: key: message` if the line
/// is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    file: PathBuf,
    line: Option<usize>,
    key: Option<String>,
    severity: Severity,
    message: String,
    code: Option<&'static str>,
    /// Boxed, because results carry problems.
    subject: Option<Box<PathBuf>>,
}

/// The problems of a file that cannot be used, warnings included. Displays them in one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

/// The severity of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// A warning. The service starts.
    Warning,
    /// An error. The service does not start.
    Error,
}

/// A usable value, with warnings about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked<T> {
    /// The value.
    pub value: T,
    /// Warnings about the value.
    pub warnings: Vec<Problem>,
}

impl Problem {
    /// Returns a problem that keeps the service from starting.
    pub fn error(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: None,
            key: None,
            severity: Severity::Error,
            message: message.into(),
            code: None,
            subject: None,
        }
    }

    /// Returns a warning.
    pub fn warning(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(file, message)
        }
    }

    /// Sets the key of the problem, in dotted form: `callout.deadline`.
    #[must_use]
    pub fn at_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets the line of the problem, counted from 1.
    #[must_use]
    pub fn at_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// Sets the stable name of the kind of problem, for tools that sort problems.
    #[must_use]
    pub const fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Sets the other file that the message is about, such as a key that the configuration names.
    #[must_use]
    pub fn about(mut self, subject: impl Into<PathBuf>) -> Self {
        self.subject = Some(Box::new(subject.into()));
        self
    }

    /// Returns the other file that the message is about. `None` if it is about the file itself.
    pub fn subject(&self) -> Option<&Path> {
        self.subject.as_deref().map(PathBuf::as_path)
    }

    /// Returns the stable name of the kind of problem. `None` if the kind has no name.
    pub const fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// Returns the file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the line, counted from 1. `None` if it is not known.
    pub const fn line(&self) -> Option<usize> {
        self.line
    }

    /// Returns the key. `None` if the problem has none.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns the message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the severity.
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// Returns whether the problem keeps the service from starting.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl<T> Checked<T> {
    /// Returns the value with its warnings, unless it is missing or one of `problems` is an error.
    ///
    /// # Errors
    ///
    /// Returns all of `problems`, warnings included.
    pub fn unless_broken(value: Option<T>, problems: Vec<Problem>) -> Result<Self, Problems> {
        match value {
            Some(value) if !problems.iter().any(Problem::is_error) => Ok(Self {
                value,
                warnings: problems,
            }),
            _ => Err(Problems(problems)),
        }
    }
}

impl Deref for Problems {
    type Target = [Problem];

    fn deref(&self) -> &[Problem] {
        &self.0
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl Error for Problem {}

impl Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(formatter, "{between}{problem}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", one_line(&self.file.display().to_string()))?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        if let Some(key) = &self.key {
            write!(formatter, ": {}", one_line(key))?;
        }
        let message = one_line(&self.message);
        match self.severity {
            Severity::Error => write!(formatter, ": {message}"),
            Severity::Warning => write!(formatter, ": warning: {message}"),
        }
    }
}
