//! The policies in service.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use portcullis_core::{
    AuthorizationRequest, Authorizer, Decision, DenialClass, PolicyName, PolicyRef,
};
use portcullis_engine::{Engine, Limits};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::chain::Chain;
use crate::directory::DirectoryError;
use crate::lanes::Lanes;
use crate::loader::{Job, Loader, Pass};
use crate::numbers::{CatalogNumbers, Counters};
use crate::prover::{Prover, Stop, in_parallel};
use crate::report::{Change, Report};
use crate::signature::Publisher;
use crate::snapshot::Snapshot;
use crate::status::Status;
use crate::terms::{MaxLimits, PolicyGrants};
use crate::vectors::PermitCheck;

/// Where policies come from and how they are treated.
#[derive(Clone, Debug)]
pub struct CatalogOptions {
    /// The watched directory.
    pub directory: PathBuf,
    /// Policies to ask first, in this order; the others follow by name. A policy listed here is required: while
    /// it has no good version, no login gets past its place in the chain.
    pub order: Vec<PolicyName>,
    /// How often the directory is read even if nothing seems to have happened.
    pub poll_interval: Duration,
    /// How long a file must be quiet before it is read.
    pub debounce: Duration,
    /// Largest module, in bytes.
    pub max_module_size: u64,
    /// Limits of policies that set none themselves.
    pub limits: Limits,
    /// The highest limits that settings files may set.
    pub max_limits: MaxLimits,
    /// What single policies may do beyond the ordinary, by name.
    pub grants: BTreeMap<PolicyName, PolicyGrants>,
    /// Longest that a policy may take to be compiled, configured and tested.
    pub load_timeout: Duration,
    /// Most memory that a child process may take to do so, in bytes. In this process nothing limits it.
    pub load_memory: u64,
    /// Policies that are asked about every login before any other, in this order. They may deny; a permit of theirs counts as
    /// having no objection. Required, as those in `order`.
    pub guards: Vec<PolicyName>,
    /// Chains for some logins: the first one that is for a login decides it, and `order` does not apply. Their policies are
    /// required and decide no other logins.
    pub chains: Vec<Chain>,
    /// What the permits of passing tests are held to besides; nothing if `None`.
    pub permit_check: Option<PermitCheck>,
    /// Who may sign modules; nobody has to if empty.
    pub trusted_publishers: Vec<Publisher>,
    /// Where good versions and the status are kept; nowhere if none. A directory of one host.
    pub state_directory: Option<PathBuf>,
    /// How many good versions of a policy are kept, the one in service included.
    pub keep_versions: usize,
    /// Where versions are proved.
    pub prover: Prover,
    /// Ends what is under way when the host stops.
    pub stop: Stop,
}

impl CatalogOptions {
    /// The policies in `directory`, treated as is usual. Nothing is kept, and versions are proved in this process: which program a
    /// child would be, only the caller knows.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            order: Vec::new(),
            poll_interval: Duration::from_secs(10),
            debounce: Duration::from_millis(250),
            max_module_size: 8 << 20,
            limits: Limits::default(),
            max_limits: MaxLimits::default(),
            grants: BTreeMap::new(),
            load_timeout: Duration::from_mins(2),
            load_memory: 1 << 30,
            guards: Vec::new(),
            chains: Vec::new(),
            permit_check: None,
            trusted_publishers: Vec::new(),
            state_directory: None,
            keep_versions: 5,
            prover: Prover::default(),
            stop: Stop::default(),
        }
    }

    /// Every policy that is listed somewhere, and so required.
    pub(crate) fn listed(&self) -> impl Iterator<Item = &PolicyName> {
        let chains = self.chains.iter().flat_map(|chain| &chain.policies);
        self.guards.iter().chain(chains).chain(&self.order)
    }

    /// Returns what the permits of `name` are held to: nothing if it is only a guard, whose permits
    /// count for nothing.
    pub(crate) fn permit_check(&self, name: &PolicyName) -> Option<&PermitCheck> {
        let mut deciders = self.order.iter();
        let mut chains = self.chains.iter().flat_map(|chain| &chain.policies);
        let is_guard = self.guards.contains(name)
            && !deciders.any(|decider| decider == name)
            && !chains.any(|decider| decider == name);
        self.permit_check.as_ref().filter(|_| !is_guard)
    }

    pub(crate) fn is_listed(&self, name: &PolicyName) -> bool {
        self.listed().any(|listed| listed == name)
    }
}

/// The catalog could not be opened.
pub type OpenError = DirectoryError;

/// The policies in service. Cheap to clone; clones share everything.
///
/// As an [`Authorizer`] it asks them where it is called, if that is a thread of a runtime with several; policies that take long, and
/// all of them in a runtime with one, are asked on a thread for what blocks.
#[derive(Clone, Debug)]
pub struct Catalog {
    published: Arc<ArcSwap<Snapshot>>,
    loader: Arc<Mutex<Loader>>,
    counters: Arc<Counters>,
    lanes: Arc<Lanes>,
}

impl Catalog {
    /// Loads every policy in the directory. Policies that cannot be loaded are in the report; the others serve.
    ///
    /// Blocks for the compilations.
    ///
    /// # Errors
    ///
    /// When the directory is not there or cannot be read.
    pub fn open(engine: Engine, options: CatalogOptions) -> Result<(Self, Report), OpenError> {
        let counters = Arc::new(Counters::default());
        let catalog = Self {
            published: Arc::new(ArcSwap::from_pointee(Snapshot::default())),
            loader: Arc::new(Mutex::new(Loader::new(
                engine,
                options,
                Arc::clone(&counters),
            ))),
            counters,
            lanes: Arc::default(),
        };
        let report = catalog.pass(Pass::First)?;
        Ok((catalog, report))
    }

