//! The path of a login in this process: the host's parts, without NATS.

use std::path::Path as FilePath;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portcullis::{Secrets, authority_options, issuers};
use portcullis_authority::{Authority, Issuers};
use portcullis_catalog::{Catalog, CatalogOptions, Explained, Prover, Snapshot};
use portcullis_claims::{ResponseClaims, ServerVerdict, UserClaims};
use portcullis_config::{Config, catalog_options, permit_rules};
use portcullis_core::{
    AuthorizationRequest, Authorizer, Decision, DenialClass, KeyValues, Outcome, with_causes,
};
use portcullis_toml::Problem;

use super::explanation::{Explanation, ServerAnswer, notes};
use super::login::Login;
use super::new_account::{NewAccount, NewAccounts, sign_for};
use crate::check::{at_line, idle_engine};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::NotDone;
use crate::runtime::one_thread;

/// Maximum time of a decision. The policies' own deadlines apply too; the difference leaves room
/// for slow password hashes and for the keys of issuers.
const DEADLINE: Duration = Duration::from_secs(30);
/// Number of attempts at a decision that is late, as on a busy machine.
const ATTEMPTS: usize = 3;

/// The parts of a host that decide a login.
pub(super) struct Path {
    authority: Authority<Explainer>,
    issuers: Issuers,
    new_accounts: NewAccounts,
}

/// An authorizer that records its decision.
struct Explainer {
    snapshot: Arc<Snapshot>,
    key_values: Mutex<Option<Arc<dyn KeyValues>>>,
    explained: Mutex<Option<Explained>>,
}

impl Authorizer for Explainer {
    async fn authorize(&self, request: Arc<AuthorizationRequest>, deadline: Instant) -> Decision {
        let key_values = lock(&self.key_values).clone();
        let Some(key_values) = key_values else {
            return Decision::deny(DenialClass::Internal, "no login was given to explain");
        };
        let snapshot = Arc::clone(&self.snapshot);
        let explain = move || snapshot.explain(&request, deadline, &key_values);
        let Ok(explained) = tokio::task::spawn_blocking(explain).await else {
            return Decision::deny(DenialClass::Internal, "the decision did not complete");
        };
        let decision = explained.decision.clone();
        *lock(&self.explained) = Some(explained);
        decision
    }
}

impl Path {
    /// Loads the policies of `config` and reads its keys. `file` is the configuration.
    ///
    /// # Errors
    ///
    /// Fails with every problem of the policies, and if the keys cannot be used.
    pub(super) fn open(
        file: &FilePath,
        config: &Config,
        secrets: &Secrets,
        prover: &Prover,
    ) -> Result<Self, NotDone> {
        let rules = permit_rules(&config.callout, config.operator.as_ref(), &config.ceilings);
        let options = CatalogOptions {
            state_directory: None,
            ..catalog_options(&config.policies, Some(rules), prover)
        };
        let engine = idle_engine(Some(&config.key_value))?;
        let (catalog, report) = Catalog::open(engine, options)
            .map_err(|error| Failure::new(ExitCode::NotFound, error))?;
        let rejected = report.rejections().map(|rejection| {
            let problem = Problem::error(&rejection.file, &rejection.error);
            at_line(problem, rejection.line)
        });
        let rejected: Vec<_> = rejected.collect();
        if !rejected.is_empty() {
            return Err(NotDone::Policies(rejected));
        }
        let explainer = Explainer {
            snapshot: catalog.snapshot(),
            key_values: Mutex::default(),
            explained: Mutex::default(),
        };
        let options = authority_options(config).map_err(Failure::from)?;
        let issuers = issuers(config, secrets).map_err(|error| {
            let context = format!("`{}` names a seed that is not usable", file.display());
            let error = anyhow::Error::new(error).context(context);
            Failure::new(ExitCode::BadConfiguration, error)
        })?;
        Ok(Self {
            authority: Authority::new(explainer, options),
            issuers,
            new_accounts: NewAccounts::new(config.operator.as_ref()),
        })
    }

    /// Takes a login through the path, and records each step.
    ///
    /// # Errors
    ///
    /// Fails if no runtime can be made, or if the response cannot be read again.
    pub(super) fn explain(self, login: Login) -> Result<Explanation, Failure> {
        let runtime = one_thread()?;
        runtime.block_on(Box::pin(self.decide(login)))
    }

