//! `portcullis serve`: the wiring of the service.

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

/// Answers authorization requests until `shutdown` completes, then finishes those in flight. Loads
/// and tests policies in this process.
///
/// Policies are loaded before the first request is received. A policy that cannot be loaded does
/// not keep the service from starting. Its error is logged, and it decides nothing.
///
/// # Errors
///
/// Fails if the policy directory cannot be read, or if the health address is in use. Also fails if
/// the service cannot connect, at the start or for good.
pub async fn serve(
    config: Config,
    secrets: Secrets,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Failure> {
    tracing::warn!("policies are proved in this process, whose memory they can fill");
    serve_proving(config, secrets, Prover::InProcess, shutdown).await
}

/// Serves as [`serve`] does, with policies loaded and tested by `prover`.
///
/// # Errors
///
/// Fails as [`serve`] does.
pub async fn serve_proving(
    config: Config,
    secrets: Secrets,
    prover: Prover,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Failure> {
    tokio::pin!(shutdown);
    // Handles SIGHUP before policies are compiled: without a handler, the signal would end the
    // process.
    let hang_ups = signals::hang_ups().map_err(Failure::internal)?;
    let options = service_options(&config, &secrets)?;
    let passwords = Arc::new(password_verifier(config.identity.remember_passwords)?);
    let verifier = Arc::clone(&passwords);
    let mirror = KeyValueMirror::new(key_value_options(&config.key_value));
    let buckets = mirror.clone();
    let rules = Some(options.authority.rules.clone());
    let catalog_options = catalog_options(&config.policies, rules, &prover);
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
            // The load ends soon, because `stop` skips the remaining policies.
            let _ = opened.await;
            info!("stopped");
            return Ok(());
        }
    };
    let (engine, catalog) = opened.map_err(Failure::internal)??;
    let shutdown = async {
        shutdown.await;
        // A policy that is being loaded would not serve any more.
        stop.stop();
    };
    let tokens = options.authority.identifier.tokens();
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
    // The service may also have ended by itself. Dropping the watcher waits briefly for a thread
    // that may be waiting for a policy.
    stop.stop();
    tokio::task::spawn_blocking(move || drop(watcher))
        .await
        .map_err(Failure::internal)?;
    served?;
    info!("stopped");
    Ok(())
}

/// Returns the number of lines that the log has dropped.
fn log_samples() -> Vec<Sample> {
    let help = "Log lines that were dropped because nothing read them";
    let dropped = telemetry::dropped_lines();
    let sample = dropped.map(|lines| Sample::counter("log_lines_dropped", help, lines));
    sample.into_iter().collect()
}

/// Returns a verifier that computes one slow hash for each processor at a time.
fn password_verifier(remember: Option<Duration>) -> Result<PasswordVerifier, Failure> {
    let verifier = PasswordVerifier::default();
    match remember {
        Some(span) => verifier.remembering(span).map_err(Failure::internal),
        None => Ok(verifier),
    }
}

/// Adds the metrics of failed attempts.
fn measure_throttle(vitals: &Vitals, service: &Service<Catalog>) {
    let throttle = service.throttle();
    vitals.measure(move || throttle.samples());
}

/// Adds the metrics of cached passwords and of identity providers' keys.
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

/// Adds the metrics of the code cache, if there is one.
fn measure_code(vitals: &Vitals, engine: Engine) {
    vitals.measure(move || {
        let counts = engine.code_cache_counts();
        counts.map_or_else(Vec::new, code_samples)
    });
}

/// Starts the health listener, if it is configured.
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

/// The parts that answering requests needs in addition to the service itself.
struct Answering<'a> {
    nats: &'a Nats,
    vitals: &'a Vitals,
    catalog: Catalog,
    statuses: Vec<ConnectionStatus>,
}

impl Answering<'_> {
    /// Connects and answers requests, until `shutdown` completes or there has been no connection
    /// for too long.
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
        // Logins that need a bucket are denied until it is mirrored, so mirroring comes first.
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

/// Returns an engine for at most `max_in_flight` concurrent decisions. It compares passwords with
/// `verifier` and looks up keys in `mirror`.
///
/// # Errors
///
/// Fails if the engine does not run on this machine.
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

/// Opens the catalog and loads the policies. Blocks.
///
/// # Errors
///
/// Fails if the policy directory cannot be read.
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
