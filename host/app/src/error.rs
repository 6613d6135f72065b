//! Failures of the host.

use portcullis_accounts::StoreError;
use portcullis_callout::ServiceError;
use portcullis_catalog::{OpenError, WatchError};
use portcullis_claims::KeyError;
use portcullis_connect::{ConnectError, TlsFileError};
use portcullis_engine::EngineError;
use portcullis_http::TlsError;
use portcullis_identity::{AccountSetupError, NoRandomBytes, TokenSetupError};
use portcullis_toml::Problems;
use tokio::task::JoinError;

use crate::health::{CannotListen, LostForTooLong};

/// A reason why a host cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Secrets of the configuration are missing or of the wrong type.
    #[error(transparent)]
    Secrets(#[from] Problems),
    /// A seed cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The issuers of tokens cannot be used together.
    #[error(transparent)]
    Issuers(#[from] TokenSetupError),
    /// The accounts whose user JWTs are trusted cannot be used.
    #[error(transparent)]
    Accounts(#[from] AccountSetupError),
    /// The store of accounts that are made at their first login cannot be used.
    #[error("[operator.first-login]")]
    FirstLogin(#[from] StoreError),
    /// The store of accounts that signed themselves cannot be used.
    #[error("[operator.account-requests]")]
    AccountRequests(#[source] StoreError),
    /// The host's own login attempts cannot be made.
    #[error(transparent)]
    Probe(ConnectError),
}

/// A reason why a host ends before it is stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The engine does not run on this machine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The machine has no random bytes for the key of the password cache.
    #[error(transparent)]
    Random(#[from] NoRandomBytes),
    /// The policy directory cannot be read.
    #[error(transparent)]
    Policies(#[from] OpenError),
    /// The policy directory cannot be watched.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// The decision records cannot be written.
    #[error("[records]")]
    Records(#[from] portcullis_records::CannotRecord),
    /// The thread that sends traces of logins cannot be started.
    #[cfg(feature = "otel")]
    #[error("[telemetry.traces]: cannot start a thread")]
    Traces(#[source] std::io::Error),
    /// The health listener cannot use its address.
    #[error(transparent)]
    Listen(#[from] CannotListen),
    /// The token exchange cannot use its address.
    #[error("`listen` under [exchange]")]
    Exchange(#[from] portcullis_http::CannotListen),
    /// The token exchange has no TLS, because its certificate cannot be used.
    #[error("[exchange]")]
    Certificate(#[from] TlsError<TlsFileError>),
    /// The key of the token exchange's nonces cannot be made.
    #[error("[exchange]: the issuer's key cannot sign")]
    Nonces(#[from] KeyError),
    /// A connection cannot be made.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The service ended by itself.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// All connections have been lost for longer than `max-disconnected`.
    #[error(transparent)]
    Disconnected(#[from] LostForTooLong),
    /// A task of the host panicked, which is a fault of the host.
    #[error("a task of the host broke")]
    Task(#[from] JoinError),
    /// The task that mirrors the key-value buckets ended, which is a fault of the host.
    #[error("the task that mirrors the key-value buckets ended")]
    Buckets,
}