    async fn decide(&self, login: Login) -> Result<Explanation, Failure> {
        let Login {
            mut request,
            is_identified,
            key_values,
            record,
        } = login;
        let authorizer = self.authority.authorizer();
        *lock(&authorizer.key_values) = Some(key_values);
        let mut decision = None;
        if !is_identified {
            let identity = self.authority.identify(&request, Instant::now() + DEADLINE);
            match identity.await {
                Ok(identity) => request.identity = identity,
                Err(denial) => decision = Some(Decision::deny(denial.class, denial.reason)),
            }
        }
        let is_refused = decision.is_some();
        let request = Arc::new(request);
        let mut decision = match decision {
            Some(decision) => decision,
            None => self.decide_identified(&request).await,
        };
        let explained = lock(&authorizer.explained).take();
        let enforced = decision.clone();
        let new_account = self.new_account(&request, &decision)?;
        let is_signed = new_account.as_ref().is_some_and(|new| new.is_signed);
        let server = match &decision.outcome {
            // No user is signed for the request of an account.
            Outcome::Permit(_) if !is_signed => Some(self.answer(&request, &mut decision)?),
            _ => None,
        };
        let notes = record.map_or_else(Vec::new, |record| {
            let explained = explained.as_ref();
            notes(&record, &request, explained.map_or(&[][..], |it| &it.steps))
        });
        Ok(Explanation {
            request,
            notes,
            is_identified,
            is_refused,
            explained,
            enforced,
            new_account,
            server: server.flatten(),
            decision,
        })
    }

    /// Returns what the host does about the account of a permit, and lets the issuers sign for it.
    fn new_account(
        &self,
        request: &AuthorizationRequest,
        decision: &Decision,
    ) -> Result<Option<NewAccount>, Failure> {
        let Outcome::Permit(permit) = &decision.outcome else {
            return Ok(None);
        };
        let rules = self.authority.rules();
        let new_account = self.new_accounts.of_permit(request, permit, &rules.permits);
        if new_account.as_ref().is_some_and(|new| !new.is_signed) {
            sign_for(&self.issuers, permit).map_err(Failure::internal)?;
        }
        Ok(new_account)
    }

    /// Decides a login again if it is late, because one late decision on a busy machine says
    /// nothing about the policy.
    async fn decide_identified(&self, request: &Arc<AuthorizationRequest>) -> Decision {
        let mut attempt = 1;
        loop {
            let deadline = Instant::now() + DEADLINE;
            let request = Arc::clone(request);
            let decision = self.authority.decide_identified(request, deadline).await;
            let is_late = matches!(
                &decision.outcome,
                Outcome::Deny(denial)
                    if matches!(denial.class, DenialClass::Deadline | DenialClass::PolicyDeadline)
            );
            if !is_late || attempt == ATTEMPTS {
                return decision;
            }
            attempt += 1;
        }
    }

    /// Returns the user JWT for a permit and what the server makes of it. If the service would send
    /// a denial in place of the permit, returns `None`, and `decision` becomes that denial.
    fn answer(
        &self,
        request: &AuthorizationRequest,
        decision: &mut Decision,
    ) -> Result<Option<ServerAnswer>, Failure> {
        let now = request.received_at;
        let answer = self.issuers.judged_response_to(request, decision, now);
        let (response, accepted) = match answer {
            Ok((response, ServerVerdict::Accepted(accepted))) => (response, accepted),
            Ok((_, ServerVerdict::Denied(reason))) => {
                decision.outcome = denial(DenialClass::InvalidResponse, reason);
                return Ok(None);
            }
            Err(error) => {
                decision.outcome = denial(error.class(), with_causes(&error));
                return Ok(None);
            }
        };
        let response = ResponseClaims::decode(&response).map_err(Failure::internal)?;
        let token = response.nats.jwt().unwrap_or_default();
        let user = UserClaims::decode(token).map_err(Failure::internal)?;
        Ok(Some(ServerAnswer { user, accepted }))
    }
}

fn denial(class: DenialClass, reason: String) -> Outcome {
    Outcome::Deny(portcullis_core::Denial::new(class, reason))
}

fn lock<T>(value: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
