//! Failures that end the program.

use std::fmt;

use crate::exit::ExitCode;

/// An error with its exit code. Displays the error with its causes, on one line.
#[derive(Debug)]
pub struct Failure {
    code: ExitCode,
    error: anyhow::Error,
}

impl Failure {
    /// Returns a failure with the exit code `code`.
    pub fn new(code: ExitCode, error: impl Into<anyhow::Error>) -> Self {
        Self {
            code,
            error: error.into(),
        }
    }

    /// Returns a failure of the program or of the machine.
    pub fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self::new(ExitCode::Internal, error)
    }

    /// Returns the exit code.
    pub const fn code(&self) -> ExitCode {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#}", self.error)
    }
}
