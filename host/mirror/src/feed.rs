//! The messages that a consumer delivers, in order and without a gap.

use std::time::{Duration, SystemTime};

use async_nats::header::NATS_LAST_CONSUMER;
use async_nats::jetstream;
use async_nats::{Client, Message, PublishError, StatusCode, Subject, Subscriber};
use futures::StreamExt as _;

use crate::entry::{self, Change};

/// The header of a heartbeat that names the subject to answer when the consumer is stalled.
const STALLED: &str = "Nats-Consumer-Stalled";
/// The first tokens of the subjects for flow control.
const FLOW_CONTROL: &str = "$JS.FC.";

/// The deliveries of a consumer to an inbox. Messages that name another stream or consumer are
/// forged: a user that can create a consumer in the account can aim it at any subject.
pub(crate) struct Feed {
    subscription: Subscriber,
    client: Client,
    context: jetstream::Context,
    source: Source,
    /// The number of delivered messages.
    delivered: u64,
    /// `true` once every message older than the consumer was delivered.
    is_complete: bool,
}

/// The consumer that delivers, as it was created.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) stream: String,
    pub(crate) consumer: String,
    /// The first tokens of the subjects of the bucket's keys.
    pub(crate) prefix: String,
    /// The maximum age of the bucket's entries; `None` for no limit.
    pub(crate) max_age: Option<Duration>,
    /// The number of messages older than the consumer.
    pub(crate) pending: u64,
    /// The sequence number up to which the stream is delivered or needs no delivery.
    pub(crate) position: u64,
}

/// The meaning of a message.
pub(crate) enum Delivery {
    /// The value of a key, or its deletion.
    Change(Change),
    /// A heartbeat.
    Nothing,
    /// A message that the consumer did not send.
    Forged,
}

/// The reason for which a feed has ended, or lacks an earlier message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    /// The subscription has ended.
    #[error("the subscription has ended")]
    NoSubscription,
    /// The server ended the deliveries with this status.
    #[error("the server says {0}")]
    Status(StatusCode),
    /// The consumer has delivered more messages than have arrived.
    #[error("messages got lost")]
    Gap,
    /// A request for flow control cannot be answered.
    #[error(transparent)]
    FlowControl(#[from] PublishError),
}

impl Feed {
    /// Creates a feed of the deliveries of `source` to `subscription`.
    pub(crate) fn new(subscription: Subscriber, client: Client, source: Source) -> Self {
        let context = jetstream::new(client.clone());
        Self {
            subscription,
            client,
            context,
            is_complete: source.pending == 0,
            source,
            delivered: 0,
        }
    }

    /// Returns whether every message older than the consumer was delivered.
    pub(crate) const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Returns the stream's sequence number up to which all was delivered, once the feed is
    /// complete.
    pub(crate) const fn position(&self) -> u64 {
        self.source.position
    }

    /// Returns the first tokens of the subjects of the bucket's keys.
    pub(crate) fn prefix(&self) -> &str {
        &self.source.prefix
    }

    /// Waits for the next message. Returns `None` after the last one. A cancelled wait loses no
    /// message.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        self.subscription.next().await
    }

    /// Reads a message.
    ///
    /// # Errors
    ///
    /// Fails if the feed has ended, or if an earlier message is missing.
    pub(crate) async fn take(&mut self, message: Option<Message>) -> Result<Delivery, FeedError> {
        let message = message.ok_or(FeedError::NoSubscription)?;
        match message.status {
            None => self.deliver(message),
            Some(StatusCode::IDLE_HEARTBEAT) => self.keep_alive(message).await,
            Some(status) => Err(FeedError::Status(status)),
        }
    }

    fn deliver(&mut self, message: Message) -> Result<Delivery, FeedError> {
        let context = self.context.clone();
        let message = jetstream::Message { message, context };
        // Servers let no client publish with the reply subject of a delivery.
        let Ok(info) = message.info() else {
            return Ok(Delivery::Forged);
        };
        if !self.source.is(info.stream, info.consumer) {
            return Ok(Delivery::Forged);
        }
        self.delivered = self.delivered.saturating_add(1);
        if info.consumer_sequence != self.delivered {
            return Err(FeedError::Gap);
        }
        self.is_complete |= info.pending == 0;
        self.source.position = self.source.position.max(info.stream_sequence);
        Ok(Delivery::Change(entry::read(
            &message.message,
            &self.source.prefix,
            info.stream_sequence,
            SystemTime::from(info.published),
            self.source.max_age,
        )))
    }

    /// Handles a heartbeat, which has the number of deliveries, or a flow-control request.
    async fn keep_alive(&mut self, message: Message) -> Result<Delivery, FeedError> {
        let header = |name: &str| Some(message.headers.as_ref()?.get(name)?.as_str().to_owned());
        let stalled = header(STALLED).map(Into::into);
        let wanted: Vec<Subject> = message.reply.clone().into_iter().chain(stalled).collect();
        // An answer on another subject would let the sender choose a message with the host's
        // rights.
        if !wanted.iter().all(|subject| self.source.controls(subject)) {
            return Ok(Delivery::Forged);
        }
        for subject in wanted {
            self.client.publish(subject, bytes::Bytes::new()).await?;
        }
        let last = header(NATS_LAST_CONSUMER.as_ref()).and_then(|text| text.parse::<u64>().ok());
        match last {
            Some(last) if last != self.delivered => Err(FeedError::Gap),
            _ => Ok(Delivery::Nothing),
        }
    }
}

impl Source {
    fn is(&self, stream: &str, consumer: &str) -> bool {
        self.stream == stream && self.consumer == consumer
    }

    /// Returns whether `subject` belongs to the consumer's flow control:
    /// `$JS.FC.STREAM.CONSUMER.…`, or with domain and account before the stream.
    fn controls(&self, subject: &str) -> bool {
        let Some(rest) = subject.strip_prefix(FLOW_CONTROL) else {
            return false;
        };
        let mut tokens = rest.split('.');
        let (first, second) = (tokens.next(), tokens.next());
        let (third, fourth) = (tokens.next(), tokens.next());
        let names = |stream: Option<&str>, consumer: Option<&str>| {
            stream
                .zip(consumer)
                .is_some_and(|(stream, consumer)| self.is(stream, consumer))
        };
        names(first, second) || names(third, fourth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flow_control_is_answered_for_the_hosts_own_consumer_only() {
        let source = Source {
            stream: "KV_users".to_owned(),
            consumer: "c1".to_owned(),
            prefix: "$KV.users.".to_owned(),
            max_age: None,
            pending: 0,
            position: 0,
        };
        for own in ["$JS.FC.KV_users.c1.x", "$JS.FC._.hash.KV_users.c1.x"] {
            assert!(source.controls(own), "{own}");
        }
        for foreign in [
            "$JS.API.STREAM.DELETE.KV_users",
            "$JS.FC.KV_users.c2.x",
            "$JS.FC.MINE.c1.x",
            "$JS.FC.KV_users",
            "$JS.FC.",
            "KV_users.c1",
        ] {
            assert!(!source.controls(foreign), "{foreign}");
        }
    }
}
