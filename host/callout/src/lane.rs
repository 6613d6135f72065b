//! One service connection: the subscription, the queue, and the drain when it ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::{Client, Message, Request, RequestErrorKind, Subscriber};
use futures::{FutureExt, StreamExt};
use portcullis_connect::USER_INFO;
use portcullis_core::{Authorizer, DenialClass, with_causes};
use tokio::sync::{mpsc, watch};

use crate::deny::DenyMode;
use crate::error::ServiceError;
use crate::handle::{Handler, Received};
use crate::outbox::Outbox;
use crate::participation::{Obstacle, Participation, connects};
use crate::refusals::Refusal;
use crate::reply::ReplyToken;
use crate::subjects::AUTH_REQUESTS;

/// Why a request finds no place in the queue.
const TOO_MANY: &str =
    "too many requests are waiting; add hosts to the queue group or raise `max-in-flight`";
/// Why a request is not let into the queue.
const TOO_SLOW: &str =
    "the requests that wait already take longer than the deadline; add hosts to the queue group";

/// How long the server's answer is waited for, which it gives at once unless it is busy.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same where an answer is unlikely.
const SHORT_PATIENCE: Duration = Duration::from_secs(1);
/// How often a connection is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// One connection of a service.
pub(crate) struct Lane<A> {
    /// Counted once for each request that is here, not once for each part of a client.
    outbox: Arc<Outbox>,
    handler: Arc<Handler<A>>,
    /// Every request's task holds a clone; when the last is gone, so is the last request.
    alive: mpsc::Sender<Infallible>,
}

/// What a connection is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// Stay out of the queue group, or leave it.
    #[default]
    Wait,
    /// Join the queue group and take requests.
    Take,
    /// Leave it and end.
    Stop,
}

impl<A: Authorizer> Lane<A> {
    /// Serves on `client` as `orders` say, until they say to stop; then drains.
    ///
    /// # Errors
    ///
    /// When a subscription cannot be made, or ends by itself.
    pub(crate) async fn serve(
        client: Client,
        handler: Arc<Handler<A>>,
        mut orders: watch::Receiver<Order>,
    ) -> Result<(), ServiceError> {
        let (alive, all_gone) = mpsc::channel(1);
        let lane = Self {
            outbox: Arc::new(Outbox::new(client)),
            handler,
            alive,
        };
        let timeout = lane.handler.times.drain_timeout;
        while next(&mut orders, Order::Wait).await == Order::Take {
            let mut subscriber = lane.subscribe().await?;
            // Until the server has forgotten the subscription, it sends logins here.
            let _joined = lane.receive(&mut subscriber, &mut orders).await?;
            if tokio::time::timeout(timeout, lane.take_last(&mut subscriber))
                .await
                .is_err()
            {
                tracing::warn!("subscription not drained in time");
            }
        }
        if tokio::time::timeout(timeout, lane.drain(all_gone))
            .await
            .is_err()
        {
            tracing::warn!(
                "drain timeout passed: requests in flight are left to the server's timeout"
            );
        }
        Ok(())
    }

    async fn subscribe(&self) -> Result<Subscriber, ServiceError> {
        let group = self.handler.group.name.clone();
        let subscribed = self
            .outbox
            .client()
            .queue_subscribe(AUTH_REQUESTS, group)
            .await;
        subscribed.map_err(ServiceError::Subscribe)
    }

    /// How long an answer of the server is waited for. Short if none came before: the host may not be allowed to ask.
    fn patience(&self) -> Duration {
        if self
            .handler
            .participation
            .obstacles()
            .contains(&Obstacle::Unconfirmed)
        {
            SHORT_PATIENCE
        } else {
            PATIENCE
        }
    }

