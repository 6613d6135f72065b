//! One service connection: the subscription, the queue, and the drain at the end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use portcullis_authority::Overload;
use portcullis_connect::{Message, Nats, NatsSubscription as _, RequestErrorKind, USER_INFO};
use portcullis_core::{Authorizer, DenialClass, with_causes};
use portcullis_environment::Clock;
use tokio::sync::{mpsc, watch};

use crate::deny::DenyMode;
use crate::error::ServiceError;
use crate::handler::{Handler, Received};
use crate::participation::{Obstacle, Order, Participation};
use crate::refusals::Refusal;
use crate::reply::ReplyToken;
use crate::reply_batcher::ReplyBatcher;
use crate::subjects::AUTH_REQUESTS;

/// The text of the refusal of a request when the queue is full.
const TOO_MANY: &str =
    "too many requests are waiting; add hosts to the queue group or raise `max-in-flight`";
/// The text of the refusal of a request that would wait beyond its deadline.
const TOO_SLOW: &str =
    "the requests that wait already take longer than the deadline; add hosts to the queue group";

/// Timeout of a question to the server. A server that is not busy answers at once.
const PATIENCE: Duration = Duration::from_secs(10);
/// Timeout of a question to the server while [`Obstacle::Unconfirmed`] holds, as an answer is
/// unlikely.
const SHORT_PATIENCE: Duration = Duration::from_secs(1);
/// Interval of the checks whether a connection is lost.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// One connection of a service.
pub(crate) struct Subscription<A, C, N> {
    /// The reply batcher. Each request holds one reference to it, not one to each part of a client.
    batcher: Arc<ReplyBatcher<N>>,
    handler: Arc<Handler<A, C>>,
    /// The name of the queue group.
    group: String,
    /// The sender that each request's task clones. After the last clone is dropped, no request is
    /// in flight.
    alive: mpsc::Sender<Infallible>,
}

impl<A: Authorizer, C: Clock + Clone, N: Nats> Subscription<A, C, N> {
    /// Serves on `client` in `group` as `orders` say. Drains the connection after [`Order::Stop`].
    ///
    /// # Errors
    ///
    /// Fails if a subscription cannot be made, or ends although the host did not end it.
    pub(crate) async fn serve(
        client: N,
        handler: Arc<Handler<A, C>>,
        group: String,
        mut orders: watch::Receiver<Order>,
    ) -> Result<(), ServiceError> {
        let (alive, all_gone) = mpsc::channel(1);
        let subscription = Self {
            batcher: Arc::new(ReplyBatcher::new(client)),
            handler,
            group,
            alive,
        };
        while next(&mut orders, Order::Wait).await == Order::Take {
            let mut subscriber = subscription.subscribe().await?;
            // The server sends logins here until it has removed the subscription.
            let _joined = subscription.receive(&mut subscriber, &mut orders).await?;
            let timeout = subscription.handler.rules.load().times.drain_timeout;
            if tokio::time::timeout(timeout, subscription.take_last(&mut subscriber))
                .await
                .is_err()
            {
                tracing::warn!("subscription not drained in time");
            }
        }
        let timeout = subscription.handler.rules.load().times.drain_timeout;
        if tokio::time::timeout(timeout, subscription.drain(all_gone))
            .await
            .is_err()
        {
            tracing::warn!(
                "drain timeout passed: requests in flight are left to the server's timeout"
            );
        }
        Ok(())
    }

    async fn subscribe(&self) -> Result<N::Subscription, ServiceError> {
        let subscribed = self
            .batcher
            .client()
            .queue_subscribe(AUTH_REQUESTS.into(), self.group.clone())
            .await;
        subscribed.map_err(ServiceError::Subscribe)
    }

    /// Returns the timeout of a question to the server. The timeout is short while
    /// [`Obstacle::Unconfirmed`] holds, because the host may lack the permission to ask.
    fn patience(&self) -> Duration {
        if self
            .handler
            .evidence
            .participation
            .obstacles()
            .contains(&Obstacle::Unconfirmed)
        {
            SHORT_PATIENCE
        } else {
            PATIENCE
        }
    }

