//! The results of tests, in numbers and by policy.

use portcullis_catalog::{TestOutcome, TestedPolicy};

/// The numbers of tests that ran and of failures. A policy that cannot be loaded is one failure.
#[derive(Clone, Copy)]
pub(super) struct Count {
    pub(super) run: usize,
    pub(super) failed: usize,
}

impl Count {
    pub(super) fn new(tested: &[TestedPolicy]) -> Self {
        let outcomes = || {
            tested
                .iter()
                .filter_map(|policy| policy.outcomes.as_ref().ok())
                .flatten()
        };
        let broken = tested
            .iter()
            .filter(|policy| policy.outcomes.is_err())
            .count();
        let failed = outcomes()
            .filter(|outcome| outcome.failure.is_some())
            .count();
        Self {
            run: outcomes().count(),
            failed: failed.saturating_add(broken),
        }
    }
}

/// Returns the outcomes of a policy, or the text of the error that prevented its tests.
pub(super) fn outcomes(policy: &TestedPolicy) -> Result<&[TestOutcome], String> {
    match &policy.outcomes {
        Ok(outcomes) => Ok(outcomes),
        Err(error) => Err(error.to_string()),
    }
}
