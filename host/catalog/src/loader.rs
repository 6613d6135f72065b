//! From what lies in the directory to what is in service.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{PolicyName, PolicyRef};
use portcullis_engine::{Engine, Policy};

use crate::catalog::CatalogOptions;
use crate::directory::{self, Content, DirectoryError, Fingerprint, Paths, Unit};
use crate::numbers::Counters;
use crate::pace::Pace;
use crate::prover::{Proved, prove_all, prove_unit};
use crate::releases::Releases;
use crate::report::{Change, Rejection, Report};
use crate::routes::Route;
use crate::snapshot::{Link, LoadedPolicy, Snapshot};
use crate::status::{Attempt, PolicyStatus, ServingStatus, Status, now};
use crate::store::{KeptVersion, Store, Version, lineage};
use crate::unit::{UnitError, UnitProblem};
use crate::vectors;

/// How a pass treats what it finds changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Loads it, and the last good version in place of what is not good: nothing serves yet.
    First,
    /// Loads it.
    Now,
    /// Loads it, and tries again what failed before.
    Again,
    /// Loads it once it has been the same for so long: a file that is half written, or away for a moment, may make
    /// sense and mean something else.
    Settled(Duration),
}

/// Keeps the policies in service and the last content tried for each.
#[derive(Debug)]
pub(crate) struct Loader {
    engine: Engine,
    options: Arc<CatalogOptions>,
    entries: BTreeMap<PolicyName, Entry>,
    /// Misnamed and orphaned files already reported.
    oddities: BTreeSet<PathBuf>,
    generation: u64,
    /// The numbers of signed versions that have served.
    releases: Releases,
    /// Keeps good versions, if there is a place to.
    store: Option<Store>,
    /// Whether the log already says that versions cannot be kept.
    store_failed: bool,
    /// Whether the status could not be written.
    status_failed: bool,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Entry {
    /// The last good version.
    serving: Option<Serving>,
    /// What was tried last, so that the same failure is reported once.
    tried: Option<Tried>,
    /// Why it failed, if it did and may do better another time.
    transient: Option<String>,
    /// What was found instead, and since when.
    pending: Option<(Option<Tried>, Instant)>,
    /// How the last try went, for the status.
    attempt: Option<Attempt>,
}

/// A version in service.
#[derive(Clone, Debug)]
struct Serving {
    loaded: Arc<LoadedPolicy>,
    version: Version,
    restored: bool,
}

/// What lies in the directory under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tried {
    Content(Fingerprint),
    Unreadable(String),
}

impl Entry {
    /// Whether a pass has to do something about `found`. Notes what is still changing.
    fn wants(&mut self, found: Option<&Tried>, pass: Pass) -> Wants {
        if self.tried.as_ref() == found && pass != Pass::Again && self.transient.is_none() {
            self.pending = None;
            return Wants::Nothing;
        }
        if self.tried.as_ref() == found {
            return Wants::Loading;
        }
        let Pass::Settled(quiet) = pass else {
            return Wants::Loading;
        };
        match &self.pending {
            Some((pending, since)) if pending.as_ref() == found => {
                if since.elapsed() >= quiet {
                    Wants::Loading
                } else {
                    Wants::Time
                }
            }
            _ => {
                self.pending = Some((found.cloned(), Instant::now()));
                Wants::Time
            }
        }
    }
}

/// What an entry wants of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    Nothing,
    Time,
    Loading,
}

impl Loader {
    pub(crate) fn new(engine: Engine, options: CatalogOptions, counters: Arc<Counters>) -> Self {
        let store = trusted_store(&options, &counters);
        Self {
            engine,
            releases: Releases::read(options.state_directory.as_deref()),
            options: Arc::new(options),
            entries: BTreeMap::new(),
            oddities: BTreeSet::new(),
            // Numbers go on where the last host left off, so that one of them means one version.
            generation: store.as_ref().map_or(0, Store::highest_generation),
            store,
            store_failed: false,
            status_failed: false,
            counters,
        }
    }

    pub(crate) fn options(&self) -> &CatalogOptions {
        &self.options
    }

