//! The lines that a native test has logged.

use std::cell::RefCell;

/// The severity of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Details for the policy's author.
    Debug,
    /// Information for the operator.
    Info,
    /// A condition that the operator should look at.
    Warn,
    /// A failure.
    Error,
}

/// A line that a policy wrote with [`log`](crate::log).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The severity of the line.
    pub level: Level,
    /// The text of the line.
    pub message: String,
}

thread_local! {
    static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Adds a line to those of this thread.
pub(super) fn collect(level: Level, message: &str) {
    let message = message.to_owned();
    LINES.with_borrow_mut(|lines| lines.push(Line { level, message }));
}

/// Returns and removes the lines that this thread has logged since the last call.
///
/// ```
/// use portcullis_sdk::{log, testing};
///
/// log::warn("two users, one profile");
/// assert_eq!(testing::take_log()[0].level, log::Level::Warn);
/// assert!(testing::take_log().is_empty());
/// ```
pub fn take_log() -> Vec<Line> {
    LINES.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_once_and_in_order() {
        crate::log::warn("first");
        crate::log::debug(String::from("second"));
        let lines = take_log();
        assert_eq!(lines[0].level, Level::Warn);
        assert_eq!(lines[1].message, "second");
        assert_eq!(take_log(), []);
    }
}
