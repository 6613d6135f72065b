//! The state of the loader.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use portcullis_core::{Digest, PolicyName};
use portcullis_engine::Engine;

use super::entry::{Entry, Serving};
use crate::assertions::Assertions;
use crate::numbers::Counters;
use crate::options::CatalogOptions;
use crate::releases::Releases;
use crate::store::Store;

/// The policies in service, and the last content that was tried for each.
#[derive(Debug)]
pub(crate) struct Loader {
    pub(super) engine: Engine,
    pub(super) options: Arc<CatalogOptions>,
    pub(super) entries: BTreeMap<PolicyName, Entry>,
    /// Misnamed and orphaned files that were reported.
    pub(super) reported_files: BTreeSet<PathBuf>,
    pub(super) generation: u64,
    /// Release numbers of the signed versions that have served.
    pub(super) releases: Releases,
    /// The store of good versions. `None` without a state directory that the host can trust.
    pub(super) store: Option<Store>,
    /// Whether the log already says that versions cannot be stored.
    pub(super) store_failed: bool,
    /// Whether the last write of the status failed.
    pub(super) status_failed: bool,
    pub(super) counters: Arc<Counters>,
    /// Number of the last job.
    pub(super) ticket: u64,
    /// Digest of the file of assertions at the last check of the policies in service.
    pub(super) asserted: Option<Digest>,
    /// The reason why every login is denied. `None` if policies decide.
    pub(super) closed: Option<String>,
}

impl Loader {
    pub(crate) fn new(engine: Engine, options: CatalogOptions, counters: Arc<Counters>) -> Self {
        let store = trusted_store(&options, &counters);
        let assertions = options.assertions.as_ref();
        let asserted = assertions.and_then(Assertions::digest);
        Self {
            engine,
            // A directory that other users can write to may hold release numbers of theirs.
            releases: Releases::read(
                &options.disk,
                store.as_ref().and(options.state_directory.as_deref()),
            ),
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
            asserted,
            closed: None,
        }
    }

    pub(crate) fn options(&self) -> &CatalogOptions {
        &self.options
    }

    /// Returns the options, for a later [`set_options`](Self::set_options).
    pub(crate) const fn shared_options(&self) -> &Arc<CatalogOptions> {
        &self.options
    }

    /// Replaces the options. Proofs under way keep theirs.
    pub(crate) fn set_options(&mut self, options: Arc<CatalogOptions>) {
        self.options = options;
    }

    /// Lets policies decide again after failed assertions.
    pub(crate) fn open_again(&mut self) {
        self.closed = None;
    }

    /// Returns the version of a policy that is in service.
    pub(super) fn serving(&self, name: &PolicyName) -> Option<&Serving> {
        self.entries.get(name)?.serving.as_ref()
    }
}

/// Returns the store of the state directory. `None` if no directory is configured, or if other
/// users may have put versions into it.
fn trusted_store(options: &CatalogOptions, counters: &Counters) -> Option<Store> {
    let directory = options.state_directory.as_ref()?;
    let store = Store::new(&options.disk, directory, options.keep_versions);
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
