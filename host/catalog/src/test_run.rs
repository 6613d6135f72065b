//! Runs of the policy tests of a directory or of one module, without serving.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_core::{Allowed, PolicyName};
use portcullis_engine::{Engine, Grants};

use crate::directory::{self, DirectoryError};
use crate::options::CatalogOptions;
use crate::parallel::in_parallel;
use crate::paths::Paths;
use crate::policy_tests::TestOutcome;
use crate::prover::{Circumstances, Proved, prove, prove_found};
use crate::single::{SinglePolicy, file_policy};
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
    /// The grants that the tests needed, where [`CatalogOptions::assumes_grants`] gave them. An
    /// operator has to give them before the policy serves.
    pub assumed: Grants,
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
            let circumstances = Circumstances::default();
            prove_found(engine, &options, &name, &unit.paths, found, circumstances)
        });
        TestedPolicy::new(name, file, proved, &options)
    });
    Ok(tested)
}

/// Runs the tests of one module, with the settings next to it. The module need not lie in a policy
/// directory. Blocks.
///
/// # Errors
///
/// Fails if the files cannot be read and no policy can have the name of the file.
pub fn test_module(
    engine: &Engine,
    options: &CatalogOptions,
    module: &Path,
) -> Result<TestedPolicy, UnitError> {
    let tests = Paths::from_module(module.to_owned()).tests;
    let (name, proved) = match SinglePolicy::read(module, options) {
        Ok(policy) => {
            let proved = prove(engine, policy.task(&Arc::new(options.clone())));
            (policy.name, proved)
        }
        Err(error) => match file_policy(module) {
            Some(name) => (name, Err(error)),
            None => return Err(error),
        },
    };
    Ok(TestedPolicy::new(name, tests, proved, options))
}

impl TestedPolicy {
    fn new(
        name: PolicyName,
        file: PathBuf,
        proved: Result<Proved, UnitError>,
        options: &CatalogOptions,
    ) -> Self {
        let assumed = match &proved {
            Ok(proved) if options.assumes_grants && !options.grants.contains_key(&name) => {
                needed(proved)
            }
            _ => Grants::default(),
        };
        Self {
            name,
            file,
            outcomes: proved.map(|proved| proved.outcomes),
            assumed,
        }
    }
}

/// Returns the grants that a policy used in its tests. A `plain:` hash counts if its settings have
/// one.
fn needed(proved: &Proved) -> Grants {
    let asked = || proved.outcomes.iter().flat_map(|outcome| &outcome.asked);
    let settings = proved.content.settings.as_deref().unwrap_or_default();
    let buckets = asked().filter_map(|question| {
        let about = question.strip_prefix("key-value.get(")?;
        about.split_once(',')?.0.parse().ok()
    });
    Grants {
        secrets: asked().any(|question| question.starts_with("secrets.")),
        plain_hashes: String::from_utf8_lossy(settings).contains("\"plain:"),
        key_values: buckets.collect(),
    }
}