    /// Reads the directory and does what has to be done. An unreadable directory changes nothing.
    pub(crate) fn pass(&mut self, pass: Pass) -> Result<Report, DirectoryError> {
        let mut scan = directory::scan(&self.options.directory, self.options.max_module_size)?;
        self.counters.scanned(&scan);
        let mut report = Report {
            exposed: std::mem::take(&mut scan.exposed),
            ..Report::default()
        };
        self.report_oddities(&scan, &mut report);
        let names: BTreeSet<_> = self
            .entries
            .keys()
            .chain(scan.units.keys())
            .cloned()
            .collect();
        let mut wanted = Vec::new();
        for name in names {
            let unit = scan.units.remove(&name);
            let found = unit.as_ref().map(Unit::tried);
            match self
                .entries
                .entry(name.clone())
                .or_default()
                .wants(found.as_ref(), pass)
            {
                Wants::Nothing => {}
                Wants::Time => report.unsettled = true,
                Wants::Loading => match unit.zip(found) {
                    Some((unit, found)) => wanted.push((name, unit, found)),
                    None => report.changes.extend(self.remove(name)),
                },
            }
        }
        self.load_all(wanted, pass, &mut report);
        report.unused_grants = self.unused_grants(pass);
        Ok(report)
    }

    /// Returns the policies that are granted something and have no module; the first pass warns of them.
    fn unused_grants(&self, pass: Pass) -> Vec<PolicyName> {
        let granted = self.options.grants.keys();
        let unused = granted.filter(|name| !self.entries.contains_key(*name));
        let unused: Vec<_> = unused.cloned().collect();
        for name in unused.iter().filter(|_| pass == Pass::First) {
            tracing::warn!(policy.name = %name, "grants of a policy that is not in the directory");
        }
        unused
    }

    /// Loads units and puts those in service that are good. At the first pass nothing serves, so loading takes all the time there is;
    /// later, logins come first.
    fn load_all(
        &mut self,
        wanted: Vec<(PolicyName, Unit, Tried)>,
        pass: Pass,
        report: &mut Report,
    ) {
        let (units, found): (Vec<_>, Vec<_>) = wanted
            .into_iter()
            .map(|(name, unit, found)| {
                let tests = unit.paths.tests.clone();
                ((name, unit), (found, tests))
            })
            .unzip();
        let proved = prove_all(&self.engine, &self.options, units, pass != Pass::First);
        for ((name, proved), (found, tests)) in proved.into_iter().zip(found) {
            let loaded = proved.and_then(|proved| passed(proved, &tests));
            report
                .changes
                .extend(self.loaded(&name, loaded, found, pass));
        }
    }

    /// What is in service: the guards, the chains for some logins, and the chain for the others: names listed in `order` first, then
    /// those listed nowhere, by name.
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

    /// How every policy is doing, those included that are listed and not there.
    pub(crate) fn status(&self) -> Status {
        let names: BTreeSet<_> = self.options.listed().chain(self.entries.keys()).collect();
        Status {
            at: now(),
            process: std::process::id(),
            policies: names.into_iter().map(|name| self.status_of(name)).collect(),
        }
    }

    fn status_of(&self, name: &PolicyName) -> PolicyStatus {
        let kept = self.kept(name).into_iter();
        let serving = self.serving(name).map(|serving| ServingStatus {
            digest: serving.version.fingerprint.module.to_string(),
            version: serving.version.fingerprint.version().to_string(),
            generation: serving.version.generation,
            since: serving.version.since,
            restored: serving.restored,
            snapshotted: serving.loaded.policy.is_snapshotted(),
        });
        PolicyStatus {
            name: name.to_string(),
            required: self.options.is_listed(name),
            serving,
            last_attempt: self
                .entries
                .get(name)
                .and_then(|entry| entry.attempt.clone()),
            kept: kept.map(|kept| kept.version.generation).collect(),
        }
    }

    /// Writes the status where other programs find it.
    pub(crate) fn write_status(&mut self) {
        let status = self.status();
        let lost = "status cannot be written: `portcullis policy status` tells of an earlier one";
        let written = self.stored(lost, |store| {
            store.write_status(&serde_json::to_vec_pretty(&status)?)?;
            store.confirm_status()
        });
        if !written && let Some(store) = &self.store {
            store.doubt_status();
        }
        self.status_failed = !written;
        self.counters.status_written(written);
    }

    /// Confirms that the status is true after a pass that changed nothing; writes it if that failed before.
    pub(crate) fn confirm_status(&mut self) {
        if self.status_failed {
            self.write_status();
        } else {
            let lost = "status cannot be confirmed: `portcullis policy status` calls it stale";
            self.status_failed = !self.stored(lost, Store::confirm_status);
        }
    }

