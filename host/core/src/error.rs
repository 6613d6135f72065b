//! Errors on one line.

use std::error::Error;
use std::fmt::Write as _;

/// Returns `error` and its causes on one line, with `: ` before each cause.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
