//! The service, with its connections, its observers and its shutdown.

use std::sync::Arc;

use portcullis_authority::{Authority, Issuers, Throttle};
use portcullis_connect::{LoginProbe, Nats, RequiredPermission};
use portcullis_core::{Authorizer, Sample, with_causes};
use portcullis_environment::{Clock, SystemClock};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::counters::Counters;
use crate::discovery::{Discovery, Responder, service_id};
use crate::error::ServiceError;
use crate::handler::{Handler, HandlingRules};
use crate::options::ServiceOptions;
use crate::participation::{
    Evidence, Keeper, Order, Participation, ParticipationOptions, Prober, Setting,
};
use crate::queue_group::QueueGroup;
use crate::rejections;
use crate::service_rules::ServiceRules;
use crate::subscription::Subscription;

/// The auth callout service. It reads the time from `C`.
#[derive(Debug)]
pub struct Service<A, C = SystemClock> {
    handler: Arc<Handler<A, C>>,
    group: QueueGroup,
    options: ParticipationOptions,
    probe: Option<LoginProbe>,
    discovery: Option<Discovery>,
    further_permissions: Vec<RequiredPermission>,
}

impl<A: Authorizer> Service<A> {
    /// Creates a service that answers as `authorizer` decides.
    pub fn new(authorizer: A, options: ServiceOptions) -> Self {
        Self::with_clock(authorizer, options, SystemClock)
    }
}

impl<A: Authorizer, C: Clock + Clone> Service<A, C> {
    /// Creates a service that answers as `authorizer` decides and reads the time from `clock`.
    pub fn with_clock(authorizer: A, options: ServiceOptions, clock: C) -> Self {
        let authority = Authority::with_clock(authorizer, options.authority, clock.clone());
        let authority = Arc::new(authority);
        let evidence = Arc::new(Evidence::new(&options.participation));
        let rules = HandlingRules {
            keys: Arc::new(options.keys),
            open: options.open,
            deny: options.deny,
            times: options.times,
            login: authority.rules(),
        };
        Self {
            handler: Arc::new(Handler::new(authority, rules, evidence, clock)),
            group: options.group,
            options: options.participation,
            probe: options.probe,
            discovery: options.discovery,
            further_permissions: options.further_permissions,
        }
    }

    #[cfg(feature = "measure")]
    pub(crate) fn handler(&self) -> &Handler<A, C> {
        &self.handler
    }

