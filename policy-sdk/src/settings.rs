//! Settings: JSON from the host, and their errors.

mod docs;
mod located;
mod node;
mod place;
mod probe;
mod reader;
mod shape;
mod step;
mod words;

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::log;
pub use docs::{KeyDoc, SettingsDoc};
use node::Node;

/// The settings of a policy that has none. Every key is an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// The problems of a policy's settings: one or more messages, each with its key.
///
/// The text shows the first [`MAX_SHOWN`](Self::MAX_SHOWN) messages and the number of the others,
/// because settings may list thousands of users with the same mistake.
///
/// # Example
///
/// ```
/// use portcullis_sdk::SettingsError;
///
/// let error = SettingsError::at("users.alice.profile", "no profile `staff`");
/// assert_eq!(error.to_string(), "users.alice.profile: no profile `staff`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    problems: Vec<Problem>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    path: String,
    message: String,
}

impl SettingsError {
    /// The maximum number of messages in the text.
    pub const MAX_SHOWN: usize = 64;

    /// Creates an error about the settings as a whole, from a text or another error.
    ///
    /// ```
    /// use portcullis_sdk::SettingsError;
    ///
    /// assert_eq!(SettingsError::new("no users").to_string(), "no users");
    /// ```
    pub fn new(message: impl fmt::Display) -> Self {
        Self::at("", message)
    }

    /// Creates an error at `path`, from a text or another error. The path has keys joined by dots,
    /// as in `users.alice.profile`.
    ///
    /// ```
    /// use portcullis_sdk::{SettingsError, check_hash};
    ///
    /// assert_eq!(SettingsError::at("users.alice", "no profile").to_string(), "users.alice: no profile");
    /// let checked = check_hash("hunter2").map_err(|error| SettingsError::at("password", error));
    /// assert!(checked.unwrap_err().to_string().starts_with("password: not a password hash"));
    /// ```
    pub fn at(path: impl Into<String>, message: impl fmt::Display) -> Self {
        Self {
            problems: vec![Problem {
                path: path.into(),
                message: message.to_string(),
            }],
        }
    }

    /// Combines many errors into one, so that an author sees all of them at once.
    ///
    /// # Errors
    ///
    /// Fails with all of `problems` together if it has at least one.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis_sdk::SettingsError;
    ///
    /// assert_eq!(SettingsError::check([]), Ok(()));
    /// let error = SettingsError::check([
    ///     SettingsError::at("a", "too small"),
    ///     SettingsError::at("b", "too large"),
    /// ]);
    /// assert_eq!(error.unwrap_err().to_string(), "a: too small; b: too large");
    /// ```
    pub fn check(problems: impl IntoIterator<Item = Self>) -> Result<(), Self> {
        let problems: Vec<_> = problems
            .into_iter()
            .flat_map(|error| error.problems)
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self { problems })
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.problems.iter().take(Self::MAX_SHOWN);
        for (index, Problem { path, message }) in shown.enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            let colon = if path.is_empty() { "" } else { ": " };
            write!(formatter, "{separator}{path}{colon}{message}")?;
        }
        match self.problems.len().saturating_sub(Self::MAX_SHOWN) {
            0 => Ok(()),
            more => write!(formatter, "; and {more} more"),
        }
    }
}

impl std::error::Error for SettingsError {}

/// Reads a value from JSON, such as that of a key in a bucket. Errors have the path of the wrong
/// value and the words of errors about settings. Keys that the type does not read are ignored,
/// unless it has `deny_unknown_fields`.
///
/// # Errors
///
/// Fails if the text is not JSON, or not such a value.
///
/// # Example
///
/// ```
/// use portcullis_sdk::read_json;
///
/// #[derive(Debug, serde::Deserialize)]
/// struct Device {
///     team: String,
/// }
///
/// let error = read_json::<Device>(r#"{ "team": 7 }"#).unwrap_err();
/// assert_eq!(error.to_string(), "team: expected a string, found a whole number");
/// assert_eq!(read_json::<Device>(r#"{ "team": "red" }"#)?.team, "red");
/// # Ok::<(), portcullis_sdk::SettingsError>(())
/// ```
pub fn read_json<T: DeserializeOwned>(json: &str) -> Result<T, SettingsError> {
    let node: Node = serde_json::from_str(json)
        .map_err(|error| SettingsError::new(format!("the text is not JSON: {error}")))?;
    let value =
        T::deserialize(node).map_err(|error| SettingsError::at(error.path(), error.message()));
    // They are no settings, which a warning would name.
    drop(place::take_ignored());
    value
}

