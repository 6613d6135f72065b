//! Passes over the directory, and the results of proofs.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_core::PolicyName;

use super::entry::{Action, Loading, Observed, Pass};
use super::job::Job;
use super::state::Loader;
use crate::content::Fingerprint;
use crate::directory::{self, DirectoryError};
use crate::languages::is_text;
use crate::link::{Link, LoadedPolicy};
use crate::lint::{self, Finding};
use crate::paths::Paths;
use crate::prover::Proved;
use crate::report::{Change, Rejection, Report};
use crate::routes::Route;
use crate::snapshot::Snapshot;
use crate::status::Attempt;
use crate::stop::Stop;
use crate::unit_error::{UnitError, UnitProblem};

/// Maximum number of findings of one version that the log has.
const MAX_FINDINGS: usize = 16;

impl Loader {
    /// Reads the directory, removes deleted policies, and returns the versions to prove. If the
    /// directory cannot be read, nothing changes.
    pub(crate) fn pass(&mut self, pass: Pass) -> Result<(Report, Vec<Job>), DirectoryError> {
        let serving = self.entries.iter();
        let serving = serving.filter(|(_, entry)| entry.serving.is_some());
        let serving = serving.map(|(name, _)| name.clone()).collect();
        let options = &self.options;
        let mut scan = directory::scan(&options.directory, options.source(), &serving)?;
        self.counters.scanned(&scan, options.clock.unix_seconds());
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
        let now = self.options.clock.now();
        for name in names {
            let unit = scan.units.remove(&name);
            let found = unit.as_ref().map(directory::PolicyFiles::observed);
            let entry = self.entries.entry(name.clone()).or_default();
            match entry.action(found.as_ref(), pass, now) {
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
            seen: Arc::clone(&entry.seen),
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
        let snapshot = self.snapshot_with(None);
        match &self.closed {
            Some(reason) => snapshot.closed(reason.clone()),
            None => snapshot,
        }
    }

    /// Returns the policies that would be in service with `version` in place of the one that
    /// serves, whether or not every login is denied now.
    pub(super) fn snapshot_with(&self, version: Option<&Arc<LoadedPolicy>>) -> Snapshot {
        let options = &self.options;
        let link = |name: &PolicyName| match self.loaded_as(name, version) {
            Some(loaded) => Link::Policy(loaded),
            None => Link::Missing(name.clone()),
        };
        let links = |names: &[PolicyName]| names.iter().map(link).collect();
        let routes = options.chains.iter().map(|chain| Route {
            name: chain.name.clone(),
            logins: chain.logins.clone(),
            chain: links(&chain.policies),
        });
        let others = self.entries.keys().filter(|name| !options.is_listed(name));
        let others = others.filter_map(|name| self.loaded_as(name, version).map(Link::Policy));
        let mut chain: Vec<_> = links(&options.order);
        chain.extend(others);
        let clock = Arc::clone(&options.clock);
        Snapshot::new(links(&options.guards), routes.collect(), chain, clock)
            .recording_steps(options.records_steps)
    }

    /// Returns the version of a policy that serves, or `version` if that is one of the policy.
    fn loaded_as(
        &self,
        name: &PolicyName,
        version: Option<&Arc<LoadedPolicy>>,
    ) -> Option<Arc<LoadedPolicy>> {
        let new = version.filter(|version| version.reference.name == *name);
        let serving = self.serving(name).map(|serving| &serving.loaded);
        new.or(serving).map(Arc::clone)
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
        entry.attempt = Some(Attempt::new(
            loaded.as_ref().err(),
            self.options.clock.unix_seconds(),
        ));
        match &loaded {
            Err(error) if error.is_transient() && is_content => {
                entry.failed_to_prove(self.options.clock.now());
            }
            _ => entry.proved(),
        }
        match loaded {
            Ok(proved) => vec![self.put_in_service(name, proved)],
            Err(error) => {
                let text = error.to_string();
                let is_repeated = known && before.as_ref() == Some(&text);
                entry.transient = error.is_transient().then_some(text);
                let restored = (pass == Pass::First).then(|| self.restore(name)).flatten();
                let rejected = (!is_repeated).then(|| self.rejection(name, &error));
                let restored = restored.map(Change::Restored);
                rejected.into_iter().chain(restored).collect()
            }
        }
    }

    /// Puts a proved version in service, and logs that.
    fn put_in_service(&mut self, name: &PolicyName, proved: Proved) -> Change {
        let elapsed = proved.elapsed.as_millis();
        let paths = Paths::new(&self.options.directory, name);
        let findings = lint::findings(&paths, &proved.content, &proved.outcomes);
        let reference = self.serve(name, proved.policy, &proved.content);
        tracing::info!(
            policy.name = %name,
            policy.digest = %reference.digest,
            policy.version = %reference.version,
            policy.generation = reference.generation,
            elapsed_ms = u64::try_from(elapsed).unwrap_or(u64::MAX),
            "policy loaded"
        );
        for finding in findings.iter().take(MAX_FINDINGS) {
            tracing::warn!(
                policy.name = %name,
                file = %finding.file.display(),
                line = finding.line,
                lint = finding.lint.code(),
                problem = finding.message,
                cure = finding.lint.cure(),
                "policy doubtful"
            );
        }
        self.entries.entry(name.clone()).or_default().findings = findings;
        Change::Loaded(reference)
    }

    /// Returns the doubtful permissions of the versions in service.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let entries = self.entries.values();
        entries.flat_map(|entry| entry.findings.clone()).collect()
    }

    /// Returns the rejection of a version, with the version that serves in its place.
    fn rejection(&self, name: &PolicyName, error: &UnitError) -> Change {
        let serving = self.serving(name);
        let serving = serving.map(|serving| serving.loaded.reference.digest);
        Change::Rejected(Rejection::of_unit(name, error, serving))
    }

    /// Rejects a version of a trusted publisher whose release number is too low, compared with the
    /// versions that have served.
    fn check_release(&self, name: &PolicyName, proved: &Proved) -> Result<(), UnitError> {
        let trusted = &self.options.trusted_publishers;
        let checked = self.releases.check(name, &proved.content, trusted);
        let module = Paths::new(&self.options.directory, name).module;
        checked.map_err(|error| UnitError::new(&module, UnitProblem::Signature(error)))
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
                let file = path.display();
                if is_text(path) {
                    tracing::warn!(%file, "policy text without a module of its name: no policy reads it");
                } else {
                    tracing::warn!(%file, "settings file without a module next to it");
                }
            }
        }
        self.reported_files.retain(|path| {
            scan.orphans.contains(path)
                || scan.misnamed.iter().any(|(misnamed, _)| misnamed == path)
        });
    }
}

impl Attempt {
    /// Returns the record of an attempt that ended `at`.
    fn new(error: Option<&UnitError>, at: u64) -> Self {
        Self {
            at,
            error: error.map(|error| error.problem().to_string()),
            file: error.map(|error| error.file().to_owned()),
            line: error.and_then(UnitError::line),
        }
    }
}
