//! The numbers that a catalog counts, for metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use parking_lot::Mutex;
use portcullis_core::PolicyName;

use crate::directory::Scan;
use crate::report::Report;

/// The numbers of a catalog since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CatalogNumbers {
    /// Number of rejected versions, by policy; 0 for a policy without a rejection.
    pub rejections: BTreeMap<PolicyName, u64>,
    /// Number of files rejected because their name is no policy name.
    pub misnamed: u64,
    /// Time of the last complete read of a policy's files, in seconds since the Unix epoch.
    pub policies_read_at: BTreeMap<PolicyName, u64>,
    /// Time of the last listing of the policy directory, in seconds since the Unix epoch.
    pub directory_read_at: Option<u64>,
    /// Whether the last attempt to list the policy directory failed.
    pub directory_failing: bool,
    /// The paths among the policy directory and its files that every user of the machine may write
    /// to.
    pub exposed: BTreeSet<PathBuf>,
    /// Whether versions and status can be stored. `None` without a state directory.
    pub state_usable: Option<bool>,
    /// Number of failed writes to the state directory.
    pub state_write_failures: u64,
    /// The policies whose version in service is not stored.
    pub not_kept: BTreeSet<PolicyName>,
    /// Whether `status.json` shows an earlier state.
    pub status_stale: bool,
}

/// Numbers that one thread counts and others read, also during a long pass.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<CatalogNumbers>);

impl Counters {
    pub(crate) fn read(&self) -> CatalogNumbers {
        self.0.lock().clone()
    }

    /// Counts the results of a scan at `now`, in seconds since the Unix epoch. Logs each path that
    /// other users can write to once.
    pub(crate) fn scanned(&self, scan: &Scan, now: u64) {
        let mut numbers = self.0.lock();
        numbers.directory_read_at = Some(now);
        numbers.directory_failing = false;
        let units = &scan.units;
        numbers
            .policies_read_at
            .retain(|name, _| units.contains_key(name));
        for (name, unit) in units {
            numbers.rejections.entry(name.clone()).or_default();
            if unit.found.is_ok() {
                numbers.policies_read_at.insert(name.clone(), now);
            }
        }
        let exposed: BTreeSet<_> = scan.exposed.iter().cloned().collect();
        for path in exposed.difference(&numbers.exposed) {
            tracing::warn!(
                file = %path.display(),
                "every user of this machine can change the policies: run `chmod o-w` on it"
            );
        }
        numbers.exposed = exposed;
    }

    /// Records that the directory could not be listed.
    pub(crate) fn not_scanned(&self) {
        self.0.lock().directory_failing = true;
    }

    /// Counts the rejections of a pass.
    pub(crate) fn passed(&self, report: &Report) {
        let mut numbers = self.0.lock();
        for rejection in report.rejections() {
            let count = match &rejection.name {
                Some(name) => numbers.rejections.entry(name.clone()).or_default(),
                None => &mut numbers.misnamed,
            };
            *count = count.saturating_add(1);
        }
    }

    /// Counts a write to the state directory; `usable` says whether the directory was usable.
    pub(crate) fn stored(&self, usable: bool, written: bool) {
        let mut numbers = self.0.lock();
        numbers.state_usable = Some(usable);
        if !written {
            numbers.state_write_failures = numbers.state_write_failures.saturating_add(1);
        }
    }

    /// Records whether the version in service of a policy is stored.
    pub(crate) fn kept(&self, name: &PolicyName, kept: bool) {
        let mut numbers = self.0.lock();
        if kept {
            numbers.not_kept.remove(name);
        } else {
            numbers.not_kept.insert(name.clone());
        }
    }

    /// Returns the policies in service whose version is not stored.
    pub(crate) fn not_kept(&self) -> BTreeSet<PolicyName> {
        self.0.lock().not_kept.clone()
    }

    /// Records whether the status was written.
    pub(crate) fn status_written(&self, written: bool) {
        self.0.lock().status_stale = !written;
    }
}
