//! The reason why a verb stopped, as one line with a way out.

use std::fmt;
use std::io;
use std::path::Path;

/// The result of a step.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// A message of one line for the user of the command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure(String);

impl Failure {
    /// Creates a failure with this message.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// Returns a function for `map_err` that adds the action and the path to an error.
    pub(crate) fn at(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let place = format!("cannot {doing} `{}`", path.display());
        move |cause| Self(format!("{place}: {cause}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
