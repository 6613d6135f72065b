//! Connections that the listener closes before their clients do.

/// A reason for which the listener closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Closed {
    /// There are too many connections.
    TooMany,
    /// The client's address has too many connections.
    TooManyOfAddress,
    /// The TLS handshake failed or took too long.
    Handshake,
    /// The client sent no complete head of a request in time.
    Idle,
    /// The client did not read an answer in time.
    Unread,
    /// The connection reached its maximum age.
    Age,
}

impl Closed {
    /// All reasons.
    pub const ALL: [Self; 6] = [
        Self::TooMany,
        Self::TooManyOfAddress,
        Self::Handshake,
        Self::Idle,
        Self::Unread,
        Self::Age,
    ];

    /// Returns the name in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooMany => "max-connections",
            Self::TooManyOfAddress => "max-connections-per-address",
            Self::Handshake => "handshake",
            Self::Idle => "idle",
            Self::Unread => "unread",
            Self::Age => "max-connection-age",
        }
    }

    /// Returns whether connections of ordinary clients end for this reason.
    pub const fn is_ordinary(self) -> bool {
        matches!(self, Self::Idle | Self::Age)
    }
}
