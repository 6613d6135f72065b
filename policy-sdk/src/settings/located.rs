//! The errors of deserialization: what was expected and found, and where.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::step::{self, Step};
use super::words::{self, nearest};

/// A deserialization error with its place in the settings.
#[derive(Debug)]
pub(super) struct Located {
    /// Keys and indices, innermost first.
    path: Vec<Step>,
    message: String,
    /// The key that is missing, if that is the problem.
    missing: Option<&'static str>,
}

/// An unexpected value, described in the words of TOML. Strings are not shown: one may be a
/// password under the wrong key. A number is shown where one is expected: elsewhere it may be a
/// password without quotation marks.
struct Found<'value> {
    value: Unexpected<'value>,
    shows_numbers: bool,
}

impl Located {
    /// Returns the path of the value at fault, as `users.alice.tags[0]`.
    pub(super) fn path(&self) -> String {
        step::path(&self.path)
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Returns the key that is missing in the table at `depth`. `None` for every other problem.
    pub(super) fn missing_at(&self, depth: usize) -> Option<&'static str> {
        self.missing.filter(|_| self.path.len() == depth)
    }

    pub(super) fn within(mut self, step: Step) -> Self {
        self.path.push(step);
        self
    }
}

impl de::Error for Located {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self {
            path: Vec::new(),
            message: words::message(message.to_string()),
            missing: None,
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            missing: Some(field),
            ..Self::custom(format_args!("missing field `{field}`"))
        }
    }

    fn invalid_type(value: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = words::expected(expected.to_string());
        let shows_numbers = expected.starts_with("a whole number");
        let found = Found {
            value,
            shows_numbers,
        };
        Self::custom(format_args!("expected {expected}, found {found}"))
    }

    /// The name itself is not shown: it may be a password under the wrong key.
    fn unknown_variant(name: &str, expected: &'static [&'static str]) -> Self {
        let expected_one = format!("expected one of `{}`", expected.join("`, `"));
        match nearest(name, expected) {
            Some(near) => Self::custom(format_args!("{expected_one}; did you mean `{near}`?")),
            None => Self::custom(expected_one),
        }
    }

    fn unknown_field(name: &str, expected: &'static [&'static str]) -> Self {
        match (nearest(name, expected), expected) {
            (Some(near), _) => Self::custom(format_args!(
                "unknown field `{name}`, did you mean `{near}`?"
            )),
            (None, []) => Self::custom(format_args!("unknown field `{name}`, there are no fields")),
            (None, _) => Self::custom(format_args!(
                "unknown field `{name}`, expected one of `{}`",
                expected.join("`, `")
            )),
        }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let expected = words::expected(expected.to_string());
        Self::custom(format_args!(
            "expected {expected}, found a list of {length}"
        ))
    }
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Unexpected::Bool(value) => write!(formatter, "`{value}`"),
            Unexpected::Unsigned(value) if self.shows_numbers => write!(formatter, "`{value}`"),
            Unexpected::Signed(value) if self.shows_numbers => write!(formatter, "`{value}`"),
            Unexpected::Unsigned(_) | Unexpected::Signed(_) => {
                formatter.write_str("a whole number")
            }
            Unexpected::Float(_) => formatter.write_str("a number with a fraction"),
            Unexpected::Str(_) | Unexpected::Char(_) => formatter.write_str("a string"),
            Unexpected::Seq => formatter.write_str("a list"),
            Unexpected::Map => formatter.write_str("a table"),
            Unexpected::Unit => formatter.write_str("no value"),
            _ => formatter.write_str("something else"),
        }
    }
}

impl fmt::Display for Located {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Located {}
