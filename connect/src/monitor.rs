//! The listener of one connection: its server, its events, and the selection of the next server.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{
    Client, ClientError, ConnectErrorKind, Event, ReconnectToServer, Server, ServerAddr,
    ServerError,
};
use parking_lot::Mutex;
use portcullis_core::{Repeats, Report, with_causes};
use portcullis_environment::Clock;
use tokio::sync::watch;

use crate::authentication::AuthenticationError;
use crate::counts::Counters;
use crate::hooks::{ConnectionHooks, ConnectionTrouble, Peer};
use crate::outage::Link;
use crate::server_selector::ServerSelector;
use crate::tls::TlsFileError;

/// The maximum time until the client library knows the server it is connected to.
const SERVER_INFO_TIMEOUT: Duration = Duration::from_secs(1);

/// Maximum number of the server's last errors that are kept.
const MAX_REFUSALS: usize = 8;

/// A listener of one connection. The client library's events do not name the server; the monitor
/// adds it.
#[derive(Debug)]
pub(crate) struct Monitor {
    name: String,
    hooks: Arc<dyn ConnectionHooks>,
    counters: Counters,
    repeats: Arc<Repeats<String>>,
    clock: Arc<dyn Clock>,
    /// `None` before the connection is made and after its owner drops it: a clone of the client
    /// would keep the connection open.
    client: Mutex<Option<Client>>,
    state: Mutex<ServerState>,
    /// The number of connections that were abandoned before the current one. Their late events are
    /// ignored.
    number: AtomicU64,
    /// Expiry of the login that was presented last, in seconds since the Unix epoch. 0 if it names
    /// no end.
    login_expiry: AtomicU64,
    /// The server's last errors, the oldest first, for tasks that wait for one. A server can send
    /// several before such a task runs.
    refused: watch::Sender<VecDeque<String>>,
    /// The state, for tasks that wait for a change.
    link: watch::Sender<Link>,
}

#[derive(Debug)]
struct ServerState {
    selector: ServerSelector,
    peer: Peer,
    /// The server's last error, as the reason of a disconnect.
    last_error: Option<String>,
    /// The last trouble since the connection was made.
    last_trouble: Option<String>,
}

