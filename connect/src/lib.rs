//! Connections to NATS that renew themselves.
//!
//! [`async_nats`] keeps a connection. This crate adds what a service that depends on it needs:
//!
//! - **Secrets that rotate.** Passwords, tokens, seeds, creds files and certificates are read again
//!   before every attempt. If one cannot be read, the last good one is used.
//! - **A first connection with retries.** A service can start before its server ([`Retries`]).
//! - **Logins that renew themselves.** Tokens of OAuth 2.0 or of files are exchanged for user JWTs,
//!   and renewed before they end ([`ExchangeClient`]).
//! - **Quick reconnects.** After a loss, every known server is tried once without a wait. Later
//!   rounds wait with jitter, so that the clients of a lost server do not all reconnect at the same
//!   time.
//! - **Private inboxes.** The inbox prefix is random if the permissions allow it ([`InboxPrefix`]).
//!   Other users of the account then cannot read the answers.
//! - **Events with their server.** [`ConnectionHooks`] receives each event with the connection and
//!   the server, and trouble that repeats as a summary. [`ConnectionStatus`] counts all events.
//!
//! # Layout
//!
//! - [`connect()`], [`connect_all`], [`PendingConnection`], [`Connection`]: making and holding
//!   connections; [`ConnectionOptions`] has the defaults.
//! - [`Authentication`], [`SecretSource`], [`Secret`]: the login, and the places of secrets.
//! - [`RenewedLogin`], [`LoginSource`]: a login that renews itself. [`ExchangeClient`] and
//!   [`TokenLogin`] are sources of such logins.
//! - [`StoredToken`], [`ClientCredentials`], [`TokenExchange`]: sources of tokens
//!   ([`TokenSource`]). [`TokenEndpointOptions`] has what clients of OAuth 2.0 share,
//!   [`RenewalOptions`] the times of renewal, [`HttpOptions`] those of requests.
//! - [`TlsOptions`], [`CertificateFiles`]: encryption, and the client's certificate.
//! - [`ConnectionHooks`], [`ConnectionTrouble`], [`ConnectionStatus`], [`OutageWatcher`]: events
//!   and state.
//! - [`Nats`]: a connection as a value, for services that tests run without a server.
//!   [`MemoryNats`] is that of tests.
//! - [`LoginProbe`]: a login that only tests the server's answer.
//! - [`RequiredPermission`]: a permission that the connection's user needs, for a service that
//!   lists or checks its own.
//!
//! - [`Clock`], [`Randomness`], [`Disk`], [`HttpClient`]: the outside world as values, for tests
//!   and simulations.
//! - [`async_nats`]: the client library, in the version of this crate. [`with_causes`]: an error
//!   and its causes in one line.
//!
//! # Features
//!
//! - `otel`, off by default: requests for tokens and user JWTs carry the trace context of the
//!   current span (`traceparent`). `with_trace_context` adds it to the headers of a message.
//!
//! # Example
//!
//! ```no_run
//! use portcullis_connect::{Authentication, ConnectionOptions, SecretSource, connect};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let servers = vec!["nats://a.example".to_owned(), "nats://b.example".to_owned()];
//! let options = ConnectionOptions {
//!     authentication: Authentication::Credentials(SecretSource::File("orders.creds".into())),
//!     ..ConnectionOptions::new("orders", servers)
//! };
//! let connection = connect(&options).await?;
//! connection.client().publish("orders.new", "42".into()).await?;
//! connection.close().await;
//! # Ok(())
//! # }
//! ```

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "a test waits in real time, or makes real files"
    )
)]

/// The front page, whose examples have to compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;

mod abort_on_drop;
mod authentication;
mod connection;
mod connector;
mod counts;
mod error;
mod exchange;
#[cfg(test)]
mod fake_http;
#[cfg(test)]
mod fake_server;
mod hooks;
mod http;
mod inbox;
mod login;
mod login_renewal;
mod memory;
mod monitor;
mod nats;
mod options;
mod outage;
mod permissions;
mod probe;
mod proof;
mod renewal;
mod repeats;
mod secret;
mod server_selector;
mod shown;
mod status;
mod tls;
mod token;
#[cfg(feature = "otel")]
mod trace_context;

pub use async_nats;
pub use authentication::{Authentication, AuthenticationError};
#[cfg(any(test, feature = "measure"))]
pub use connection::measure::IdleLogin;
pub use connection::{Connection, PendingConnection, connect, connect_all};
pub use counts::ConnectionCounts;
pub use error::ConnectError;
pub use exchange::{ExchangeClient, ExchangeOptions, ExchangeProtocol};
pub use hooks::{ConnectionHooks, ConnectionTrouble, LogConnections, Peer};
pub use http::{
    HttpClient, HttpError, HttpFuture, HttpOptions, HttpRequest, HttpResponse, InvalidEndpoint,
    NetworkClient, is_this_machine,
};
pub use inbox::{InboxPrefix, InvalidInboxPrefix, USER_INFO};
pub use login::{Login, LoginFuture, LoginSource, RenewedLogin, TokenLogin};
pub use memory::{MemoryNats, MemorySubscription};
pub use nats::{
    DrainError, FlushError, HeaderMap, Message, Nats, NatsSubscription, PublishError,
    PublishErrorKind, RequestError, RequestErrorKind, StatusCode, Subject, SubscribeError,
    SubscribeErrorKind, UnsubscribeError,
};
pub use options::{AdditionalOptions, ConnectionOptions, Retries};
pub use outage::{Outage, OutageWatcher};
pub use permissions::{PermissionSide, RequiredPermission};
pub use portcullis_claims::{CredentialsError, KeyError, UserCredentials};
pub use portcullis_core::{Sample, SampleValue, Secret, with_causes};
pub use portcullis_environment::{Clock, Randomness, SystemClock, SystemRandomness};
pub use portcullis_files::{Disk, ReadError, SystemDisk};
pub use probe::{LoginAnswer, LoginProbe};
pub use renewal::RenewalOptions;
pub use secret::{SecretError, SecretSource};
pub use status::ConnectionStatus;
pub use tls::{CertificateFiles, TlsFileError, TlsOptions};
pub use token::{
    ClientCredentials, ClientCredentialsOptions, ClientSecret, NewTokenClientError, StoredToken,
    Token, TokenEndpointOptions, TokenError, TokenExchange, TokenExchangeOptions, TokenFuture,
    TokenHeader, TokenSource,
};
#[cfg(feature = "otel")]
pub use trace_context::with_trace_context;
pub use url::Url;
