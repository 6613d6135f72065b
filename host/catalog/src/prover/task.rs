//! One version to prove, and the result of its proof.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::PolicyName;
use portcullis_engine::{Description, Grants, Policy};
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::options::CatalogOptions;
use crate::paths::Paths;
use crate::policy_tests::{PolicyTests, TestOutcome};
use crate::seen::SeenLogin;
use crate::stop::Stop;
use crate::terms::Terms;
use crate::unit_error::UnitError;

/// One version to prove.
#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) name: PolicyName,
    pub(crate) paths: Paths,
    pub(crate) content: Arc<Content>,
    pub(crate) options: Arc<CatalogOptions>,
    /// Whether compilation yields the processors to logins.
    pub(crate) yields: bool,
    /// Whether the proof also describes the module.
    pub(crate) describes: bool,
    /// Signal that ends this proof alone.
    pub(crate) cancel: Stop,
    /// Logins that the policy has decided, which the version has to decide too.
    pub(crate) seen: Vec<SeenLogin>,
}

/// The state of the host while a version is proved. Default: the host does not serve.
#[derive(Default)]
pub(crate) struct Circumstances {
    /// Whether compilation yields the processors to logins.
    pub(crate) yields: bool,
    /// Signal that ends this proof alone.
    pub(crate) cancel: Stop,
    /// Logins that the policy has decided, which the version has to decide too.
    pub(crate) seen: Vec<SeenLogin>,
}

/// The bucket that a policy is granted if no test names one.
const UNNAMED_BUCKET: &str = "no-test-names-a-bucket";

impl Task {
    /// Returns the rights and limits that the version is loaded with.
    pub(crate) fn terms(&self) -> Terms {
        let mut terms = self.options.terms(&self.name);
        if self.options.assumes_grants && !self.options.grants.contains_key(&self.name) {
            let tests = self.content.tests.as_deref();
            let tests = tests.map(|tests| PolicyTests::parse(&self.paths.tests, tests));
            // The proof reports tests that cannot be read.
            let tests = tests.and_then(Result::ok).unwrap_or_default();
            let mut buckets: BTreeSet<_> = tests.buckets().cloned().collect();
            if buckets.is_empty() {
                // A policy that looks keys up loads before it has tests, too.
                buckets.extend(UNNAMED_BUCKET.parse().ok());
            }
            terms.grants = Grants {
                secrets: true,
                plain_hashes: true,
                key_values: buckets,
            };
        }
        terms
    }

    /// Returns whether the host stops, or the version is no longer needed.
    pub(super) fn is_stopped(&self) -> bool {
        self.options.stop.is_stopped() || self.cancel.is_stopped()
    }
}

/// The description of a module.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Described {
    pub(crate) module: Description,
    /// The JSON Schema of the settings, as the module writes it. `None` if the module does not
    /// describe itself. The text of the error if it fails to.
    pub(crate) settings_schema: Result<Option<String>, String>,
}

/// The result of proving a version.
pub(crate) struct Proof {
    /// The description of the module. `None` if the task does not ask for one.
    pub(crate) description: Option<Result<Described, UnitError>>,
    /// The policy, ready to serve, and the outcomes of its tests.
    pub(crate) verdict: Result<(Policy, Vec<TestOutcome>), UnitError>,
}

/// Interval at which a thread that waits for a version checks whether the host stops.
pub(super) const GLANCE: Duration = Duration::from_millis(20);
