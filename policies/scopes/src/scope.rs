//! Scopes as the settings name them.

use std::str::FromStr;

/// A scope, or the beginning of scopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ScopePattern {
    /// This scope.
    Exact(String),
    /// Every scope that begins so.
    Prefix(String),
}

/// A text that names no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidPattern {
    #[error("an empty text names no scope")]
    Empty,
    #[error("a scope with white space: name each scope by itself")]
    Blank,
    #[error("a `*` may only stand at the end: write `admin:*` for all that begin with `admin:`")]
    Star,
}

impl ScopePattern {
    /// Whether the token's scope is meant. A `*` in the token is a character like any other.
    pub(crate) fn matches(&self, scope: &str) -> bool {
        match self {
            Self::Exact(known) => scope == known,
            Self::Prefix(prefix) => scope.starts_with(prefix.as_str()),
        }
    }
}

impl FromStr for ScopePattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let (name, is_prefix) = match text.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (text, false),
        };
        if text.is_empty() {
            Err(InvalidPattern::Empty)
        } else if name.contains(char::is_whitespace) {
            Err(InvalidPattern::Blank)
        } else if name.contains('*') {
            Err(InvalidPattern::Star)
        } else if is_prefix {
            Ok(Self::Prefix(name.to_owned()))
        } else {
            Ok(Self::Exact(name.to_owned()))
        }
    }
}
