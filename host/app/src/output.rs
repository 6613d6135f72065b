//! What a verb comes to: something to print, or a reason why there is nothing.

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::problem::Problem;

/// What a verb prints, and how the program ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Lines for standard output.
    pub text: String,
    /// How the program should end.
    pub code: ExitCode,
}

/// Why a verb did nothing.
#[derive(Debug)]
pub enum NotDone {
    /// The configuration says nothing usable about policies.
    Configuration(Vec<Problem>),
    /// Something else.
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