/// Parses settings from the host's JSON. Drops the text as soon as the tree is built, to save
/// memory. Logs a warning for each setting that the type does not read.
pub(crate) fn parse<S: DeserializeOwned>(json: impl AsRef<str>) -> Result<S, SettingsError> {
    let node: Node = serde_json::from_str(json.as_ref())
        .map_err(|error| SettingsError::new(format!("the settings are not JSON: {error}")))?;
    drop(json);
    let settings =
        S::deserialize(node).map_err(|error| SettingsError::at(error.path(), error.message()));
    for path in place::take_ignored().iter().take(MAX_UNREAD) {
        // `portcullis policy lint` looks for the words after the path.
        log::warn(format!("{path}: the policy does not read this setting"));
    }
    settings
}

/// Returns the JSON Schema of settings of the type `S`, as its `Deserialize` asks for them, with
/// the descriptions and defaults of `doc`.
pub(crate) fn schema<S: DeserializeOwned>(doc: &SettingsDoc) -> String {
    let read = |node| S::deserialize(node).err();
    probe::shape(read).to_schema(doc)
}

/// Maximum number of unread settings that the log names.
const MAX_UNREAD: usize = 16;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Settings {
        users: BTreeMap<String, User>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct User {
        limit: Option<u32>,
        name: String,
    }

    #[test]
    fn errors_name_the_key_and_not_a_position_in_json() {
        let cases = [
            (
                r#"{"users":{"a":{"name":1}}}"#,
                "users.a.name: expected a string, found a whole number",
            ),
            (
                r#"{"users":{"a":{"name":"a","limt":1}}}"#,
                "users.a.limt: unknown field `limt`, did you mean `limit`?",
            ),
            (
                r#"{"users":{"a":{"limit":1}}}"#,
                "users.a: missing field `name`",
            ),
            ("{}", "missing field `users`"),
            (
                "[",
                "the settings are not JSON: EOF while parsing a list at line 1 column 1",
            ),
        ];
        for (json, expected) in cases {
            let error = parse::<Settings>(json).unwrap_err();
            assert_eq!(error.to_string(), expected, "{json}");
        }
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only parsed")]
    struct Lenient {
        account: String,
        #[serde(default)]
        users: Vec<Named>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only parsed")]
    struct Named {
        name: String,
    }

    #[test]
    fn a_setting_that_is_not_read_is_logged() {
        let json =
            r#"{"account":"A","acount":{"a":1},"users":[{"name":"a"},{"name":"b","pass":1}]}"#;
        parse::<Lenient>(json).unwrap();
        let lines = crate::testing::take_log().into_iter();
        let lines: Vec<_> = lines.map(|line| line.message).collect();
        assert_eq!(
            lines,
            [
                "acount: the policy does not read this setting",
                "users[1].pass: the policy does not read this setting"
            ]
        );
        parse::<Lenient>(r#"{"account":"A"}"#).unwrap();
        assert_eq!(crate::testing::take_log(), []);
    }

    #[test]
    fn of_a_great_many_problems_the_first_are_shown() {
        let error = |number| {
            let problems = (0..number).map(|index| SettingsError::at(format!("u{index}"), "no"));
            SettingsError::check(problems).unwrap_err().to_string()
        };
        assert!(error(64).ends_with("; u62: no; u63: no"));
        assert!(error(65).ends_with("; u62: no; u63: no; and 1 more"));
        assert!(error(100_000).ends_with("; u63: no; and 99936 more"));
    }

    #[test]
    fn a_policy_without_settings_accepts_none() {
        assert_eq!(parse("{}"), Ok(NoSettings {}));
        let error = parse::<NoSettings>(r#"{"a":1}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a: unknown field `a`, there are no fields"
        );
    }
}
