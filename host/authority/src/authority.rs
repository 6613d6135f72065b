//! The path of a login between two front doors: throttle, identify, decide, enforce.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use portcullis_core::{
    AuthorizationRequest, Authorizer, Decision, Denial, Identity, Outcome, Sample, Strength,
};
use portcullis_environment::{Clock, SystemClock};
use portcullis_identity::Identifier;

use crate::admission::{Admission, Overload};
use crate::decide::decide;
use crate::identify::identify;
use crate::imitation::check_imitation;
use crate::locks::Locks;
use crate::new_accounts::{AccountMaker, provide};

use crate::place::Place;
use crate::recorder::Recorder;
use crate::rules::PermitRules;
use crate::throttle::{AdmittedAttempt, Throttle, ThrottleOptions};
use crate::traces::{Stage, StageTimes, Tracer};
use crate::wanted_account::check_scope;

/// The options of an authority.
///
/// [`AuthorityOptions::new`] sets the defaults.
#[derive(Debug)]
pub struct AuthorityOptions {
    /// The proof of identities, before any decision. Default: credentials prove nothing.
    pub identifier: Identifier,
    /// The limits on failed attempts.
    pub throttle: ThrottleOptions,
    /// The host's own rules for permits.
    pub rules: PermitRules,
    /// The maximum number of decisions in progress. Default: 256.
    pub max_in_flight: usize,
    /// The maker of the accounts that `rules.new_accounts` names. Default: `None`, and no account
    /// is made.
    pub accounts: Option<Arc<dyn AccountMaker>>,
    /// The queue of decision records. Default: logins are not recorded.
    pub recorder: Recorder,
    /// Locks of logins. Default: `None`, and nothing is locked.
    pub locks: Option<Locks>,
    /// The maker of traces. Default: no login is traced.
    pub tracer: Tracer,
}

/// The decider of logins, which is the same for every front door. It reads the time from `C`.
#[derive(Debug)]
pub struct Authority<A, C = SystemClock> {
    authorizer: A,
    /// The rules for new logins. A login in progress keeps those that it began with.
    rules: ArcSwap<LoginRules>,
    accounts: Option<Arc<dyn AccountMaker>>,
    locks: Option<Locks>,
    pub(crate) admission: Admission<C>,
    recorder: Recorder,
    tracer: Tracer,
}

/// The rules for logins that can be replaced while the host runs. They never change themselves.
#[derive(Debug)]
pub struct LoginRules {
    /// The proof of identities, before any decision.
    pub identifier: Arc<Identifier>,
    /// The host's own rules for permits.
    pub permits: Arc<PermitRules>,
}

/// A login within the limits on failed attempts. Its drop frees its room there without a failure.
#[derive(Debug)]
pub struct Attempt<'a, C: Clock = SystemClock> {
    admitted: AdmittedAttempt<'a, C>,
    rules: Arc<LoginRules>,
    times: StageTimes,
}

/// A decision, and its place in the log.
#[derive(Debug)]
pub struct Considered {
    /// The decision.
    pub decision: Decision,
    /// `false` for a throttled login that the log only counts in a summary.
    pub is_reported: bool,
    /// The ends of the stages, if logins are traced.
    pub times: StageTimes,
}

impl AuthorityOptions {
    /// The default of `max_in_flight`.
    pub const MAX_IN_FLIGHT: usize = 256;

    /// Creates options with `rules` and every default.
    pub fn new(rules: PermitRules) -> Self {
        Self {
            identifier: Identifier::default(),
            throttle: ThrottleOptions::default(),
            rules,
            max_in_flight: Self::MAX_IN_FLIGHT,
            accounts: None,
            recorder: Recorder::default(),
            locks: None,
            tracer: Tracer::default(),
        }
    }
}

impl<A: Authorizer> Authority<A> {
    /// Creates an authority that asks `authorizer`.
    pub fn new(authorizer: A, options: AuthorityOptions) -> Self {
        Self::with_clock(authorizer, options, SystemClock)
    }
}

impl<A: Authorizer, C: Clock + Clone> Authority<A, C> {
    /// Creates an authority that asks `authorizer` and reads the time from `clock`.
    pub fn with_clock(authorizer: A, options: AuthorityOptions, clock: C) -> Self {
        Self {
            authorizer,
            rules: ArcSwap::from_pointee(LoginRules {
                identifier: Arc::new(options.identifier),
                permits: Arc::new(options.rules),
            }),
            accounts: options.accounts,
            locks: options.locks,
            admission: Admission::new(options.throttle, options.max_in_flight, clock),
            recorder: options.recorder,
            tracer: options.tracer,
        }
    }

