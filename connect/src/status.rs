//! How a connection is, and what has happened to it so far.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_core::Sample;

use crate::monitor::Monitor;

/// How a connection is, for as long as its [`Connection`](crate::Connection) lives; clones speak of the same one.
#[derive(Clone)]
pub struct ConnectionStatus(Arc<Monitor>);

/// How often something has happened to a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// It was made: zero or one.
    pub connects: u64,
    /// It was lost.
    pub disconnects: u64,
    /// It was made again.
    pub reconnects: u64,
    /// Its server announced to stop.
    pub lame_ducks: u64,
    /// It ended for good: zero or one.
    pub closes: u64,
    /// Something else went wrong.
    pub errors: u64,
}

/// [`ConnectionCounts`] while they are counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connects: Counter,
    pub(crate) disconnects: Counter,
    pub(crate) reconnects: Counter,
    pub(crate) lame_ducks: Counter,
    pub(crate) closes: Counter,
    pub(crate) errors: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl ConnectionStatus {
    pub(crate) const fn new(monitor: Arc<Monitor>) -> Self {
        Self(monitor)
    }

    /// The connection's name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Whether it is up now.
    pub fn is_connected(&self) -> bool {
        self.0.is_connected()
    }

    /// What has happened to it.
    pub fn counts(&self) -> ConnectionCounts {
        self.0.counters().get()
    }

    /// The same, as samples labelled with the connection's name.
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
        let labelled = |sample: Sample| sample.with("connection", self.name());
        samples.into_iter().map(labelled).collect()
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

impl Counter {
    /// Counts once; the new count.
    pub(crate) fn increment(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// Begins from zero again.
    pub(crate) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    fn get(&self) -> ConnectionCounts {
        ConnectionCounts {
            connects: self.connects.get(),
            disconnects: self.disconnects.get(),
            reconnects: self.reconnects.get(),
            lame_ducks: self.lame_ducks.get(),
            closes: self.closes.get(),
            errors: self.errors.get(),
        }
    }
}
