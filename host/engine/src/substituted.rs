//! Policies that look keys up elsewhere than their engine's do: for tests of policies.

use std::sync::Arc;
use std::time::Instant;

use portcullis_core::{AuthorizationRequest, KeyValues, Verdict};

use crate::evaluation::EvaluationError;
use crate::policy::{Metered, Policy};

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
        self.policy.decide_from(self.key_values, request, deadline)
    }

    /// As [`Policy::decide_within`].
    pub fn decide_within(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
        fuel: u64,
    ) -> Metered {
        self.policy
            .decide_within_from(self.key_values, request, deadline, fuel)
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
