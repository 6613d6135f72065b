//! The events of a connection, in their order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use portcullis_connect::{ConnectionHooks, ConnectionTrouble, Peer};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// An event of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    Connected,
    /// The connection is lost, for this reason.
    Lost(String),
    Reconnected,
    LameDuck,
    /// A reconnect with a new login is planned.
    Renewed,
    Closed,
    /// Trouble, in words.
    Trouble(String),
}

/// Hooks that pass each event on, with the number of exchanges until then.
#[derive(Debug)]
struct Recorder {
    events: UnboundedSender<(Happened, usize)>,
    exchanges: Arc<AtomicUsize>,
}

/// The events that hooks have received.
pub(super) struct Events(UnboundedReceiver<(Happened, usize)>);

/// Returns hooks, and the events that they receive.
pub(super) fn recorder() -> (Arc<dyn ConnectionHooks>, Events) {
    recorder_of(Arc::default())
}

/// Returns hooks, and the events that they receive. `exchanges` is read at each event.
pub(super) fn recorder_of(exchanges: Arc<AtomicUsize>) -> (Arc<dyn ConnectionHooks>, Events) {
    let (events, received) = unbounded_channel();
    let recorder = Recorder { events, exchanges };
    (Arc::new(recorder), Events(received))
}

impl Recorder {
    fn record(&self, event: Happened) {
        let exchanges = self.exchanges.load(Ordering::SeqCst);
        // The row may not wait for further events.
        let _ = self.events.send((event, exchanges));
    }
}

impl Events {
    /// Returns the next event, and the number of exchanges until then.
    pub(super) async fn next(&mut self) -> Result<(Happened, usize)> {
        self.0.recv().await.context("no more events")
    }

    /// Waits for an event, and skips others.
    pub(super) async fn wait_for(&mut self, wanted: impl Fn(&Happened) -> bool) -> Result<()> {
        while !wanted(&self.next().await?.0) {}
        Ok(())
    }
}

impl ConnectionHooks for Recorder {
    fn connect(&self, _connection: &str, _peer: &Peer) {
        self.record(Happened::Connected);
    }

    fn disconnect(&self, _connection: &str, _peer: &Peer, error: Option<&str>) {
        self.record(Happened::Lost(error.unwrap_or_default().to_lowercase()));
    }

    fn reconnect(&self, _connection: &str, _peer: &Peer, _reconnects: u64) {
        self.record(Happened::Reconnected);
    }

    fn login_renewed(&self, _connection: &str, _peer: &Peer) {
        self.record(Happened::Renewed);
    }

    fn lame_duck(&self, _connection: &str, _peer: &Peer) {
        self.record(Happened::LameDuck);
    }

    fn closed(&self, _connection: &str, _peer: &Peer) {
        self.record(Happened::Closed);
    }

    fn error(&self, _connection: &str, trouble: &ConnectionTrouble) {
        self.record(Happened::Trouble(trouble.to_string()));
    }
}
