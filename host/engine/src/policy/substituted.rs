//! Policies with another source of key values than their engine's, for tests of policies.

use std::sync::Arc;
use std::time::Instant;

use portcullis_core::{AuthorizationRequest, KeyValues, Verdict};

use super::deciding::Attempt;
use super::{Metered, Policy};
use crate::evaluation::EvaluationError;

/// A policy with another source of key values than its engine's.
#[derive(Clone, Copy, Debug)]
pub struct Substituted<'a> {
    policy: &'a Policy,
    key_values: &'a Arc<dyn KeyValues>,
}

impl Substituted<'_> {
    /// Decides as [`Policy::decide`] does.
    ///
    /// # Errors
    ///
    /// Fails as [`Policy::decide`] does.
    pub fn decide(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Result<Verdict, EvaluationError> {
        let attempt = self.attempt(deadline);
        self.policy.attempt(&attempt, request, deadline)
    }

    /// Decides as [`Policy::decide_within`] does.
    pub fn decide_within(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
        fuel: u64,
    ) -> Metered {
        let attempt = self.attempt(deadline);
        self.policy.meter(&attempt, request, deadline, fuel)
    }

    fn attempt(&self, deadline: Instant) -> Attempt<'_> {
        Attempt {
            key_values: self.key_values,
            ..self.policy.only_attempt(deadline)
        }
    }
}

impl Policy {
    /// Returns the policy with `key_values` in place of its engine's source, for tests.
    pub const fn substituting<'a>(&'a self, key_values: &'a Arc<dyn KeyValues>) -> Substituted<'a> {
        Substituted {
            policy: self,
            key_values,
        }
    }
}