    /// Has the store write something, if there is one, and returns whether that was done. That it cannot is logged once, until it
    /// can, with what is lost.
    fn stored(
        &mut self,
        lost: &'static str,
        write: impl FnOnce(&Store) -> std::io::Result<()>,
    ) -> bool {
        let Some(store) = &mut self.store else {
            return true;
        };
        let claimed = store.claim();
        let usable = claimed.is_ok();
        let written = claimed.and_then(|()| write(store));
        self.counters.stored(usable, written.is_ok());
        let Err(error) = written else {
            self.store_failed = false;
            return true;
        };
        if !self.store_failed {
            self.store_failed = true;
            let directory = self.options.state_directory.as_ref();
            tracing::warn!(
                directory = directory.map(|path| path.display().to_string()),
                error = %error,
                lost,
                "state directory not written"
            );
        }
        false
    }

    fn remove(&mut self, name: PolicyName) -> Option<Change> {
        self.entries.remove(&name)?.serving?;
        let lost = "a later broken file of this name may bring the policy back at a restart";
        self.stored(lost, |store| store.retire(&name));
        tracing::info!(policy.name = %name, "policy removed");
        Some(Change::Removed(name))
    }

    /// Takes in what loading a unit came to.
    fn loaded(
        &mut self,
        name: &PolicyName,
        loaded: Result<Proved, UnitError>,
        found: Tried,
        pass: Pass,
    ) -> Vec<Change> {
        if self.options.stop.is_stopped() {
            // Nothing is known of this version, and nothing is going to serve.
            return Vec::new();
        }
        let loaded = loaded.and_then(|proved| {
            self.check_release(name, &proved)?;
            Ok(proved)
        });
        let entry = self.entries.entry(name.clone()).or_default();
        entry.pending = None;
        let known = entry.tried.as_ref() == Some(&found) && pass != Pass::Again;
        entry.tried = Some(found);
        let before = entry.transient.take();
        entry.attempt = Some(Attempt::of(loaded.as_ref().err()));
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

    /// Refuses what a trusted publisher signed before the version that served last.
    fn check_release(&self, name: &PolicyName, proved: &Proved) -> Result<(), UnitError> {
        let trusted = &self.options.trusted_publishers;
        let checked = self.releases.check(name, &proved.content, trusted);
        let module = Paths::new(&self.options.directory, name).module;
        checked.map_err(|error| UnitError::new(&module, UnitProblem::Signature(error)))
    }

    fn serving(&self, name: &PolicyName) -> Option<&Serving> {
        self.entries.get(name)?.serving.as_ref()
    }

    /// The versions kept of a policy, newest first.
    fn kept(&self, name: &PolicyName) -> Vec<KeptVersion> {
        let store = self.store.as_ref();
        let versions = store.map(|store| store.versions(name));
        versions.and_then(Result::ok).unwrap_or_default()
    }

    /// Puts a new version in service, and keeps it. The same content as that of a version that is kept is the same version, also after
    /// a restart or a rollback.
    fn serve(&mut self, name: &PolicyName, policy: Policy, content: &Content) -> PolicyRef {
        let fingerprint = content.fingerprint;
        let kept = self.kept(name);
        let serving = self.serving(name).map(|serving| serving.version);
        let known = serving
            .into_iter()
            .chain(kept.iter().map(|kept| kept.version));
        let mut known = known.filter(|known| known.fingerprint == fingerprint);
        let version = known.next().unwrap_or_else(|| {
            self.generation = self.generation.saturating_add(1);
            let before = serving.map(|serving| serving.generation);
            Version {
                generation: self.generation,
                since: now(),
                before: before.or_else(|| self.last_served(name)),
                fingerprint,
            }
        });
        // A copy that is damaged is written again.
        let is_kept = kept.iter().any(|kept| {
            kept.version.generation == version.generation
                && kept.unit(name, self.options.max_module_size).is_ok()
        });
        let lost = "good versions cannot be kept: a restart will not find them";
        let stored = self.stored(lost, |store| {
            if is_kept {
                store.reinstate(name)
            } else {
                store.keep(name, version, content)
            }
        });
        self.counters.kept(name, stored);
        if self.releases.served(name, content) {
            let written = self.releases.clone();
            let lost = "a restart may accept a signed version that is older than this one";
            self.stored(lost, |_| written.write(name));
        }
        self.put(name, policy, version, false)
    }

    fn put(
        &mut self,
        name: &PolicyName,
        policy: Policy,
        version: Version,
        restored: bool,
    ) -> PolicyRef {
        let reference = PolicyRef {
            name: name.clone(),
            digest: version.fingerprint.module,
            version: version.fingerprint.version(),
            generation: version.generation,
        };
        let loaded = LoadedPolicy {
            reference: Arc::new(reference.clone()),
            policy,
            pace: Pace::default(),
        };
        self.entries.entry(name.clone()).or_default().serving = Some(Serving {
            loaded: Arc::new(loaded),
            version,
            restored,
        });
        reference
    }

    /// The generation that served last, as the host wrote it before it ended.
    fn last_served(&self, name: &PolicyName) -> Option<u64> {
        self.store.as_ref()?.last_served(name)
    }

    /// Puts the last good version in service that was kept, if there is one and the policy was not taken out of service on purpose.
    fn restore(&mut self, name: &PolicyName) -> Option<PolicyRef> {
        let store = self.store.as_ref()?;
        if store.is_retired(name) {
            return None;
        }
        let versions = self.kept(name);
        let newest = versions.first().map(|kept| kept.version.generation);
        let from = self.last_served(name).or(newest).unwrap_or(0);
        for kept in lineage(&versions, from) {
            let generation = kept.version.generation;
            // With the time that any load has: what was good once may take longer now.
            let loaded = kept
                .unit(name, self.options.max_module_size)
                .map_err(|error| error.to_string())
                .and_then(|unit| {
                    self.load_kept(name, unit)
                        .map_err(|error| error.to_string())
                });
            match loaded {
                Ok(proved) => {
                    let reference = self.put(name, proved.policy, kept.version, true);
                    tracing::warn!(
                        policy.name = %name,
                        policy.digest = %reference.digest,
                        policy.version = %reference.version,
                        policy.generation = generation,
                        "policy restored: the last good version serves"
                    );
                    return Some(reference);
                }
                Err(error) => tracing::warn!(
                    policy.name = %name,
                    policy.generation = generation,
                    error,
                    "kept version not restored"
                ),
            }
        }
        None
    }

    /// Loads a version that was kept.
    fn load_kept(&self, name: &PolicyName, unit: Unit) -> Result<Proved, UnitError> {
        let tests = unit.paths.tests.clone();
        let (_, proved) = prove_unit(&self.engine, &self.options, name.clone(), unit, false);
        passed(proved?, &tests)
    }

    fn report_oddities(&mut self, scan: &directory::Scan, report: &mut Report) {
        for (path, error) in &scan.misnamed {
            if self.oddities.insert(path.clone()) {
                report
                    .changes
                    .push(Change::Rejected(Rejection::of_name(path, error)));
            }
        }
        report.orphans.clone_from(&scan.orphans);
        for path in &scan.orphans {
            if self.oddities.insert(path.clone()) {
                tracing::warn!(file = %path.display(), "settings file without a module beside it");
            }
        }
        self.oddities.retain(|path| {
            scan.orphans.contains(path) || scan.misnamed.iter().any(|(odd, _)| odd == path)
        });
    }
}

/// The store of the state directory, unless other users may have put versions into it.
fn trusted_store(options: &CatalogOptions, counters: &Counters) -> Option<Store> {
    let directory = options.state_directory.as_ref()?;
    let store = Store::new(directory, options.keep_versions);
    if let Err(error) = store.check() {
        counters.stored(false, false);
        tracing::error!(
            directory = %directory.display(),
            error = %error,
            "state directory not used: no version is taken from it and none is kept"
        );
        return None;
    }
    Some(store)
}

/// A version whose tests passed; else the refusal that they come to.
fn passed(proved: Proved, tests: &Path) -> Result<Proved, UnitError> {
    match vectors::refusal(tests, &proved.outcomes) {
        Some(refusal) => Err(refusal),
        None => Ok(proved),
    }
}

impl Attempt {
    /// A try that has just ended.
    fn of(error: Option<&UnitError>) -> Self {
        Self {
            at: now(),
            error: error.map(|error| error.problem().to_string()),
            file: error.map(|error| error.file().to_owned()),
            line: error.and_then(UnitError::line),
        }
    }
}

impl Unit {
    fn tried(&self) -> Tried {
        match &self.content {
            Ok(content) => Tried::Content(content.fingerprint),
            Err(error) => Tried::Unreadable(error.to_string()),
        }
    }
}
