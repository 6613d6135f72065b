//! Results of commands: text to print, or a failure.

use std::io::{self, Write as _};

use portcullis_toml::Problem;
use portcullis_toml::text::one_line;
use serde::Serialize;

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

/// Renders a value as `--json` prints it: indented, with a line end. Commands that print while they
/// run print one value a line instead.
///
/// # Errors
///
/// Fails if the value cannot be encoded.
pub(crate) fn render_json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::internal)?;
    Ok(format!("{text}\n"))
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

/// Writes a line to standard error. If that fails, only the exit code remains.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{}", one_line(line));
}
