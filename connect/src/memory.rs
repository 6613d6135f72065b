//! A NATS server in memory, for tests and simulations.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::nats::{
    DrainError, FlushError, Message, Nats, NatsSubscription, PublishError, PublishErrorKind,
    RequestError, RequestErrorKind, StatusCode, Subject, SubscribeError, UnsubscribeError,
};

/// The number of messages from which on servers end a subscription at once: their parser reads nine
/// digits.
const UNCOUNTABLE: u64 = 1_000_000_000;

/// A connection to a NATS server in memory, for tests and simulations. Clones share the connection,
/// and so its subscriptions' server.
///
/// The server delivers in order, within one account and without permissions. The members of a queue
/// group take turns. The connection is never lost.
///
/// ```
/// use futures::StreamExt as _;
/// use portcullis_connect::{MemoryNats, Nats as _};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let nats = MemoryNats::default();
/// let mut orders = nats.subscribe("orders.*".into()).await?;
/// nats.publish("orders.new".into(), "42".into()).await?;
/// assert_eq!(orders.next().await.unwrap().payload, "42");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct MemoryNats(Arc<Mutex<Server>>);

/// A subscription at a NATS server in memory.
pub struct MemorySubscription {
    server: MemoryNats,
    number: u64,
    messages: UnboundedReceiver<Message>,
    /// Keeps the stream open after the server has ended the subscription.
    _open: UnboundedSender<Message>,
}

#[derive(Default)]
struct Server {
    subscriptions: Vec<Subscribed>,
    /// The number of the last subscription or inbox.
    last: u64,
}

/// A subscription, as the server knows it.
struct Subscribed {
    number: u64,
    subject: Subject,
    group: Option<String>,
    sender: UnboundedSender<Message>,
    delivered: u64,
    /// The number of messages after which the server ends the subscription.
    limit: Option<u64>,
}

impl MemoryNats {
    /// The maximum size of a message, in bytes.
    pub const MAX_PAYLOAD: usize = 1 << 20;

    fn server(&self) -> MutexGuard<'_, Server> {
        self.0.lock()
    }

    fn add(&self, subject: Subject, group: Option<String>) -> MemorySubscription {
        let (sender, messages) = unbounded_channel();
        let mut server = self.server();
        let number = server.next_number();
        server.subscriptions.push(Subscribed {
            number,
            subject,
            group,
            sender: sender.clone(),
            delivered: 0,
            limit: None,
        });
        MemorySubscription {
            server: self.clone(),
            number,
            messages,
            _open: sender,
        }
    }

    fn send(
        &self,
        subject: Subject,
        reply: Option<Subject>,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        if payload.len() > Self::MAX_PAYLOAD {
            return Err(PublishErrorKind::MaxPayloadExceeded.into());
        }
        let mut server = self.server();
        let is_heard = server.deliver(&message(subject, reply.clone(), payload, None));
        if let (false, Some(reply)) = (is_heard, reply) {
            let status = Some(StatusCode::NO_RESPONDERS);
            server.deliver(&message(reply, None, Bytes::new(), status));
        }
        Ok(())
    }
}

impl Nats for MemoryNats {
    type Subscription = MemorySubscription;

    async fn subscribe(&self, subject: Subject) -> Result<MemorySubscription, SubscribeError> {
        Ok(self.add(subject, None))
    }

    async fn queue_subscribe(
        &self,
        subject: Subject,
        group: String,
    ) -> Result<MemorySubscription, SubscribeError> {
        Ok(self.add(subject, Some(group)))
    }

    async fn publish(&self, subject: Subject, body: Bytes) -> Result<(), PublishError> {
        self.send(subject, None, body)
    }

    async fn publish_with_reply(
        &self,
        subject: Subject,
        reply: Subject,
        body: Bytes,
    ) -> Result<(), PublishError> {
        self.send(subject, Some(reply), body)
    }

    async fn request(&self, subject: Subject, patience: Duration) -> Result<Message, RequestError> {
        let inbox = Subject::from(self.new_inbox());
        let mut answers = self.add(inbox.clone(), None);
        self.send(subject, Some(inbox), Bytes::new())
            .map_err(|error| RequestError::with_source(RequestErrorKind::Other, error))?;
        let answer = tokio::time::timeout(patience, answers.next()).await;
        match answer {
            Err(_) => Err(RequestErrorKind::TimedOut.into()),
            Ok(Some(answer)) if answer.status == Some(StatusCode::NO_RESPONDERS) => {
                Err(RequestErrorKind::NoResponders.into())
            }
            Ok(answer) => answer.ok_or_else(|| RequestErrorKind::Other.into()),
        }
    }

    async fn flush(&self) -> Result<(), FlushError> {
        Ok(())
    }

    async fn drain(&self) -> Result<(), DrainError> {
        Ok(())
    }

    fn is_connected(&self) -> bool {
        true
    }

    fn connects(&self) -> u64 {
        1
    }

    fn max_payload(&self) -> usize {
        Self::MAX_PAYLOAD
    }

    fn new_inbox(&self) -> String {
        format!("_INBOX_memory.{}", self.server().next_number())
    }
}

impl NatsSubscription for MemorySubscription {
    async fn unsubscribe_after(&mut self, messages: u64) -> Result<(), UnsubscribeError> {
        let number = self.number;
        let mut server = self.server.server();
        server.subscriptions.retain_mut(|subscribed| {
            if subscribed.number != number {
                return true;
            }
            subscribed.limit = Some(messages);
            messages < UNCOUNTABLE && subscribed.delivered < messages
        });
        Ok(())
    }
}

