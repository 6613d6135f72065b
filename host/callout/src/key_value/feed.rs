//! The messages that a consumer delivers, in order and without a gap.

use std::time::{Duration, SystemTime};

use async_nats::header::NATS_LAST_CONSUMER;
use async_nats::jetstream;
use async_nats::{Client, Message, StatusCode, Subscriber};
use futures::StreamExt as _;

use super::entry::{self, Change};

/// Has whoever is behind with its messages say so, where the server waits for that.
const STALLED: &str = "Nats-Consumer-Stalled";

/// What a consumer delivers.
pub(super) struct Feed {
    subscription: Subscriber,
    client: Client,
    context: jetstream::Context,
    /// How long the bucket keeps entries; for ever if none.
    max_age: Option<Duration>,
    /// How many messages were delivered.
    delivered: u64,
    /// Whether everything has come that was there when the consumer was made.
    is_complete: bool,
}

/// What came.
pub(super) enum Delivery {
    /// A key was put or is gone.
    Change(Change),
    /// Nothing to do with keys.
    Nothing,
}

impl Feed {
    /// Of a consumer that began with `pending` messages to deliver.
    pub(super) fn new(
        subscription: Subscriber,
        client: Client,
        max_age: Option<Duration>,
        pending: u64,
    ) -> Self {
        let context = jetstream::new(client.clone());
        Self {
            subscription,
            client,
            context,
            max_age,
            delivered: 0,
            is_complete: pending == 0,
        }
    }

    /// Whether everything has come that was there at the beginning.
    pub(super) const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The next message; none if there will be no more. Nothing is lost if this is not waited for to the end.
    pub(super) async fn next(&mut self) -> Option<Message> {
        self.subscription.next().await
    }

    /// Takes what came. The error says why there is nothing, or that something before it is missing.
    pub(super) async fn take(&mut self, message: Option<Message>) -> Result<Delivery, String> {
        let message = message.ok_or("the subscription has ended")?;
        match message.status {
            None => self.deliver(message),
            Some(StatusCode::IDLE_HEARTBEAT) => {
                self.keep_alive(message).await?;
                Ok(Delivery::Nothing)
            }
            Some(status) => Err(format!("the server says {status}")),
        }
    }

    fn deliver(&mut self, message: Message) -> Result<Delivery, String> {
        let context = self.context.clone();
        let message = jetstream::Message { message, context };
        let info = message.info().map_err(|error| error.to_string())?;
        self.delivered = self.delivered.saturating_add(1);
        if info.consumer_sequence != self.delivered {
            return Err("messages got lost".to_owned());
        }
        self.is_complete |= info.pending == 0;
        let published = SystemTime::from(info.published);
        let change = entry::read(
            &message.message,
            info.stream_sequence,
            published,
            self.max_age,
        );
        Ok(change.map_or(Delivery::Nothing, Delivery::Change))
    }

    /// A heartbeat, which says how much was delivered, or a request to say that it has come.
    async fn keep_alive(&mut self, message: Message) -> Result<(), String> {
        let header = |name: &str| Some(message.headers.as_ref()?.get(name)?.as_str().to_owned());
        let stalled = header(STALLED).map(Into::into);
        for subject in message.reply.clone().into_iter().chain(stalled) {
            let answered = self.client.publish(subject, bytes::Bytes::new()).await;
            answered.map_err(|error| error.to_string())?;
        }
        let last = header(NATS_LAST_CONSUMER.as_ref()).and_then(|text| text.parse::<u64>().ok());
        match last {
            Some(last) if last != self.delivered => Err("messages got lost".to_owned()),
            _ => Ok(()),
        }
    }
}
