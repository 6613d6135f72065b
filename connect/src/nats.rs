//! A connection to NATS as a value, so that a test or a simulation can take its place.

use std::fmt::Debug;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, Request, Subscriber};
use bytes::Bytes;
use futures::Stream;

pub use async_nats::client::{DrainError, FlushError};
pub use async_nats::{
    HeaderMap, Message, PublishError, PublishErrorKind, RequestError, RequestErrorKind, StatusCode,
    Subject, SubscribeError, SubscribeErrorKind, UnsubscribeError,
};

/// A connection to NATS, as far as a service needs one. Clones share the connection.
///
/// The client of `async-nats` is the real one, and [`MemoryNats`](crate::MemoryNats) that of tests.
/// A service takes the connection as a type parameter, so that the trait costs nothing.
pub trait Nats: Clone + Debug + Send + Sync + 'static {
    /// A subscription of the connection.
    type Subscription: NatsSubscription;

    /// Subscribes to `subject`.
    ///
    /// # Errors
    ///
    /// Fails if the subject is not valid, or if the connection is closed for good.
    fn subscribe(
        &self,
        subject: Subject,
    ) -> impl Future<Output = Result<Self::Subscription, SubscribeError>> + Send;

    /// Subscribes to `subject` in a queue group, of which one member receives each message.
    ///
    /// # Errors
    ///
    /// Fails if subject or group are not valid, or if the connection is closed for good.
    fn queue_subscribe(
        &self,
        subject: Subject,
        group: String,
    ) -> impl Future<Output = Result<Self::Subscription, SubscribeError>> + Send;

    /// Hands a message to the connection.
    ///
    /// # Errors
    ///
    /// Fails if the message is too large, or if the connection is closed for good.
    fn publish(
        &self,
        subject: Subject,
        body: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> + Send;

    /// Hands a message to the connection that asks for answers on `reply`.
    ///
    /// # Errors
    ///
    /// Fails if the message is too large, or if the connection is closed for good.
    fn publish_with_reply(
        &self,
        subject: Subject,
        reply: Subject,
        body: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> + Send;

    /// Sends a request without a body, and returns the first answer within `patience`.
    ///
    /// # Errors
    ///
    /// Fails if no service listens, if no answer comes in time, or if the connection is closed for
    /// good.
    fn request(
        &self,
        subject: Subject,
        patience: Duration,
    ) -> impl Future<Output = Result<Message, RequestError>> + Send;

    /// Waits until everything that was published is written to the server.
    ///
    /// # Errors
    ///
    /// Fails if the connection is closed for good.
    fn flush(&self) -> impl Future<Output = Result<(), FlushError>> + Send;

    /// Ends every subscription once its messages have arrived, and closes the connection.
    ///
    /// # Errors
    ///
    /// Fails if the connection is closed for good.
    fn drain(&self) -> impl Future<Output = Result<(), DrainError>> + Send;

    /// Returns whether the connection is up now.
    fn is_connected(&self) -> bool;

    /// Returns the number of times that the connection was made.
    fn connects(&self) -> u64;

    /// Returns the maximum size of a message that the server takes (`max_payload`), in bytes.
    fn max_payload(&self) -> usize;

    /// Returns a new, unique subject below the connection's inbox prefix.
    fn new_inbox(&self) -> String;
}

/// The messages of a subscription, which ends when this value is dropped.
pub trait NatsSubscription: Stream<Item = Message> + Debug + Send + Unpin + 'static {
    /// Asks the server to end the subscription after `messages` messages since its start. This
    /// value continues to listen.
    ///
    /// # Errors
    ///
    /// Fails if the connection is closed for good.
    fn unsubscribe_after(
        &mut self,
        messages: u64,
    ) -> impl Future<Output = Result<(), UnsubscribeError>> + Send;
}

impl Nats for Client {
    type Subscription = Subscriber;

    fn subscribe(
        &self,
        subject: Subject,
    ) -> impl Future<Output = Result<Subscriber, SubscribeError>> + Send {
        Self::subscribe(self, subject)
    }

    fn queue_subscribe(
        &self,
        subject: Subject,
        group: String,
    ) -> impl Future<Output = Result<Subscriber, SubscribeError>> + Send {
        Self::queue_subscribe(self, subject, group)
    }

    fn publish(
        &self,
        subject: Subject,
        body: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> + Send {
        Self::publish(self, subject, body)
    }

    fn publish_with_reply(
        &self,
        subject: Subject,
        reply: Subject,
        body: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> + Send {
        Self::publish_with_reply(self, subject, reply, body)
    }

    fn request(
        &self,
        subject: Subject,
        patience: Duration,
    ) -> impl Future<Output = Result<Message, RequestError>> + Send {
        self.send_request(subject, Request::new().timeout(Some(patience)))
    }

    fn flush(&self) -> impl Future<Output = Result<(), FlushError>> + Send {
        Self::flush(self)
    }

    fn drain(&self) -> impl Future<Output = Result<(), DrainError>> + Send {
        Self::drain(self)
    }

    fn is_connected(&self) -> bool {
        self.connection_state() == State::Connected
    }

    fn connects(&self) -> u64 {
        self.statistics().connects.load(Ordering::Relaxed)
    }

    fn max_payload(&self) -> usize {
        Self::max_payload(self)
    }

    fn new_inbox(&self) -> String {
        Self::new_inbox(self)
    }
}

impl NatsSubscription for Subscriber {
    fn unsubscribe_after(
        &mut self,
        messages: u64,
    ) -> impl Future<Output = Result<(), UnsubscribeError>> + Send {
        Self::unsubscribe_after(self, messages)
    }
}
