//! Addresses of servers.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The address of a server: `nats://host:port` or `tls://host:port`, with an optional port. An
/// address has no user and no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress(String);

/// A text that is not the address of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidServerAddress {
    /// The text is not a URL, or has more than scheme, host and port.
    #[error("expected a server address such as `nats://127.0.0.1:4222`")]
    Malformed,
    /// The scheme is neither `nats` nor `tls`.
    #[error("expected a server address that starts with `nats://` or `tls://`")]
    Scheme,
    /// The address has a user or a password.
    #[error("no credentials in a server address: use `user` with `password-file`, or `token-file`")]
    Credentials,
}

impl ServerAddress {
    /// Returns the address as text, with its scheme.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the address of a server on this machine, at the usual port.
impl Default for ServerAddress {
    fn default() -> Self {
        Self("nats://127.0.0.1:4222".to_owned())
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for ServerAddress {
    type Err = InvalidServerAddress;

    /// Parses a URL, or `host:port`, which stands for `nats://host:port`. Errors do not repeat the
    /// text, because it may hold a password.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('@') {
            return Err(InvalidServerAddress::Credentials);
        }
        let address = if text.contains("://") {
            text.to_owned()
        } else {
            format!("nats://{text}")
        };
        let url = Url::parse(&address).map_err(|_| InvalidServerAddress::Malformed)?;
        if !matches!(url.scheme(), "nats" | "tls") {
            return Err(InvalidServerAddress::Scheme);
        }
        let plain = url.query().is_none() && url.fragment().is_none();
        let named = url.host_str().is_some_and(|host| !host.is_empty());
        if !plain || !named || !matches!(url.path(), "" | "/") {
            return Err(InvalidServerAddress::Malformed);
        }
        Ok(Self(address))
    }
}
