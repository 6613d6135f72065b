//! What an embedder can hear of a connection.

use std::fmt;

use crate::authentication::AuthenticationError;

/// Which server a connection is to, or was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Host and port, as this side knows them.
    pub address: String,
    /// The server's id, `N…`.
    pub server_id: String,
    /// The server's name.
    pub server_name: String,
}

/// Something that does not end the connection for good.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionTrouble {
    /// A server could not be reached.
    #[error("cannot connect to `{address}`: {error}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// Why.
        error: String,
    },
    /// A server does not let the host in. It is tried again: who may enter can change on the server, and so can the host's
    /// credentials.
    #[error(
        "`{address}` refuses the login: the user must be one of its `auth_users`, with credentials that are valid now"
    )]
    Refused {
        /// Host and port.
        address: String,
    },
    /// The secrets could not be read anew; those read before are used.
    #[error("credentials not renewed")]
    StaleCredentials(#[source] AuthenticationError),
    /// Messages were lost, because they came faster than they were read.
    #[error("messages lost: they came faster than they were read")]
    SlowConsumer {
        /// The client's number for the subscription.
        subscription: u64,
    },
    /// The server complains.
    #[error("the server says `{0}`")]
    Server(String),
    /// The client library complains.
    #[error("{0}")]
    Client(String),
}

/// Hears what happens to connections, each known by its name.
///
/// Every method has a default that writes it to the log; what is counted is counted whatever the methods do, in
/// [`ConnectionStatus`](crate::ConnectionStatus). They are called one after the other for each connection and hold up what
/// comes after, so they should not block.
pub trait ConnectionHooks: fmt::Debug + Send + Sync {
    /// Connected for the first time.
    fn connect(&self, connection: &str, peer: &Peer) {
        tracing::info!(
            nats.connection = connection,
            nats.address = peer.address,
            nats.server.id = peer.server_id,
            nats.server.name = peer.server_name,
            "nats connected"
        );
    }

    /// The connection to `peer` is lost. `error` is what the server said last, if it said something.
    fn disconnect(&self, connection: &str, peer: &Peer, error: Option<&str>) {
        tracing::warn!(
            nats.connection = connection,
            nats.address = peer.address,
            nats.server.id = peer.server_id,
            error,
            "nats disconnected"
        );
    }

    /// Connected again, for the `reconnects`th time.
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

    /// The server is about to stop; it will close the connection soon.
    fn lame_duck(&self, connection: &str, peer: &Peer) {
        tracing::warn!(
            nats.connection = connection,
            nats.address = peer.address,
            nats.server.id = peer.server_id,
            "nats server enters lame duck mode"
        );
    }

    /// The connection has ended for good.
    fn closed(&self, connection: &str, peer: &Peer) {
        tracing::info!(
            nats.connection = connection,
            nats.address = peer.address,
            "nats connection closed"
        );
    }

    /// Something went wrong, and the connection goes on, or goes on trying. Trouble that repeats is reported here once.
    fn error(&self, connection: &str, trouble: &ConnectionTrouble) {
        log_trouble(connection, trouble);
    }

    /// Reports that trouble which was reported before has happened `times` times more, on this
    /// connection or on others of the host. Called after ten seconds, and then at intervals that
    /// double up to ten minutes.
    fn error_repeated(&self, connection: &str, trouble: &ConnectionTrouble, times: u64) {
        tracing::warn!(
            nats.connection = connection,
            nats.times = times,
            error = portcullis_core::with_causes(trouble),
            "nats trouble goes on"
        );
    }
}

/// Writes everything to the log.
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
        ConnectionTrouble::StaleCredentials(error) => tracing::warn!(
            nats.connection = connection,
            error = portcullis_core::with_causes(error),
            "nats credentials not renewed: those read before are used"
        ),
        ConnectionTrouble::SlowConsumer { subscription } => tracing::error!(
            nats.connection = connection,
            nats.subscription = subscription,
            "requests lost: they arrived faster than they were read"
        ),
        ConnectionTrouble::Server(error) => {
            tracing::error!(nats.connection = connection, error, "nats server error");
        }
        ConnectionTrouble::Client(error) => {
            tracing::error!(nats.connection = connection, error, "nats client error");
        }
    }
}
