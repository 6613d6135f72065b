//! The limits of a listener.

use std::time::Duration;

/// The limits of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerOptions {
    /// Time limit for the handshake, for the head of a request, for a connection without one, and
    /// for the client to read an answer.
    pub idle_timeout: Duration,
    /// Time for which a request may go on after the listener or its connection is to end. The
    /// router limits a request by itself.
    pub request_timeout: Duration,
    /// Maximum age of a connection. The listener finishes a request in progress and then closes the
    /// connection.
    pub max_connection_age: Duration,
    /// Maximum number of connections. The listener closes further ones.
    pub max_connections: usize,
    /// Maximum number of connections of a client address, of an IPv6 client's /64. The listener
    /// closes further ones.
    pub max_connections_per_address: usize,
}