    /// Takes requests until `orders` change. Returns the subscription if a server has confirmed it.
    async fn receive(
        &self,
        subscriber: &mut N::Subscription,
        orders: &mut watch::Receiver<Order>,
    ) -> Result<Option<Joined<'_>>, ServiceError> {
        let mut joined = None;
        let confirmation = confirm(self.batcher.client(), self.patience());
        tokio::pin!(confirmation);
        loop {
            tokio::select! {
                _ = next(orders, Order::Take) => return Ok(joined),
                () = &mut confirmation, if joined.is_none() => {
                    joined = Some(Joined::new(&self.handler.evidence.participation));
                }
                message = subscriber.next() => match message {
                    Some(message) => self.take(message).await,
                    None => return Err(ServiceError::Closed),
                },
            }
        }
    }

    /// Records the time of arrival and starts a task for the message. Refuses the message if the
    /// queue is full or the expected wait exceeds the deadline.
    async fn take(&self, message: Message) {
        let at = self.handler.clock.now();
        let Some(subject) = message.reply else {
            let refusal = Refusal::new("no-reply-subject", "the message has no reply subject");
            return self.handler.record_refusal(refusal);
        };
        let reply = ReplyToken::new(Arc::clone(&self.batcher), subject);
        let limit = self.handler.rules.load().times.deadline;
        let place = match self.handler.authority.enter(limit) {
            Ok(place) => place,
            Err(Overload::QueueFull) => return self.shed(reply, TOO_MANY).await,
            Err(Overload::TooSlow) => return self.shed(reply, TOO_SLOW).await,
        };
        let received = Received {
            payload: message.payload,
            headers: message.headers,
            reply,
            at,
            place,
        };
        let (handler, alive) = (Arc::clone(&self.handler), self.alive.clone());
        let pending = self.batcher.add_pending();
        tokio::spawn(async move {
            drop(pending);
            handler.handle(received).await;
            drop(alive);
        });
    }

    /// Refuses a request before any cryptography, because shedding load must cost less than
    /// serving.
    async fn shed(&self, reply: ReplyToken<N>, error: &str) {
        let now = self.handler.clock.unix_seconds();
        drop(self.handler.counters.received(now));
        let refusal = Refusal::new("overloaded", error);
        let mode = {
            let rules = self.handler.rules.load();
            rules.deny.for_class(DenialClass::Overloaded)
        };
        let drops = mode == DenyMode::Drop;
        if drops || !reply.is_for_server() {
            self.handler.record_refusal(refusal);
        } else {
            self.handler.refuse(reply, refusal).await;
        }
    }

    /// Waits until requests in flight are answered, and closes the connection.
    async fn drain(self, mut all_gone: mpsc::Receiver<Infallible>) {
        let Self { batcher, alive, .. } = self;
        drop(alive);
        // The channel carries no message: this returns after every task has dropped its sender.
        let _none = all_gone.recv().await;
        let client = batcher.client();
        let close = async {
            if let Err(error) = client.flush().await {
                tracing::warn!(error = with_causes(&error), "last replies perhaps not sent");
            }
            if let Err(error) = client.drain().await {
                tracing::debug!(error = with_causes(&error), "connection not drained");
            }
        };
        // A client without a server would wait here until it reconnects.
        tokio::select! {
            () = close => {}
            () = lost(client) => {}
        }
    }

    /// Takes the messages that the server sends until it has removed the subscription.
    ///
    /// `Subscriber::drain` stops listening at the next wake-up, which any reply causes. The
    /// requests that the server had sent by then would be lost.
    ///
    /// This function instead unsubscribes after more messages than a server can count. The server's
    /// parser takes nine digits and reads a longer number as none, so the server unsubscribes at
    /// once. The client continues to listen. The answer to a later question shows that the server
    /// has removed the subscription. A server that could count that far would send messages until
    /// the subscriber is dropped.
    async fn take_last(&self, subscriber: &mut N::Subscription) {
        let client = self.batcher.client();
        let lost = lost(client);
        tokio::pin!(lost);
        tokio::select! {
            sent = subscriber.unsubscribe_after(u64::MAX) => if let Err(error) = sent {
                tracing::warn!(error = with_causes(&error), "subscription not drained");
                return;
            },
            () = &mut lost => return,
        }
        let forgotten = confirm(client, self.patience());
        tokio::pin!(forgotten);
        loop {
            tokio::select! {
                message = subscriber.next() => match message {
                    Some(message) => self.take(message).await,
                    None => return,
                },
                () = &mut forgotten => break,
                // A lost connection removes the subscription too. Replies on it reach a server only
                // after the client connects again, if at all.
                () = &mut lost => return,
            }
        }
        // Messages that arrived before the answer may still be queued.
        while let Some(Some(message)) = subscriber.next().now_or_never() {
            self.take(message).await;
        }
    }
}

/// A subscription that a server has confirmed. Dropping this value counts it as ended.
struct Joined<'a>(&'a Participation);

impl<'a> Joined<'a> {
    fn new(participation: &'a Participation) -> Self {
        participation.joined();
        Self(participation)
    }
}

impl Drop for Joined<'_> {
    fn drop(&mut self) {
        self.0.left();
    }
}

/// Waits for an order other than `present` and returns it. Returns [`Order::Stop`] if the service
/// is gone.
async fn next(orders: &mut watch::Receiver<Order>, present: Order) -> Order {
    let order = orders.wait_for(|order| *order != present).await;
    order.map_or(Order::Stop, |order| *order)
}

/// Returns once the connection is down or was made again.
async fn lost(client: &impl Nats) {
    let made = client.connects();
    while client.is_connected() && client.connects() == made {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Returns once the server has answered a question on this connection. By then it has the
/// subscription, because it processes a connection in order. If the host lacks the permission to
/// ask, this returns after `patience`.
async fn confirm(client: &impl Nats, patience: Duration) {
    loop {
        match client.request(USER_INFO.into(), patience).await {
            Ok(_) => return,
            // "No responders" comes from the server, so it is an answer too.
            Err(error) if error.kind() == RequestErrorKind::NoResponders => return,
            // The host may lack the permission to receive the answer, but the subscription holds.
            Err(error) if error.kind() == RequestErrorKind::TimedOut && client.is_connected() => {
                return;
            }
            Err(error) => {
                tracing::debug!(error = with_causes(&error), "server has not answered yet");
            }
        }
    }
}