    /// Returns the authorizer.
    pub const fn authorizer(&self) -> &A {
        &self.authorizer
    }

    /// Returns the queue of decision records, which every front door fills.
    pub const fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Returns the maker of traces, which every front door asks.
    pub const fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// Returns the rules for new logins.
    pub fn rules(&self) -> Arc<LoginRules> {
        self.rules.load_full()
    }

    /// Returns why no login is permitted: the authorizer cannot decide, the locks are unknown, or
    /// records find no room. `None` if logins are decided.
    pub fn cannot_decide(&self) -> Option<String> {
        let unknown = || self.locks.as_ref().and_then(Locks::unknown);
        let reason = "records find no room, and logins wait for it (`when-full = \"block\"`)";
        let blocked = || self.recorder.is_blocked().then(|| reason.to_owned());
        let reason = self.authorizer.cannot_decide().or_else(unknown);
        reason.or_else(blocked)
    }

    /// Replaces the rules for new logins. Logins in progress keep those that they began with.
    pub fn replace_rules(&self, rules: Arc<LoginRules>) {
        self.rules.store(rules);
    }

    /// Returns the counters of failed attempts.
    pub const fn throttle(&self) -> &Arc<Throttle<C>> {
        self.admission.throttle()
    }

    /// Returns the counts of the queue and of failed attempts, for metrics.
    pub fn samples(&self) -> Vec<Sample> {
        self.admission.samples()
    }

    /// Returns a place in the queue for a request that must be decided within `limit`.
    ///
    /// # Errors
    ///
    /// Fails if the queue is full, or if the expected wait for a decision slot is not shorter than
    /// `limit`.
    pub fn enter(&self, limit: Duration) -> Result<Place, Overload> {
        self.admission.enter(limit)
    }

    /// Decides `request` before `deadline`, and stores the proved identity in it. Every failure is
    /// a denial with a class. A request that has to wait for others in its name gives back its
    /// `place` in the queue.
    pub async fn decide(
        &self,
        request: &mut Arc<AuthorizationRequest>,
        deadline: Instant,
        place: &mut Place,
    ) -> Considered {
        self.decide_by(self.rules(), request, deadline, place).await
    }

    /// Decides `request` as [`decide`](Self::decide) does, by these rules. For a front door whose
    /// own rules are replaced together with those of the authority.
    pub async fn decide_by(
        &self,
        rules: Arc<LoginRules>,
        request: &mut Arc<AuthorizationRequest>,
        deadline: Instant,
        place: &mut Place,
    ) -> Considered {
        let attempt = match self.admit_by(rules, request, deadline, place).await {
            Ok(attempt) => attempt,
            Err(considered) => return considered,
        };
        let decision = self.decide_admitted(&attempt, request, deadline).await;
        let times = attempt.conclude(request, &decision);
        Considered {
            decision,
            is_reported: true,
            times,
        }
    }

