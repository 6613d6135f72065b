//! The numbers of events of a connection.

use std::sync::atomic::{AtomicU64, Ordering};

/// The number of each kind of event that a connection has had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// First connections: zero or one.
    pub connects: u64,
    /// Lost connections.
    pub disconnects: u64,
    /// Reconnects after a loss.
    pub reconnects: u64,
    /// Logins that were renewed before their end. A disconnect and a reconnect follow each.
    pub renewals: u64,
    /// Announcements of the server that it will stop.
    pub lame_ducks: u64,
    /// Closures without a further reconnect: zero or one.
    pub closes: u64,
    /// Other trouble.
    pub errors: u64,
}

/// [`ConnectionCounts`] under construction.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connects: Counter,
    pub(crate) disconnects: Counter,
    pub(crate) reconnects: Counter,
    pub(crate) renewals: Counter,
    pub(crate) lame_ducks: Counter,
    pub(crate) closes: Counter,
    pub(crate) errors: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds one and returns the new count.
    pub(crate) fn increment(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// Sets the count to zero.
    pub(crate) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(crate) fn get(&self) -> ConnectionCounts {
        ConnectionCounts {
            connects: self.connects.get(),
            disconnects: self.disconnects.get(),
            reconnects: self.reconnects.get(),
            renewals: self.renewals.get(),
            lame_ducks: self.lame_ducks.get(),
            closes: self.closes.get(),
            errors: self.errors.get(),
        }
    }
}
