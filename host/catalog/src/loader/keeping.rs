//! Storage of good versions and of the status in the state directory.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_core::{PolicyName, PolicyRef};
use portcullis_engine::Policy;
use portcullis_files::ReadError;

use super::entry::Serving;
use super::job::passed;
use super::state::Loader;
use crate::content::Content;
use crate::link::LoadedPolicy;
use crate::paths::Paths;
use crate::prover::{Proved, Task, prove};
use crate::slowness::Slowness;
use crate::status::{PolicyStatus, ServingStatus, Status};
use crate::stop::Stop;
use crate::store::{KeptVersion, Store, Version, lineage};
use crate::unit_error::{UnitError, UnitProblem};

impl Loader {
    /// Returns the state of every policy, including listed policies that have no files.
    pub(crate) fn status(&self) -> Status {
        let names: BTreeSet<_> = self.options.listed().chain(self.entries.keys()).collect();
        Status {
            at: self.options.clock.unix_seconds(),
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
            since: serving.since,
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

    /// Writes the status to the file that other programs read.
    pub(crate) fn write_status(&mut self) {
        let status = self.status();
        let lost = "status cannot be written: `portcullis policy status` tells of an earlier one";
        let now = self.options.clock.wall();
        let written = self.stored(lost, |store| {
            store.write_status(&serde_json::to_vec_pretty(&status)?)?;
            store.confirm_status(now)
        });
        if !written && let Some(store) = &self.store {
            store.doubt_status();
        }
        self.status_failed = !written;
        self.counters.status_written(written);
    }

    /// Confirms the status after a pass that changed nothing. Writes it if the last write failed.
    pub(crate) fn confirm_status(&mut self) {
        if self.status_failed {
            self.write_status();
        } else {
            let now = self.options.clock.wall();
            let lost = "status cannot be confirmed: `portcullis policy status` calls it stale";
            let confirmed = self.stored(lost, |store| store.confirm_status(now));
            self.status_failed |= !confirmed;
            // A directory that is new to the host has no status.
            if confirmed && self.status_failed {
                self.write_status();
            }
        }
    }

    /// Lets `write` write to the store, and returns whether that succeeded; `true` without a store.
    /// Logs the first of several failures in a row, with `lost`, the consequence.
    pub(super) fn stored(
        &mut self,
        lost: &'static str,
        write: impl FnOnce(&Store) -> std::io::Result<()>,
    ) -> bool {
        let Some(store) = &mut self.store else {
            return true;
        };
        let claimed = store.claim();
        let usable = claimed.is_ok();
        let is_new = claimed.as_ref().is_ok_and(|is_new| *is_new);
        let written = claimed.and_then(|_| write(store));
        self.counters.stored(usable, written.is_ok());
        if is_new {
            self.doubt_versions();
        }
        let directory = self.options.state_directory.as_ref();
        let directory = directory.map(|path| path.display().to_string());
        let Err(error) = written else {
            if std::mem::take(&mut self.store_failed) {
                tracing::info!(directory, "state directory is written again");
            }
            return true;
        };
        if !self.store_failed {
            self.store_failed = true;
            tracing::warn!(
                directory,
                error = %error,
                lost,
                "state directory not written"
            );
        }
        false
    }

    /// Records that the versions in service may be missing in the directory, because it is new to
    /// the host. There are none at the start.
    fn doubt_versions(&mut self) {
        let serving = self.entries.iter();
        let serving = serving.filter(|(_, entry)| entry.serving.is_some());
        for (name, _) in serving {
            self.counters.kept(name, false);
            self.status_failed = true;
        }
    }

    /// Stores the versions in service that are not stored, if the directory still has their files.
    pub(crate) fn keep_missing(&mut self) {
        let missing = self.counters.not_kept();
        for name in &missing {
            let Some(version) = self.serving(name).map(|serving| serving.version) else {
                continue;
            };
            let paths = Paths::new(&self.options.directory, name);
            let found = version.fingerprint;
            if let Ok(content) = Content::read_again(&paths, self.options.source(), found) {
                self.keep(name, version, &content);
            }
        }
        if self.counters.not_kept() != missing {
            self.write_status();
        }
    }

    /// Stores a version, or marks the stored one as the one in service.
    fn keep(&mut self, name: &PolicyName, version: Version, content: &Content) {
        // A damaged copy is written again.
        let is_kept = self.kept(name).iter().any(|kept| {
            kept.version.generation == version.generation
                && kept.content(name, self.options.source()).is_ok()
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
    }

    /// Returns the stored versions of a policy, newest first.
    pub(super) fn kept(&self, name: &PolicyName) -> Vec<KeptVersion> {
        let store = self.store.as_ref();
        let versions = store.map(|store| store.versions(name));
        versions.and_then(Result::ok).unwrap_or_default()
    }

    /// Puts a new version in service, and stores it. Content that equals that of a stored version
    /// is the same version, also after a restart or a rollback.
    pub(super) fn serve(
        &mut self,
        name: &PolicyName,
        policy: Arc<Policy>,
        content: &Content,
    ) -> PolicyRef {
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
                since: self.options.clock.unix_seconds(),
                before: before.or_else(|| Some(self.last_served(name)?.generation)),
                fingerprint,
            }
        });
        let since = self.since(name, version);
        self.keep(name, version, content);
        if self.releases.served(name, content) {
            let written = self.releases.clone();
            let lost = "a restart may accept a signed version that is older than this one";
            self.stored(lost, |_| written.write(name));
        }
        self.put(name, policy, version, since, false)
    }

    /// Returns the time since which a version has served that is about to be put in service. The
    /// version may serve already, or may have served when the host ended.
    fn since(&self, name: &PolicyName, version: Version) -> u64 {
        let before = match self.serving(name) {
            Some(serving) => Some((serving.version.generation, serving.since)),
            None => self
                .last_served(name)
                .map(|serving| (serving.generation, serving.since)),
        };
        match before {
            Some((generation, since)) if generation == version.generation => since,
            _ => self.options.clock.unix_seconds(),
        }
    }

    fn put(
        &mut self,
        name: &PolicyName,
        policy: Arc<Policy>,
        version: Version,
        since: u64,
        restored: bool,
    ) -> PolicyRef {
        let reference = PolicyRef {
            name: name.clone(),
            digest: version.fingerprint.module,
            version: version.fingerprint.version(),
            generation: version.generation,
        };
        let entry = self.entries.entry(name.clone()).or_default();
        let loaded = LoadedPolicy {
            reference: Arc::new(reference.clone()),
            policy,
            slowness: Slowness::default(),
            seen: Arc::clone(&entry.seen),
            tally: Arc::clone(&entry.tally),
        };
        entry.serving = Some(Serving {
            loaded: Arc::new(loaded),
            version,
            since,
            restored,
        });
        reference
    }

    /// Returns the last serving state of the policy, as the host wrote it before it ended.
    pub(super) fn last_served(&self, name: &PolicyName) -> Option<ServingStatus> {
        self.store.as_ref()?.last_served(name)
    }

    /// Puts the last good stored version in service. Returns `None` if no stored version is good,
    /// or if the policy was taken out of service on purpose.
    pub(super) fn restore(&mut self, name: &PolicyName) -> Option<PolicyRef> {
        let store = self.store.as_ref()?;
        if store.is_retired(name) {
            return None;
        }
        let versions = self.kept(name);
        let newest = versions.first().map(|kept| kept.version.generation);
        let last = self.last_served(name).map(|serving| serving.generation);
        let from = last.or(newest).unwrap_or(0);
        for kept in lineage(&versions, from) {
            let generation = kept.version.generation;
            // The proof has the time that every load has. It may take longer now than when the
            // version was stored.
            let loaded = self.load_kept(name, kept);
            match loaded {
                Ok(proved) => {
                    let since = self.since(name, kept.version);
                    let reference = self.put(name, proved.policy, kept.version, since, true);
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
                    error = %error,
                    "kept version not restored"
                ),
            }
        }
        None
    }

    /// Loads a stored version.
    fn load_kept(&self, name: &PolicyName, kept: &KeptVersion) -> Result<Proved, UnitError> {
        let paths = kept.paths(name);
        let content = kept.content(name, self.options.source());
        let content = content.map_err(|error| {
            let problem = UnitProblem::Unreadable(ReadError::Io(error));
            UnitError::new(&paths.module, problem)
        })?;
        let task = Task {
            name: name.clone(),
            paths: paths.clone(),
            content: Arc::new(content),
            options: Arc::clone(&self.options),
            yields: false,
            describes: false,
            cancel: Stop::default(),
            seen: Vec::new(),
        };
        passed(prove(&self.engine, task)?, &paths.tests)
    }
}
