//! `portcullis serve`: everything put together.

mod buckets;

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::try_join_all;
use portcullis_callout::Service;
use portcullis_catalog::{Catalog, CatalogOptions, Prover, Report, Watcher};
use portcullis_connect::{
    ConnectError, Connection, ConnectionOptions, ConnectionStatus, PendingConnection,
};
use portcullis_core::Sample;
use portcullis_engine::{Engine, EngineOptions};
use portcullis_identity::{PasswordVerifier, TokenVerifier};
use portcullis_mirror::KeyValueMirror;
use tokio::task::JoinHandle;
use tracing::info;

use self::buckets::Buckets;
use crate::config::{Config, Health, Nats, Policies, Secrets};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::health::{
    HealthServer, Vitals, code_samples, file_samples, issuer_samples, lost_for_too_long,
    policy_samples,
};
use crate::options::{catalog_options, code_cache_options, key_value_options, service_options};
use crate::{signals, telemetry};

/// Answers authorization requests until `shutdown` is done, then finishes those in flight. Policies are proved in this process.
///
/// Policies are loaded before the first request is taken. Policies that cannot be loaded do not keep the service from
/// starting: their errors are logged and they decide nothing.
///
/// # Errors
///
/// When the policy directory cannot be read, the address for health is taken, or the service cannot connect, now or for good.
pub async fn serve(
    config: Config,
    secrets: Secrets,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Failure> {
    tracing::warn!("policies are proved in this process, whose memory they can fill");
    serve_proving(config, secrets, Prover::InProcess, shutdown).await
}

/// As [`serve`], with policies proved by `prover`.
///
/// # Errors
///
/// As [`serve`].
pub async fn serve_proving(
    config: Config,
    secrets: Secrets,
    prover: Prover,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Failure> {
    tokio::pin!(shutdown);
    // Before the policies are compiled: unheard, the signal would end the process.
    let hang_ups = signals::hang_ups().map_err(Failure::internal)?;
    let options = service_options(&config, &secrets)?;
    let passwords = Arc::new(password_verifier(config.identity.remember_passwords)?);
    let verifier = Arc::clone(&passwords);
    let mirror = KeyValueMirror::new(key_value_options(&config.key_value));
    let buckets = mirror.clone();
    let catalog_options = catalog_options(&config.policies, Some(options.rules.clone()), &prover);
    let stop = catalog_options.stop.clone();
    let mut opened = tokio::task::spawn_blocking(move || {
        let max_in_flight = config.callout.max_in_flight;
        let engine = build_engine(&config.policies, max_in_flight, verifier, buckets)?;
        let (catalog, _rejected) = open_catalog(&engine, catalog_options)?;
        Ok((engine, catalog))
    });
    let opened = tokio::select! {
        opened = &mut opened => opened,
        () = &mut shutdown => {
            stop.stop();
            // Soon over: nothing more is loaded.
            let _ = opened.await;
            info!("stopped");
            return Ok(());
        }
    };
    let (engine, catalog) = opened.map_err(Failure::internal)??;
    let shutdown = async {
        shutdown.await;
        // What is being loaded would not serve any more.
        stop.stop();
    };
    let tokens = options.identifier.tokens();
    let service = Service::new(catalog.clone(), options);
    let connections = ConnectionOptions::from(&config.nats);
    let pending = PendingConnection::several(&connections, config.nats.connections);
    let statuses: Vec<_> = pending.iter().map(PendingConnection::status).collect();
    let participation = service.participation();
    let vitals = Arc::new(Vitals::new(
        catalog.clone(),
        statuses.clone(),
        participation,
        service.counters(),
    ));
    measure_throttle(&vitals, &service);
    vitals.measure(log_samples);
    measure_code(&vitals, engine);
    let numbers = catalog.clone();
    vitals.measure(move || policy_samples(&numbers.numbers()));
    vitals.measure(|| file_samples(&portcullis_files::statuses()));
    let buckets = mirror.clone();
    vitals.measure(move || buckets.samples());
    measure_identity(&vitals, passwords, tokens);
    let health = listen(config.health, &vitals).await?;
    let watcher = Watcher::start(catalog.clone()).map_err(Failure::internal)?;
    let trigger = watcher.trigger();
    let reloads = tokio::spawn(hang_ups.call(move || trigger.reload()));
    let buckets = Buckets {
        mirror,
        nats: config.key_value.nats,
    };
    let answering = Answering {
        nats: &config.nats,
        vitals: &vitals,
        catalog,
        statuses,
    };
    let served = answering.run(service, pending, buckets, shutdown).await;
    if let Some(health) = health {
        health.abort();
    }
    reloads.abort();
    // Also when the service has ended by itself. Waits a moment for a thread that may be waiting for a policy.
    stop.stop();
    tokio::task::spawn_blocking(move || drop(watcher))
        .await
        .map_err(Failure::internal)?;
    served?;
    info!("stopped");
    Ok(())
}

/// How many lines the log has lost.
fn log_samples() -> Vec<Sample> {
    let help = "Log lines that were dropped because nothing read them";
    let dropped = telemetry::dropped_lines();
    let sample = dropped.map(|lines| Sample::counter("log_lines_dropped", help, lines));
    sample.into_iter().collect()
}

/// Compares as many slow hashes at a time as there are processors.
fn password_verifier(remember: Option<Duration>) -> Result<PasswordVerifier, Failure> {
    let verifier = PasswordVerifier::default();
    match remember {
        Some(span) => verifier.remembering(span).map_err(Failure::internal),
        None => Ok(verifier),
    }
}

/// Has the numbers of failed attempts shown.
fn measure_throttle(vitals: &Vitals, service: &Service<Catalog>) {
    let throttle = service.throttle();
    vitals.measure(move || throttle.samples());
}

/// Has the numbers of passwords and of identity providers' keys shown.
fn measure_identity(
    vitals: &Vitals,
    passwords: Arc<PasswordVerifier>,
    tokens: Option<Arc<TokenVerifier>>,
) {
    vitals.measure(move || {
        let help = "Password comparisons that were answered from memory";
        let hits = passwords.remembered_hits();
        vec![Sample::counter("passwords_remembered", help, hits)]
    });
    if let Some(tokens) = tokens {
        vitals.measure(move || issuer_samples(&tokens.status()));
    }
}

/// Has the numbers of the cache of compiled code shown, if there is one.
fn measure_code(vitals: &Vitals, engine: Engine) {
    vitals.measure(move || {
        let counts = engine.code_cache_counts();
        counts.map_or_else(Vec::new, code_samples)
    });
}

/// Answers about the service's health, if that is configured.
async fn listen(health: Health, vitals: &Arc<Vitals>) -> Result<Option<JoinHandle<()>>, Failure> {
    let Some(address) = health.listen else {
        return Ok(None);
    };
    let server = HealthServer::bind(address)
        .await
        .map_err(|error| Failure::new(ExitCode::CannotListen, error))?;
    info!(health.address = %server.address(), "health served");
    Ok(Some(tokio::spawn(server.run(Arc::clone(vitals)))))
}

/// What answering requests needs beside the service itself.
struct Answering<'a> {
    nats: &'a Nats,
    vitals: &'a Vitals,
    catalog: Catalog,
    statuses: Vec<ConnectionStatus>,
}

impl Answering<'_> {
    /// Connects and answers requests, until `shutdown` is done or there has been no connection for too long.
    async fn run(
        self,
        service: Service<Catalog>,
        pending: Vec<PendingConnection>,
        buckets: Buckets,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        tokio::pin!(shutdown);
        let connecting = try_join_all(pending.into_iter().map(PendingConnection::connect));
        let connections = tokio::select! {
            made = connecting => made.map_err(not_connected)?,
            () = &mut shutdown => return Ok(()),
        };
        // Logins that need a bucket are refused until it is there, so it comes first, if it can be had.
        let _following = tokio::select! {
            following = buckets.follow(&connections, self.vitals) => following?,
            () = &mut shutdown => return Ok(()),
        };
        let clients: Vec<_> = connections
            .iter()
            .map(Connection::client)
            .cloned()
            .collect();
        let lost = OnceLock::new();
        let stop = async {
            tokio::select! {
                () = shutdown => {}
                too_long = lost_for_too_long(&self.statuses, self.nats.max_disconnected) => {
                    let _ = lost.set(too_long);
                }
            }
            self.vitals.stopping();
        };
        let ready = || {
            let servers: Vec<_> = self.nats.servers.iter().map(ToString::to_string).collect();
            let policies = self.catalog.snapshot().policies().count();
            info!(nats.servers = servers.join(","), policies, "ready");
        };
        let served = service.run(clients, stop, ready).await;
        served.map_err(|error| Failure::new(ExitCode::Unreachable, error))?;
        match lost.into_inner() {
            Some(lost) => Err(Failure::new(ExitCode::Unreachable, lost)),
            None => Ok(()),
        }
    }
}

