//! What is known of a connection while it lives: which server it is to, what happened to it, which server is next.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::{
    Client, ClientError, ConnectErrorKind, Event, ReconnectToServer, Server, ServerAddr,
    ServerError,
};
use tokio::sync::watch;

use crate::authentication::AuthenticationError;
use crate::hooks::{ConnectionHooks, ConnectionTrouble, Peer};
use crate::repeats::{Repeats, Report};
use crate::server_selector::Rota;
use crate::status::Counters;
use crate::tls::TlsFileError;

/// How long to wait for the client to know the server it is connected to.
const INTRODUCTION: Duration = Duration::from_secs(1);

/// Listens to one connection. The client library says what happens without saying to what; this adds it.
#[derive(Debug)]
pub(crate) struct Monitor {
    name: String,
    hooks: Arc<dyn ConnectionHooks>,
    counters: Counters,
    repeats: Arc<Repeats>,
    /// Empty before the connection is made, and once its owner has let go of it: a client that is held keeps its connection
    /// open.
    client: Mutex<Option<Client>>,
    state: Mutex<Knowledge>,
    /// How many connections were given up before the one that counts: what they still say is not passed on.
    number: AtomicU64,
    /// What the server refused last.
    refused: watch::Sender<String>,
}

#[derive(Debug)]
struct Knowledge {
    rota: Rota,
    peer: Peer,
    /// What the server said last.
    complaint: Option<String>,
}

