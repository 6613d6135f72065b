//! The deciders of a host: the policies of a directory, or an authorizer of the embedding program.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use portcullis_authority::PermitRules;
use portcullis_catalog::{Catalog, CatalogOptions, Prover, Stop};
use portcullis_config::{Config, Policies, catalog_options, code_cache_options};
use portcullis_core::{KeyValues, Sample};
use portcullis_engine::{Engine, EngineOptions};
use portcullis_identity::{NoRandomBytes, PasswordVerifier};
use portcullis_mirror::KeyValueMirror;
use tracing::info;

use crate::error::RunError;
use crate::health::{Readiness, code_samples, policy_samples};
use crate::locks::LockKeeper;

/// A decider: the policies of the directory that the configuration names.
#[derive(Clone, Debug, Default)]
pub struct PolicyDirectory {
    /// `None` stands for this process, with a warning.
    pub(crate) prover: Option<Prover>,
    /// The source of values that policies look up. `None` stands for the mirrored buckets.
    pub(crate) key_values: Option<Arc<dyn KeyValues>>,
}

/// A decider: an authorizer of the embedding program.
#[derive(Clone, Debug)]
pub struct OwnAuthorizer<A>(pub(crate) A);

/// The loaded policies of a directory.
pub(crate) struct LoadedPolicies {
    pub(crate) catalog: Catalog,
    pub(crate) mirror: KeyValueMirror,
    /// Ends loads of policies that would not serve any more.
    pub(crate) stop: Stop,
    engine: Engine,
    passwords: Arc<PasswordVerifier>,
}

impl PolicyDirectory {
    /// Loads the policies. Returns `None` if `shutdown` completes first. A policy that cannot be
    /// loaded does not keep the host from starting. Its error is logged, and it decides nothing.
    /// `is_recorded` says whether the embedding program receives records.
    ///
    /// # Errors
    ///
    /// Fails if the policy directory cannot be read, or if the engine does not run on this machine.
    pub(crate) async fn load(
        self,
        config: &Config,
        rules: PermitRules,
        is_recorded: bool,
        shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Option<LoadedPolicies>, RunError> {
        let prover = self.prover.unwrap_or_else(|| {
            tracing::warn!("policies are proved in this process, whose memory they can fill");
            Prover::InProcess
        });
        let passwords = Arc::new(password_verifier(config.identity.remember_passwords)?);
        let mirror = KeyValueMirror::new(config.key_value.mirror.clone());
        let options = CatalogOptions {
            records_steps: is_recorded
                || config.records.is_on()
                || config.telemetry.traces.is_some(),
            ..catalog_options(&config.policies, Some(rules), &prover)
        };
        let stop = options.stop.clone();
        let (policies, max_in_flight) = (config.policies.clone(), config.callout.max_in_flight);
        let verifier = Arc::clone(&passwords);
        let buckets = self.key_values;
        let buckets = buckets.unwrap_or_else(|| Arc::new(mirror.clone()));
        let mut opening = tokio::task::spawn_blocking(move || {
            let engine = build_engine(&policies, max_in_flight, verifier, buckets)?;
            let catalog = open_catalog(&engine, options)?;
            Ok::<_, RunError>((engine, catalog))
        });
        let opened = tokio::select! {
            opened = &mut opening => opened,
            () = shutdown => {
                stop.stop();
                // The load ends soon, because `stop` skips the remaining policies.
                let _ = opening.await;
                return Ok(None);
            }
        };
        let (engine, catalog) = opened??;
        Ok(Some(LoadedPolicies {
            catalog,
            mirror,
            stop,
            engine,
            passwords,
        }))
    }
}

impl LoadedPolicies {
    /// Returns the keeper of the locks of logins, if the configuration names their bucket. A host
    /// that may not use its state directory keeps no copy of them.
    ///
    /// # Errors
    ///
    /// Fails if a thread panics.
    pub(crate) async fn keep_locks(&self, config: &Config) -> Result<Option<LockKeeper>, RunError> {
        let is_usable = self.catalog.numbers().state_usable != Some(false);
        let keeper = LockKeeper::start(config, &self.mirror, is_usable).await;
        Ok(keeper?)
    }

    /// Adds the metrics of the policies, the code cache, the mirror and the password cache.
    pub(crate) fn add_samples(&self, readiness: &Readiness) {
        let engine = self.engine.clone();
        readiness.add_samples(move || {
            let counts = engine.code_cache_counts();
            counts.map_or_else(Vec::new, code_samples)
        });
        let catalog = self.catalog.clone();
        readiness.add_samples(move || policy_samples(&catalog.numbers()));
        let mirror = self.mirror.clone();
        readiness.add_samples(move || mirror.samples());
        let passwords = Arc::clone(&self.passwords);
        readiness.add_samples(move || {
            let help = "Password comparisons that were answered from memory";
            let hits = passwords.remembered_hits();
            vec![Sample::counter("passwords_remembered", help, hits)]
        });
    }
}

/// Returns a verifier that computes one slow hash for each processor at a time.
fn password_verifier(remember: Option<Duration>) -> Result<PasswordVerifier, NoRandomBytes> {
    let verifier = PasswordVerifier::default();
    match remember {
        Some(span) => verifier.remembering(span),
        None => Ok(verifier),
    }
}

/// Returns an engine for at most `max_in_flight` concurrent decisions. It compares passwords with
/// `verifier` and looks up keys in `buckets`.
///
/// # Errors
///
/// Fails if the engine does not run on this machine.
fn build_engine(
    policies: &Policies,
    max_in_flight: usize,
    verifier: Arc<PasswordVerifier>,
    buckets: Arc<dyn KeyValues>,
) -> Result<Engine, RunError> {
    let max_concurrent = u32::try_from(max_in_flight).unwrap_or(u32::MAX);
    let options = EngineOptions {
        max_concurrent,
        code_cache: code_cache_options(policies),
    };
    let engine = Engine::new(options, verifier)?;
    Ok(engine.with_key_values(buckets))
}

/// Opens the catalog and loads the policies. Blocks.
///
/// # Errors
///
/// Fails if the policy directory cannot be read.
fn open_catalog(engine: &Engine, options: CatalogOptions) -> Result<Catalog, RunError> {
    let (catalog, _report) = Catalog::open(engine.clone(), options)?;
    if let Some(counts) = engine.code_cache_counts() {
        info!(
            code_cache.hits = counts.hits,
            code_cache.misses = counts.misses,
            code_cache.refused = counts.refused,
            "compiled code was looked for in the cache"
        );
    }
    Ok(catalog)
}