/// An engine for at most `max_in_flight` decisions at the same time, whose passwords `verifier` compares and which looks keys up in
/// `mirror`.
///
/// # Errors
///
/// When it does not run on this machine.
fn build_engine(
    policies: &Policies,
    max_in_flight: usize,
    verifier: Arc<PasswordVerifier>,
    mirror: KeyValueMirror,
) -> Result<Engine, Failure> {
    let max_concurrent = u32::try_from(max_in_flight).unwrap_or(u32::MAX);
    let options = EngineOptions {
        max_concurrent,
        code_cache: code_cache_options(policies),
    };
    let engine = Engine::new(options, verifier).map_err(Failure::internal)?;
    Ok(engine.looking_up_in(Arc::new(mirror)))
}

/// The policies, loaded. Blocks.
///
/// # Errors
///
/// When the policy directory cannot be read.
fn open_catalog(engine: &Engine, options: CatalogOptions) -> Result<(Catalog, Report), Failure> {
    let opened = Catalog::open(engine.clone(), options)
        .map_err(|error| Failure::new(ExitCode::NoPolicyDirectory, error))?;
    if let Some(counts) = engine.code_cache_counts() {
        info!(
            code_cache.hits = counts.hits,
            code_cache.misses = counts.misses,
            code_cache.refused = counts.refused,
            "compiled code was looked for in the cache"
        );
    }
    Ok(opened)
}

fn not_connected(error: ConnectError) -> Failure {
    let code = match error {
        ConnectError::NoServer
        | ConnectError::Address { .. }
        | ConnectError::Authentication(_)
        | ConnectError::Tls(_) => ExitCode::BadConfiguration,
        _ => ExitCode::Unreachable,
    };
    Failure::new(code, error)
}