impl Monitor {
    pub(crate) fn new(
        name: String,
        hooks: Arc<dyn ConnectionHooks>,
        rota: Rota,
        repeats: Arc<Repeats>,
    ) -> Self {
        Self {
            name,
            hooks,
            repeats,
            counters: Counters::default(),
            client: Mutex::new(None),
            state: Mutex::new(Knowledge {
                rota,
                peer: Peer::default(),
                complaint: None,
            }),
            number: AtomicU64::new(0),
            refused: watch::Sender::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn is_connected(&self) -> bool {
        let client = lock(&self.client);
        let state = client.as_ref().map(Client::connection_state);
        state == Some(State::Connected)
    }

    /// Returns the number of the connection that is made next.
    pub(crate) fn number(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }

    /// Gives up the connection that was made, before anything was told of it, for another one.
    pub(crate) fn disregard(&self) {
        self.number.fetch_add(1, Ordering::Relaxed);
        self.counters.connects.reset();
    }

    /// Waits until the server refuses something with one of `words` in it, and returns what it says.
    pub(crate) async fn refusal(&self, words: &[&str]) -> String {
        let mut refused = self.refused.subscribe();
        let says = |text: &String| words.iter().any(|word| text.contains(word));
        // The sender is here, so that waiting does not fail.
        refused
            .wait_for(says)
            .await
            .map_or_else(|_| String::new(), |text| text.clone())
    }

    /// The next attempt is to be at `server`.
    pub(crate) fn begin_with(&self, server: ServerAddr) {
        self.state().rota.begin_with(server);
    }

    /// The connection is made, for the first time.
    pub(crate) fn adopt(&self, client: Client) {
        // The event may not have come round yet.
        self.state().rota.reached(Instant::now());
        let peer = self.introduce(&client);
        *lock(&self.client) = Some(client);
        self.hooks.connect(&self.name, &peer);
    }

    /// The connection has lost its owner.
    pub(crate) fn release(&self) {
        *lock(&self.client) = None;
    }

    /// Counts trouble and reports it, unless the same was reported a moment ago.
    pub(crate) fn trouble(&self, trouble: &ConnectionTrouble) {
        self.counters.errors.increment();
        match self.repeats.record(trouble.to_string(), Instant::now()) {
            Report::New => self.hooks.error(&self.name, trouble),
            Report::Summary(times) => self.hooks.error_repeated(&self.name, trouble, times),
            Report::Nothing => {}
        }
    }

    /// The secrets could not be read anew.
    pub(crate) fn stale(&self, error: AuthenticationError) {
        self.trouble(&ConnectionTrouble::StaleCredentials(error));
    }

    /// The files for TLS cannot be used, so no attempt is made.
    pub(crate) fn unusable(&self, error: &TlsFileError) {
        self.trouble(&ConnectionTrouble::Client(portcullis_core::with_causes(
            error,
        )));
    }

    /// Chooses the server for the next attempt, and says what became of the last.
    pub(crate) fn choose(&self, pool: &[Server]) -> Option<ReconnectToServer> {
        let (missed, next) = {
            let mut state = self.state();
            let missed = state.rota.missed(pool);
            (missed, state.rota.next(pool, Instant::now()))
        };
        if let Some(missed) = missed {
            // Resolving the name is the one step whose failure the client does not note.
            let error = missed
                .error
                .unwrap_or_else(|| ConnectErrorKind::Dns.to_string());
            self.trouble(&unreachable_or_refused(missed.address, error));
        }
        next
    }

    /// Passes on what the client library says of connection `number`.
    pub(crate) async fn hear(&self, event: Event, number: u64) {
        if number != self.number() {
            return;
        }
        match event {
            Event::Connected => self.connected().await,
            Event::Disconnected => {
                self.counters.disconnects.increment();
                let (peer, complaint) = {
                    let mut state = self.state();
                    (state.peer.clone(), state.complaint.take())
                };
                self.hooks
                    .disconnect(&self.name, &peer, complaint.as_deref());
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
                self.hooks.closed(&self.name, &self.peer());
            }
            Event::SlowConsumer(subscription) => {
                self.trouble(&ConnectionTrouble::SlowConsumer { subscription });
            }
            Event::ServerError(error) => self.complain(&error),
            // A failed attempt: `choose` says so, with the server and the cause.
            Event::ClientError(ClientError::Other(_)) => {}
            Event::ClientError(error) => {
                self.trouble(&ConnectionTrouble::Client(error.to_string()));
            }
        }
    }

    async fn connected(&self) {
        self.state().rota.reached(Instant::now());
        if self.counters.connects.get() == 0 {
            // `adopt` introduces the server.
            self.counters.connects.increment();
            return;
        }
        let reconnects = self.counters.reconnects.increment();
        let client = lock(&self.client).clone();
        let peer = match client {
            Some(client) => {
                // The client learns of its server after it has said that it is connected, and answers this after that.
                let _ = tokio::time::timeout(INTRODUCTION, client.flush()).await;
                self.introduce(&client)
            }
            None => self.peer(),
        };
        self.hooks.reconnect(&self.name, &peer, reconnects);
    }

    fn complain(&self, error: &ServerError) {
        let text = match error {
            ServerError::Other(text) => text.clone(),
            other => other.to_string(),
        };
        self.state().complaint = Some(text.clone());
        self.refused.send_replace(text.clone());
        self.trouble(&ConnectionTrouble::Server(text));
    }

    /// Notes which server `client` is connected to.
    fn introduce(&self, client: &Client) -> Peer {
        let info = client.server_info();
        let mut state = self.state();
        state.complaint = None;
        self.repeats.clear();
        state.peer = Peer {
            address: state.rota.address().unwrap_or_default(),
            server_id: info.server_id,
            server_name: info.server_name,
        };
        state.peer.clone()
    }

    fn peer(&self) -> Peer {
        self.state().peer.clone()
    }

    fn state(&self) -> MutexGuard<'_, Knowledge> {
        lock(&self.state)
    }
}

/// What a failed attempt at a server is, by the client's words for it.
pub(crate) fn unreachable_or_refused(address: String, error: String) -> ConnectionTrouble {
    if error.starts_with(&ConnectErrorKind::AuthorizationViolation.to_string()) {
        ConnectionTrouble::Refused { address }
    } else {
        ConnectionTrouble::Unreachable { address, error }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
