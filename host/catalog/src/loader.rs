//! Loading: from the files in the directory to the policies in service.

mod entry;
mod keeping;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_core::PolicyName;
use portcullis_engine::Engine;

use crate::catalog::CatalogOptions;
use crate::content::{Fingerprint, Paths};
use crate::directory::{self, DirectoryError};
use crate::link::Link;
use crate::numbers::Counters;
use crate::policy_tests;
use crate::prover::{Proved, Stop, prove_found};
use crate::releases::Releases;
use crate::report::{Change, Rejection, Report};
use crate::routes::Route;
use crate::snapshot::Snapshot;
use crate::status::{Attempt, now};
use crate::store::Store;
use crate::unit::{UnitError, UnitProblem};
pub(crate) use entry::Pass;
use entry::{Action, Entry, Loading, Observed, Serving};
use keeping::trusted_store;

/// The policies in service, and the last content that was tried for each.
#[derive(Debug)]
pub(crate) struct Loader {
    engine: Engine,
    options: Arc<CatalogOptions>,
    entries: BTreeMap<PolicyName, Entry>,
    /// Misnamed and orphaned files that were reported.
    reported_files: BTreeSet<PathBuf>,
    generation: u64,
    /// Release numbers of the signed versions that have served.
    releases: Releases,
    /// The store of good versions. `None` without a state directory that the host can trust.
    store: Option<Store>,
    /// Whether the log already says that versions cannot be stored.
    store_failed: bool,
    /// Whether the last write of the status failed.
    status_failed: bool,
    counters: Arc<Counters>,
    /// Number of the last job.
    ticket: u64,
}

/// A version to prove. The proof runs without the loader and without its lock.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) name: PolicyName,
    pub(crate) ticket: u64,
    pub(crate) cancel: Stop,
    /// Whether earlier versions of the policy proved well.
    pub(crate) is_known: bool,
    pass: Pass,
    paths: Paths,
    found: Fingerprint,
    engine: Engine,
    options: Arc<CatalogOptions>,
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
        let proved = prove_found(
            &self.engine,
            &self.options,
            &self.name,
            &self.paths,
            self.found,
            self.pass != Pass::First,
            &self.cancel,
        );
        passed(proved?, &self.paths.tests)
    }
}

impl Loader {
    pub(crate) fn new(engine: Engine, options: CatalogOptions, counters: Arc<Counters>) -> Self {
        let store = trusted_store(&options, &counters);
        Self {
            engine,
            // A directory that other users can write to may hold release numbers of theirs.
            releases: Releases::read(store.as_ref().and(options.state_directory.as_deref())),
            options: Arc::new(options),
            entries: BTreeMap::new(),
            reported_files: BTreeSet::new(),
            // Numbering continues where the last host ended, so that a generation means one
            // version.
            generation: store.as_ref().map_or(0, Store::highest_generation),
            store,
            store_failed: false,
            status_failed: false,
            counters,
            ticket: 0,
        }
    }

    pub(crate) fn options(&self) -> &CatalogOptions {
        &self.options
    }

    /// Reads the directory, removes deleted policies, and returns the versions to prove. If the
    /// directory cannot be read, nothing changes.
    pub(crate) fn pass(&mut self, pass: Pass) -> Result<(Report, Vec<Job>), DirectoryError> {
        let serving = self.entries.iter();
        let serving = serving.filter(|(_, entry)| entry.serving.is_some());
        let serving = serving.map(|(name, _)| name.clone()).collect();
        let options = &self.options;
        let mut scan = directory::scan(&options.directory, options.max_module_size, &serving)?;
        self.counters.scanned(&scan);
        let mut report = Report {
            exposed: std::mem::take(&mut scan.exposed),
            ..Report::default()
        };
        self.report_files(&scan, &mut report);
        let names: BTreeSet<_> = self
            .entries
            .keys()
            .chain(scan.units.keys())
            .cloned()
            .collect();
        let mut jobs = Vec::new();
        for name in names {
            let unit = scan.units.remove(&name);
            let found = unit.as_ref().map(directory::PolicyFiles::observed);
            let entry = self.entries.entry(name.clone()).or_default();
            match entry.action(found.as_ref(), pass) {
                Action::None => {}
                Action::Wait => report.unsettled = true,
                Action::Load => match unit {
                    Some(unit) => match unit.found {
                        Ok(found) => jobs.push(self.job(name, unit.paths, found, pass)),
                        Err(error) => {
                            let found = Observed::Unreadable(error.to_string());
                            let changes = self.loaded(&name, Err(error), found, pass);
                            report.changes.extend(changes);
                        }
                    },
                    None => report.changes.extend(self.remove(name)),
                },
            }
        }
        report.unused_grants = self.unused_grants(pass);
        Ok((report, jobs))
    }

