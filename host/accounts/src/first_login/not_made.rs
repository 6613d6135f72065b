//! Reasons why a login gets no account.

use crate::error::StoreError;

/// A reason why an account was not made, or why its server does not have it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotMade {
    /// The connection to the system account was not made yet.
    #[error("the host is not connected to the system account; see [operator.first-login.nats]")]
    NotConnected,
    /// The store has as many such accounts as it may.
    #[error(
        "{0} accounts were made at their first login, which is `max-accounts`; delete some, or raise it"
    )]
    TooMany(usize),
    /// As many accounts were made in the last hour as may be.
    #[error(
        "{0} accounts were made at their first login in the last hour, which is `max-per-hour`"
    )]
    TooFast(usize),
    /// The store has an account of this name that was made otherwise.
    #[error(
        "the store has an account of this name that was not made at its first login; add it under [operator.accounts]"
    )]
    Foreign,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No server answered that it has the account.
    #[error("no server has confirmed the account in time{}", answers(.0))]
    NotConfirmed(Vec<String>),
    /// A server refused the account.
    #[error("server `{server}` refuses the account: {reason}")]
    Refused {
        /// Name of the server.
        server: String,
        /// Reason in the words of the server.
        reason: String,
    },
    /// The request to the servers failed.
    #[error("the account could not be pushed")]
    Push(#[source] Box<portcullis_system::SystemError>),
    /// The work on the store panicked, which is a fault of the host.
    #[error("making the account panicked")]
    Broken,
}

impl NotMade {
    /// Names of the reasons in metrics.
    pub const REASONS: [&'static str; 9] = [
        "not-connected",
        "max-accounts",
        "max-per-hour",
        "name-taken",
        "store",
        "not-confirmed",
        "refused",
        "push",
        "panic",
    ];

    /// Returns the place of the reason in [`NotMade::REASONS`].
    pub(super) const fn index(&self) -> usize {
        match self {
            Self::NotConnected => 0,
            Self::TooMany(_) => 1,
            Self::TooFast(_) => 2,
            Self::Foreign => 3,
            Self::Store(_) => 4,
            Self::NotConfirmed(_) => 5,
            Self::Refused { .. } => 6,
            Self::Push(_) => 7,
            Self::Broken => 8,
        }
    }
}

/// Lists the answers of servers that do not have the account, as the end of a sentence.
fn answers(answers: &[String]) -> String {
    if answers.is_empty() {
        "; none answered".to_owned()
    } else {
        format!(": {}", answers.join("; "))
    }
}
