//! Receive: the subscription, the queue, and the drain at the end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::{Client, Message, RequestErrorKind, Subscriber};
use futures::{FutureExt, StreamExt};
use portcullis_claims::IssuerKey;
use portcullis_core::Authorizer;
use serde::Deserialize;
use tokio::sync::{Semaphore, mpsc};

use crate::accounts::TargetAccounts;
use crate::handle::{Handler, Received, chain, refuse};
use crate::reply::ReplyToken;

/// The subject on which servers ask (ADR-26).
pub(crate) const SUBJECT: &str = "$SYS.REQ.USER.AUTH";
/// Where a connection asks a server who it is.
const USER_INFO: &str = "$SYS.REQ.USER.INFO";
/// For every decision that may run, this many may wait.
const QUEUE_FACTOR: usize = 16;
/// Why a request finds no place in the queue.
const TOO_MANY: &str =
    "too many requests are waiting; add hosts to the queue group or raise `max-in-flight`";

/// How requests are served.
#[derive(Debug)]
pub struct ServiceOptions {
    /// Signs user JWTs and responses: `issuer` in the server's `auth_callout` block.
    pub issuer: IssuerKey,
    /// The accounts the host signs for.
    pub accounts: TargetAccounts,
    /// The callout account, to notice a connection that is in another one.
    pub account: String,
    /// Shared by every host of an installation, so that each request is answered once.
    pub queue_group: String,
    /// Most decisions at the same time.
    pub max_in_flight: usize,
    /// Longest a decision may take; the request's own deadline applies too.
    pub deadline: Duration,
    /// How far the server's clock may be off.
    pub clock_skew: Duration,
    /// Longest a login may last.
    pub max_expiry: Option<Duration>,
    /// Longest to wait for requests in flight at the end.
    pub drain_timeout: Duration,
}

/// The service cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// No subscription.
    #[error("cannot subscribe to `{SUBJECT}`")]
    Subscribe(#[source] async_nats::SubscribeError),
    /// The subscription ended by itself.
    #[error("the connection to nats was closed for good")]
    Closed,
}

/// The auth callout service.
#[derive(Debug)]
pub struct Service<A> {
    client: Client,
    handler: Arc<Handler<A>>,
}

impl<A: Authorizer> Service<A> {
    /// A service that answers over `client` as `authorizer` decides.
    pub fn new(client: Client, authorizer: A, options: ServiceOptions) -> Self {
        let slots = Semaphore::new(options.max_in_flight);
        Self {
            client,
            handler: Arc::new(Handler {
                authorizer,
                options,
                slots,
            }),
        }
    }

    /// Serves until `shutdown` resolves, then drains: no new requests, those in flight are answered, up to the
    /// drain timeout. `ready` is called once the server has confirmed the subscription.
    ///
    /// # Errors
    ///
    /// When the subscription cannot be made, or ends because the connection is gone for good.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()>,
        ready: impl FnOnce(),
    ) -> Result<(), ServiceError> {
        let options = &self.handler.options;
        let mut subscriber = self
            .client
            .queue_subscribe(SUBJECT, options.queue_group.clone())
            .await
            .map_err(ServiceError::Subscribe)?;
        let intake = Intake::new(&self.handler);
        tokio::pin!(shutdown);
        let confirmed = confirm(&self.client, &options.account);
        tokio::pin!(confirmed);
        let mut ready = Some(ready);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                () = &mut confirmed, if ready.is_some() => {
                    if let Some(ready) = ready.take() {
                        ready();
                    }
                }
                message = subscriber.next() => match message {
                    Some(message) => intake.take(&self.client, message).await,
                    None => return Err(ServiceError::Closed),
                },
            }
        }
        self.drain(subscriber, intake).await;
        Ok(())
    }

    async fn drain(&self, mut subscriber: Subscriber, intake: Intake<A>) {
        tracing::info!("draining");
        let client = &self.client;
        let finish = async {
            let connected = client.connection_state() == State::Connected;
            if connected {
                intake
                    .take_last(client, &mut subscriber, &self.handler.options.account)
                    .await;
            }
            drop(subscriber);
            intake.finish().await;
            if !connected {
                // Nobody to say anything to, and the client would wait for somebody.
                return;
            }
            if let Err(error) = client.flush().await {
                tracing::warn!(error = chain(&error), "last replies perhaps not sent");
            }
            if let Err(error) = client.drain().await {
                tracing::debug!(error = chain(&error), "connection not drained");
            }
        };
        if tokio::time::timeout(self.handler.options.drain_timeout, finish)
            .await
            .is_err()
        {
            tracing::warn!(
                "drain timeout passed: requests in flight are left to the server's timeout"
            );
        }
    }
}

