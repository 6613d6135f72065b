//! The connections that a bucket can be read over.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use async_nats::connection::State;
use async_nats::jetstream::{self, Context};
use async_nats::{Client, Subscriber};

/// A connection, and `JetStream` over it.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) client: Client,
    pub(crate) context: Context,
}

/// Every connection there is, one of which is in use.
#[derive(Clone)]
pub(crate) struct Lines {
    current: Line,
    others: VecDeque<Line>,
}

impl Line {
    /// To the buckets in a `JetStream` domain; that of the server if none.
    fn new(client: &Client, domain: Option<&str>) -> Self {
        let client = client.clone();
        let context = match domain {
            Some(domain) => jetstream::with_domain(client.clone(), domain),
            None => jetstream::new(client.clone()),
        };
        Self { client, context }
    }

    /// What servers say of a stream being made, changed and deleted, where the account hears it.
    pub(crate) async fn advisories(&self, stream: &str) -> Option<Subscriber> {
        let subject = format!("$JS.EVENT.ADVISORY.STREAM.*.{stream}");
        self.client.subscribe(subject).await.ok()
    }

    /// How often the connection was made.
    pub(crate) fn connects(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }
}

impl Lines {
    /// The connections of these clients, the first in use; none without clients.
    pub(crate) fn new<'a>(
        clients: impl Iterator<Item = &'a Client>,
        domain: Option<&str>,
    ) -> Option<Self> {
        let mut lines = clients.map(|client| Line::new(client, domain));
        let current = lines.next()?;
        let others = lines.collect();
        Some(Self { current, others })
    }

    /// The one in use.
    pub(crate) const fn current(&self) -> &Line {
        &self.current
    }

    /// Takes the next that is up into use, if there is another. Whether there is.
    pub(crate) fn go_over(&mut self) -> bool {
        let up = self.others.iter().position(Line::is_up);
        let Some(next) = up.and_then(|place| self.others.remove(place)) else {
            return false;
        };
        let before = std::mem::replace(&mut self.current, next);
        self.others.push_back(before);
        true
    }

    /// How often any of them was made.
    pub(crate) fn connects(&self) -> u64 {
        let lines = std::iter::once(&self.current).chain(&self.others);
        lines.map(Line::connects).fold(0, u64::wrapping_add)
    }
}
