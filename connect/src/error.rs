//! The reasons for which a connection is not made.

use crate::authentication::AuthenticationError;
use crate::hooks::ConnectionTrouble;
use crate::tls::TlsFileError;

/// The reason for which a connection is not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The options name no server.
    #[error("no server to connect to")]
    NoServer,
    /// An address cannot be parsed. The message does not repeat it: it can hold a password.
    #[error("server address {position} is not one")]
    Address {
        /// The address's place in the list, from 1.
        position: usize,
        /// The parser's reason.
        source: std::io::Error,
    },
    /// The secrets for the login cannot be used.
    #[error("cannot log in")]
    Authentication(#[from] AuthenticationError),
    /// A file for TLS cannot be used.
    #[error("cannot use tls")]
    Tls(#[from] TlsFileError),
    /// The runtime shuts down, so no file was read.
    #[error("interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
    /// All attempts that [`Retries`](crate::Retries) allows have failed.
    #[error("gave up connecting to nats at attempt {attempts}")]
    MaxRetries {
        /// The number of attempts, each at every server.
        attempts: u64,
        /// The failure of the last attempt.
        source: ConnectionTrouble,
    },
}