    /// Reads the directory once and puts in service what changed. Blocks.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read; everything stays as it is then.
    pub fn reload(&self) -> Result<Report, DirectoryError> {
        self.pass(Pass::Now)
    }

    /// Reads the directory once, and has other threads prove what changed. Each version is in
    /// service as soon as it is proved, whatever the others take.
    pub(crate) fn look(&self, pass: Pass) -> Result<Report, DirectoryError> {
        let (report, jobs) = self.scan(pass)?;
        if !jobs.is_empty() {
            let catalog = self.clone();
            self.lanes.add(jobs, move |job| {
                catalog.load(job);
            });
        }
        Ok(report)
    }

    /// Cancels what [`look`](Self::look) began.
    pub(crate) fn cancel(&self) {
        self.lanes.cancel();
    }

    /// The policies in service now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.published.load_full()
    }

    pub(crate) fn options(&self) -> CatalogOptions {
        self.loader().options().clone()
    }

    /// Reads the directory once, and waits until everything in it is loaded.
    fn pass(&self, pass: Pass) -> Result<Report, DirectoryError> {
        let (mut report, jobs) = self.scan(pass)?;
        let at_once = match pass {
            Pass::First => self.loader().options().prover.at_once(),
            _ => 1,
        };
        let loaded = in_parallel(at_once, jobs, |job| self.load(&job));
        report.changes.extend(loaded.into_iter().flatten());
        if pass == Pass::First {
            let mut loader = self.loader();
            // A host that stops may not have come to all policies.
            if !loader.options().stop.is_stopped() {
                self.publish(&loader);
                loader.write_status();
            }
        }
        Ok(report)
    }

    /// Reads the directory once, and takes out of service what is gone.
    fn scan(&self, pass: Pass) -> Result<(Report, Vec<Job>), DirectoryError> {
        // INVARIANT: the lock is held from the scan until its jobs are numbered, so the result of
        // an older scan never replaces that of a newer one.
        let mut loader = self.loader();
        let (report, jobs) = loader
            .pass(pass)
            .inspect_err(|_| self.counters.not_scanned())?;
        self.counters.passed(&report);
        if pass != Pass::First {
            self.take_effect(&mut loader, &report);
        }
        Ok((report, jobs))
    }

    /// Proves a version, and puts it in service if it is good. Returns what changed.
    fn load(&self, job: &Job) -> Vec<Change> {
        let proved = job.prove();
        let mut loader = self.loader();
        let mut report = Report {
            changes: loader.finish(job, proved),
            ..Report::default()
        };
        self.counters.passed(&report);
        if !job.is_first() && !report.changes.is_empty() {
            self.take_effect(&mut loader, &report);
        }
        std::mem::take(&mut report.changes)
    }

    /// Publishes and records what a pass or a proof has changed.
    fn take_effect(&self, loader: &mut Loader, report: &Report) {
        if loader.options().stop.is_stopped() {
            // What serves goes on until the host has stopped.
            return;
        }
        if report.changes_service() {
            self.publish(loader);
        }
        if report.changes.is_empty() {
            loader.confirm_status();
        } else {
            loader.write_status();
        }
    }

    fn publish(&self, loader: &Loader) {
        let snapshot = Arc::new(loader.snapshot());
        // Before the log says so: whoever reads it may ask at once.
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

    /// The numbers since the catalog was opened. Does not wait for a pass that takes long.
    pub fn numbers(&self) -> CatalogNumbers {
        self.counters.read()
    }

    /// How every policy is doing.
    pub fn status(&self) -> Status {
        self.loader().status()
    }

    fn loader(&self) -> std::sync::MutexGuard<'_, Loader> {
        // A panic during a pass leaves entries that are each whole; the next pass goes on from them.
        self.loader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a policy may run on the thread that also talks to servers. Most take a hundredth of it, and another thread would cost
/// several times what they do. Policies are interrupted every few milliseconds only, so it may be twice as long.
const ON_THE_SPOT: Duration = Duration::from_millis(5);

/// Whether this is a thread of a runtime that has others: who computes a password hash on it can give its place to another thread
/// meanwhile.
fn can_give_its_place_away() -> bool {
    let runtime = Handle::try_current();
    runtime.is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}

impl Authorizer for Catalog {
    fn policies(&self) -> Vec<PolicyRef> {
        self.snapshot().policies().cloned().collect()
    }

    async fn authorize(&self, request: Arc<AuthorizationRequest>, deadline: Instant) -> Decision {
        // INVARIANT: one snapshot per request: a reload in between is not seen.
        let snapshot = self.snapshot();
        let progress = if can_give_its_place_away() {
            match snapshot.begin(&request, deadline, ON_THE_SPOT) {
                Ok(decision) => return decision,
                Err(progress) => progress,
            }
        } else {
            snapshot.start()
        };
        tokio::task::spawn_blocking(move || snapshot.go_on(progress, &request, deadline))
            .await
            .unwrap_or_else(|_| {
                Decision::deny(DenialClass::Internal, "the decision did not complete")
            })
    }

    fn cannot_decide(&self) -> Option<String> {
        let snapshot = self.snapshot();
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
