//! Policies that look keys up elsewhere than their engine's do: for tests of policies.

use std::sync::Arc;
use std::time::Instant;

use portcullis_core::{AuthorizationRequest, KeyValues, Verdict};

use super::deciding::Attempt;
use super::{Metered, Policy};
use crate::evaluation::EvaluationError;

/// A policy that looks keys up elsewhere than its engine's policies do.
#[derive(Clone, Copy, Debug)]
pub struct Substituted<'a> {
    policy: &'a Policy,
    key_values: &'a Arc<dyn KeyValues>,
}

impl Substituted<'_> {
    /// As [`Policy::decide`].
    ///
    /// # Errors
    ///
    /// As [`Policy::decide`].
    pub fn decide(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Result<Verdict, EvaluationError> {
        let attempt = self.attempt(deadline);
        self.policy.attempt(&attempt, request, deadline)
    }

    /// As [`Policy::decide_within`].
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
    /// The same policy, which looks keys up in `key_values`, whatever its engine has: for tests.
    pub const fn substituting<'a>(&'a self, key_values: &'a Arc<dyn KeyValues>) -> Substituted<'a> {
        Substituted {
            policy: self,
            key_values,
        }
    }
}
