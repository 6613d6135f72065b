//! Reloading of the configuration while the host runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use portcullis_authority::{LoginRules, PermitRules};
use portcullis_callout::{RulesUpdate, ServiceRules};
use portcullis_catalog::{Catalog, Prover, UnusableChains};
use portcullis_config::{Changes, Config, Secrets, catalog_options, permit_rules};
use portcullis_core::Authorizer;
use portcullis_exchange::Exchange;
use portcullis_identity::TokenError;
use portcullis_toml::{Checked, Problem, Problems};
use tokio::sync::Mutex;
use tokio::task::{JoinError, spawn_blocking};

use crate::error::BuildError;
use crate::options::{host_keys, identifier};

/// The result of a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloaded {
    /// Keys of `portcullis.toml` whose change is in effect now.
    pub applied: BTreeSet<String>,
    /// Keys whose change takes effect at a restart. They are named at every reload until then.
    pub needs_restart: BTreeSet<String>,
    /// Warnings about the new configuration.
    pub warnings: Vec<Problem>,
}

/// A reason why a reload changed nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The host has not loaded its policies yet, or has ended.
    #[error("the host is not running: it has not loaded its policies yet, or it has ended")]
    NotRunning,
    /// The configuration or a secret is invalid.
    #[error(transparent)]
    Configuration(#[from] Problems),
    /// Other keys depend on these, which only a restart applies.
    #[error("only a restart applies {}, and the other keys depend on that", listed(.0))]
    NeedsRestart(BTreeSet<String>),
    /// The keys or the identity providers cannot be used.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The keys of an identity provider in use cannot be fetched with its new options.
    #[error("logins by its tokens would wait")]
    IssuerKeys(#[from] TokenError),
    /// The policies in service do not fit the new chains or rules.
    #[error("[policies]")]
    Chains(#[from] UnusableChains),
    /// A task of the reload panicked, which is a fault of the host.
    #[error("a task of the reload broke")]
    Task(#[from] JoinError),
}

/// A check of a new configuration by the embedding program. Returns what applies the program's own
/// part of it.
pub(crate) type ReloadHook =
    Box<dyn Fn(&Config) -> Result<Box<dyn FnOnce() + Send>, Problems> + Send + Sync>;

/// The part of a running host that a reload replaces.
pub(crate) struct Reloader<A> {
    pub(crate) started: Config,
    /// The configuration whose changes are in effect, with its secrets. The lock lets one reload
    /// run at a time.
    pub(crate) current: Mutex<(Config, Secrets)>,
    pub(crate) rules: ServiceRules<A>,
    pub(crate) exchange: Option<Exchange<A>>,
    /// `None` if an authorizer of the embedding program decides.
    pub(crate) catalog: Option<Catalog>,
    pub(crate) hook: ReloadHook,
}

/// A host that can read its configuration again.
pub(crate) trait Reload: Send + Sync {
    /// Reads the file again and applies what can be applied.
    fn reload(&self) -> BoxFuture<'_, Result<Reloaded, ReloadError>>;
}

impl<A: Authorizer> Reload for Reloader<A> {
    fn reload(&self) -> BoxFuture<'_, Result<Reloaded, ReloadError>> {
        self.run().boxed()
    }
}

impl<A: Authorizer> Reloader<A> {
    async fn run(&self) -> Result<Reloaded, ReloadError> {
        let mut current = self.current.lock().await;
        let file = self.started.file.clone();
        let (config, secrets) = spawn_blocking(move || read(&file)).await??;
        let apply = (self.hook)(&config.value)?;
        let new = (&config.value, &secrets.value);
        let changes = Changes::between(&self.started, (&current.0, &current.1), new);
        if !changes.decisive.is_empty() {
            return Err(ReloadError::NeedsRestart(changes.decisive));
        }
        if !changes.applied.is_empty() {
            self.apply(&config.value, &secrets.value, &changes).await?;
            apply();
        }
        *current = (config.value, secrets.value);
        Ok(Reloaded {
            applied: changes.applied,
            needs_restart: changes.needs_restart,
            warnings: config
                .warnings
                .into_iter()
                .chain(secrets.warnings)
                .collect(),
        })
    }

    /// Makes the new rules, checks them, and puts them in service.
    async fn apply(
        &self,
        config: &Config,
        secrets: &Secrets,
        changes: &Changes,
    ) -> Result<(), ReloadError> {
        let update = self.update(config, secrets, changes).await?;
        if let Some(catalog) = self.catalog.clone() {
            let rules = Some((*update.login.permits).clone());
            // The options of chains do not include the prover, so any will do.
            let options = catalog_options(&config.policies, rules, &Prover::InProcess);
            let chains = options.into();
            // The last step that can fail. It decides the logins of assertions, and blocks.
            spawn_blocking(move || catalog.replace_chains(chains)).await??;
        }
        update.login.identifier.start();
        if let Some(exchange) = &self.exchange {
            exchange.replace_issuers(Arc::clone(update.keys.main()));
        }
        self.rules.replace(update);
        Ok(())
    }

    async fn update(
        &self,
        config: &Config,
        secrets: &Secrets,
        changes: &Changes,
    ) -> Result<RulesUpdate, ReloadError> {
        let former = self.rules.login();
        let (callout, operator) = (&config.callout, config.operator.as_ref());
        let keys = if changes.concern_keys() {
            let (config, secrets) = (config.clone(), secrets.clone());
            let main = (!changes.concern_issuers()).then(|| Arc::clone(self.rules.keys().main()));
            let keys = spawn_blocking(move || host_keys(&config, &secrets, main)).await?;
            Arc::new(keys.map_err(BuildError::from)?)
        } else {
            self.rules.keys()
        };
        let identifier = if changes.concern_identities() {
            let (identity, former) = (config.identity.clone(), Arc::clone(&former.identifier));
            let new = spawn_blocking(move || identifier(&identity, Some(&former))).await??;
            Arc::new(new)
        } else {
            Arc::clone(&former.identifier)
        };
        if let (Some(tokens), Some(former)) = (identifier.tokens(), former.identifier.tokens()) {
            tokens.fetch_changed(&former).await?;
        }
        Ok(RulesUpdate {
            keys,
            open: callout.open.clone(),
            deny: callout.deny.clone(),
            times: callout.times,
            login: Arc::new(LoginRules {
                identifier,
                permits: Arc::new(PermitRules {
                    // The maker and the signer of accounts have their names from the start.
                    new_accounts: former.permits.new_accounts.clone(),
                    requested_accounts: former.permits.requested_accounts.clone(),
                    ..permit_rules(callout, operator, &config.ceilings)
                }),
            }),
            throttle: config.identity.throttle.clone(),
        })
    }
}

/// Reads the configuration and its secrets. Blocks.
fn read(file: &std::path::Path) -> Result<(Checked<Config>, Checked<Secrets>), Problems> {
    let config = Config::load(file)?;
    let secrets = config.value.resolve_secrets()?;
    Ok((config, secrets))
}

fn listed(keys: &BTreeSet<String>) -> String {
    let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    keys.join(", ")
}
