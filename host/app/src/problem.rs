//! What is wrong with a file, said so that somebody can put it right.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::output::one_line;

/// One problem of one file. Displays as `FILE: key: message`, or `FILE:LINE: key: message` where the
/// line is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    file: PathBuf,
    line: Option<usize>,
    key: Option<String>,
    severity: Severity,
    message: String,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Worth knowing; the service starts all the same.
    Warning,
    /// The service does not start.
    Error,
}

/// A value that can be used, and what is worth knowing about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked<T> {
    /// The value.
    pub value: T,
    /// Problems that do not stand in its way.
    pub warnings: Vec<Problem>,
}

impl Problem {
    /// A problem that keeps the service from starting.
    pub fn error(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: None,
            key: None,
            severity: Severity::Error,
            message: message.into(),
        }
    }

    /// A problem that is only worth knowing.
    pub fn warning(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(file, message)
        }
    }

    /// The same problem, at a key: dotted, as in `callout.deadline`.
    #[must_use]
    pub fn at_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The same problem, at a line, counted from 1.
    #[must_use]
    pub fn at_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The line, counted from 1, if it is known.
    pub const fn line(&self) -> Option<usize> {
        self.line
    }

    /// The key, if the problem has one.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How bad it is.
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// Whether it keeps the service from starting.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl<T> Checked<T> {
    /// The value, unless one of `problems` is an error or there is none.
    ///
    /// # Errors
    ///
    /// All of `problems`, warnings included.
    pub(crate) fn unless_broken(
        value: Option<T>,
        problems: Vec<Problem>,
    ) -> Result<Self, Vec<Problem>> {
        match value {
            Some(value) if !problems.iter().any(Problem::is_error) => Ok(Self {
                value,
                warnings: problems,
            }),
            _ => Err(problems),
        }
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
