//! The connections that a bucket can be read over, one of which is in use.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use async_nats::connection::State;
use async_nats::jetstream::{self, Context};
use async_nats::{Client, Subscriber};

/// A client, and `JetStream` over it.
#[derive(Clone)]
pub(crate) struct JetStreamClient {
    pub(crate) client: Client,
    pub(crate) context: Context,
}

/// All connections; one of them is in use.
#[derive(Clone)]
pub(crate) struct Connections {
    current: JetStreamClient,
    others: VecDeque<JetStreamClient>,
}

impl JetStreamClient {
    /// Reaches the buckets of the `JetStream` domain `domain`, or of the server's own with `None`.
    fn new(client: &Client, domain: Option<&str>) -> Self {
        let client = client.clone();
        let context = match domain {
            Some(domain) => jetstream::with_domain(client.clone(), domain),
            None => jetstream::new(client.clone()),
        };
        Self { client, context }
    }

    /// Subscribes to the servers' advisories that `stream` is made, changed or deleted. Returns
    /// `None` if the subscription fails.
    pub(crate) async fn advisories(&self, stream: &str) -> Option<Subscriber> {
        let subject = format!("$JS.EVENT.ADVISORY.STREAM.*.{stream}");
        self.client.subscribe(subject).await.ok()
    }

    /// Returns the number of times that the connection was made.
    pub(crate) fn connects(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }
}

impl Connections {
    /// Takes the first of `clients` into use. Returns `None` without clients.
    pub(crate) fn new<'a>(
        clients: impl Iterator<Item = &'a Client>,
        domain: Option<&str>,
    ) -> Option<Self> {
        let mut clients = clients.map(|client| JetStreamClient::new(client, domain));
        let current = clients.next()?;
        let others = clients.collect();
        Some(Self { current, others })
    }

    /// Returns the connection in use.
    pub(crate) const fn current(&self) -> &JetStreamClient {
        &self.current
    }

    /// Takes the next connection that is up into use. Returns `false` if no other is up.
    pub(crate) fn fail_over(&mut self) -> bool {
        let up = self.others.iter().position(JetStreamClient::is_up);
        let Some(next) = up.and_then(|place| self.others.remove(place)) else {
            return false;
        };
        let before = std::mem::replace(&mut self.current, next);
        self.others.push_back(before);
        true
    }

    /// Returns the number of times that any of the connections was made.
    pub(crate) fn connects(&self) -> u64 {
        let all = std::iter::once(&self.current).chain(&self.others);
        all.map(JetStreamClient::connects)
            .fold(0, u64::wrapping_add)
    }
}