    /// Returns the job that proves a version. Cancels an earlier job of the same policy.
    fn job(&mut self, name: PolicyName, paths: Paths, found: Fingerprint, pass: Pass) -> Job {
        self.ticket = self.ticket.saturating_add(1);
        let (ticket, cancel) = (self.ticket, Stop::default());
        let entry = self.entries.entry(name.clone()).or_default();
        entry.cancel();
        entry.pending = None;
        entry.loading = Some(Loading {
            found: Observed::Content(found),
            ticket,
            cancel: cancel.clone(),
        });
        Job {
            is_known: entry.is_known(),
            name,
            ticket,
            cancel,
            pass,
            paths,
            found,
            engine: self.engine.clone(),
            options: Arc::clone(&self.options),
        }
    }

    /// Applies the result of a job, and returns the changes. Ignores the result of a cancelled job.
    pub(crate) fn finish(&mut self, job: &Job, proved: Result<Proved, UnitError>) -> Vec<Change> {
        let entry = self.entries.get_mut(&job.name);
        let is_current = |loading: &mut Loading| loading.ticket == job.ticket;
        let Some(entry) = entry else {
            return Vec::new();
        };
        if entry.loading.take_if(is_current).is_none() || job.cancel.is_stopped() {
            return Vec::new();
        }
        self.loaded(&job.name, proved, Observed::Content(job.found), job.pass)
    }

    /// Returns the policies that have grants and no module. The first pass logs a warning for each.
    fn unused_grants(&self, pass: Pass) -> Vec<PolicyName> {
        let granted = self.options.grants.keys();
        let unused = granted.filter(|name| !self.entries.contains_key(*name));
        let unused: Vec<_> = unused.cloned().collect();
        for name in unused.iter().filter(|_| pass == Pass::First) {
            tracing::warn!(policy.name = %name, "grants of a policy that is not in the directory");
        }
        unused
    }