impl Stream for MemorySubscription {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.messages.poll_recv(context)
    }
}

impl Drop for MemorySubscription {
    fn drop(&mut self) {
        let number = self.number;
        let mut server = self.server.server();
        server
            .subscriptions
            .retain(|subscribed| subscribed.number != number);
    }
}

impl Server {
    fn next_number(&mut self) -> u64 {
        self.last = self.last.saturating_add(1);
        self.last
    }

    /// Delivers a message to every subscription without a queue group, and to one member of each
    /// group. Returns whether any receives it.
    fn deliver(&mut self, message: &Message) -> bool {
        let mut receivers: Vec<&mut Subscribed> = Vec::new();
        for subscribed in &mut self.subscriptions {
            if !matches(&subscribed.subject, &message.subject) {
                continue;
            }
            let mut chosen = receivers.iter();
            let same_group = |other: &&mut Subscribed| {
                subscribed.group.is_some() && other.group == subscribed.group
            };
            match chosen.position(same_group) {
                None => receivers.push(subscribed),
                Some(place) => {
                    // The member that has received the fewest messages is next.
                    if let Some(member) = receivers.get_mut(place)
                        && subscribed.delivered < member.delivered
                    {
                        *member = subscribed;
                    }
                }
            }
        }
        let is_heard = !receivers.is_empty();
        for receiver in receivers {
            receiver.delivered = receiver.delivered.saturating_add(1);
            // The subscription is removed before its receiver is gone.
            let _ = receiver.sender.send(message.clone());
        }
        self.subscriptions.retain(|subscribed| {
            let limit = subscribed.limit;
            limit.is_none_or(|limit| subscribed.delivered < limit)
        });
        is_heard
    }
}

fn message(
    subject: Subject,
    reply: Option<Subject>,
    payload: Bytes,
    status: Option<StatusCode>,
) -> Message {
    Message {
        length: subject.len().saturating_add(payload.len()),
        subject,
        reply,
        payload,
        headers: None,
        status,
        description: None,
    }
}

/// Returns whether a message to `subject` goes to a subscription to `pattern`.
fn matches(pattern: &str, subject: &str) -> bool {
    let (mut wanted, mut present) = (pattern.split('.'), subject.split('.'));
    loop {
        match (wanted.next(), present.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(wanted), Some(present)) if wanted == present => {}
            _ => return false,
        }
    }
}

/// Shows no content, because messages may hold secrets.
impl fmt::Debug for MemoryNats {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MemoryNats")
    }
}

impl fmt::Debug for MemorySubscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MemorySubscription")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    /// Takes the bodies of the messages that have arrived.
    fn arrived(subscription: &mut MemorySubscription) -> Vec<Bytes> {
        std::iter::from_fn(|| subscription.next().now_or_never().flatten())
            .map(|message| message.payload)
            .collect()
    }

    async fn publish(nats: &MemoryNats, subject: &str, body: &'static str) {
        nats.publish(subject.into(), body.into()).await.unwrap();
    }

    #[tokio::test]
    async fn messages_go_to_every_subscription_and_to_one_member_of_a_group() {
        let nats = MemoryNats::default();
        let mut all = nats.subscribe("a.>".into()).await.unwrap();
        let mut one = nats.subscribe("a.*".into()).await.unwrap();
        let member = || nats.queue_subscribe("a.b".into(), "q".to_owned());
        let (mut first, mut second) = (member().await.unwrap(), member().await.unwrap());
        for (subject, body) in [("a.b", "1"), ("a.b", "2"), ("a.b.c", "3"), ("a", "4")] {
            publish(&nats, subject, body).await;
        }
        assert_eq!(arrived(&mut all), ["1", "2", "3"]);
        assert_eq!(arrived(&mut one), ["1", "2"]);
        assert_eq!(arrived(&mut first), ["1"]);
        assert_eq!(arrived(&mut second), ["2"]);
    }

    #[tokio::test]
    async fn a_request_has_an_answer_no_responders_or_a_timeout() {
        let nats = MemoryNats::default();
        let ask = |patience| nats.request("ask".into(), patience);
        let (long, short) = (Duration::from_mins(5), Duration::from_millis(1));
        let error = ask(long).await.unwrap_err();
        assert_eq!(error.kind(), RequestErrorKind::NoResponders);
        let mut asked = nats.subscribe("ask".into()).await.unwrap();
        let error = ask(short).await.unwrap_err();
        assert_eq!(error.kind(), RequestErrorKind::TimedOut);
        asked.next().await.unwrap();
        let (answer, ()) = tokio::join!(ask(long), async {
            let reply = asked.next().await.unwrap().reply.unwrap();
            nats.publish(reply, "yes".into()).await.unwrap();
        });
        assert_eq!(answer.unwrap().payload, "yes");
    }

    #[tokio::test]
    async fn a_subscription_ends_after_a_number_of_messages_or_at_once() {
        let nats = MemoryNats::default();
        let mut counted = nats.subscribe("a".into()).await.unwrap();
        let mut ended = nats.subscribe("a".into()).await.unwrap();
        publish(&nats, "a", "1").await;
        counted.unsubscribe_after(2).await.unwrap();
        ended.unsubscribe_after(u64::MAX).await.unwrap();
        for body in ["2", "3"] {
            publish(&nats, "a", body).await;
        }
        assert_eq!(arrived(&mut counted), ["1", "2"]);
        assert_eq!(arrived(&mut ended), ["1"]);
        drop((counted, ended));
        assert!(nats.server().subscriptions.is_empty());
    }
}