    /// Takes requests for as long as `orders` say so. Returns the subscription if a server has
    /// confirmed it.
    async fn receive(
        &self,
        subscriber: &mut Subscriber,
        orders: &mut watch::Receiver<Order>,
    ) -> Result<Option<Joined<'_>>, ServiceError> {
        let mut joined = None;
        let confirmation = confirm(self.outbox.client(), self.patience());
        tokio::pin!(confirmation);
        loop {
            tokio::select! {
                _ = next(orders, Order::Take) => return Ok(joined),
                () = &mut confirmation, if joined.is_none() => {
                    joined = Some(Joined::new(&self.handler.participation));
                }
                message = subscriber.next() => match message {
                    Some(message) => self.take(message).await,
                    None => return Err(ServiceError::Closed),
                },
            }
        }
    }

    /// Stamps a message and gives it a task of its own, if there is a place and time for it.
    async fn take(&self, message: Message) {
        let at = Instant::now();
        let Some(subject) = message.reply else {
            let refusal = Refusal::new("no-reply-subject", "the message has no reply subject");
            return self.handler.record_refusal(refusal);
        };
        let reply = ReplyToken::new(Arc::clone(&self.outbox), subject);
        let Some(place) = self.handler.place() else {
            return self.shed(reply, TOO_MANY).await;
        };
        if !self.handler.has_time() {
            return self.shed(reply, TOO_SLOW).await;
        }
        let received = Received {
            payload: message.payload,
            headers: message.headers,
            reply,
            at,
            place,
        };
        let (handler, alive) = (Arc::clone(&self.handler), self.alive.clone());
        let unbegun = self.outbox.expect();
        tokio::spawn(async move {
            drop(unbegun);
            handler.handle(received).await;
            drop(alive);
        });
    }

    /// Before any cryptography: shedding has to be cheaper than serving.
    async fn shed(&self, reply: ReplyToken, error: &str) {
        drop(self.handler.counters.received());
        let refusal = Refusal::new("overloaded", error);
        let drops = self.handler.deny.of(DenialClass::Overloaded) == DenyMode::Drop;
        if drops || !reply.is_for_server() {
            self.handler.record_refusal(refusal);
        } else {
            self.handler.refuse(reply, refusal).await;
        }
    }

    /// Waits until requests in flight are answered, and closes the connection.
    async fn drain(self, mut all_gone: mpsc::Receiver<Infallible>) {
        let Self { outbox, alive, .. } = self;
        drop(alive);
        // Nothing is ever sent: this returns when every task has dropped its sender.
        let _none = all_gone.recv().await;
        let client = outbox.client();
        let close = async {
            if let Err(error) = client.flush().await {
                tracing::warn!(error = with_causes(&error), "last replies perhaps not sent");
            }
            if let Err(error) = client.drain().await {
                tracing::debug!(error = with_causes(&error), "connection not drained");
            }
        };
        // Without a server the client would wait until it has one again.
        tokio::select! {
            () = close => {}
            () = lost(client) => {}
        }
    }

    /// Takes what the server sends until it has forgotten the subscription.
    ///
    /// `Subscriber::drain` cannot be used: it stops listening at the next wake-up, which any reply causes, and the requests
    /// that the server had sent by then are lost. An automatic unsubscription after more messages than a server can
    /// count is one that it carries out at once (its parser takes nine digits, and reads longer numbers as none), while the
    /// client goes on listening; the answer to a question asked afterwards tells that it has been carried out. A server that
    /// did count that far would send on until the subscriber is dropped.
    async fn take_last(&self, subscriber: &mut Subscriber) {
        let client = self.outbox.client();
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
                // The server forgets with the connection, and answers to it have no way back.
                () = &mut lost => return,
            }
        }
        // What came before the answer and has not been looked at.
        while let Some(Some(message)) = subscriber.next().now_or_never() {
            self.take(message).await;
        }
    }
}

/// A subscription that a server has confirmed; dropping it ends that.
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

/// Waits for an order other than `present`; to stop, if the service is gone.
async fn next(orders: &mut watch::Receiver<Order>, present: Order) -> Order {
    let order = orders.wait_for(|order| *order != present).await;
    order.map_or(Order::Stop, |order| *order)
}

/// Returns once the connection is down, or has been made again.
async fn lost(client: &Client) {
    let made = connects(client);
    while client.connection_state() == State::Connected && connects(client) == made {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Returns once the server has answered something on this connection: by then it has the subscription, because it works
/// through a connection in order. Without permission to ask there is no answer within `patience`.
async fn confirm(client: &Client, patience: Duration) {
    loop {
        let request = Request::new().timeout(Some(patience));
        match client.send_request(USER_INFO, request).await {
            Ok(_) => return,
            // The server says that nothing answers: that is an answer too.
            Err(error) if error.kind() == RequestErrorKind::NoResponders => return,
            // Connected all this time: the answer is not allowed to reach us, but the subscription stands.
            Err(error)
                if error.kind() == RequestErrorKind::TimedOut
                    && client.connection_state() == State::Connected =>
            {
                return;
            }
            Err(error) => {
                tracing::debug!(error = with_causes(&error), "server has not answered yet");
            }
        }
    }
}
