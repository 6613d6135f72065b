//! Measurement of a policy's decisions over its tests.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::PolicyName;
use portcullis_engine::Engine;

use crate::options::CatalogOptions;
use crate::policy_tests::{PolicyTests, TestOutcome, refusal};
use crate::prover::prove;
use crate::single::SinglePolicy;
use crate::unit_error::UnitError;

/// The measured decisions of one policy.
#[derive(Debug)]
pub struct MeasuredPolicy {
    /// The policy.
    pub name: PolicyName,
    /// The decisions, one for each test.
    pub decisions: Vec<MeasuredDecision>,
}

/// The measured decisions on the login of one test.
#[derive(Debug)]
pub struct MeasuredDecision {
    /// The outcome of the test, with fuel and memory of a decision.
    pub outcome: TestOutcome,
    /// The times of the decisions, the shortest first.
    pub times: Vec<Duration>,
}

/// Measures the decisions of one module on the logins of its tests, for `span` all together, on the
/// caller's thread. The module need not lie in a policy directory. Blocks.
///
/// # Errors
///
/// Fails if the module cannot be loaded or fails a test.
pub fn measure_module(
    engine: &Engine,
    options: &CatalogOptions,
    module: &Path,
    span: Duration,
) -> Result<MeasuredPolicy, UnitError> {
    let policy = SinglePolicy::read(module, options)?;
    let tests = match &policy.content.tests {
        Some(bytes) => PolicyTests::parse(&policy.paths.tests, bytes)?,
        None => PolicyTests::default(),
    };
    let proved = prove(engine, policy.task(&Arc::new(options.clone())))?;
    if let Some(error) = refusal(&policy.paths.tests, &proved.outcomes) {
        return Err(error);
    }
    let times = tests.measure(&proved.policy, span, &*options.clock);
    let decisions = proved.outcomes.into_iter().zip(times);
    let decisions = decisions.map(|(outcome, mut times)| {
        times.sort_unstable();
        MeasuredDecision { outcome, times }
    });
    Ok(MeasuredPolicy {
        name: policy.name,
        decisions: decisions.collect(),
    })
}
