//! The result of sending a reply.

use portcullis_core::{LoginOutcome, Outcome};

/// The result of sending a reply.
#[derive(Debug)]
pub(crate) enum Replied {
    /// The reply was handed to the NATS client.
    Sent,
    /// No reply was sent, because `[callout.deny]` says so.
    Dropped,
    /// No reply was sent, because the server had given up by its own timeout.
    Late,
    /// The reply was sent after the server had said that it refused the login or gave up.
    GivenUp,
    /// The reply could not be handed to the NATS client, for this reason.
    Lost(String),
}

impl Replied {
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Dropped => "dropped",
            Self::Late => "late",
            Self::GivenUp => "given-up",
            Self::Lost(_) => "lost",
        }
    }

    pub(crate) fn error(&self) -> Option<&str> {
        match self {
            Self::Lost(error) => Some(error),
            Self::Sent | Self::Dropped | Self::Late | Self::GivenUp => None,
        }
    }

    /// Returns the outcome of a login with this decision, as far as it is known now. That of a
    /// permit that was sent in time is unconfirmed.
    pub(crate) const fn outcome(&self, decided: &Outcome) -> LoginOutcome {
        match (decided, self) {
            (Outcome::Deny(_), _) => LoginOutcome::Denied,
            (Outcome::Permit(_), Self::Sent) => LoginOutcome::Unconfirmed,
            (Outcome::Permit(_), Self::Late | Self::GivenUp) => LoginOutcome::GivenUp,
            (Outcome::Permit(_), Self::Dropped | Self::Lost(_)) => LoginOutcome::Lost,
        }
    }

    /// Returns whether the reply was sent to a server that still waited.
    pub(crate) const fn is_sent(&self) -> bool {
        matches!(self, Self::Sent)
    }
}
