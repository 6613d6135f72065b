//! The policies in service.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use portcullis_core::{AuthorizationRequest, Authorizer, Decision, DenialClass, PolicyName};
use portcullis_engine::{Engine, Limits};

use crate::directory::DirectoryError;
use crate::loader::{Loader, Pass, Report};
use crate::snapshot::Snapshot;

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
}

/// The catalog could not be opened.
pub type OpenError = DirectoryError;

/// The policies in service. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct Catalog {
    published: Arc<ArcSwap<Snapshot>>,
    loader: Arc<Mutex<Loader>>,
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
        let catalog = Self {
            published: Arc::new(ArcSwap::from_pointee(Snapshot::default())),
            loader: Arc::new(Mutex::new(Loader::new(engine, options))),
        };
        let report = catalog.pass(Pass::Now, true)?;
        Ok((catalog, report))
    }

    /// Reads the directory once and puts in service what changed. Blocks.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read; everything stays as it is then.
    pub fn reload(&self) -> Result<Report, DirectoryError> {
        self.pass(Pass::Now, false)
    }

    /// As [`reload`](Self::reload), as the watcher wants it.
    pub(crate) fn look(&self, pass: Pass) -> Result<Report, DirectoryError> {
        self.pass(pass, false)
    }

    /// The policies in service now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.published.load_full()
    }

    pub(crate) fn options(&self) -> CatalogOptions {
        self.loader().options().clone()
    }

    fn pass(&self, pass: Pass, first: bool) -> Result<Report, DirectoryError> {
        // INVARIANT: the lock is held from scan to publication, so an older scan never replaces a newer one.
        let mut loader = self.loader();
        let report = loader.pass(pass)?;
        if first || report.changes_service() {
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
                    "policy listed in `order` has no good version: no login gets past it"
                );
            }
            if order.is_empty() {
                tracing::warn!("no policy is in service: every login is denied");
            }
        }
        Ok(report)
    }

    fn loader(&self) -> std::sync::MutexGuard<'_, Loader> {
        // A panic during a pass leaves entries that are each whole; the next pass goes on from them.
        self.loader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Authorizer for Catalog {
    async fn authorize(&self, request: Arc<AuthorizationRequest>, deadline: Instant) -> Decision {
        // INVARIANT: one snapshot per request: a reload in between is not seen.
        let snapshot = self.snapshot();
        // Policies run and passwords are hashed on blocking threads, never on the ones that talk to servers.
        tokio::task::spawn_blocking(move || snapshot.decide(&request, deadline))
            .await
            .unwrap_or_else(|_| {
                Decision::deny(DenialClass::Internal, "the decision did not complete")
            })
    }
}
