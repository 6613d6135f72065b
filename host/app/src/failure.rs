//! Why the program ends early.

use std::fmt;

use crate::exit::ExitCode;

/// An error, and the exit code it stands for. Displays the error with its causes, in one line.
#[derive(Debug)]
pub struct Failure {
    code: ExitCode,
    error: anyhow::Error,
}

impl Failure {
    /// `error` ends the program with `code`.
    pub fn new(code: ExitCode, error: impl Into<anyhow::Error>) -> Self {
        Self {
            code,
            error: error.into(),
        }
    }

    /// `error` is a fault of the program or of the machine.
    pub fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self::new(ExitCode::Internal, error)
    }

    /// The exit code.
    pub const fn code(&self) -> ExitCode {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#}", self.error)
    }
}
