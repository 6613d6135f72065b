//! One service connection: the subscription, the queue, and the drain at the end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use async_nats::connection::State;
use async_nats::{Client, Message, RequestErrorKind, Subscriber};
use futures::{FutureExt, StreamExt};
use portcullis_core::{Authorizer, DenialClass};
use tokio::sync::{mpsc, watch};

use crate::deny::DenyMode;
use crate::error::chain;
use crate::handle::{Handler, Received, Refusal, refuse};
use crate::outbox::Outbox;
use crate::permissions::{USER_INFO, UserInfo};
use crate::reply::ReplyToken;
use crate::service::{SUBJECT, ServiceError};

/// Why a request finds no place in the queue.
const TOO_MANY: &str =
    "too many requests are waiting; add hosts to the queue group or raise `max-in-flight`";
/// Why a request is not let into the queue.
const TOO_SLOW: &str =
    "the requests that wait already take longer than the deadline; add hosts to the queue group";

/// One connection of a service.
pub(crate) struct Lane<A> {
    /// Counted once for each request that is here, not once for each part of a client.
    outbox: Arc<Outbox>,
    handler: Arc<Handler<A>>,
    /// Every request's task holds a clone; when the last is gone, so is the last request.
    alive: mpsc::Sender<Infallible>,
}

impl<A: Authorizer> Lane<A> {
    /// Serves on `client` until `stopping` says so, then drains. Says to `confirmed` when the server has the
    /// subscription.
    ///
    /// # Errors
    ///
    /// When the subscription cannot be made, or ends by itself.
    pub(crate) async fn serve(
        client: Client,
        handler: Arc<Handler<A>>,
        mut stopping: watch::Receiver<bool>,
        confirmed: mpsc::Sender<()>,
    ) -> Result<(), ServiceError> {
        let group = handler.options.queue_group.clone();
        let mut subscriber = client
            .queue_subscribe(SUBJECT, group)
            .await
            .map_err(ServiceError::Subscribe)?;
        let (alive, all_gone) = mpsc::channel(1);
        let lane = Self {
            outbox: Arc::new(Outbox::new(client)),
            handler,
            alive,
        };
        let timeout = lane.handler.options.drain_timeout;
        lane.receive(&mut subscriber, &mut stopping, confirmed)
            .await?;
        let drained = lane.drain(subscriber, all_gone);
        if tokio::time::timeout(timeout, drained).await.is_err() {
            tracing::warn!(
                "drain timeout passed: requests in flight are left to the server's timeout"
            );
        }
        Ok(())
    }

    /// Takes requests until `stopping` says so.
    async fn receive(
        &self,
        subscriber: &mut Subscriber,
        stopping: &mut watch::Receiver<bool>,
        confirmed: mpsc::Sender<()>,
    ) -> Result<(), ServiceError> {
        let mut unconfirmed = Some(confirmed);
        let confirmation = confirm(self.outbox.client(), &self.handler.options.account);
        tokio::pin!(confirmation);
        loop {
            tokio::select! {
                () = stopped(stopping) => return Ok(()),
                () = &mut confirmation, if unconfirmed.is_some() => {
                    if let Some(confirmed) = unconfirmed.take() {
                        // The service may have ended meanwhile.
                        let _ = confirmed.send(()).await;
                    }
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
            tracing::warn!(
                error = "the message has no reply subject",
                refusal.reason = "no-reply-subject",
                subject = SUBJECT,
                "request refused"
            );
            return self.handler.counters.refused("no-reply-subject");
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
        self.handler.counters.refused("overloaded");
        match self.handler.options.deny.of(DenialClass::Overloaded) {
            DenyMode::Drop => tracing::warn!(error, subject = SUBJECT, "request dropped"),
            _ => refuse(reply, Refusal::new("overloaded", error)).await,
        }
    }

    /// No new requests; those in flight are answered.
    async fn drain(self, mut subscriber: Subscriber, mut all_gone: mpsc::Receiver<Infallible>) {
        let connected = self.outbox.client().connection_state() == State::Connected;
        if connected {
            self.take_last(&mut subscriber).await;
        }
        drop(subscriber);
        let Self { outbox, alive, .. } = self;
        drop(alive);
        // Nothing is ever sent: this returns when every task has dropped its sender.
        let _none = all_gone.recv().await;
        if !connected {
            // Nobody to say anything to, and the client would wait for somebody.
            return;
        }
        if let Err(error) = outbox.client().flush().await {
            tracing::warn!(error = chain(&error), "last replies perhaps not sent");
        }
        if let Err(error) = outbox.client().drain().await {
            tracing::debug!(error = chain(&error), "connection not drained");
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
        if let Err(error) = subscriber.unsubscribe_after(u64::MAX).await {
            tracing::warn!(error = chain(&error), "subscription not drained");
            return;
        }
        let forgotten = confirm(self.outbox.client(), &self.handler.options.account);
        tokio::pin!(forgotten);
        loop {
            tokio::select! {
                message = subscriber.next() => match message {
                    Some(message) => self.take(message).await,
                    None => return,
                },
                () = &mut forgotten => break,
            }
        }
        // What came before the answer and has not been looked at.
        while let Some(Some(message)) = subscriber.next().now_or_never() {
            self.take(message).await;
        }
    }
}

/// Resolves once the service stops, or is gone.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stop| *stop).await);
}

/// Returns once the server has answered something on this connection: by then it has the subscription, for it works through a
/// connection in order. Says so if the connection is in another account than the configuration thinks.
async fn confirm(client: &Client, account: &str) {
    let answer = loop {
        match client.request(USER_INFO, bytes::Bytes::new()).await {
            Ok(message) => break Some(message),
            // Nobody answers, says the server: that is an answer too.
            Err(error) if error.kind() == RequestErrorKind::NoResponders => break None,
            // Connected all this time: the answer is not allowed to reach us, but the subscription stands.
            Err(error)
                if error.kind() == RequestErrorKind::TimedOut
                    && client.connection_state() == State::Connected =>
            {
                break None;
            }
            Err(error) => tracing::debug!(error = chain(&error), "server has not answered yet"),
        }
    };
    let info = answer.and_then(|message| serde_json::from_slice::<UserInfo>(&message.payload).ok());
    if let Some(info) = info
        && info.account() != account
    {
        tracing::warn!(
            account = info.account(),
            expected = account,
            "connected to another account than `account` says: is this user one of auth_users?"
        );
    }
}
