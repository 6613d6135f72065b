//! Options of making and keeping a connection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr};
use portcullis_environment::{Clock, Randomness, SystemClock, SystemRandomness};
use portcullis_files::{Disk, SystemDisk};

use crate::authentication::Authentication;
use crate::error::ConnectError;
use crate::hooks::{ConnectionHooks, LogConnections};
use crate::inbox::InboxPrefix;
use crate::shown::address_of_text;
use crate::tls::TlsOptions;

/// The servers of a connection, its login, and its retries.
///
/// [`ConnectionOptions::new`] sets the defaults. `Debug` shows neither users nor passwords in
/// addresses.
#[derive(Clone)]
pub struct ConnectionOptions {
    /// Server addresses, `nats://` or `tls://`; at least one.
    pub servers: Vec<String>,
    /// The connection's name, in the server's `connz`, in hooks and in samples.
    pub name: String,
    /// The login of the service. Default: without credentials.
    pub authentication: Authentication,
    /// The maximum time of one attempt at one address, including the login. Default: 10 s.
    pub connect_timeout: Duration,
    /// The wait after a lost connection once every known server has been tried. The connection
    /// retries without a limit. Default: 250 ms.
    pub reconnect_wait: Duration,
    /// The maximum random addition to `reconnect_wait`, so that the clients of a lost server do not
    /// all reconnect at the same time. Default: 250 ms.
    pub reconnect_jitter: Duration,
    /// The silence of a server after which the connection asks whether it is there. The connection
    /// is lost, and is made again, when three of these intervals pass without a byte from the
    /// server. Default: 5 s.
    pub ping_interval: Duration,
    /// The number of retries for the first connection. Default: no limit.
    pub retries: Retries,
    /// The delay between attempts at the first connection. Default: 1 s.
    pub retry_delay: Duration,
    /// The first tokens of the connection's inbox subjects. With `None`, the connection takes a
    /// random prefix, or `_INBOX` if the user's permissions admit no other. Default: `None`.
    pub inbox_prefix: Option<InboxPrefix>,
    /// The encryption of the connection. Default: as the server requires.
    pub tls: TlsOptions,
    /// The receiver of the connection's events. Default: the log.
    pub hooks: Arc<dyn ConnectionHooks>,
    /// A change to the client library's own options. Default: no change.
    pub additional: AdditionalOptions,
    /// The source of the time. Default: the clocks of the operating system.
    pub clock: Arc<dyn Clock>,
    /// The source of random choices and of the inbox prefix. Default: the operating system.
    pub randomness: Arc<dyn Randomness>,
    /// The disk that holds secrets and certificates. Default: that of the operating system.
    pub disk: Arc<dyn Disk>,
}

/// The number of retries for a first connection.
///
/// One attempt tries every server once. A refused login counts like an unreachable server. The
/// server may learn of the user later, and the user may get new credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retries {
    /// Retries without a limit.
    #[default]
    Forever,
    /// The number of retries after the first attempt.
    Times(u32),
}

/// A change to the client library's options, applied after all others.
///
/// A callback for events, the login or the next server is lost if the change replaces it.
#[derive(Clone, Default)]
pub struct AdditionalOptions(Option<Arc<Adjust>>);

type Adjust = dyn Fn(ConnectOptions) -> ConnectOptions + Send + Sync;

impl ConnectionOptions {
    /// Creates options for a connection called `name` to `servers`, with every default.
    pub fn new(name: impl Into<String>, servers: Vec<String>) -> Self {
        Self {
            servers,
            name: name.into(),
            authentication: Authentication::None,
            connect_timeout: Duration::from_secs(10),
            reconnect_wait: Duration::from_millis(250),
            reconnect_jitter: Duration::from_millis(250),
            ping_interval: Duration::from_secs(5),
            retries: Retries::Forever,
            retry_delay: Duration::from_secs(1),
            inbox_prefix: None,
            tls: TlsOptions::default(),
            hooks: Arc::new(LogConnections),
            additional: AdditionalOptions::default(),
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
            disk: Arc::new(SystemDisk),
        }
    }

    /// Parses the addresses.
    pub(crate) fn addresses(&self) -> Result<Vec<ServerAddr>, ConnectError> {
        if self.servers.is_empty() {
            return Err(ConnectError::NoServer);
        }
        let read = |(index, text): (usize, &String)| {
            text.parse().map_err(|source| ConnectError::Address {
                position: index.saturating_add(1),
                source,
            })
        };
        self.servers.iter().enumerate().map(read).collect()
    }
}

impl fmt::Debug for ConnectionOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<_> = self
            .servers
            .iter()
            .map(|text| address_of_text(text))
            .collect();
        formatter
            .debug_struct("ConnectionOptions")
            .field("servers", &servers)
            .field("name", &self.name)
            .field("authentication", &self.authentication)
            .field("connect_timeout", &self.connect_timeout)
            .field("reconnect_wait", &self.reconnect_wait)
            .field("reconnect_jitter", &self.reconnect_jitter)
            .field("ping_interval", &self.ping_interval)
            .field("retries", &self.retries)
            .field("retry_delay", &self.retry_delay)
            .field("inbox_prefix", &self.inbox_prefix)
            .field("tls", &self.tls)
            .field("additional", &self.additional)
            .finish_non_exhaustive()
    }
}

impl Retries {
    /// Returns whether no further attempt follows `attempts` attempts.
    pub(crate) const fn used_up(self, attempts: u64) -> bool {
        match self {
            Self::Forever => false,
            Self::Times(retries) => attempts > retries as u64,
        }
    }
}

impl AdditionalOptions {
    /// Applies `adjust` to the client library's options.
    pub fn new(adjust: impl Fn(ConnectOptions) -> ConnectOptions + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(adjust)))
    }

    /// Keeps the connection from using servers that other servers announce.
    pub fn given_servers_only() -> Self {
        Self::new(ConnectOptions::ignore_discovered_servers)
    }

    pub(crate) fn apply(&self, options: ConnectOptions) -> ConnectOptions {
        match &self.0 {
            Some(adjust) => adjust(options),
            None => options,
        }
    }
}

impl fmt::Debug for AdditionalOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "some" } else { "none" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_that_the_documentation_says() {
        let options = ConnectionOptions::new("orders", vec!["nats://a".to_owned()]);
        assert_eq!(options.name, "orders");
        assert_eq!(options.connect_timeout, Duration::from_secs(10));
        assert_eq!(options.reconnect_wait, Duration::from_millis(250));
        assert_eq!(options.reconnect_jitter, Duration::from_millis(250));
        assert_eq!(options.ping_interval, Duration::from_secs(5));
        assert_eq!(options.retries, Retries::Forever);
        assert_eq!(options.retry_delay, Duration::from_secs(1));
    }

    #[test]
    fn retries_come_after_the_first_attempt() {
        for (retries, attempts) in [(0, 1), (1, 2), (10, 11)] {
            assert!(!Retries::Times(retries).used_up(attempts - 1));
            assert!(Retries::Times(retries).used_up(attempts));
        }
        assert!(!Retries::Forever.used_up(u64::MAX));
    }
}
