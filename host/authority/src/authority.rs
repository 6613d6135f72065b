//! The path of a login between two front doors: throttle, identify, decide, enforce.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{AuthorizationRequest, Authorizer, Decision, DenialClass, Strength};
use portcullis_identity::Identifier;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use crate::decide::decide;
use crate::identify::identify;
use crate::load::Load;
use crate::rules::PermitRules;
use crate::throttle::{Throttle, ThrottleOptions};

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
}

/// The decider of logins, which is the same for every front door.
#[derive(Debug)]
pub struct Authority<A> {
    authorizer: A,
    identifier: Identifier,
    throttle: Arc<Throttle>,
    rules: Arc<PermitRules>,
    max_in_flight: usize,
    /// One permit for each decision that may be in progress.
    slots: Semaphore,
    load: Load,
}

/// A decision, and its place in the log.
#[derive(Debug)]
pub struct Considered {
    /// The decision.
    pub decision: Decision,
    /// `false` for a throttled login that the log only counts in a summary.
    pub is_reported: bool,
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
        }
    }
}

impl<A: Authorizer> Authority<A> {
    /// Creates an authority that asks `authorizer`.
    pub fn new(authorizer: A, options: AuthorityOptions) -> Self {
        Self {
            authorizer,
            identifier: options.identifier,
            throttle: Arc::new(Throttle::new(options.throttle)),
            rules: Arc::new(options.rules),
            max_in_flight: options.max_in_flight,
            slots: Semaphore::new(options.max_in_flight),
            load: Load::default(),
        }
    }

    /// Returns the authorizer.
    pub const fn authorizer(&self) -> &A {
        &self.authorizer
    }

    /// Returns the counters of failed attempts.
    pub const fn throttle(&self) -> &Arc<Throttle> {
        &self.throttle
    }

    /// Estimates the time that a new request would wait for a decision slot.
    pub fn expected_wait(&self) -> Duration {
        self.load.expected_wait(self.max_in_flight)
    }

    /// Decides `request` before `deadline`, and stores the proved identity in it. Every failure is
    /// a denial with a class. A request that has to wait for others in its name gives back its
    /// `place` in the caller's queue.
    pub async fn decide(
        &self,
        request: &mut Arc<AuthorizationRequest>,
        deadline: Instant,
        place: &mut Option<OwnedSemaphorePermit>,
    ) -> Considered {
        let denied = |class, reason, is_reported| Considered {
            decision: Decision::deny(class, reason),
            is_reported,
        };
        // As in `identify`, a panic in a library must not leave the login unanswered. The attempt
        // then has no names.
        let claimant = || self.identifier.claimant(request);
        let claimant = catch_unwind(AssertUnwindSafe(claimant)).unwrap_or_default();
        let attempt = self.throttle.attempt(&request.client, &claimant);
        // Throttling comes before any verification, because each guess would cost a verification.
        let client = &request.client;
        let admitted = self.throttle.admit(attempt, client, deadline, place);
        let admission = match admitted.await {
            Ok(admission) => admission,
            Err(refusal) => {
                let denial = refusal.denial;
                return denied(denial.class, denial.reason, refusal.is_first);
            }
        };
        // No slot is taken yet: waiting for an issuer's keys must not delay other decisions.
        let identity = identify(&self.identifier, request, deadline).await;
        let is_proved = identity
            .as_ref()
            .is_ok_and(|identity| identity.strength == Strength::Proved);
        let decision = match identity {
            Ok(identity) => {
                Arc::make_mut(request).identity = identity;
                self.decide_in_turn(Arc::clone(request), deadline).await
            }
            Err(denial) => Decision::deny(denial.class, denial.reason),
        };
        admission.conclude(&decision.outcome, is_proved, Instant::now());
        Considered {
            decision,
            is_reported: true,
        }
    }

    async fn decide_in_turn(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Decision {
        let waits = self.load.wait();
        let slot = timeout_at(deadline.into(), self.slots.acquire()).await;
        drop(waits);
        match slot {
            Ok(Ok(_slot)) => {
                let began = Instant::now();
                let decision = decide(&self.authorizer, request, deadline, &self.rules).await;
                self.load.held(began.elapsed());
                decision
            }
            Ok(Err(_)) => Decision::deny(DenialClass::Internal, "the service is closed"),
            Err(_) => Decision::deny(
                DenialClass::Overloaded,
                "no decision could begin within the request's deadline",
            ),
        }
    }
}

#[cfg(test)]
mod tests;
