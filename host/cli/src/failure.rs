//! Failures that end the program.

use std::fmt;

use portcullis::{BuildError, RunError};
use portcullis_connect::ConnectError;
use portcullis_core::with_causes;

use crate::exit::ExitCode;

/// An error with its exit code. Displays the error with its causes, on one line.
#[derive(Debug)]
pub(crate) struct Failure {
    code: ExitCode,
    error: anyhow::Error,
}

impl Failure {
    /// Returns a failure with the exit code `code`.
    pub(crate) fn new(code: ExitCode, error: impl Into<anyhow::Error>) -> Self {
        Self {
            code,
            error: error.into(),
        }
    }

    /// Returns a failure of the program or of the machine.
    pub(crate) fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self::new(ExitCode::Internal, error)
    }

    /// Adds what the program did when it failed.
    pub(crate) fn context(self, context: String) -> Self {
        Self {
            error: self.error.context(context),
            ..self
        }
    }

    /// Returns the exit code.
    pub(crate) const fn code(&self) -> ExitCode {
        self.code
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        Self::new(ExitCode::BadConfiguration, error)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let code = match &error {
            RunError::Policies(_) => ExitCode::NotFound,
            RunError::Listen(_) | RunError::Exchange(_) => ExitCode::CannotListen,
            RunError::Connect(error) => code_of(error),
            RunError::Certificate(_) => ExitCode::BadConfiguration,
            RunError::Service(_) | RunError::Disconnected(_) => ExitCode::Unreachable,
            _ => ExitCode::Internal,
        };
        Self::new(code, error)
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::new(code_of(&error), error)
    }
}

/// Returns the exit code of a connection that is not made.
const fn code_of(error: &ConnectError) -> ExitCode {
    match error {
        ConnectError::NoServer
        | ConnectError::Address { .. }
        | ConnectError::Authentication(_)
        | ConnectError::Tls(_) => ExitCode::BadConfiguration,
        _ => ExitCode::Unreachable,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&with_causes(self.error.as_ref()))
    }
}
