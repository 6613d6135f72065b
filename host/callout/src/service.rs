//! The service, with its connections, its observers and its shutdown.

use std::sync::Arc;

use async_nats::Client;
use portcullis_authority::Throttle;
use portcullis_core::{Authorizer, with_causes};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::counters::Counters;
use crate::discovery::{Responder, service_id};
use crate::error::ServiceError;
use crate::handle::Handler;
use crate::options::ServiceOptions;
use crate::participation::{Keeper, Participation, Prober};
use crate::rejections;
use crate::subscription::{Order, Subscription};

/// The auth callout service.
#[derive(Debug)]
pub struct Service<A> {
    handler: Arc<Handler<A>>,
}

impl<A: Authorizer> Service<A> {
    /// Creates a service that answers as `authorizer` decides.
    pub fn new(authorizer: A, options: ServiceOptions) -> Self {
        let handler = Arc::new(Handler::new(authorizer, options, Arc::default()));
        Self { handler }
    }

    /// Returns the counters, valid while the service runs and after.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.handler.counters)
    }

    /// Returns the counters of failed attempts, valid while the service runs and after.
    pub fn throttle(&self) -> Arc<Throttle> {
        Arc::clone(self.handler.authority.throttle())
    }

    /// Returns the participation of the service, valid while the service runs and after.
    pub fn participation(&self) -> Arc<Participation> {
        Arc::clone(&self.handler.participation)
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
    pub async fn run(
        self,
        clients: Vec<Client>,
        shutdown: impl Future<Output = ()>,
        ready: impl FnOnce(),
    ) -> Result<(), ServiceError> {
        let participation = self.participation();
        participation.expect(clients.len());
        let (orders, ordered) = watch::channel(Order::default());
        let mut subscriptions = JoinSet::new();
        for client in &clients {
            let handler = Arc::clone(&self.handler);
            subscriptions.spawn(Subscription::serve(
                client.clone(),
                handler,
                ordered.clone(),
            ));
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
        failed.map_or(Ok(()), Err)
    }

    /// Starts the tasks that do not handle requests, on the first connection. They end when the set
    /// is dropped.
    fn observe(&self, clients: &[Client], orders: watch::Sender<Order>) -> JoinSet<()> {
        let mut observers = JoinSet::new();
        let Some(client) = clients.first() else {
            return observers;
        };
        let handler = Arc::clone(&self.handler);
        observers.spawn(async move { handler.tend().await });
        let (counters, participation) = (self.counters(), self.participation());
        let id = service_id(client);
        let handler = Arc::clone(&self.handler);
        let keeper = Keeper::new(handler, clients.to_vec(), id.clone(), orders);
        observers.spawn(keeper.run());
        if let Some(probe) = self.handler.probe.clone() {
            let handler = Arc::clone(&self.handler);
            observers.spawn(Prober::new(handler, client.clone(), id.clone(), probe).run());
        }
        if let Some(discovery) = self.handler.discovery.clone() {
            let handler = Arc::clone(&self.handler);
            let policies = Arc::new(move || handler.authority.authorizer().policies());
            let responder = Responder::new(
                discovery,
                id,
                &self.handler.group.name,
                Arc::clone(&counters),
                policies,
                Arc::clone(&participation),
            );
            let (client, participation) = (client.clone(), Arc::clone(&participation));
            observers.spawn(async move {
                // Without the permission, the server would reject a subscription for each subject.
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
