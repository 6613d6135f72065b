//! A quick login, with the client library that the host uses too.

use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions};
use serde_json::json;

use crate::{Answer, PATIENCE, Wire, leaks};

/// The credentials of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// No credentials.
    None,
    /// A user name and a password.
    Password(&'a str, &'a str),
    /// A token.
    Token(&'a str),
}

impl Credentials<'_> {
    /// Registers the secret, so that every host's output is searched for it.
    pub(crate) fn note(self) {
        match self {
            Self::None => {}
            Self::Password(_, secret) | Self::Token(secret) => leaks::note(secret),
        }
    }
}

/// Logs in at `url` as a connection named `name`.
///
/// # Errors
///
/// Fails if the login does; see [`is_refused`].
pub async fn log_in(
    url: &str,
    credentials: Credentials<'_>,
    name: &str,
) -> Result<Client, ConnectError> {
    login_options(credentials, name).connect(url).await
}

/// Returns the options that [`log_in`] connects with, for tests that need later events of the
/// connection.
pub fn login_options(credentials: Credentials<'_>, name: &str) -> ConnectOptions {
    credentials.note();
    let options = match credentials {
        Credentials::None => ConnectOptions::new(),
        Credentials::Password(user, password) => {
            ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
        }
        Credentials::Token(token) => ConnectOptions::with_token(token.to_owned()),
    };
    options
        .name(name)
        .connection_timeout(PATIENCE)
        .max_reconnects(1)
}

/// Logs in at `port` of this machine with a token, and disconnects. Returns whether the server
/// accepted the login.
///
/// For tests that need more concurrent logins than a client library can make.
///
/// # Errors
///
/// Fails if the connection fails, or if the server does not answer in time.
pub async fn barely_log_in(port: u16, token: &str) -> anyhow::Result<bool> {
    let mut wire = Wire::open(port).await?;
    let answer = wire.log_in(&json!({ "auth_token": token })).await?;
    Ok(answer == Answer::Admitted)
}

/// Logs in at `port` of this machine with a user name and a password, as a connection named
/// `name`, and disconnects. Returns whether the server accepted the login.
///
/// A client of async-nats takes a PING for the end of a login. A server sends one after two seconds
/// without an answer, so a test of a refusal asks here.
///
/// # Errors
///
/// Fails if the connection fails, or if the server neither accepts nor refuses the login.
pub async fn is_admitted(
    port: u16,
    user: &str,
    password: &str,
    name: &str,
) -> anyhow::Result<bool> {
    let mut wire = Wire::open(port).await?;
    let fields = json!({ "user": user, "pass": password, "name": name });
    let answer = wire.log_in(&fields).await?;
    let is_refused = answer.is_refused_without_reason();
    anyhow::ensure!(answer == Answer::Admitted || is_refused, "{answer:?}");
    Ok(answer == Answer::Admitted)
}

/// Returns whether a login failed because the server refused it, rather than for a different
/// reason.
pub fn is_refused<T>(login: &Result<T, ConnectError>) -> bool {
    login
        .as_ref()
        .is_err_and(|error| error.kind() == ConnectErrorKind::AuthorizationViolation)
}
