//! From what lies in the directory to what is in service.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{Digest, InvalidPolicyName, PolicyName, PolicyRef};
use portcullis_engine::Engine;

use crate::catalog::CatalogOptions;
use crate::directory::{self, DirectoryError, Fingerprint, Unit};
use crate::snapshot::{Link, LoadedPolicy, Snapshot};
use crate::unit::UnitError;

/// What one pass over the directory did.
#[derive(Debug, Default)]
pub struct Report {
    /// What changed and what could not, in the order it was found.
    pub changes: Vec<Change>,
    /// Settings files without a module beside them.
    pub orphans: Vec<PathBuf>,
    /// Whether something is still being written: it wants another look soon.
    pub(crate) unsettled: bool,
}

/// How a pass treats what it finds changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Loads it.
    Now,
    /// Loads it, and tries again what failed before.
    Again,
    /// Loads it once it has been the same for so long: a file that is half written, or away for a moment, may make
    /// sense and mean something else.
    Settled(Duration),
}

/// One thing a pass did, or could not do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Change {
    /// A new version is in service.
    Loaded(PolicyRef),
    /// A version was refused.
    Rejected(Rejection),
    /// A policy's file is gone, and so is the policy.
    Removed(PolicyName),
}

/// A version that is not put in service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The policy, if the file's name is a policy name.
    pub name: Option<PolicyName>,
    /// The file at fault.
    pub file: PathBuf,
    /// The line at fault, from 1.
    pub line: Option<usize>,
    /// What is wrong, in one line.
    pub error: String,
    /// The version that stays in service, if there is one.
    pub serving: Option<Digest>,
}

/// Keeps the policies in service and the last content tried for each.
#[derive(Debug)]
pub(crate) struct Loader {
    engine: Engine,
    options: CatalogOptions,
    entries: BTreeMap<PolicyName, Entry>,
    /// Misnamed and orphaned files already reported.
    oddities: BTreeSet<PathBuf>,
    generation: u64,
}

#[derive(Debug, Default)]
struct Entry {
    /// The last good version.
    serving: Option<Arc<LoadedPolicy>>,
    /// What was tried last, so that the same failure is reported once.
    tried: Option<Tried>,
    /// Why it failed, if it did and may do better another time.
    transient: Option<String>,
    /// What was found instead, and since when.
    pending: Option<(Option<Tried>, Instant)>,
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

impl Report {
    /// What was refused.
    pub fn rejections(&self) -> impl Iterator<Item = &Rejection> {
        self.changes.iter().filter_map(|change| match change {
            Change::Rejected(rejection) => Some(rejection),
            Change::Loaded(_) | Change::Removed(_) => None,
        })
    }

    /// Whether the set of policies in service is another one now.
    pub(crate) fn changes_service(&self) -> bool {
        self.changes
            .iter()
            .any(|change| !matches!(change, Change::Rejected(_)))
    }
}

impl Loader {
    pub(crate) fn new(engine: Engine, options: CatalogOptions) -> Self {
        let (entries, oddities) = (BTreeMap::new(), BTreeSet::new());
        Self {
            engine,
            options,
            entries,
            oddities,
            generation: 0,
        }
    }

    pub(crate) const fn options(&self) -> &CatalogOptions {
        &self.options
    }

    /// Reads the directory and does what has to be done. An unreadable directory changes nothing.
    pub(crate) fn pass(&mut self, pass: Pass) -> Result<Report, DirectoryError> {
        let mut scan = directory::scan(&self.options.directory, self.options.max_module_size)?;
        let mut report = Report::default();
        self.report_oddities(&scan, &mut report);
        let names: BTreeSet<_> = self
            .entries
            .keys()
            .chain(scan.units.keys())
            .cloned()
            .collect();
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
                Wants::Loading => report.changes.extend(match unit.zip(found) {
                    Some((unit, found)) => self.load(&name, unit, found, pass),
                    None => self.remove(name),
                }),
            }
        }
        Ok(report)
    }

    /// The chain: names listed in `order` first, the others by name.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let listed = self.options.order.iter().map(|name| {
            match self
                .entries
                .get(name)
                .and_then(|entry| entry.serving.clone())
            {
                Some(loaded) => Link::Policy(loaded),
                None => Link::Missing(name.clone()),
            }
        });
        let others = self
            .entries
            .iter()
            .filter(|(name, _)| !self.options.order.contains(name))
            .filter_map(|(_, entry)| entry.serving.clone().map(Link::Policy));
        Snapshot::new(listed.chain(others).collect())
    }

    fn remove(&mut self, name: PolicyName) -> Option<Change> {
        self.entries.remove(&name)?.serving?;
        tracing::info!(policy.name = %name, "policy removed");
        Some(Change::Removed(name))
    }

    fn load(&mut self, name: &PolicyName, unit: Unit, found: Tried, pass: Pass) -> Option<Change> {
        let started = Instant::now();
        let loaded = unit.load(&self.engine, name, self.options.limits);
        let entry = self.entries.entry(name.clone()).or_default();
        entry.pending = None;
        let digest = match &found {
            Tried::Content(fingerprint) => Some(fingerprint.module),
            Tried::Unreadable(_) => None,
        };
        let known = entry.tried.as_ref() == Some(&found) && pass != Pass::Again;
        entry.tried = Some(found);
        let before = entry.transient.take();
        match (loaded, digest) {
            (Ok(policy), Some(digest)) => {
                self.generation = self.generation.saturating_add(1);
                let reference = PolicyRef {
                    name: name.clone(),
                    digest,
                    generation: self.generation,
                };
                tracing::info!(
                    policy.name = %name,
                    policy.digest = %digest,
                    policy.generation = reference.generation,
                    elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                    "policy loaded"
                );
                let loaded = LoadedPolicy {
                    reference: reference.clone(),
                    policy,
                };
                entry.serving = Some(Arc::new(loaded));
                Some(Change::Loaded(reference))
            }
            (Ok(_), None) => None,
            (Err(error), _) => {
                let text = error.to_string();
                let repeated = known && before.as_ref() == Some(&text);
                entry.transient = error.is_transient().then_some(text);
                let serving = entry.serving.as_ref().map(|loaded| loaded.reference.digest);
                (!repeated).then(|| Change::Rejected(Rejection::of_unit(name, &error, serving)))
            }
        }
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

impl Unit {
    fn tried(&self) -> Tried {
        match &self.content {
            Ok(content) => Tried::Content(content.fingerprint),
            Err(error) => Tried::Unreadable(error.to_string()),
        }
    }
}

impl Rejection {
    fn of_unit(name: &PolicyName, error: &UnitError, serving: Option<Digest>) -> Self {
        Self {
            name: Some(name.clone()),
            file: error.file().to_owned(),
            line: error.line(),
            error: error.problem().to_string(),
            serving,
        }
        .logged()
    }

    fn of_name(file: &Path, error: &InvalidPolicyName) -> Self {
        let (file, error) = (file.to_owned(), error.to_string());
        Self {
            name: None,
            file,
            line: None,
            error,
            serving: None,
        }
        .logged()
    }

    fn logged(self) -> Self {
        tracing::error!(
            policy.name = self.name.as_ref().map(PolicyName::as_str),
            file = %self.file.display(),
            line = self.line,
            error = self.error,
            policy.serving = self.serving.map_or_else(|| "none".to_owned(), |digest| digest.to_string()),
            "policy rejected"
        );
        self
    }
}
