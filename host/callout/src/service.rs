//! The service: its options, its connections, its end.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use portcullis_claims::CurveKey;
use portcullis_connect::LoginProbe;
use portcullis_core::{Authorizer, with_causes};
use portcullis_identity::Identifier;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::counters::Counters;
use crate::deny::DenyModes;
use crate::discovery::{Discovery, Responder, service_id};
use crate::enforce::Expiry;
use crate::handle::Handler;
use crate::issuers::Issuers;
use crate::lane::{Lane, Order};
use crate::participation::{Keeper, Participation, ParticipationOptions, Prober};
use crate::rejections;
use crate::rules::PermitRules;
use crate::throttle::{Throttle, ThrottleOptions};
use crate::trust::TrustedServers;

/// The subject on which servers ask (ADR-26).
pub(crate) const SUBJECT: &str = "$SYS.REQ.USER.AUTH";

/// How requests are served.
#[derive(Debug)]
pub struct ServiceOptions {
    /// Who signs user JWTs and responses.
    pub issuers: Issuers,
    /// Opens requests and seals responses: `xkey` in the server's `auth_callout`. With a key, requests in the clear are
    /// refused; without one, encrypted requests are.
    pub xkey: Option<CurveKey>,
    /// The servers that are answered.
    pub trusted_servers: TrustedServers,
    /// Whether a request that comes a second time is refused.
    pub refuse_replays: bool,
    /// Who proves who is asking, before anybody decides.
    pub identifier: Identifier,
    /// How many failed attempts are too many.
    pub throttle: ThrottleOptions,
    /// What permits are held to.
    pub rules: PermitRules,
    /// The callout account as `$SYS.REQ.USER.INFO` shows it, to notice a connection that is in another one: its name in
    /// config mode, its key in operator mode.
    pub account: String,
    /// Shared by every host of an installation, so that each request is answered once.
    pub queue_group: String,
    /// Most decisions at the same time.
    pub max_in_flight: usize,
    /// Longest a decision may take; the request's own deadline applies too.
    pub deadline: Duration,
    /// How far the server's clock may be off.
    pub clock_skew: Duration,
    /// When logins end.
    pub expiry: Expiry,
    /// How denials are answered.
    pub deny: DenyModes,
    /// When the host takes part.
    pub participation: ParticipationOptions,
    /// Where the host tries a login of its own if none arrives. `None`: nowhere.
    pub probe: Option<LoginProbe>,
    /// How NATS tools see the service; not at all if none.
    pub discovery: Option<Discovery>,
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
    /// The task of a connection broke: a fault of the host.
    #[error("the task of a service connection broke")]
    Task(#[source] JoinError),
    /// A service without connections.
    #[error("there is no connection to serve on")]
    NoConnection,
}

/// The auth callout service.
#[derive(Debug)]
pub struct Service<A> {
    handler: Arc<Handler<A>>,
}

impl<A: Authorizer> Service<A> {
    /// A service that answers as `authorizer` decides.
    pub fn new(authorizer: A, options: ServiceOptions) -> Self {
        let handler = Arc::new(Handler::new(authorizer, options, Arc::default()));
        Self { handler }
    }

    /// What the service counts, while it runs and after.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.handler.counters)
    }

    /// Who has failed how often, while the service runs and after.
    pub fn throttle(&self) -> Arc<Throttle> {
        Arc::clone(&self.handler.throttle)
    }

    /// Whether the service takes part, while it runs and after.
    pub fn participation(&self) -> Arc<Participation> {
        Arc::clone(&self.handler.participation)
    }

    /// Serves over each of `clients` until `shutdown` resolves, then drains: no new requests, those in flight are
    /// answered, up to the drain timeout. Calls `ready` once the host can decide and the servers have confirmed every
    /// subscription.
    ///
    /// A server verifies the responses of one connection one after the other, so that several connections take more
    /// logins than one.
    ///
    /// # Errors
    ///
    /// When a subscription cannot be made, or ends because its connection is gone for good.
    pub async fn run(
        self,
        clients: Vec<Client>,
        shutdown: impl Future<Output = ()>,
        ready: impl FnOnce(),
    ) -> Result<(), ServiceError> {
        let participation = self.participation();
        participation.expect(clients.len());
        let (orders, ordered) = watch::channel(Order::default());
        let mut lanes = JoinSet::new();
        for client in &clients {
            let handler = Arc::clone(&self.handler);
            lanes.spawn(Lane::serve(client.clone(), handler, ordered.clone()));
        }
        let _observers = self.observe(&clients, orders.clone());
        let mut ready = Some(ready);
        let mut failed = None;
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                () = participation.ready(), if ready.is_some() => {
                    if let Some(ready) = ready.take() {
                        ready();
                    }
                }
                ended = lanes.join_next() => {
                    failed = Some(match ended {
                        None => ServiceError::NoConnection,
                        Some(Ok(Err(error))) => error,
                        Some(Ok(Ok(()))) => ServiceError::Closed,
                        Some(Err(error)) => ServiceError::Task(error),
                    });
                    break;
                }
            }
        }
        tracing::info!("draining");
        participation.stopping();
        orders.send_replace(Order::Stop);
        // Whatever became of one, the others finish what they have begun.
        while let Some(ended) = lanes.join_next().await {
            let ended = ended.map_err(ServiceError::Task).flatten();
            failed = failed.or(ended.err());
        }
        failed.map_or(Ok(()), Err)
    }

    /// What goes on beside the requests, on the first connection. Ends when the set is dropped.
    fn observe(&self, clients: &[Client], orders: watch::Sender<Order>) -> JoinSet<()> {
        let mut observers = JoinSet::new();
        let Some(client) = clients.first() else {
            return observers;
        };
        let handler = Arc::clone(&self.handler);
        observers.spawn(async move { handler.tend().await });
        let options = &self.handler.options;
        let (counters, participation) = (self.counters(), self.participation());
        let id = service_id(client);
        let handler = Arc::clone(&self.handler);
        let keeper = Keeper::new(handler, clients.to_vec(), id.clone(), orders);
        observers.spawn(keeper.run());
        if let Some(probe) = options.probe.clone() {
            let handler = Arc::clone(&self.handler);
            observers.spawn(Prober::new(handler, client.clone(), id.clone(), probe).run());
        }
        if let Some(discovery) = options.discovery.clone() {
            let handler = Arc::clone(&self.handler);
            let policies = Arc::new(move || handler.authorizer.policies());
            let responder = Responder::new(
                discovery,
                id,
                &options.queue_group,
                Arc::clone(&counters),
                policies,
                Arc::clone(&participation),
            );
            let (client, participation) = (client.clone(), Arc::clone(&participation));
            observers.spawn(async move {
                // A server that denies this would be asked once for every subject.
                if !participation.permits("$SRV.>").await {
                    return;
                }
                if let Err(error) = responder.run(client).await {
                    tracing::warn!(error = with_causes(&error), "service cannot be discovered");
                }
            });
        }
        let (client, permits) = (client.clone(), Arc::clone(&self.handler.permits));
        observers.spawn(async move {
            if !participation.permits(rejections::SUBJECT).await {
                return;
            }
            if let Err(error) = rejections::listen(client, permits, counters).await {
                tracing::warn!(
                    error = with_causes(&error),
                    "rejected permits cannot be noticed"
                );
            }
        });
        observers
    }
}
