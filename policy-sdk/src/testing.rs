//! What a native test of a policy needs. Outside wasm32 only.
//!
//! A policy's logic is plain Rust: [`configure`] makes the policy from JSON settings, [`RequestBuilder`] makes
//! a login, [`Policy::decide`] returns a [`Verdict`](crate::Verdict) that can be compared.
//!
//! The fakes here stand in for the host, they are not the host: no password hash is computed, no limit on
//! time or memory holds. What they leave out, `portcullis check` shows with the compiled module.

mod builder;
mod facts;

use std::cell::RefCell;

pub use builder::RequestBuilder;
pub(crate) use facts::Facts;

use crate::log::Level;
use crate::{Policy, SettingsError, settings};

/// A line a policy wrote with [`log`](crate::log).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub message: String,
}

thread_local! {
    static LOG: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Makes a policy from its settings in JSON, as the host does.
///
/// # Errors
///
/// What the JSON or the policy's own checks object to.
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

/// Breaks good settings, one thing at a time, and looks at what is said: each case is a part of the settings, what stands there
/// instead, and the complaint.
///
/// # Panics
///
/// If the settings have no such part, or something else is said of them.
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

/// The code blocks of a Markdown text that are in `language`, in their order: for a test that the settings in a policy's README are
/// settings it takes.
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

/// Takes the lines logged by this thread since the last call.
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
