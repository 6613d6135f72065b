//! The operator's assertions about the policies in service.
//!
//! A new version is checked before it replaces the old one. At the start no version serves yet, so
//! the loader checks all policies together. If an assertion fails then, the versions that served
//! before come back. If these fail too, every login is denied until the assertions hold.

use std::sync::Arc;

use portcullis_core::{PolicyName, PolicyRef};

use super::entry::Pass;
use super::state::Loader;
use crate::link::LoadedPolicy;
use crate::prover::Proved;
use crate::report::{Change, Rejection, Report};
use crate::slowness::Slowness;
use crate::snapshot::Snapshot;
use crate::unit_error::UnitError;

impl Loader {
    /// Returns the policies that would be in service with this version. `None` if the swap needs no
    /// check: no assertions are configured, or every login is denied anyway.
    pub(crate) fn candidate(&self, name: &PolicyName, proved: &Proved) -> Option<Snapshot> {
        if self.options.assertions.is_none() || self.closed.is_some() {
            return None;
        }
        let fingerprint = &proved.content.fingerprint;
        let reference = PolicyRef {
            name: name.clone(),
            digest: fingerprint.module,
            version: fingerprint.version(),
            // The version gets its generation when it is put in service.
            generation: 0,
        };
        let loaded = LoadedPolicy {
            reference: Arc::new(reference),
            policy: Arc::clone(&proved.policy),
            slowness: Slowness::default(),
            seen: Arc::default(),
            tally: Arc::default(),
        };
        Some(self.snapshot_with(Some(&Arc::new(loaded))))
    }

    /// Checks the assertions before any policy serves, and returns the changes. Blocks.
    pub(crate) fn assert_first(&mut self) -> Vec<Change> {
        let Err(error) = self.asserted() else {
            return Vec::new();
        };
        let rejected = Change::Rejected(Rejection::of_assertions(&error));
        let changed: Vec<_> = self
            .entries
            .keys()
            .filter(|name| self.has_changed(name))
            .cloned()
            .collect();
        let restored = changed.iter().filter_map(|name| self.restore(name));
        let restored: Vec<_> = restored.map(Change::Restored).collect();
        let good = !restored.is_empty() && self.asserted().is_ok();
        if good {
            for name in &changed {
                if let Some(entry) = self.entries.get_mut(name) {
                    entry.transient = Some(error.to_string());
                }
            }
        } else {
            tracing::error!(
                "no good set of policies: every login is denied until the assertions hold"
            );
            self.closed = Some(format!("the policies fail an assertion: {error}"));
        }
        std::iter::once(rejected).chain(restored).collect()
    }

    /// Checks the assertions again if their file or the set of policies has changed without a
    /// check. Returns whether logins were denied before and are decided now. Blocks.
    pub(crate) fn assert_again(&mut self, report: &Report, pass: Option<Pass>) -> bool {
        let Some(assertions) = &self.options.assertions else {
            return false;
        };
        let digest = assertions.digest();
        let removed = report
            .changes
            .iter()
            .any(|change| matches!(change, Change::Removed(_)));
        let is_changed = digest != self.asserted
            || removed
            || (self.closed.is_some() && !report.changes.is_empty())
            || pass == Some(Pass::Again);
        if !is_changed {
            return false;
        }
        self.asserted = digest;
        // A version that was refused may be good now.
        for entry in self
            .entries
            .values_mut()
            .filter(|entry| entry.transient.is_some())
        {
            entry.retry_at = None;
        }
        match self.asserted() {
            Ok(()) => self.closed.take().is_some(),
            Err(error) => {
                tracing::error!(
                    file = %error.file().display(),
                    line = error.line(),
                    error = %error.problem(),
                    "the policies in service fail an assertion"
                );
                false
            }
        }
    }

    /// Checks the assertions on the policies that serve, or would serve.
    pub(crate) fn asserted(&self) -> Result<(), UnitError> {
        match &self.options.assertions {
            Some(assertions) => assertions.check(&self.snapshot_with(None), &*self.options.clock),
            None => Ok(()),
        }
    }

    /// Returns whether the version of a policy is another one than served when the host ended.
    fn has_changed(&self, name: &PolicyName) -> bool {
        let serving = self.serving(name).map(|serving| serving.version.generation);
        let before = self.last_served(name).map(|serving| serving.generation);
        before.is_some() && serving != before
    }
}
