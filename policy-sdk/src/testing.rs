//! Helpers for native tests of a policy. They exist outside wasm32 only.
//!
//! A policy's logic is plain Rust. [`configure`] creates the policy from JSON settings, and
//! [`RequestBuilder`] creates a login. [`Policy::decide`] returns a [`Verdict`](crate::Verdict),
//! which a test can compare.
//!
//! These fakes stand in for the host. They compute no password hash, and enforce no limit on time
//! or memory. `portcullis check` tests the compiled module with the real host.

mod builder;
mod facts;

use std::cell::RefCell;

pub use builder::RequestBuilder;
pub(crate) use facts::Facts;

use crate::log::Level;
use crate::{Policy, SettingsError, settings};

/// A line that a policy wrote with [`log`](crate::log).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The severity of the line.
    pub level: Level,
    /// The text of the line.
    pub message: String,
}

thread_local! {
    static LOG: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Creates a policy from its settings in JSON, as the host does.
///
/// # Errors
///
/// Fails if the JSON or the policy's own checks reject the settings.
///
/// # Example
///
/// ```
/// use portcullis_sdk::{NoSettings, Policy, Request, SettingsError, Verdict, testing};
///
/// #[derive(Debug)]
/// struct Closed;
///
/// impl Policy for Closed {
///     type Settings = NoSettings;
///
///     fn configure(_: NoSettings) -> Result<Self, SettingsError> {
///         Ok(Self)
///     }
///
///     fn decide(&self, _: &Request) -> Verdict {
///         Verdict::deny("closed")
///     }
/// }
///
/// assert!(testing::configure::<Closed>("{}").is_ok());
/// let error = testing::configure::<Closed>(r#"{ "open": true }"#).unwrap_err();
/// assert_eq!(error.to_string(), "open: unknown field `open`, there are no fields");
/// ```
pub fn configure<P: Policy>(json: &str) -> Result<P, SettingsError> {
    settings::parse(json).and_then(P::configure)
}

/// Asserts that broken settings are rejected with the expected errors.
///
/// Each case replaces one part of `good` settings. A case is the part, its replacement and the
/// error.
///
/// # Panics
///
/// Panics if `good` does not contain the part, or if the error differs.
///
/// ```
/// use portcullis_sdk::SettingsError;
/// use portcullis_sdk::testing::assert_complaints;
///
/// let configure = |text: &str| match text {
///     "a = 1" => Ok(()),
///     _ => Err(SettingsError::at("a", "not a number")),
/// };
/// assert_complaints("a = 1", configure, &[("1", "x", "a: not a number")]);
/// ```
#[track_caller]
pub fn assert_complaints<P>(
    good: &str,
    configure: impl Fn(&str) -> Result<P, SettingsError>,
    cases: &[(&str, &str, &str)],
) {
    for (part, replacement, expected) in cases {
        assert!(good.contains(part), "`{part}` is not in the settings");
        let complaint = configure(&good.replace(part, replacement)).err();
        let complaint = complaint.map(|error| error.to_string());
        assert_eq!(
            complaint.as_deref(),
            Some(*expected),
            "`{replacement}` instead of `{part}`"
        );
    }
}

/// Returns the code blocks of a Markdown text that are in `language`, in their order. A test can
/// thus verify that a policy accepts the settings in its README.
///
/// ```
/// use portcullis_sdk::testing::code_blocks;
///
/// let readme = "Settings:\n\n```toml\n[settings]\n```\n\n```text\nno settings\n```\n";
/// assert_eq!(code_blocks(readme, "toml"), ["[settings]\n"]);
/// ```
pub fn code_blocks<'text>(markdown: &'text str, language: &str) -> Vec<&'text str> {
    let fence = format!("```{language}\n");
    let blocks = markdown.split(fence.as_str()).skip(1);
    blocks.filter_map(|rest| rest.split("```").next()).collect()
}

/// Returns and removes the lines that this thread has logged since the last call.
pub fn take_log() -> Vec<Line> {
    LOG.take()
}

pub(crate) fn collect(level: Level, message: &str) {
    let message = message.to_owned();
    LOG.with_borrow_mut(|lines| lines.push(Line { level, message }));
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
