//! Reasons why a text is not a value.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Display;

/// A reason why a text is not a value of a kind. The message is one line, for the author of the
/// file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidValue {
    /// The text is empty.
    #[error("must not be empty")]
    Empty,
    /// The value is zero.
    #[error("must be more than zero")]
    Zero,
    /// The value is too small or too large.
    #[error("must be {bound}, found `{found}`")]
    OutOfRange {
        /// Bound of the value, in words that fit after "must be".
        bound: Cow<'static, str>,
        /// The text.
        found: String,
    },
    /// The text is another than the expected one.
    #[error("expected {expected}, found `{found}`")]
    Unexpected {
        /// Description that fits after "expected".
        expected: Cow<'static, str>,
        /// The text, escaped.
        found: String,
    },
    /// The text is empty where something is expected.
    #[error("expected {0}, found nothing")]
    Nothing(&'static str),
    /// The text is another than the expected one. The message does not show it, because it may be a
    /// misplaced secret.
    #[error("expected {0}")]
    Secret(&'static str),
    /// The text breaks the rules of the value's type.
    #[error(transparent)]
    Rule(Box<dyn Error + Send + Sync>),
}

impl InvalidValue {
    /// Returns the refusal of `text` where `expected` is expected.
    pub fn unexpected(expected: impl Into<Cow<'static, str>>, text: &str) -> Self {
        Self::Unexpected {
            expected: expected.into(),
            found: text.escape_debug().to_string(),
        }
    }

    /// Returns the refusal of a value above `most`.
    pub fn above(most: impl Display, text: &str) -> Self {
        Self::OutOfRange {
            bound: format!("at most `{most}`").into(),
            found: text.to_owned(),
        }
    }

    /// Returns the refusal of a value that is not `bound`, in words that fit after "must be".
    pub fn out_of_range(bound: impl Into<Cow<'static, str>>, text: &str) -> Self {
        Self::OutOfRange {
            bound: bound.into(),
            found: text.to_owned(),
        }
    }

    /// Wraps the error of a type's own parser.
    pub fn rule(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Rule(error.into())
    }
}
