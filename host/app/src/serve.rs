//! `portcullis serve`: everything put together.

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use portcullis_callout::{Authentication, ConnectError, ConnectionOptions, Service, connect};
use portcullis_catalog::{Catalog, CatalogOptions, Report, Watcher};
use portcullis_claims::UserKey;
use portcullis_engine::{Engine, EngineOptions, Limits};
use portcullis_identity::PasswordVerifier;
use tracing::info;

use crate::config::{Config, ConnectionSecret, Nats, Policies, Secrets};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::options::service_options;
use crate::signals;

/// Answers authorization requests until `shutdown` is done, then finishes those in flight.
///
/// Policies are loaded before the first request is taken. Policies that cannot be loaded do not keep the service from
/// starting: their errors are logged and they decide nothing.
///
/// # Errors
///
/// When the policy directory cannot be read, or the service cannot connect, now or for good.
pub async fn serve(
    config: Config,
    secrets: Secrets,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Failure> {
    // Before the policies are compiled: unheard, the signal would end the process.
    let hang_ups = signals::hang_ups().map_err(Failure::internal)?;
    let servers = addresses(&config.nats);
    let connection = ConnectionOptions {
        servers: servers.clone(),
        name: config.nats.name.clone(),
        authentication: authentication(&secrets)?,
    };
    let options = service_options(&config, &secrets)?;
    let (catalog, _rejected) = tokio::task::spawn_blocking(move || {
        open_catalog(&config.policies, config.callout.max_in_flight)
    })
    .await
    .map_err(Failure::internal)??;
    let watcher = Watcher::start(catalog.clone()).map_err(Failure::internal)?;
    let trigger = watcher.trigger();
    let reloads = tokio::spawn(hang_ups.call(move || trigger.reload()));
    let client = connect(&connection).await.map_err(not_connected)?;
    let policies = catalog.clone();
    let ready = move || {
        let policies = policies.snapshot().policies().count();
        info!(nats.servers = servers.join(","), policies, "ready");
    };
    let served = Service::new(vec![client], catalog, options)
        .run(shutdown, ready)
        .await;
    reloads.abort();
    // Joins a thread that may be compiling a policy.
    tokio::task::spawn_blocking(move || drop(watcher))
        .await
        .map_err(Failure::internal)?;
    served.map_err(|error| Failure::new(ExitCode::Unreachable, error))?;
    info!("stopped");
    Ok(())
}

/// The policies, loaded, for at most `max_in_flight` decisions at the same time. Blocks.
///
/// # Errors
///
/// When the policy directory cannot be read, or the engine does not run on this machine.
pub(crate) fn open_catalog(
    policies: &Policies,
    max_in_flight: usize,
) -> Result<(Catalog, Report), Failure> {
    let at_once = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let verifier = Arc::new(PasswordVerifier::new(at_once));
    let max_concurrent = u32::try_from(max_in_flight).unwrap_or(u32::MAX);
    let engine =
        Engine::new(EngineOptions { max_concurrent }, verifier).map_err(Failure::internal)?;
    let options = CatalogOptions {
        directory: policies.directory.clone(),
        order: policies.order.clone(),
        poll_interval: policies.poll_interval,
        debounce: policies.debounce,
        max_module_size: policies.max_module_size,
        limits: Limits {
            deadline: policies.deadline,
            memory: usize::try_from(policies.memory).unwrap_or(usize::MAX),
        },
    };
    Catalog::open(engine, options).map_err(|error| Failure::new(ExitCode::NoPolicyDirectory, error))
}

fn authentication(secrets: &Secrets) -> Result<Authentication, Failure> {
    Ok(match &secrets.connection {
        ConnectionSecret::Anonymous => Authentication::None,
        ConnectionSecret::Nkey(seed) => Authentication::Nkey(
            UserKey::from_seed(seed.expose())
                .map_err(|error| Failure::new(ExitCode::BadConfiguration, error))?,
        ),
        ConnectionSecret::Credentials(content) => Authentication::Credentials(content.clone()),
        ConnectionSecret::Password { user, password } => Authentication::Password {
            user: user.clone(),
            password: password.clone(),
        },
        ConnectionSecret::Token(token) => Authentication::Token(token.clone()),
    })
}

fn addresses(nats: &Nats) -> Vec<String> {
    nats.servers.iter().map(ToString::to_string).collect()
}

fn not_connected(error: ConnectError) -> Failure {
    let code = match error {
        ConnectError::Credentials(_) => ExitCode::BadConfiguration,
        _ => ExitCode::Unreachable,
    };
    Failure::new(code, error)
}
