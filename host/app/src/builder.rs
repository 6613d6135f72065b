//! The parts of a host that the embedding program chooses.

use std::fmt;
use std::sync::Arc;

use portcullis_catalog::Prover;
use portcullis_config::{Config, Secrets};
use portcullis_connect::ConnectionHooks;
use portcullis_core::{Authorizer, DecisionRecord, KeyValues, Sample};
use portcullis_records::RecordReceiver;
use portcullis_toml::Problems;

use crate::account_requests::AccountRequestDoor;
use crate::connections::LogHostConnections;
use crate::error::BuildError;
use crate::first_login::FirstLoginAccounts;
use crate::handle::HostHandle;
use crate::host::{Host, Parts};
use crate::metric_source::MetricSource;
use crate::options::service_options;
use crate::policies::{OwnAuthorizer, PolicyDirectory};
use crate::reload::ReloadHook;

/// A builder of a host. `D` decides logins: the policies of a directory, or an authorizer of the
/// embedding program.
pub struct HostBuilder<D = PolicyDirectory> {
    config: Box<Config>,
    secrets: Option<Secrets>,
    hooks: Arc<dyn ConnectionHooks>,
    sources: Vec<MetricSource>,
    on_ready: Box<dyn FnOnce(HostHandle) + Send>,
    on_reload: ReloadHook,
    receiver: Option<RecordReceiver>,
    decider: D,
}

impl Host {
    /// Returns a builder of a host that lets policies decide.
    pub fn builder(config: Config) -> HostBuilder {
        HostBuilder {
            config: Box::new(config),
            secrets: None,
            hooks: Arc::new(LogHostConnections),
            sources: Vec::new(),
            on_ready: Box::new(|_| {}),
            on_reload: Box::new(|_| Ok(Box::new(|| {}))),
            receiver: None,
            decider: PolicyDirectory::default(),
        }
    }
}

impl HostBuilder {
    /// Sets the place where new versions of policies are loaded and tested. Default: this process.
    #[must_use]
    pub fn prover(mut self, prover: Prover) -> Self {
        self.decider.prover = Some(prover);
        self
    }

    /// Sets the source of the values that policies look up. Default: the buckets under
    /// `[key-value]`, which then have no effect on policies.
    #[must_use]
    pub fn key_values(mut self, key_values: Arc<dyn KeyValues>) -> Self {
        self.decider.key_values = Some(key_values);
        self
    }

    /// Lets `authorizer` decide instead of policies. The tables `[policies]` and `[key-value]` then
    /// have no effect.
    ///
    /// ```no_run
    /// use std::path::Path;
    /// use std::sync::Arc;
    /// use std::time::Instant;
    ///
    /// use portcullis::{
    ///     AuthorizationRequest, Authorizer, Config, Decision, DenialClass, Host, Permit, Strength,
    /// };
    ///
    /// /// Lets in clients that the host has identified, and shows them the news.
    /// struct Readers;
    ///
    /// impl Authorizer for Readers {
    ///     async fn authorize(&self, request: Arc<AuthorizationRequest>, _: Instant) -> Decision {
    ///         if request.identity.strength != Strength::Proved {
    ///             return Decision::deny(DenialClass::PolicyDenied, "unknown");
    ///         }
    ///         let mut permit = Permit::builder("APP", request.received_at);
    ///         permit.subscribe_allow("news.>");
    ///         match permit.finish() {
    ///             Ok(permit) => Decision::permit(permit),
    ///             Err(problems) => {
    ///                 Decision::deny(DenialClass::InvalidPermit, format!("{problems:?}"))
    ///             }
    ///         }
    ///     }
    /// }
    ///
    /// # fn build() -> Result<(), Box<dyn std::error::Error>> {
    /// let config = Config::load(Path::new("portcullis.toml"))?.value;
    /// let host = Host::builder(config).authorizer(Readers).build()?;
    /// # drop(host);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn authorizer<A: Authorizer>(self, authorizer: A) -> HostBuilder<OwnAuthorizer<A>> {
        HostBuilder {
            config: self.config,
            secrets: self.secrets,
            hooks: self.hooks,
            sources: self.sources,
            on_ready: self.on_ready,
            on_reload: self.on_reload,
            receiver: self.receiver,
            decider: OwnAuthorizer(authorizer),
        }
    }
}

