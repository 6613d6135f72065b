//! The events of connections, for the service that owns them.

use std::fmt;

use portcullis_core::with_causes;

use crate::authentication::AuthenticationError;

/// The server at the other end of a connection, now or before it was lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Host and port, as this side knows them.
    pub address: String,
    /// The server's id, `N…`.
    pub server_id: String,
    /// The server's name.
    pub server_name: String,
}

/// A problem that does not end a connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionTrouble {
    /// A server could not be reached.
    #[error("cannot connect to `{address}`: {error}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// The reason.
        error: String,
    },
    /// A server refuses the login. The connection tries again, because the server's users and the
    /// service's credentials can change.
    #[error(
        "`{address}` refuses the login: its configuration must name the user, and the credentials must be valid now"
    )]
    Refused {
        /// Host and port.
        address: String,
    },
    /// No login was obtained, so no server was tried. The connection tries again.
    #[error("cannot log in")]
    NoLogin(#[source] AuthenticationError),
    /// The secrets could not be read again, so the last good ones are used.
    #[error("credentials not renewed")]
    StaleCredentials(#[source] AuthenticationError),
    /// Messages were lost because they arrived faster than the service read them.
    #[error("messages lost: they came faster than they were read")]
    SlowConsumer {
        /// The client library's number for the subscription.
        subscription: u64,
    },
    /// The server sent an error.
    #[error("the server says `{0}`")]
    Server(String),
    /// The client library failed.
    #[error("{0}")]
    Client(String),
}

/// Receives the events of connections, each with the connection's name.
///
/// Every method has a default that writes to the log. [`ConnectionStatus`](crate::ConnectionStatus)
/// counts the events in any case. A connection calls the methods one after the other and waits for
/// each, so they should not block.
pub trait ConnectionHooks: fmt::Debug + Send + Sync {
    /// Reports the first connection.
    fn connect(&self, connection: &str, peer: &Peer) {
        tracing::info!(
            nats.connection = connection,
            nats.address = peer.address,
            nats.server.id = peer.server_id,
            nats.server.name = peer.server_name,
            "nats connected"
        );
    }

    /// Reports that the connection to `peer` is lost. `error` is the server's last error, if any.
    fn disconnect(&self, connection: &str, peer: &Peer, error: Option<&str>) {
        tracing::warn!(
            nats.connection = connection,
            nats.address = peer.address,
            nats.server.id = peer.server_id,
            error,
            "nats disconnected"
        );
    }

    /// Reports the `reconnects`th connection after a loss.
    fn reconnect(&self, connection: &str, peer: &Peer, reconnects: u64) {
        tracing::info!(
            nats.connection = connection,
            nats.address = peer.address,
            nats.server.id = peer.server_id,
            nats.server.name = peer.server_name,
            nats.reconnects = reconnects,
            "nats reconnected"
        );
    }

    /// Reports that the login ends soon, so that the connection to `peer` will be made again with a
    /// new one. A disconnect and a reconnect follow.
    fn login_renewed(&self, connection: &str, peer: &Peer) {
        tracing::info!(
            nats.connection = connection,
            nats.address = peer.address,
            nats.server.id = peer.server_id,
            "nats login ends soon: connecting again with a new one"
        );
    }

    /// Reports that the server will stop, and close the connection soon.
    fn lame_duck(&self, connection: &str, peer: &Peer) {
        tracing::warn!(
            nats.connection = connection,
            nats.address = peer.address,
            nats.server.id = peer.server_id,
            "nats server enters lame duck mode"
        );
    }

    /// Reports that the connection has ended and will not be renewed.
    fn closed(&self, connection: &str, peer: &Peer) {
        tracing::info!(
            nats.connection = connection,
            nats.address = peer.address,
            "nats connection closed"
        );
    }

    /// Reports trouble after which the connection stays or is tried again. Repeated trouble is
    /// reported here only once.
    fn error(&self, connection: &str, trouble: &ConnectionTrouble) {
        log_trouble(connection, trouble);
    }

    /// Reports that the user's permissions admit no inbox prefix but `_INBOX`. Other users of the
    /// account can then read the answers to this connection's requests.
    fn shared_inbox(&self, connection: &str) {
        tracing::warn!(
            nats.connection = connection,
            "permissions allow no inbox but `_INBOX.>`, which other users of the account may read: set an inbox prefix and allow it"
        );
    }

    /// Reports that earlier trouble has happened `times` more times, on this connection or on
    /// others of the same service. The first call is after ten seconds. The interval then doubles
    /// up to ten minutes.
    fn error_repeated(&self, connection: &str, trouble: &ConnectionTrouble, times: u64) {
        tracing::warn!(
            nats.connection = connection,
            nats.times = times,
            error = with_causes(trouble),
            "nats trouble goes on"
        );
    }
}

/// Writes all events to the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogConnections;

impl ConnectionHooks for LogConnections {}

fn log_trouble(connection: &str, trouble: &ConnectionTrouble) {
    match trouble {
        ConnectionTrouble::Unreachable { address, error } => tracing::warn!(
            nats.connection = connection,
            nats.address = address,
            error,
            "nats connection failed"
        ),
        ConnectionTrouble::Refused { address } => tracing::error!(
            nats.connection = connection,
            nats.address = address,
            error = %trouble,
            "nats login refused"
        ),
        ConnectionTrouble::NoLogin(error) => tracing::error!(
            nats.connection = connection,
            error = with_causes(error),
            "nats connection has no credentials to log in with"
        ),
        ConnectionTrouble::StaleCredentials(error) => tracing::warn!(
            nats.connection = connection,
            error = with_causes(error),
            "nats credentials not renewed: those read before are used"
        ),
        ConnectionTrouble::SlowConsumer { subscription } => tracing::error!(
            nats.connection = connection,
            nats.subscription = subscription,
            "messages lost: they arrived faster than they were read"
        ),
        ConnectionTrouble::Server(error) => {
            tracing::error!(nats.connection = connection, error, "nats server error");
        }
        ConnectionTrouble::Client(error) => {
            tracing::error!(nats.connection = connection, error, "nats client error");
        }
    }
}