    /// Returns the policies in service: the guards, the chains for some logins, and the chain for
    /// the other logins. That chain begins with the names in `order`; the policies listed nowhere
    /// follow by name.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let options = &self.options;
        let links = |names: &[PolicyName]| names.iter().map(|name| self.link(name)).collect();
        let routes = options.chains.iter().map(|chain| Route {
            name: chain.name.clone(),
            logins: chain.logins.clone(),
            chain: links(&chain.policies),
        });
        let others = self
            .entries
            .iter()
            .filter(|(name, _)| !options.is_listed(name))
            .filter_map(|(_, entry)| {
                Some(Link::Policy(Arc::clone(&entry.serving.as_ref()?.loaded)))
            });
        let mut chain: Vec<_> = links(&options.order);
        chain.extend(others);
        Snapshot::new(links(&options.guards), routes.collect(), chain)
    }

    fn link(&self, name: &PolicyName) -> Link {
        match self
            .entries
            .get(name)
            .and_then(|entry| entry.serving.as_ref())
        {
            Some(serving) => Link::Policy(Arc::clone(&serving.loaded)),
            None => Link::Missing(name.clone()),
        }
    }

    fn remove(&mut self, name: PolicyName) -> Option<Change> {
        let mut entry = self.entries.remove(&name)?;
        entry.cancel();
        entry.serving?;
        let lost = "a later broken file of this name may bring the policy back at a restart";
        self.stored(lost, |store| store.retire(&name));
        tracing::info!(policy.name = %name, "policy removed");
        Some(Change::Removed(name))
    }

    /// Applies the result of loading a unit, and returns the changes.
    fn loaded(
        &mut self,
        name: &PolicyName,
        loaded: Result<Proved, UnitError>,
        found: Observed,
        pass: Pass,
    ) -> Vec<Change> {
        if self.options.stop.is_stopped() {
            // The proof was cut short, so it says nothing about this version, and the host puts no
            // version in service any more.
            return Vec::new();
        }
        let loaded = loaded.and_then(|proved| {
            self.check_release(name, &proved)?;
            Ok(proved)
        });
        let entry = self.entries.entry(name.clone()).or_default();
        entry.cancel();
        entry.pending = None;
        let is_content = matches!(found, Observed::Content(_));
        let known = entry.tried.as_ref() == Some(&found) && pass != Pass::Again;
        entry.tried = Some(found);
        let before = entry.transient.take();
        entry.attempt = Some(Attempt::of(loaded.as_ref().err()));
        match &loaded {
            Err(error) if error.is_transient() && is_content => entry.failed_to_prove(),
            _ => entry.proved(),
        }
        match loaded {
            Ok(proved) => {
                let elapsed = proved.elapsed.as_millis();
                let reference = self.serve(name, proved.policy, &proved.content);
                tracing::info!(
                    policy.name = %name,
                    policy.digest = %reference.digest,
                    policy.version = %reference.version,
                    policy.generation = reference.generation,
                    elapsed_ms = u64::try_from(elapsed).unwrap_or(u64::MAX),
                    "policy loaded"
                );
                vec![Change::Loaded(reference)]
            }
            Err(error) => {
                let text = error.to_string();
                let repeated = known && before.as_ref() == Some(&text);
                entry.transient = error.is_transient().then_some(text);
                let restored = (pass == Pass::First)
                    .then(|| self.restore(name))
                    .flatten()
                    .map(Change::Restored);
                let serving = self
                    .serving(name)
                    .map(|serving| serving.loaded.reference.digest);
                let rejected = (!repeated)
                    .then(|| Change::Rejected(Rejection::of_unit(name, &error, serving)));
                rejected.into_iter().chain(restored).collect()
            }
        }
    }

    /// Rejects a version of a trusted publisher whose release number is too low, compared with the
    /// versions that have served.
    fn check_release(&self, name: &PolicyName, proved: &Proved) -> Result<(), UnitError> {
        let trusted = &self.options.trusted_publishers;
        let checked = self.releases.check(name, &proved.content, trusted);
        let module = Paths::new(&self.options.directory, name).module;
        checked.map_err(|error| UnitError::new(&module, UnitProblem::Signature(error)))
    }

    fn serving(&self, name: &PolicyName) -> Option<&Serving> {
        self.entries.get(name)?.serving.as_ref()
    }

    fn report_files(&mut self, scan: &directory::Scan, report: &mut Report) {
        for (path, error) in &scan.misnamed {
            if self.reported_files.insert(path.clone()) {
                report
                    .changes
                    .push(Change::Rejected(Rejection::of_name(path, error)));
            }
        }
        report.orphans.clone_from(&scan.orphans);
        for path in &scan.orphans {
            if self.reported_files.insert(path.clone()) {
                tracing::warn!(file = %path.display(), "settings file without a module beside it");
            }
        }
        self.reported_files.retain(|path| {
            scan.orphans.contains(path)
                || scan.misnamed.iter().any(|(misnamed, _)| misnamed == path)
        });
    }
}

/// Returns `proved` if its tests passed, and otherwise the error that its tests result in.
fn passed(proved: Proved, tests: &Path) -> Result<Proved, UnitError> {
    match policy_tests::refusal(tests, &proved.outcomes) {
        Some(refusal) => Err(refusal),
        None => Ok(proved),
    }
}

impl Attempt {
    /// Returns the record of an attempt that has just ended.
    fn of(error: Option<&UnitError>) -> Self {
        Self {
            at: now(),
            error: error.map(|error| error.problem().to_string()),
            file: error.map(|error| error.file().to_owned()),
            line: error.and_then(UnitError::line),
        }
    }
}
