//! Patterns of scopes, as the settings write them.

use std::str::FromStr;

/// A scope, or a prefix of scopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ScopePattern {
    /// A single scope.
    Exact(String),
    /// Every scope with this prefix.
    Prefix(String),
}

/// The reason why a text is not a pattern of scopes.
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
    /// Returns whether the pattern matches the token's scope. A `*` in the token is an ordinary
    /// character.
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
