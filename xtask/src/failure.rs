//! Why a verb stopped, as one line with a way out.

use std::fmt;
use std::io;
use std::path::Path;

/// What a step comes to.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// One line for whoever typed the command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure(String);

impl Failure {
    /// A failure that says `message`.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// For `map_err`: what was being done to which path.
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
