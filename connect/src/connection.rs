//! Connections, before and after they are made.

#[cfg(any(test, feature = "measure"))]
pub(crate) mod measure;

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_nats::Client;
use futures::future::try_join_all;
use portcullis_core::Repeats;

use crate::authentication::AuthenticationError;
use crate::connector::Connector;
use crate::error::ConnectError;
use crate::hooks::ConnectionTrouble;
use crate::login_renewal::LoginRenewal;
use crate::monitor::Monitor;
use crate::options::{ConnectionOptions, Retries};
use crate::outage::Link;
use crate::repeats;
use crate::server_selector::ServerSelector;
use crate::status::ConnectionStatus;

/// A connection that is not made yet.
#[derive(Debug)]
pub struct PendingConnection {
    options: ConnectionOptions,
    monitor: Arc<Monitor>,
}

/// A connection that renews itself after a loss.
///
/// Dropping it ends its [`ConnectionStatus`], and the renewal of a login before its end. The
/// connection itself closes with the last clone of its client, without the messages that are not
/// written yet. [`Connection::close`] writes them first.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    monitor: Arc<Monitor>,
    _renewal: Option<LoginRenewal>,
}

impl Connection {
    /// Returns the client.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Returns a view of the connection's state.
    pub fn status(&self) -> ConnectionStatus {
        ConnectionStatus::new(Arc::clone(&self.monitor))
    }

    /// Ends all subscriptions, writes the messages that the client was given, and closes the
    /// connection. Returns when it is closed. Clones of the client then fail.
    ///
    /// Waits for a server if the connection is down. Dropping the future stops the wait.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn end(connection: portcullis_connect::Connection) {
    /// if tokio::time::timeout(Duration::from_secs(5), connection.close()).await.is_err() {
    ///     eprintln!("the last messages may be lost");
    /// }
    /// # }
    /// ```
    pub async fn close(self) {
        let mut link = self.monitor.link();
        // Draining closes the connection even if a message could not be written yet. Both calls
        // fail only if the connection is closed for good.
        let written = self.client.flush().await;
        if written.is_ok() && self.client.drain().await.is_ok() {
            // Waiting cannot fail: the sender is a field of the monitor.
            let _ = link.wait_for(|link| *link == Link::Ended).await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.monitor.clear_client();
    }
}

impl PendingConnection {
    /// Prepares a connection without making it.
    pub fn new(options: ConnectionOptions) -> Self {
        Self::reporting_to(Arc::new(repeats::trouble()), options)
    }

    /// Prepares `count` connections. Several get numbers from 1 after their common name, and report
    /// trouble that they share once.
    pub fn several(options: &ConnectionOptions, count: NonZeroUsize) -> Vec<Self> {
        let repeats = Arc::new(repeats::trouble());
        let named = (1..=count.get()).map(|number| ConnectionOptions {
            name: if count == NonZeroUsize::MIN {
                options.name.clone()
            } else {
                format!("{}-{number}", options.name)
            },
            ..options.clone()
        });
        named
            .map(|options| Self::reporting_to(Arc::clone(&repeats), options))
            .collect()
    }

    /// Returns a view of the connection's state, before and after it is made.
    pub fn status(&self) -> ConnectionStatus {
        ConnectionStatus::new(Arc::clone(&self.monitor))
    }

    /// Connects, with the retries that [`ConnectionOptions::retries`] allows, so that the service
    /// can start before its server. The connection then renews itself after every loss.
    ///
    /// # Errors
    ///
    /// Fails if an address, a secret or a certificate cannot be used, or the retries are used up.
    /// With a limit of retries, does not retry if a service refuses to issue the login.
    pub async fn connect(self) -> Result<Connection, ConnectError> {
        let connector = Connector::new(&self.options, &self.monitor).await?;
        let mut attempts = 0_u64;
        loop {
            attempts = attempts.saturating_add(1);
            let trouble = match connector.attempt().await {
                Ok(client) => {
                    let renewal =
                        LoginRenewal::start(&self.options, connector.proofs(), &self.monitor);
                    return Ok(Connection {
                        client,
                        monitor: self.monitor,
                        _renewal: renewal,
                    });
                }
                Err(trouble) => trouble,
            };
            let limit = self.options.retries;
            let is_pointless = limit != Retries::Forever && is_refusal(&trouble);
            if is_pointless || limit.used_up(attempts) {
                return Err(ConnectError::MaxRetries {
                    attempts,
                    source: trouble,
                });
            }
            tokio::time::sleep(self.options.retry_delay).await;
        }
    }

    fn reporting_to(repeats: Arc<Repeats<String>>, options: ConnectionOptions) -> Self {
        let selector = ServerSelector::new(
            options.reconnect_wait,
            options.reconnect_jitter,
            Arc::clone(&options.randomness),
        );
        let hooks = Arc::clone(&options.hooks);
        let clock = Arc::clone(&options.clock);
        let monitor = Monitor::new(options.name.clone(), hooks, selector, repeats, clock);
        Self {
            options,
            monitor: Arc::new(monitor),
        }
    }
}

/// Returns whether a service refused to issue the login.
fn is_refusal(trouble: &ConnectionTrouble) -> bool {
    match trouble {
        ConnectionTrouble::NoLogin(AuthenticationError::Renewal(error)) => error.is_refusal(),
        _ => false,
    }
}

/// Makes `count` connections, which [`PendingConnection::several`] names.
///
/// # Errors
///
/// Fails as [`connect`] does, with the error of the first connection that cannot be made.
pub async fn connect_all(
    options: &ConnectionOptions,
    count: NonZeroUsize,
) -> Result<Vec<Connection>, ConnectError> {
    let pending = PendingConnection::several(options, count);
    try_join_all(pending.into_iter().map(PendingConnection::connect)).await
}

/// Makes one connection, as [`PendingConnection::connect`] does.
///
/// # Errors
///
/// Fails if an address, a secret or a certificate cannot be used, or the retries are used up.
pub async fn connect(options: &ConnectionOptions) -> Result<Connection, ConnectError> {
    PendingConnection::new(options.clone()).connect().await
}

#[cfg(test)]
mod tests;
