//! Connections to NATS, made and kept.

mod authentication;
mod connection;
mod hooks;
mod inbox;
mod monitor;
mod permissions;
mod repeats;
mod secret;
mod server_selector;
mod status;
mod tls;

pub use authentication::{Authentication, AuthenticationError};
pub use connection::{
    AdditionalOptions, ConnectError, Connection, ConnectionOptions, PendingConnection, Retries,
    connect, connect_all,
};
pub use hooks::{ConnectionHooks, ConnectionTrouble, LogConnections, Peer};
pub use inbox::{InboxPrefix, InvalidInboxPrefix, USER_INFO};
pub use permissions::{PermissionSide, RequiredPermission};
pub use secret::{SecretError, SecretSource};
pub use status::{ConnectionCounts, ConnectionStatus};
pub use tls::{CertificateFiles, TlsFileError, TlsOptions};
