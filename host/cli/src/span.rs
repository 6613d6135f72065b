//! Spans of time on the command line.

use std::time::Duration;

/// Parses a span of time.
///
/// # Errors
///
/// Fails with the accepted form.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "give a span of time such as `90s`, `4h` or `2days`".to_owned())
}