impl Monitor {
    pub(crate) fn new(
        name: String,
        hooks: Arc<dyn ConnectionHooks>,
        selector: ServerSelector,
        repeats: Arc<Repeats<String>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            name,
            hooks,
            repeats,
            clock,
            counters: Counters::default(),
            client: Mutex::new(None),
            state: Mutex::new(ServerState {
                selector,
                peer: Peer::default(),
                last_error: None,
                last_trouble: None,
            }),
            number: AtomicU64::new(0),
            login_expiry: AtomicU64::new(0),
            refused: watch::Sender::default(),
            link: watch::Sender::new(Link::Down(0)),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Records the expiry of the login that is presented to a server, in seconds since the Unix
    /// epoch. `None` if it names no end.
    pub(crate) fn set_login_expiry(&self, at: Option<u64>) {
        self.login_expiry
            .store(at.unwrap_or_default(), Ordering::Relaxed);
    }

    /// Returns the expiry of the login that was presented last, in seconds since the Unix epoch.
    /// `None` if it names no end.
    pub(crate) fn login_expiry(&self) -> Option<u64> {
        let at = self.login_expiry.load(Ordering::Relaxed);
        (at > 0).then_some(at)
    }

    pub(crate) fn is_connected(&self) -> bool {
        let client = self.client.lock();
        let state = client.as_ref().map(Client::connection_state);
        state == Some(State::Connected)
    }

    /// Returns a view of the state that notices changes.
    pub(crate) fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    /// Returns whether the first connection is not made yet.
    pub(crate) fn is_first_connection(&self) -> bool {
        *self.link.borrow() == Link::Down(0)
    }

    /// Connects again to the same server, because the present login ends soon.
    pub(crate) async fn reconnect_with_new_login(&self) {
        let Some(client) = self.client.lock().clone() else {
            return;
        };
        self.counters.renewals.increment();
        let peer = {
            let mut state = self.state.lock();
            state.selector.stay();
            state.last_error = Some("the login ends soon".to_owned());
            state.peer.clone()
        };
        self.hooks.login_renewed(&self.name, &peer);
        // The client library drops messages that it has not written when it reconnects. Both calls
        // fail only if the connection is closed for good.
        let _ = client.flush().await;
        let _ = client.force_reconnect().await;
    }

    /// Returns the last trouble since the connection was made.
    pub(crate) fn last_trouble(&self) -> Option<String> {
        self.state.lock().last_trouble.clone()
    }

    /// Returns the number of the next connection.
    pub(crate) fn number(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }

    /// Abandons a connection that was not reported to a hook, in favour of a new one.
    pub(crate) fn abandon(&self) {
        self.number.fetch_add(1, Ordering::Relaxed);
        self.counters.connects.reset();
    }

    /// Waits for an error of the server that holds one of `words`. Returns the server's last
    /// errors.
    pub(crate) async fn refusals(&self, words: &[&str]) -> VecDeque<String> {
        let mut refused = self.refused.subscribe();
        let says = |text: &String| words.iter().any(|word| text.contains(word));
        let says = |texts: &VecDeque<String>| texts.iter().any(says);
        // Waiting cannot fail: the sender is a field of `self`.
        refused
            .wait_for(says)
            .await
            .map_or_else(|_| VecDeque::new(), |texts| texts.clone())
    }

    /// Selects `server` for the next attempt.
    pub(crate) fn start_with(&self, server: ServerAddr) {
        self.state.lock().selector.start_with(server);
    }

    /// Takes the client of the first connection.
    pub(crate) fn set_client(&self, client: Client) {
        // The event `Connected` may not have arrived yet.
        self.state.lock().selector.reached(self.clock.now());
        let peer = self.record_server(&client);
        *self.client.lock() = Some(client);
        self.link.send_replace(Link::Up);
        self.hooks.connect(&self.name, &peer);
    }

    /// Drops the client, because the connection's owner dropped it.
    pub(crate) fn clear_client(&self) {
        *self.client.lock() = None;
        self.link.send_replace(Link::Ended);
    }

    /// Counts trouble and passes it to the hooks, unless the same trouble was reported recently.
    pub(crate) fn report(&self, trouble: &ConnectionTrouble) {
        self.counters.errors.increment();
        self.state.lock().last_trouble = Some(with_causes(trouble));
        match self
            .repeats
            .record(trouble.to_string(), self.clock.now(), || ())
        {
            Report::First => self.hooks.error(&self.name, trouble),
            Report::Summary(times) => self.hooks.error_repeated(&self.name, trouble, times),
            Report::Nothing => {}
        }
    }

    /// Reports that the secrets could not be read again.
    pub(crate) fn report_stale_credentials(&self, error: AuthenticationError) {
        self.report(&ConnectionTrouble::StaleCredentials(error));
    }

    /// Reports that the files for TLS cannot be used, so that no attempt is made.
    pub(crate) fn report_unusable_files(&self, error: &TlsFileError) {
        self.report(&ConnectionTrouble::Client(with_causes(error)));
    }

    /// Reports the last attempt if it failed. Returns whether the server refused the login.
    pub(crate) fn report_last_attempt(&self, pool: &[Server]) -> bool {
        let failed = self.state.lock().selector.take_failure(pool);
        let Some(failed) = failed else {
            return false;
        };
        // The client library records every failure but that of the name look-up.
        let error = failed
            .error
            .unwrap_or_else(|| ConnectErrorKind::Dns.to_string());
        let trouble = unreachable_or_refused(failed.address, error);
        self.report(&trouble);
        matches!(trouble, ConnectionTrouble::Refused { .. })
    }

    /// Selects the server for the next attempt.
    pub(crate) fn select_server(&self, pool: &[Server]) -> Option<ReconnectToServer> {
        self.state.lock().selector.next(pool, self.clock.now())
    }

    /// Handles an event of connection `number`.
    pub(crate) async fn on_event(&self, event: Event, number: u64) {
        if number != self.number() {
            return;
        }
        match event {
            Event::Connected => self.connected().await,
            Event::Disconnected => {
                let number = self.counters.disconnects.increment();
                self.link.send_replace(Link::Down(number));
                let (peer, last_error) = {
                    let mut state = self.state.lock();
                    (state.peer.clone(), state.last_error.take())
                };
                self.hooks
                    .disconnect(&self.name, &peer, last_error.as_deref());
            }
            Event::LameDuckMode => {
                self.counters.lame_ducks.increment();
                self.hooks.lame_duck(&self.name, &self.peer());
            }
            Event::Draining => {
                tracing::debug!(nats.connection = self.name, "nats connection drains");
            }
            Event::Closed => {
                self.counters.closes.increment();
                self.link.send_replace(Link::Ended);
                self.hooks.closed(&self.name, &self.peer());
            }
            Event::SlowConsumer(subscription) => {
                self.report(&ConnectionTrouble::SlowConsumer { subscription });
            }
            Event::ServerError(error) => self.on_server_error(&error),
            // A failed attempt: `report_last_attempt` reports it, with the server and the cause.
            Event::ClientError(ClientError::Other(_)) => {}
            Event::ClientError(error) => {
                self.report(&ConnectionTrouble::Client(error.to_string()));
            }
        }
    }

    async fn connected(&self) {
        {
            let mut state = self.state.lock();
            state.selector.reached(self.clock.now());
            state.last_trouble = None;
        }
        if self.counters.connects.get() == 0 {
            // `set_client` reports the connection to the hooks.
            self.counters.connects.increment();
            return;
        }
        let reconnects = self.counters.reconnects.increment();
        self.link.send_replace(Link::Up);
        let client = self.client.lock().clone();
        let peer = match client {
            Some(client) => {
                // The client library sends `Connected` before it stores the server's description,
                // and completes a flush after both.
                let _ = tokio::time::timeout(SERVER_INFO_TIMEOUT, client.flush()).await;
                self.record_server(&client)
            }
            None => self.peer(),
        };
        self.hooks.reconnect(&self.name, &peer, reconnects);
    }

    fn on_server_error(&self, error: &ServerError) {
        let text = match error {
            ServerError::Other(text) => text.clone(),
            other => other.to_string(),
        };
        self.state.lock().last_error = Some(text.clone());
        self.refused.send_modify(|texts| {
            texts.push_back(text.clone());
            if texts.len() > MAX_REFUSALS {
                texts.pop_front();
            }
        });
        self.report(&ConnectionTrouble::Server(text));
    }

    /// Records the server that `client` is connected to.
    fn record_server(&self, client: &Client) -> Peer {
        let info = client.server_info();
        let mut state = self.state.lock();
        (state.last_error, state.last_trouble) = (None, None);
        self.repeats.clear();
        state.peer = Peer {
            address: state.selector.address().unwrap_or_default(),
            server_id: info.server_id,
            server_name: info.server_name,
        };
        state.peer.clone()
    }

    fn peer(&self) -> Peer {
        self.state.lock().peer.clone()
    }
}

/// Classifies a failed attempt at a server by the client library's text.
pub(crate) fn unreachable_or_refused(address: String, error: String) -> ConnectionTrouble {
    if error.starts_with(&ConnectErrorKind::AuthorizationViolation.to_string()) {
        ConnectionTrouble::Refused { address }
    } else {
        ConnectionTrouble::Unreachable { address, error }
    }
}
