//! Who a login says it is, before anything is verified.

use std::borrow::Cow;
use std::fmt;

/// Who a login says it is, before anything is verified. `Debug` does not show it: it may be a token.
#[derive(Clone, PartialEq, Eq)]
pub enum Claimant<'r> {
    /// A user name, an nkey, or the subject of a user JWT.
    User(Cow<'r, str>),
    /// Whoever has this token, which names nobody that could be guessed at: the subject that a signed token says, or else the token
    /// itself.
    Token(Cow<'r, str>),
    /// It does not say.
    Nobody,
}

impl fmt::Debug for Claimant<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::User(_) => "User([redacted])",
            Self::Token(_) => "Token([redacted])",
            Self::Nobody => "Nobody",
        })
    }
}
