//! A version to prove.

use std::path::Path;
use std::sync::Arc;

use portcullis_core::PolicyName;
use portcullis_engine::Engine;

use super::entry::Pass;
use crate::content::Fingerprint;
use crate::options::CatalogOptions;
use crate::paths::Paths;
use crate::policy_tests;
use crate::prover::{Circumstances, Proved, prove_found};
use crate::seen::SeenLogins;
use crate::stop::Stop;
use crate::unit_error::{UnitError, UnitProblem};

/// A version to prove. The proof runs without the loader and without its lock.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) name: PolicyName,
    pub(crate) ticket: u64,
    pub(crate) cancel: Stop,
    /// Whether earlier versions of the policy proved well.
    pub(crate) is_known: bool,
    /// Logins that versions of the policy have decided.
    pub(super) seen: Arc<SeenLogins>,
    pub(super) pass: Pass,
    pub(super) paths: Paths,
    pub(super) found: Fingerprint,
    pub(super) engine: Engine,
    pub(super) options: Arc<CatalogOptions>,
}

impl Job {
    /// Returns whether the version is loaded before any policy serves.
    pub(crate) fn is_first(&self) -> bool {
        self.pass == Pass::First
    }

    /// Proves the version. In the first pass no policy serves, so the proof may use all processors.
    /// Later, logins have priority.
    pub(crate) fn prove(&self) -> Result<Proved, UnitError> {
        if self.options.stop.is_stopped() || self.cancel.is_stopped() {
            return Err(UnitError::new(&self.paths.module, UnitProblem::Stopped));
        }
        let circumstances = Circumstances {
            yields: self.pass != Pass::First,
            cancel: self.cancel.clone(),
            seen: self.seen.logins(),
        };
        let proved = prove_found(
            &self.engine,
            &self.options,
            &self.name,
            &self.paths,
            self.found,
            circumstances,
        );
        passed(proved?, &self.paths.tests)
    }
}

/// Returns `proved` if its tests passed, and otherwise the error that its tests result in.
pub(super) fn passed(proved: Proved, tests: &Path) -> Result<Proved, UnitError> {
    match policy_tests::refusal(tests, &proved.outcomes) {
        Some(refusal) => Err(refusal),
        None => Ok(proved),
    }
}
