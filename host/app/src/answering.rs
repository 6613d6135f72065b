//! Answering requests, once everything else of the host runs.

use std::sync::{Arc, OnceLock};

use futures::future::try_join_all;
use portcullis_callout::Service;
use portcullis_catalog::Catalog;
use portcullis_config::Config;
use portcullis_connect::{Connection, ConnectionStatus, PendingConnection};
use portcullis_core::Authorizer;
use portcullis_records::RecordSinks;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::info;

use crate::buckets::Buckets;
use crate::error::RunError;
use crate::handle::HostHandle;
use crate::health::{OwnLoginTester, Readiness, lost_for_too_long};

/// The parts that answering requests needs in addition to the service itself.
pub(crate) struct Answering<'a> {
    pub(crate) config: &'a Config,
    pub(crate) readiness: &'a Arc<Readiness>,
    pub(crate) catalog: Option<Catalog>,
    pub(crate) statuses: Vec<ConnectionStatus>,
    pub(crate) records: Option<&'a mut RecordSinks>,
    pub(crate) on_ready: Box<dyn FnOnce(HostHandle) + Send>,
    pub(crate) handle: HostHandle,
}

impl Answering<'_> {
    /// Connects and answers requests, until `shutdown` completes or there has been no connection
    /// for too long.
    pub(crate) async fn run<A: Authorizer>(
        self,
        service: Service<A>,
        pending: Vec<PendingConnection>,
        buckets: Option<Buckets>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), RunError> {
        tokio::pin!(shutdown);
        let connecting = try_join_all(pending.into_iter().map(PendingConnection::connect));
        let connections = tokio::select! {
            made = connecting => made?,
            () = &mut shutdown => return Ok(()),
        };
        // Logins that need a bucket are denied until it is mirrored, so mirroring comes first.
        let follow = async {
            match buckets {
                Some(buckets) => buckets.follow(&connections, self.readiness).await.map(Some),
                None => Ok(None),
            }
        };
        let _following = tokio::select! {
            following = follow => following?,
            () = &mut shutdown => return Ok(()),
        };
        let clients: Vec<_> = connections
            .iter()
            .map(Connection::client)
            .cloned()
            .collect();
        if let (Some(records), Some(client)) = (self.records, clients.first()) {
            records.connected(client.clone());
        }
        let nats = &self.config.nats;
        let lost = OnceLock::new();
        let stop = async {
            tokio::select! {
                () = shutdown => {}
                too_long = lost_for_too_long(&self.statuses, nats.max_disconnected) => {
                    let _ = lost.set(too_long);
                }
            }
            self.readiness.stopping();
        };
        let (subscribed, confirmed) = oneshot::channel();
        let tester = OwnLoginTester {
            authority: service.authority(),
            rules: service.rules(),
            catalog: self.catalog.clone(),
            states: self.readiness.own_login(),
        };
        let announcement = Announcement {
            readiness: Arc::clone(self.readiness),
            catalog: self.catalog,
            servers: nats.servers.iter().map(ToString::to_string).collect(),
            on_ready: self.on_ready,
            handle: self.handle,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(tester.run());
        tasks.spawn(announcement.run(confirmed));
        let ready = || {
            // The receiver lives as long as this function.
            let _ = subscribed.send(());
        };
        service.run(clients, stop, ready).await?;
        lost.into_inner().map_or(Ok(()), |lost| Err(lost.into()))
    }
}

/// The parts that tell of a host that has become ready.
struct Announcement {
    readiness: Arc<Readiness>,
    catalog: Option<Catalog>,
    /// The addresses of the servers, for the log.
    servers: Vec<String>,
    on_ready: Box<dyn FnOnce(HostHandle) + Send>,
    handle: HostHandle,
}

impl Announcement {
    /// Logs that the host is ready, and calls the embedding program, once servers have `confirmed`
    /// the subscriptions and own logins were decided.
    async fn run(self, confirmed: oneshot::Receiver<()>) {
        if confirmed.await.is_err() {
            return;
        }
        self.readiness.tested().await;
        let catalog = self.catalog.as_ref();
        let policies = catalog.map(|catalog| catalog.snapshot().policies().count());
        info!(nats.servers = self.servers.join(","), policies, "ready");
        (self.on_ready)(self.handle);
    }
}
