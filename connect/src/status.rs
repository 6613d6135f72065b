//! A view of a connection's state and counts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::Sample;

use crate::counts::ConnectionCounts;
use crate::monitor::Monitor;
use crate::outage::OutageWatcher;

/// A view of a connection's state, until its [`Connection`](crate::Connection) is dropped. Clones
/// view the same connection.
#[derive(Clone)]
pub struct ConnectionStatus(Arc<Monitor>);

impl ConnectionStatus {
    pub(crate) const fn new(monitor: Arc<Monitor>) -> Self {
        Self(monitor)
    }

    /// Returns the connection's name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Returns whether the connection is up now.
    pub fn is_connected(&self) -> bool {
        self.0.is_connected()
    }

    /// Returns the last trouble since the connection was made, or since it was first tried. `None`
    /// without any.
    pub fn last_trouble(&self) -> Option<String> {
        self.0.last_trouble()
    }

    /// Returns the number of each kind of event.
    pub fn counts(&self) -> ConnectionCounts {
        self.0.counters().get()
    }

    /// Returns a watcher that reports each outage once, when it has lasted for `limit`. The time
    /// before the first connection counts.
    pub fn outages(&self, limit: Duration) -> OutageWatcher {
        OutageWatcher::new(self.0.link(), limit)
    }

    /// Returns state and counts as samples, labelled with the connection's name.
    pub fn samples(&self) -> Vec<Sample> {
        let counts = self.counts();
        let up = if self.is_connected() { 1.0 } else { 0.0 };
        let samples = [
            Sample::gauge(
                "nats_connected",
                "Whether the connection to NATS is up, 0 or 1",
                up,
            ),
            Sample::counter(
                "nats_disconnects",
                "How often the connection to NATS was lost",
                counts.disconnects,
            ),
            Sample::counter(
                "nats_reconnects",
                "How often the connection to NATS was made again",
                counts.reconnects,
            ),
            Sample::counter(
                "nats_lame_ducks",
                "How often the server of the connection announced to stop",
                counts.lame_ducks,
            ),
            Sample::counter(
                "nats_errors",
                "How often something else went wrong with the connection to NATS",
                counts.errors,
            ),
        ];
        let expiry = self.0.login_expiry().map(|at| {
            let help = "When the user JWT of the login expires, in seconds since the Unix epoch";
            Sample::whole("nats_login_expiry_timestamp_seconds", help, at)
        });
        let labelled = |sample: Sample| sample.with("connection", self.name());
        samples.into_iter().chain(expiry).map(labelled).collect()
    }
}

impl fmt::Debug for ConnectionStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConnectionStatus")
            .field("name", &self.name())
            .field("connected", &self.is_connected())
            .field("counts", &self.counts())
            .finish()
    }
}