impl<D> HostBuilder<D> {
    /// Sets the secrets. Default: those that the configuration names, read by
    /// [`build`](Self::build).
    #[must_use]
    pub fn secrets(mut self, secrets: Secrets) -> Self {
        self.secrets = Some(secrets);
        self
    }

    /// Sets the receiver of events of the NATS connections. Default: [`LogHostConnections`].
    #[must_use]
    pub fn connection_hooks(mut self, hooks: Arc<dyn ConnectionHooks>) -> Self {
        self.hooks = hooks;
        self
    }

    /// Adds samples to the metrics of the host.
    #[must_use]
    pub fn metrics(mut self, source: impl Fn() -> Vec<Sample> + Send + Sync + 'static) -> Self {
        self.sources.push(Box::new(source));
        self
    }

    /// Sets a function that receives the decision record of each login, in addition to the places
    /// under `[records]`. The table says which facts records have, and what happens if the function
    /// is slow. The host calls it on a thread of its own. Default: none.
    #[must_use]
    pub fn on_record(mut self, receive: impl FnMut(&DecisionRecord) + Send + 'static) -> Self {
        self.receiver = Some(Box::new(receive));
        self
    }

    /// Sets a function that the host calls with its handle once it can decide and the servers have
    /// confirmed its subscriptions. Default: none.
    #[must_use]
    pub fn on_ready(mut self, ready: impl FnOnce(HostHandle) + Send + 'static) -> Self {
        self.on_ready = Box::new(ready);
        self
    }

    /// Sets a function that checks the part of a new configuration that the embedding program uses
    /// itself, at each [`HostHandle::reload`]. The function changes nothing. It returns another
    /// one, which the host calls if the reload takes effect. Default: none.
    #[must_use]
    pub fn on_reload(
        mut self,
        check: impl Fn(&Config) -> Result<Box<dyn FnOnce() + Send>, Problems> + Send + Sync + 'static,
    ) -> Self {
        self.on_reload = Box::new(check);
        self
    }

    /// Returns the host. Reads the secrets and the files of trusted accounts, and connects to
    /// nothing.
    ///
    /// # Errors
    ///
    /// Fails if a secret is missing or of the wrong type, if tables about identities contradict
    /// each other, or if the store of accounts at first login, or of requests of
    /// accounts, cannot be used.
    pub fn build(self) -> Result<Host<D>, BuildError> {
        let secrets = match self.secrets {
            Some(secrets) => secrets,
            None => self.config.resolve_secrets()?.value,
        };
        let mut options = service_options(&self.config, &secrets)?;
        let operator = self.config.operator.as_ref();
        let first_login = operator.and_then(|operator| operator.first_login.as_ref());
        let first_login = first_login
            .map(|table| FirstLoginAccounts::new(table, options.keys.main()))
            .transpose()?;
        let requests = operator.and_then(|operator| operator.account_requests.as_ref());
        let account_requests = requests
            .map(|table| AccountRequestDoor::new(table, operator))
            .transpose()
            .map_err(BuildError::AccountRequests)?;
        options.authority.accounts = first_login.as_ref().map(FirstLoginAccounts::maker);
        let parts = Parts {
            config: self.config,
            options,
            first_login,
            account_requests,
            hooks: self.hooks,
            sources: self.sources,
            on_ready: self.on_ready,
            on_reload: self.on_reload,
            receiver: self.receiver,
            secrets,
            handle: HostHandle::default(),
        };
        Ok(Host {
            parts,
            decider: self.decider,
        })
    }
}

impl<D: fmt::Debug> fmt::Debug for HostBuilder<D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HostBuilder")
            .field("config", &self.config)
            .field("decider", &self.decider)
            .finish_non_exhaustive()
    }
}
