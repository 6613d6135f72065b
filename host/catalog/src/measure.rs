//! Measurement of a policy's decisions over its tests.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::PolicyName;
use portcullis_engine::Engine;

use crate::content::Content;
use crate::inspect::policy_name;
use crate::options::CatalogOptions;
use crate::paths::Paths;
use crate::policy_tests::{PolicyTests, TestOutcome, refusal};
use crate::prover::{Task, prove};
use crate::stop::Stop;
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
    let paths = Paths::from_module(module.to_owned());
    let name = policy_name(&paths)?;
    let content = Arc::new(Content::read(&paths, options.source())?);
    let tests = match &content.tests {
        Some(bytes) => PolicyTests::parse(&paths.tests, bytes)?,
        None => PolicyTests::default(),
    };
    let task = Task {
        name: name.clone(),
        paths: paths.clone(),
        content,
        options: Arc::new(options.clone()),
        yields: false,
        describes: false,
        cancel: Stop::default(),
        seen: Vec::new(),
    };
    let proved = prove(engine, task)?;
    if let Some(error) = refusal(&paths.tests, &proved.outcomes) {
        return Err(error);
    }
    let times = tests.measure(&proved.policy, span, &*options.clock);
    let decisions = proved.outcomes.into_iter().zip(times);
    let decisions = decisions.map(|(outcome, mut times)| {
        times.sort_unstable();
        MeasuredDecision { outcome, times }
    });
    Ok(MeasuredPolicy {
        name,
        decisions: decisions.collect(),
    })
}
