//! The result of sending a reply.

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

    /// Returns whether the reply was sent to a server that still waited.
    pub(crate) const fn is_sent(&self) -> bool {
        matches!(self, Self::Sent)
    }
}