/// Takes messages in: stamps them, and gives each a task of its own.
struct Intake<A> {
    handler: Arc<Handler<A>>,
    queue: Arc<Semaphore>,
    /// Every task holds a clone; when the last is gone, so is the last request.
    alive: mpsc::Sender<Infallible>,
    all_gone: mpsc::Receiver<Infallible>,
}

impl<A: Authorizer> Intake<A> {
    fn new(handler: &Arc<Handler<A>>) -> Self {
        let (alive, all_gone) = mpsc::channel(1);
        let places = handler.options.max_in_flight.saturating_mul(QUEUE_FACTOR);
        let queue = Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        Self {
            handler: Arc::clone(handler),
            queue,
            alive,
            all_gone,
        }
    }

    async fn take(&self, client: &Client, message: Message) {
        let at = Instant::now();
        let Some(subject) = message.reply else {
            tracing::warn!(
                error = "the message has no reply subject",
                subject = SUBJECT,
                "request refused"
            );
            return;
        };
        let reply = ReplyToken::new(client.clone(), subject);
        let Ok(place) = Arc::clone(&self.queue).try_acquire_owned() else {
            // Before any cryptography: shedding has to be cheaper than serving.
            return refuse(reply, TOO_MANY).await;
        };
        let received = Received {
            payload: message.payload,
            reply,
            at,
        };
        let (handler, alive) = (Arc::clone(&self.handler), self.alive.clone());
        tokio::spawn(async move {
            handler.handle(received).await;
            drop((place, alive));
        });
    }

    /// Takes what the server sends until it has forgotten the subscription.
    ///
    /// `Subscriber::drain` cannot be used: it stops listening at the next wake-up, which any reply causes, and the requests
    /// that the server had sent by then are lost. An automatic unsubscription after more messages than a server can
    /// count is one that it carries out at once (its parser takes nine digits, and reads longer numbers as none), while the
    /// client goes on listening; the answer to a question asked afterwards tells that it has been carried out. A server that
    /// did count that far would send on until the subscriber is dropped.
    async fn take_last(&self, client: &Client, subscriber: &mut Subscriber, account: &str) {
        if let Err(error) = subscriber.unsubscribe_after(u64::MAX).await {
            tracing::warn!(error = chain(&error), "subscription not drained");
            return;
        }
        let forgotten = confirm(client, account);
        tokio::pin!(forgotten);
        loop {
            tokio::select! {
                message = subscriber.next() => match message {
                    Some(message) => self.take(client, message).await,
                    None => return,
                },
                () = &mut forgotten => break,
            }
        }
        // What came before the answer and has not been looked at.
        while let Some(Some(message)) = subscriber.next().now_or_never() {
            self.take(client, message).await;
        }
    }

    async fn finish(self) {
        let Self {
            alive,
            mut all_gone,
            ..
        } = self;
        drop(alive);
        // Nothing is ever sent: this returns when every task has dropped its sender.
        let _none = all_gone.recv().await;
    }
}

/// The part of the server's answer that matters here.
#[derive(Debug, Deserialize)]
struct UserInfo {
    data: UserInfoData,
}

#[derive(Debug, Deserialize)]
struct UserInfoData {
    account: String,
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
        && info.data.account != account
    {
        tracing::warn!(
            account = info.data.account,
            expected = account,
            "connected to another account than `account` under [callout]: is this user one of auth_users?"
        );
    }
}
