//! A quick login, with the client library that the host uses too.

use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions};
use serde_json::json;

use crate::{Answer, PATIENCE, Wire, leaks};

/// What a client presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// Nothing.
    None,
    /// A user name and a password.
    Password(&'a str, &'a str),
    /// A token.
    Token(&'a str),
}

impl Credentials<'_> {
    /// Has every host looked at for them.
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
/// If the client is not let in; see [`is_refused`].
pub async fn log_in(
    url: &str,
    credentials: Credentials<'_>,
    name: &str,
) -> Result<Client, ConnectError> {
    login_options(credentials, name).connect(url).await
}

/// What [`log_in`] connects with, for those who want to hear what the server says later.
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

/// Logs in at `port` of this machine with a token and hangs up: for tests that want more logins at once than a client library
/// makes. Whether the server let it in.
///
/// # Errors
///
/// If there is no connection, or the server says nothing in time.
pub async fn barely_log_in(port: u16, token: &str) -> anyhow::Result<bool> {
    let mut wire = Wire::open(port).await?;
    let answer = wire.log_in(&json!({ "auth_token": token })).await?;
    Ok(answer == Answer::Admitted)
}

/// Whether a login failed because the server refused it, rather than for any other reason.
pub fn is_refused<T>(login: &Result<T, ConnectError>) -> bool {
    login
        .as_ref()
        .is_err_and(|error| error.kind() == ConnectErrorKind::AuthorizationViolation)
}
