//! The policies in service.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use portcullis_core::{AuthorizationRequest, Authorizer, Decision, DenialClass, PolicyRef};
use portcullis_engine::Engine;
use portcullis_environment::is_multi_threaded;

use crate::assertions::Assertions;
use crate::chain_options::{ChainOptions, UnusableChains};
use crate::directory::DirectoryError;
use crate::lanes::Lanes;
use crate::lint::Finding;
use crate::loader::{Job, Loader, Pass};
use crate::numbers::{CatalogNumbers, Counters};
use crate::options::CatalogOptions;
use crate::parallel::in_parallel;
use crate::prover::Proved;
use crate::report::{Change, Report};
use crate::snapshot::Snapshot;
use crate::status::Status;
use crate::unit_error::UnitError;

/// An error of opening a catalog.
pub type OpenError = DirectoryError;

/// The policies in service. Cloning is cheap, and clones share all state.
///
/// As an [`Authorizer`], the catalog evaluates policies inline on a thread of a multi-threaded
/// runtime. Slow policies run on the blocking pool. In a single-threaded runtime all policies run
/// there.
#[derive(Clone, Debug)]
pub struct Catalog {
    published: Arc<ArcSwap<Snapshot>>,
    /// Each entry is whole after a panic during a pass, so the next pass continues with them.
    loader: Arc<Mutex<Loader>>,
    counters: Arc<Counters>,
    lanes: Arc<Lanes>,
    /// Held from the check of a version against the assertions until the version serves. The
    /// loader's lock is free meanwhile, because the check decides logins.
    swapping: Arc<Mutex<()>>,
}

impl Catalog {
    /// Loads every policy in the directory. The report lists the policies that cannot be loaded;
    /// the others serve.
    ///
    /// Blocks until all proofs have ended.
    ///
    /// # Errors
    ///
    /// Fails if the directory does not exist or cannot be read.
    pub fn open(engine: Engine, options: CatalogOptions) -> Result<(Self, Report), OpenError> {
        let counters = Arc::new(Counters::default());
        let clock = Arc::clone(&options.clock);
        let empty = Snapshot::new(Vec::new(), Vec::new(), Vec::new(), Arc::clone(&clock));
        let catalog = Self {
            published: Arc::new(ArcSwap::from_pointee(empty)),
            loader: Arc::new(Mutex::new(Loader::new(
                engine,
                options,
                Arc::clone(&counters),
            ))),
            counters,
            lanes: Arc::new(Lanes::new(clock)),
            swapping: Arc::default(),
        };
        let report = catalog.pass(Pass::First)?;
        Ok((catalog, report))
    }

    /// Reads the directory once and puts changed versions in service. Blocks.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be read. The policies in service then stay as they are.
    pub fn reload(&self) -> Result<Report, DirectoryError> {
        self.pass(Pass::Now)
    }

    /// Reads the directory once, and queues the changed versions for threads that prove them. Each
    /// version is put in service as soon as it is proved, regardless of the other proofs.
    pub(crate) fn queue_changes(&self, pass: Pass) -> Result<Report, DirectoryError> {
        let (report, jobs) = self.scan(pass)?;
        if !jobs.is_empty() {
            let catalog = self.clone();
            self.lanes.add(jobs, move |job| {
                catalog.load(job);
            });
        }
        Ok(report)
    }

    /// Cancels the proofs that [`queue_changes`](Self::queue_changes) queued.
    pub(crate) fn cancel(&self) {
        self.lanes.cancel();
    }

