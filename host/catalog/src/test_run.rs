//! Runs of the policy tests of a directory, without serving.

use std::path::PathBuf;
use std::sync::Arc;

use portcullis_core::{Allowed, PolicyName};
use portcullis_engine::Engine;

use crate::directory::{self, DirectoryError};
use crate::options::CatalogOptions;
use crate::parallel::in_parallel;
use crate::policy_tests::TestOutcome;
use crate::prover::prove_found;
use crate::stop::Stop;
use crate::unit_error::UnitError;

/// The test results of one policy.
#[derive(Debug)]
pub struct TestedPolicy {
    /// The policy.
    pub name: PolicyName,
    /// The policy's test file.
    pub file: PathBuf,
    /// The outcomes of the tests, empty without tests. The error if the policy cannot be loaded or
    /// the file cannot be read.
    pub outcomes: Result<Vec<TestOutcome>, UnitError>,
}

/// Runs the tests of the policies in the directory that `wanted` allows. Puts no policy in service.
/// Blocks.
///
/// # Errors
///
/// Fails if the directory cannot be read.
pub fn test_policies(
    engine: &Engine,
    options: &CatalogOptions,
    wanted: &Allowed<PolicyName>,
) -> Result<Vec<TestedPolicy>, DirectoryError> {
    let serving = wanted.listed().cloned().collect();
    let scan = directory::scan(&options.directory, options.source(), &serving)?;
    let units = scan.units.into_iter();
    let wanted: Vec<_> = units
        .filter(|(name, _)| wanted.allows(Some(name)))
        .collect();
    let options = Arc::new(options.clone());
    let tested = in_parallel(options.prover.at_once(), wanted, |(name, unit)| {
        let file = unit.paths.tests.clone();
        let proved = unit.found.and_then(|found| {
            let yields = false;
            let cancel = Stop::default();
            prove_found(engine, &options, &name, &unit.paths, found, yields, &cancel)
        });
        TestedPolicy {
            name,
            file,
            outcomes: proved.map(|proved| proved.outcomes),
        }
    });
    Ok(tested)
}
