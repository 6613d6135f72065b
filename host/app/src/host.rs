//! The host: its wiring, from the start to the end.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use portcullis_callout::{Service, ServiceOptions};
use portcullis_config::{self as config, Config, Health, Secrets};
use portcullis_connect::{ConnectionHooks, PendingConnection};
use portcullis_core::Authorizer;
use portcullis_exchange::{Exchange, ExchangeOptions};
use portcullis_records::RecordReceiver;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tracing::info;

use crate::account_requests::AccountRequestDoor;
use crate::answering::Answering;
use crate::buckets::Buckets;
use crate::connections::connection_options;
use crate::error::RunError;
use crate::exchange::{RunningExchange, affordable};
use crate::first_login::FirstLoginAccounts;
use crate::handle::HostHandle;
use crate::health::{
    HealthServer, IssuerStates, OwnCertificates, Readiness, file_samples, issuer_samples,
    start_samples,
};
use crate::locks::LockKeeper;
use crate::metric_source::MetricSource;
use crate::policies::{LoadedPolicies, OwnAuthorizer, PolicyDirectory};
use crate::reload::{ReloadHook, Reloader};
use crate::sinks::Sinks;
use crate::watching::Watching;

/// An auth callout host. `D` decides logins: the policies of a directory, or an authorizer of the
/// embedding program.
///
/// [`Host::builder`] makes a host.
pub struct Host<D = PolicyDirectory> {
    pub(crate) parts: Parts,
    pub(crate) decider: D,
}

/// The parts of a host without the decider.
pub(crate) struct Parts {
    /// Boxed, because a configuration would make the futures of the host large.
    pub(crate) config: Box<Config>,
    pub(crate) options: ServiceOptions,
    pub(crate) first_login: Option<FirstLoginAccounts>,
    pub(crate) account_requests: Option<AccountRequestDoor>,
    pub(crate) hooks: Arc<dyn ConnectionHooks>,
    pub(crate) sources: Vec<MetricSource>,
    pub(crate) on_ready: Box<dyn FnOnce(HostHandle) + Send>,
    pub(crate) on_reload: ReloadHook,
    pub(crate) receiver: Option<RecordReceiver>,
    pub(crate) secrets: Secrets,
    pub(crate) handle: HostHandle,
}

impl<D> Host<D> {
    /// Returns a handle that reloads policies and shows status and metrics.
    pub fn handle(&self) -> HostHandle {
        self.parts.handle.clone()
    }
}

impl Host<PolicyDirectory> {
    /// Answers authorization requests until `shutdown` completes, then finishes those in flight.
    ///
    /// Policies are loaded before the first request is received. A policy that cannot be loaded
    /// does not keep the host from starting. Its error is logged, and it decides nothing.
    ///
    /// # Errors
    ///
    /// Fails if the policy directory cannot be read, or if the health address is in use. Also fails
    /// if the host cannot connect, at the start or for good.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        tokio::pin!(shutdown);
        let parts = self.parts;
        parts.options.authority.identifier.start();
        let rules = parts.options.authority.rules.clone();
        let is_recorded = parts.receiver.is_some();
        let decider = self.decider;
        let loading = decider.load(&parts.config, rules, is_recorded, shutdown.as_mut());
        let Some(policies) = loading.await? else {
            info!("stopped");
            return Ok(());
        };
        let stop = policies.stop.clone();
        let shutdown = async {
            shutdown.await;
            // A policy that is being loaded would not serve any more.
            stop.stop();
        };
        let catalog = policies.catalog.clone();
        // Boxed, because the future would make those of the embedding program large.
        Box::pin(parts.serve(catalog, Some(policies), shutdown)).await
    }
}

impl<A: Authorizer> Host<OwnAuthorizer<A>> {
    /// Answers authorization requests until `shutdown` completes, then finishes those in flight.
    ///
    /// # Errors
    ///
    /// Fails if the health address is in use. Also fails if the host cannot connect, at the start
    /// or for good.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        self.parts.options.authority.identifier.start();
        let OwnAuthorizer(authorizer) = self.decider;
        Box::pin(self.parts.serve(authorizer, None, shutdown)).await
    }
}