    /// Returns the policies in service now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.published.load_full()
    }

    /// Replaces the chains and the host's own rules, and publishes the policies in their new order.
    /// Blocks.
    ///
    /// # Errors
    ///
    /// Fails, and changes nothing, if a policy that the chains require has no good version, or if
    /// the policies in service fail an assertion in their new order or under the new rules.
    pub fn replace_chains(&self, chains: ChainOptions) -> Result<(), UnusableChains> {
        // INVARIANT: as for a new version, none is put in service between check and publication.
        let _swapping = self.swapping.lock();
        let mut loader = self.loader.lock();
        loader.replace_chains(chains)?;
        self.publish(&loader);
        loader.write_status();
        Ok(())
    }

    /// Checks that the policies in service meet `assertions`. Blocks.
    ///
    /// # Errors
    ///
    /// Fails with the first assertions that fail, or if their file cannot be read or is invalid.
    pub fn check(&self, assertions: &Assertions) -> Result<(), UnitError> {
        assertions.check(&self.snapshot(), &*self.options().clock)
    }

    pub(crate) fn options(&self) -> CatalogOptions {
        self.loader.lock().options().clone()
    }

    /// Reads the directory once, and waits until every changed version is loaded.
    fn pass(&self, pass: Pass) -> Result<Report, DirectoryError> {
        let (mut report, jobs) = self.scan(pass)?;
        if pass != Pass::First {
            let changes = jobs.iter().flat_map(|job| self.load(job));
            report.changes.extend(changes);
            return Ok(report);
        }
        let at_once = self.loader.lock().options().prover.at_once();
        let proved = in_parallel(at_once, jobs, |job| (job.prove(), job));
        // The order of names and not that in which the proofs end: the same files get the same
        // generations at every first start.
        for (proved, job) in proved {
            report.changes.extend(self.finish(&job, proved));
        }
        let mut loader = self.loader.lock();
        report.changes.extend(loader.assert_first());
        // A host that stops may have skipped some policies.
        if !loader.options().stop.is_stopped() {
            self.publish(&loader);
            loader.write_status();
        }
        Ok(report)
    }

    /// Reads the directory once, and takes deleted policies out of service.
    fn scan(&self, pass: Pass) -> Result<(Report, Vec<Job>), DirectoryError> {
        // INVARIANT: this holds the lock from the scan until its jobs are numbered. The result of
        // an older scan never replaces that of a newer one.
        let mut loader = self.loader.lock();
        let (report, jobs) = loader
            .pass(pass)
            .inspect_err(|_| self.counters.not_scanned())?;
        self.counters.passed(&report);
        if pass != Pass::First {
            // The checked set of policies must be the published one, so the lock is held until
            // then. Logins read the published snapshot and do not wait.
            let opens = loader.assert_again(&report, Some(pass));
            self.take_effect(&mut loader, &report, opens);
        }
        Ok((report, jobs))
    }

    /// Proves a version, and puts it in service if it is good. Returns the changes.
    fn load(&self, job: &Job) -> Vec<Change> {
        self.finish(job, job.prove())
    }

    /// Puts a proved version in service if it is good. Returns the changes.
    fn finish(&self, job: &Job, proved: Result<Proved, UnitError>) -> Vec<Change> {
        let _swapping = self.swapping.lock();
        let proved = proved.and_then(|proved| {
            if !job.is_first() {
                self.check_assertions(job, &proved)?;
            }
            Ok(proved)
        });
        let mut loader = self.loader.lock();
        let mut report = Report {
            changes: loader.finish(job, proved),
            ..Report::default()
        };
        self.counters.passed(&report);
        if !job.is_first() && !report.changes.is_empty() {
            let opens = loader.assert_again(&report, None);
            self.take_effect(&mut loader, &report, opens);
        }
        std::mem::take(&mut report.changes)
    }

    /// Checks that the policies meet the operator's assertions with a new version.
    fn check_assertions(&self, job: &Job, proved: &Proved) -> Result<(), UnitError> {
        let (candidate, options) = {
            let loader = self.loader.lock();
            (
                loader.candidate(&job.name, proved),
                loader.options().clone(),
            )
        };
        let (Some(candidate), Some(assertions)) = (candidate, &options.assertions) else {
            return Ok(());
        };
        let checked = assertions.check(&candidate, &*options.clock);
        proved.policy.end_idle_instances();
        checked
    }

    /// Publishes and records the changes of a pass or a proof. `opens` says that policies decide
    /// again.
    fn take_effect(&self, loader: &mut Loader, report: &Report, opens: bool) {
        if loader.options().stop.is_stopped() {
            // The policies in service keep serving until the host has stopped.
            return;
        }
        if report.changes_service() || opens {
            self.publish(loader);
        }
        if report.changes.is_empty() {
            loader.confirm_status();
            loader.keep_missing();
        } else {
            loader.write_status();
        }
    }

    fn publish(&self, loader: &Loader) {
        let snapshot = Arc::new(loader.snapshot());
        // Published before the log line, because a reader of the log may send a login at once.
        self.published.store(Arc::clone(&snapshot));
        let order: Vec<_> = snapshot
            .policies()
            .map(|policy| policy.name.as_str())
            .collect();
        tracing::info!(
            policies = order.len(),
            order = order.join(","),
            "policies published"
        );
        for name in snapshot.missing() {
            tracing::error!(
                policy.name = %name,
                "required policy has no good version: no login gets past it"
            );
        }
        if order.is_empty() {
            tracing::warn!("no policy is in service: every login is denied");
        }
    }

    /// Returns the numbers since the catalog was opened. Does not wait for a pass.
    pub fn numbers(&self) -> CatalogNumbers {
        self.counters.read()
    }

    /// Returns the doubtful permissions of the versions in service.
    pub fn findings(&self) -> Vec<Finding> {
        self.loader.lock().findings()
    }

    /// Returns the state of every policy.
    pub fn status(&self) -> Status {
        self.loader.lock().status()
    }
}

/// Time that a policy may run inline, on a thread that also talks to servers. Most policies take a
/// hundredth of it, and moving them to another thread would cost several times as much as they
/// take. The engine interrupts policies every few milliseconds only, so a run may take twice this
/// time.
const INLINE_LIMIT: Duration = Duration::from_millis(5);

impl Authorizer for Catalog {
    fn policies(&self) -> Vec<PolicyRef> {
        self.snapshot().policies().cloned().collect()
    }

    async fn authorize(&self, request: Arc<AuthorizationRequest>, deadline: Instant) -> Decision {
        // INVARIANT: one request uses one snapshot, so a concurrent reload does not affect it.
        let snapshot = self.snapshot();
        let progress = if is_multi_threaded() {
            match snapshot.try_inline(&request, deadline, INLINE_LIMIT) {
                Ok(decision) => return decision,
                Err(progress) => progress,
            }
        } else {
            snapshot.start()
        };
        tokio::task::spawn_blocking(move || snapshot.resume(progress, &request, deadline))
            .await
            .unwrap_or_else(|_| {
                Decision::deny(DenialClass::Internal, "the decision did not complete")
            })
    }

    async fn dry_run(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Option<Decision> {
        let snapshot = self.snapshot();
        let decided = tokio::task::spawn_blocking(move || snapshot.dry_run(&request, deadline));
        let decision = decided.await.unwrap_or_else(|_| {
            Decision::deny(DenialClass::Internal, "the decision did not complete")
        });
        Some(decision)
    }

    fn cannot_decide(&self) -> Option<String> {
        let snapshot = self.snapshot();
        if let Some(reason) = snapshot.closed_because() {
            return Some(reason.to_owned());
        }
        let missing: Vec<_> = snapshot.missing().map(|name| format!("`{name}`")).collect();
        if !missing.is_empty() {
            return Some(format!(
                "required policies have no good version: {}",
                missing.join(", ")
            ));
        }
        let none = snapshot.policies().next().is_none();
        none.then(|| "no policy is in service".to_owned())
    }
}
