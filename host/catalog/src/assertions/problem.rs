//! The problems of a file of assertions.

use crate::access::InvalidAccess;
use crate::policy_tests::problem::TestProblem;

/// A problem of a file of assertions. The message is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssertionsProblem {
    /// The file is not text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// The file is not TOML, or not in the format of assertions. The message shows no value, which
    /// may be a password.
    #[error("{0}")]
    Format(String),
    /// A login is invalid.
    #[error("login `{name}`: {problem}")]
    Login {
        /// The login's name.
        name: String,
        /// The problem of the login.
        #[source]
        problem: TestProblem,
    },
    /// An assertion is invalid.
    #[error("assertion `{name}`: {problem}")]
    Assertion {
        /// The assertion's name.
        name: String,
        /// The problem of the assertion.
        #[source]
        problem: ClaimProblem,
    },
}

/// A problem of one assertion. The message is one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimProblem {
    /// The assertion is about no logins, or both about some and about all others.
    #[error("expected one of `logins = [\"…\"]` and `only = [\"…\"]`")]
    Logins,
    /// The assertion has no name.
    #[error("`name` is empty: say what the assertion holds")]
    NoName,
    /// Another assertion has the same name.
    #[error("there is another of this name")]
    SameName,
    /// A listed login is not in the file.
    #[error("there is no `[logins.{0}]`: add it, or correct the name")]
    UnknownLogin(String),
    /// An exhaustive assertion states what it cannot.
    #[error(
        "`only` goes with `may-publish` and `may-subscribe`: the logins that it does not list may not"
    )]
    OnlyAndMore,
    /// An exhaustive assertion states no subject.
    #[error("it reserves nothing: add `may-publish` or `may-subscribe`")]
    ReservesNothing,
    /// A denied login has access.
    #[error(
        "a login that is denied has no account and reaches nothing: leave them out, or `denied`"
    )]
    DeniedWithAccess,
    /// The assertion states nothing about its logins.
    #[error("it claims nothing: add `denied = true`, `account`, or `may-publish` and the like")]
    ClaimsNothing,
    /// A subject is invalid.
    #[error(transparent)]
    Access(#[from] InvalidAccess),
}

impl ClaimProblem {
    /// Returns the key of the assertion that is at fault. `None` if that is no single one.
    pub(super) const fn key(&self) -> Option<&'static str> {
        match self {
            Self::Access(problem) => Some(problem.key()),
            _ => None,
        }
    }
}
