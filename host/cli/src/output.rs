//! Results of commands: text to print, or a failure.

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::problem::Problem;

/// The text that a command prints, with its exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Lines for standard output.
    pub text: String,
    /// Exit code of the program.
    pub code: ExitCode,
}

/// A reason why a command did nothing.
#[derive(Debug)]
pub enum NotDone {
    /// The configuration has no valid tables about policies.
    Configuration(Vec<Problem>),
    /// The command failed for another reason.
    Failed(Failure),
}

impl From<Failure> for NotDone {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Output {
    pub(crate) const fn success(text: String) -> Self {
        Self {
            text,
            code: ExitCode::Success,
        }
    }
}
