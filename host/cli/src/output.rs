//! Results of commands: text to print, or a failure.

use portcullis_toml::Problem;

use crate::exit::ExitCode;
use crate::failure::Failure;

/// The text that a command prints, with its exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// Lines for standard output.
    pub(crate) text: String,
    /// Exit code of the program.
    pub(crate) code: ExitCode,
}

/// Prints a part of a command's output, for commands that print while they run.
pub(crate) type Print = fn(&str) -> Result<(), Failure>;

/// A reason why a command did nothing.
#[derive(Debug)]
pub(crate) enum NotDone {
    /// The configuration has no valid tables about policies.
    Configuration(Vec<Problem>),
    /// Policies cannot be put in service.
    Policies(Vec<Problem>),
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