impl Parts {
    /// Serves logins as `authorizer` decides. `policies` are those that it consists of, if any.
    async fn serve<A: Authorizer>(
        self,
        authorizer: A,
        policies: Option<LoadedPolicies>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), RunError> {
        let mut options = self.options;
        let mut sinks = Sinks::start(&self.config, self.receiver, &mut options.authority)?;
        let keeper = keep_locks(policies.as_ref(), &self.config).await?;
        options.authority.locks = keeper.as_ref().map(LockKeeper::locks);
        let service = Service::new(authorizer, options);
        let connections = connection_options(&self.config.nats, Arc::clone(&self.hooks));
        let pending = PendingConnection::several(&connections, self.config.nats.connections);
        let statuses: Vec<_> = pending.iter().map(PendingConnection::status).collect();
        let catalog = policies.as_ref().map(|policies| policies.catalog.clone());
        let readiness = Arc::new(Readiness::new(
            catalog.clone(),
            statuses.clone(),
            service.participation(),
            service.counters(),
            issuer_states(&service),
        ));
        add_samples(&readiness, &service, self.sources);
        if let Some(policies) = &policies {
            policies.add_samples(&readiness);
        }
        sinks.add_samples(&readiness);
        self.handle.loaded(Arc::clone(&readiness));
        let mut tasks = JoinSet::new();
        keep_files(&mut tasks, &self.config, keeper, &readiness);
        listen(&mut tasks, &self.config.health, &readiness).await?;
        sinks.connect(&self.config, &mut tasks, &self.hooks, &readiness);
        if let Some(first_login) = self.first_login {
            first_login.connect(&mut tasks, Arc::clone(&self.hooks), &readiness);
        }
        if let Some(door) = self.account_requests {
            let authority = service.authority();
            door.serve(&mut tasks, authority, Arc::clone(&self.hooks), &readiness);
        }
        // The exchange needs no connection: it decides as soon as the policies are loaded.
        let (exchange, running) = start_exchange(&self.config.exchange, &service, &readiness)
            .await?
            .unzip();
        self.handle.runs(Arc::new(Reloader {
            started: Config::clone(&self.config),
            current: Mutex::new((Config::clone(&self.config), self.secrets)),
            rules: service.rules(),
            exchange,
            catalog: catalog.clone(),
            hook: self.on_reload,
        }));
        let watching = Watching::start(&mut tasks, policies.as_ref(), self.handle.clone())?;
        let buckets = policies.map(|policies| Buckets {
            mirror: policies.mirror,
            nats: self.config.key_value.nats.clone(),
            hooks: self.hooks,
        });
        let answering = Answering {
            config: &self.config,
            readiness: &readiness,
            catalog,
            statuses,
            records: sinks.records.as_mut(),
            on_ready: self.on_ready,
            handle: self.handle.clone(),
        };
        let shutdown = RunningExchange::stop_with(running.as_ref(), shutdown);
        let served = answering.run(service, pending, buckets, shutdown).await;
        self.handle.ended();
        let exchanged = match running {
            Some(exchange) => exchange.end().await,
            None => Ok(()),
        };
        sinks.finish().await;
        tasks.shutdown().await;
        watching.end().await?;
        served.and(exchanged)?;
        info!("stopped");
        Ok(())
    }
}

/// Adds the metrics that do not depend on the decider, and those of the embedding program.
fn add_samples<A: Authorizer>(
    readiness: &Readiness,
    service: &Service<A>,
    sources: Vec<MetricSource>,
) {
    let start = start_samples(SystemTime::now());
    readiness.add_samples(move || start.clone());
    let authority = service.authority();
    readiness.add_samples(move || authority.samples());
    readiness.add_samples(service.key_samples());
    let issuers = issuer_states(service);
    readiness.add_samples(move || issuer_samples(&issuers()));
    for source in sources {
        readiness.add_samples(source);
    }
    readiness.add_samples(|| file_samples(&portcullis_files::statuses()));
}

/// Returns a source of the states of issuers' keys.
fn issuer_states<A: Authorizer>(service: &Service<A>) -> IssuerStates {
    let rules = service.rules();
    Box::new(move || {
        let tokens = rules.login().identifier.tokens();
        tokens.map_or_else(Vec::new, |tokens| tokens.status())
    })
}

/// Returns the keeper of the locks, if policies decide and the configuration names a bucket.
async fn keep_locks(
    policies: Option<&LoadedPolicies>,
    config: &Config,
) -> Result<Option<LockKeeper>, RunError> {
    match policies {
        Some(policies) => policies.keep_locks(config).await,
        None => Ok(None),
    }
}

/// Starts the tasks that keep a copy of the locks and watch the host's certificates.
fn keep_files(
    tasks: &mut JoinSet<()>,
    config: &Config,
    keeper: Option<LockKeeper>,
    readiness: &Readiness,
) {
    let certificates = OwnCertificates::new(config);
    let samples = certificates.clone();
    readiness.add_samples(move || samples.samples());
    tasks.spawn(certificates.run());
    if let Some(keeper) = keeper {
        readiness.add_samples(keeper.samples());
        tasks.spawn(keeper.run());
    }
}

/// Starts the health listener, if it is configured.
async fn listen(
    tasks: &mut JoinSet<()>,
    health: &Health,
    readiness: &Arc<Readiness>,
) -> Result<(), RunError> {
    if let Some(address) = health.listen {
        let server = HealthServer::bind(address).await?;
        info!(health.address = %server.address(), "health served");
        tasks.spawn(server.run(Arc::clone(readiness)));
    }
    Ok(())
}

/// Starts the token exchange, if it is configured. It decides and signs as `service` does.
async fn start_exchange<A: Authorizer>(
    table: &config::Exchange,
    service: &Service<A>,
    readiness: &Readiness,
) -> Result<Option<(Exchange<A>, RunningExchange)>, RunError> {
    let Some(address) = table.listen else {
        return Ok(None);
    };
    let (authority, issuers) = (service.authority(), service.issuers());
    let options = ExchangeOptions {
        max_connections: affordable(table.options.max_connections),
        ..table.options.clone()
    };
    let exchange = Exchange::new(authority, issuers, options)?;
    let samples = exchange.clone();
    readiness.add_samples(move || samples.samples());
    let running = RunningExchange::start(table, address, exchange.clone()).await?;
    Ok(Some((exchange, running)))
}

impl<D: fmt::Debug> fmt::Debug for Host<D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Host")
            .field("config", &self.parts.config)
            .field("decider", &self.decider)
            .finish_non_exhaustive()
    }
}