    /// Admits `request` within the limits on failed attempts, for a front door that adds steps of
    /// its own to a decision. It then calls [`decide_admitted`](Self::decide_admitted) and
    /// [`Attempt::conclude`]. `place` is as for [`decide`](Self::decide).
    ///
    /// # Errors
    ///
    /// Fails with the denial of a login with too many failed attempts.
    pub async fn admit(
        &self,
        request: &AuthorizationRequest,
        deadline: Instant,
        place: &mut Place,
    ) -> Result<Attempt<'_, C>, Considered> {
        self.admit_by(self.rules(), request, deadline, place).await
    }

    async fn admit_by(
        &self,
        rules: Arc<LoginRules>,
        request: &AuthorizationRequest,
        deadline: Instant,
        place: &mut Place,
    ) -> Result<Attempt<'_, C>, Considered> {
        // As in `identify`, a panic in a library must not leave the login unanswered. The attempt
        // then has no names.
        let claimant = || rules.identifier.claimant(request);
        let claimant = catch_unwind(AssertUnwindSafe(claimant)).unwrap_or_default();
        // Throttling comes before any verification, because each guess would cost a verification.
        let admitted = self.admission.attempt(request, &claimant, deadline, place);
        let admitted = admitted.await;
        let times = StageTimes::new(self.tracer.is_on());
        self.end(&times, Stage::Admit);
        match admitted {
            Ok(admitted) => Ok(Attempt {
                admitted,
                rules,
                times,
            }),
            Err(refusal) => Err(Considered {
                decision: Decision::deny(refusal.denial.class, refusal.denial.reason),
                is_reported: refusal.is_first,
                times,
            }),
        }
    }

    /// Identifies and decides a `request` that [`admit`](Self::admit) admitted as `attempt`, before
    /// `deadline`, and stores the proved identity in it.
    pub async fn decide_admitted(
        &self,
        attempt: &Attempt<'_, C>,
        request: &mut Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Decision {
        if let Err(denial) = check_imitation(request) {
            return Decision::deny(denial.class, denial.reason);
        }
        let rules = &attempt.rules;
        // No slot is taken yet: waiting for an issuer's keys must not delay other decisions.
        let identified = identify(&rules.identifier, request, deadline).await;
        self.end(&attempt.times, Stage::Identify);
        match identified {
            Ok(identity) => {
                Arc::make_mut(request).identity = identity;
                self.decide_unlocked(&rules.permits, request, deadline, &attempt.times)
                    .await
            }
            Err(denial) => Decision::deny(denial.class, denial.reason),
        }
    }

    /// Decides an identified `request` that no lock closes, before or after the decision.
    async fn decide_unlocked(
        &self,
        rules: &Arc<PermitRules>,
        request: &Arc<AuthorizationRequest>,
        deadline: Instant,
        times: &StageTimes,
    ) -> Decision {
        let Some(locks) = &self.locks else {
            return self
                .decide_identified_by(rules, Arc::clone(request), deadline, times)
                .await;
        };
        if let Err(denial) = locks.check_request(request, self.admission.unix_seconds()) {
            return Decision::deny(denial.class, denial.reason);
        }
        let decision = self
            .decide_identified_by(rules, Arc::clone(request), deadline, times)
            .await;
        let Outcome::Permit(permit) = &decision.outcome else {
            return decision;
        };
        let now = self.admission.unix_seconds();
        let maker = self.accounts.as_ref();
        let made = maker.and_then(|maker| maker.key_of(permit.account()));
        let policy = decision.policy.as_deref();
        match locks.check_permit(permit, rules, made.as_ref(), policy, now) {
            Ok(()) => decision,
            Err(denial) => Decision {
                outcome: Outcome::Deny(denial),
                ..decision
            },
        }
    }

    /// Returns the identity that the credentials of `request` prove before `deadline`.
    ///
    /// # Errors
    ///
    /// Fails with the denial of a login whose credentials prove nothing, or cannot be verified now.
    pub async fn identify(
        &self,
        request: &AuthorizationRequest,
        deadline: Instant,
    ) -> Result<Identity, Denial> {
        identify(&self.rules().identifier, request, deadline).await
    }

    /// Decides `request` before `deadline`, with the identity that it has. The limits on failed
    /// attempts do not apply: tools call this, and [`decide`](Self::decide) for a login that it has
    /// admitted and identified.
    pub async fn decide_identified(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Decision {
        let rules = self.rules();
        let times = StageTimes::default();
        self.decide_identified_by(&rules.permits, request, deadline, &times)
            .await
    }

    async fn decide_identified_by(
        &self,
        permits: &Arc<PermitRules>,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
        times: &StageTimes,
    ) -> Decision {
        if let Err(denial) = check_scope(&request.client, &request.identity) {
            return Decision::deny(denial.class, denial.reason);
        }
        let asked = Arc::clone(&request);
        let decision = match self.admission.slot(deadline).await {
            Ok(_slot) => {
                let decision = self.authorizer.authorize(Arc::clone(&asked), deadline);
                let end = |stage| self.end(times, stage);
                decide(decision, asked, deadline, permits, end).await
            }
            Err(denial) => return Decision::deny(denial.class, denial.reason),
        };
        // The slot is free again: waiting for a new account must not delay other decisions.
        let outcome = match (decision.outcome, &self.accounts) {
            (Outcome::Permit(permit), Some(maker))
                if !request.client.is_account_request() && permits.is_new(permit.account()) =>
            {
                let provided = provide(maker, &permit, &request, permits, deadline).await;
                self.end(times, Stage::MakeAccount);
                provided.map_or_else(Outcome::Deny, |()| Outcome::Permit(permit))
            }
            (outcome, _) => outcome,
        };
        Decision {
            outcome,
            ..decision
        }
    }

    /// Records that a stage of a traced login ends now.
    fn end(&self, times: &StageTimes, stage: Stage) {
        times.end(stage, self.admission.clock());
    }
}

impl<C: Clock> Attempt<'_, C> {
    /// Records the `decision` on `request`. A denial of a login that may be a guess is a failed
    /// attempt. Returns the ends of the stages so far, for a trace.
    pub fn conclude(self, request: &AuthorizationRequest, decision: &Decision) -> StageTimes {
        // An identity is only claimed until the authority stores the one that it has verified.
        let is_proved = request.identity.strength == Strength::Proved;
        self.admitted.conclude(&decision.outcome, is_proved);
        self.times
    }
}

#[cfg(test)]
mod tests;