    /// Returns the counters, valid while the service runs and after.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.handler.counters)
    }

    /// Returns the decider of the service, which other front doors share.
    pub fn authority(&self) -> Arc<Authority<A, C>> {
        Arc::clone(&self.handler.authority)
    }

    /// Returns the keys that sign for the service, which other front doors share.
    pub fn issuers(&self) -> Arc<Issuers> {
        Arc::clone(self.handler.rules.load().keys.main())
    }

    /// Returns a handle that replaces the rules of the service while it runs.
    pub fn rules(&self) -> ServiceRules<A, C> {
        ServiceRules::new(Arc::clone(&self.handler))
    }

    /// Returns the source of the metrics about keys, valid while the service runs and after.
    pub fn key_samples(&self) -> impl Fn() -> Vec<Sample> + Send + Sync + use<A, C> {
        let handler = Arc::clone(&self.handler);
        move || handler.rules.load().keys.samples()
    }

    /// Returns the counters of failed attempts, valid while the service runs and after.
    pub fn throttle(&self) -> Arc<Throttle<C>> {
        Arc::clone(self.handler.authority.throttle())
    }

    /// Returns the participation of the service, valid while the service runs and after.
    pub fn participation(&self) -> Arc<Participation> {
        Arc::clone(&self.handler.evidence.participation)
    }

    /// Serves over each of `clients` until `shutdown` resolves, then drains. A draining host takes
    /// no new requests and answers those in flight, up to the drain timeout. Calls `ready` once the
    /// host can decide and the servers have confirmed every subscription.
    ///
    /// A server verifies the responses of one connection one after the other. Several connections
    /// therefore take more logins than one.
    ///
    /// # Errors
    ///
    /// Fails if a subscription cannot be made, or ends because its connection is gone for good.
    pub async fn run<N: Nats>(
        self,
        clients: Vec<N>,
        shutdown: impl Future<Output = ()>,
        ready: impl FnOnce(),
    ) -> Result<(), ServiceError> {
        let participation = self.participation();
        participation.expect(clients.len());
        let (orders, ordered) = watch::channel(Order::default());
        let mut subscriptions = JoinSet::new();
        for client in &clients {
            let handler = Arc::clone(&self.handler);
            let (group, ordered) = (self.group.name.clone(), ordered.clone());
            subscriptions.spawn(Subscription::serve(client.clone(), handler, group, ordered));
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
                ended = subscriptions.join_next() => {
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
        // A failed connection does not stop the others from answering their requests.
        while let Some(ended) = subscriptions.join_next().await {
            let ended = ended.map_err(ServiceError::Task).flatten();
            failed = failed.or(ended.err());
        }
        let recorder = self.handler.authority.recorder();
        let unsettled = self
            .handler
            .evidence
            .confirmations
            .finish(self.handler.clock.now());
        for record in unsettled {
            recorder.send(record);
        }
        failed.map_or(Ok(()), Err)
    }

    /// Starts the tasks that do not handle requests, on the first connection. They end when the set
    /// is dropped.
    fn observe<N: Nats>(&self, clients: &[N], orders: watch::Sender<Order>) -> JoinSet<()> {
        let mut observers = JoinSet::new();
        let Some(client) = clients.first() else {
            return observers;
        };
        let handler = Arc::clone(&self.handler);
        observers.spawn(async move { handler.tend().await });
        if self.handler.authority.recorder().is_on() {
            let (handler, client) = (Arc::clone(&self.handler), client.clone());
            observers.spawn(async move { handler.settle_records(client).await });
        }
        let id = service_id(client);
        observers.spawn(self.keeper(clients, id.clone(), orders).run());
        if let Some(probe) = self.probe.clone() {
            let evidence = Arc::clone(&self.handler.evidence);
            observers.spawn(Prober::new(evidence, client.clone(), id.clone(), probe).run());
        }
        if let Some(discovery) = self.discovery.clone() {
            observers.spawn(respond(
                self.responder(discovery, id),
                client.clone(),
                self.participation(),
            ));
        }
        let (client, counters) = (client.clone(), self.counters());
        let (evidence, clock) = (
            Arc::clone(&self.handler.evidence),
            self.handler.clock.clone(),
        );
        observers.spawn(async move {
            if !evidence.participation.permits(rejections::SUBJECT).await {
                return;
            }
            if let Err(error) = rejections::listen(client, &evidence.permits, counters, clock).await
            {
                tracing::warn!(
                    error = with_causes(&error),
                    "rejected permits cannot be noticed"
                );
            }
        });
        observers
    }

    fn keeper<N: Nats>(
        &self,
        clients: &[N],
        id: String,
        orders: watch::Sender<Order>,
    ) -> Keeper<C, N> {
        let handler = Arc::clone(&self.handler);
        let setting = Setting {
            options: self.options,
            group: self.group.clone(),
            is_discoverable: self.discovery.is_some(),
            further_permissions: self.further_permissions.clone(),
            makes_probes: self.probe.is_some(),
            cannot_decide: Box::new(move || handler.authority.cannot_decide()),
        };
        let evidence = Arc::clone(&self.handler.evidence);
        let clock = self.handler.clock.clone();
        Keeper::new(evidence, setting, clock, clients.to_vec(), id, orders)
    }

    fn responder(&self, discovery: Discovery, id: String) -> Responder {
        let handler = Arc::clone(&self.handler);
        Responder::new(
            discovery,
            id,
            &self.group.name,
            self.counters(),
            Arc::new(move || handler.authority.authorizer().policies()),
            self.participation(),
            self.handler.clock.wall(),
        )
    }
}

/// Answers the questions of NATS tools, if the host's user may receive them.
async fn respond(responder: Responder, client: impl Nats, participation: Arc<Participation>) {
    // Without the permission, the server would reject a subscription for each subject.
    if !participation.permits("$SRV.>").await {
        return;
    }
    if let Err(error) = responder.run(client).await {
        tracing::warn!(error = with_causes(&error), "service cannot be discovered");
    }
}

#[cfg(test)]
mod tests;
