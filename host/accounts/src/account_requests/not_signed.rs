//! Reasons why an account that asks is not signed.

use crate::error::StoreError;

/// A reason why an account is not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotSigned {
    /// The last version, stored or deleted, is later than the request, or of the same second.
    #[error(
        "the request was issued at {asked} (Unix time), and the last version at {stored}: a request has to be later"
    )]
    Older {
        /// Time of issue of the last version.
        stored: u64,
        /// Time of issue of the request.
        asked: u64,
    },
    /// The account exists and was not signed on request.
    #[error(
        "the account was not signed on its own request, so it gets no other version this way; change it in the store"
    )]
    Foreign,
    /// Another account has the name.
    #[error("the store has another account of the name `{0}`")]
    Taken(String),
    /// The store has as many such accounts as it may.
    #[error(
        "{0} accounts were signed on their own request, which is `max-accounts`; delete some, or raise it"
    )]
    TooMany(usize),
    /// As many new accounts were signed in the last hour as may be.
    #[error(
        "{0} new accounts were signed on their own request in the last hour, which is `max-per-hour`"
    )]
    TooFast(usize),
    /// The host has signed as many requests in the last minute as it may.
    #[error("the host has signed {0} requests of accounts within a minute; ask again later")]
    TooBusy(usize),
    /// The host has signed as many requests of this account in the last minute as it may.
    #[error("the host has signed {0} requests of this account within a minute; ask again later")]
    TooOften(usize),
    /// The permit has ended, or the account asks for an end that has passed.
    #[error("the account would have ended before it is signed")]
    Ended,
    /// The store failed, or servers would refuse the account within its limits.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The work on the store panicked, which is a fault of the host.
    #[error("signing the account panicked")]
    Broken,
}

impl NotSigned {
    /// Names of the reasons in metrics.
    pub const REASONS: [&'static str; 9] = [
        "older",
        "not-on-request",
        "name-taken",
        "max-accounts",
        "max-per-hour",
        "max-per-minute",
        "ended",
        "store",
        "panic",
    ];

    /// Returns the name of the reason in metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Older { .. } => "older",
            Self::Foreign => "not-on-request",
            Self::Taken(_) => "name-taken",
            Self::TooMany(_) => "max-accounts",
            Self::TooFast(_) => "max-per-hour",
            Self::TooBusy(_) | Self::TooOften(_) => "max-per-minute",
            Self::Ended => "ended",
            Self::Store(_) => "store",
            Self::Broken => "panic",
        }
    }
}
