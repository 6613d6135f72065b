//! The state that all requests share.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use portcullis_environment::Clock;
use portcullis_http::Addresses;
use tokio::sync::Semaphore;

use super::counters::Counters;
use super::lookup::HashedPack;
use super::options::ResolverOptions;
use super::others::OtherResolvers;
use super::outbox::Outbox;
use super::sign::SigningService;
use super::task::TaskFailed;
use super::write_rate::WriteRate;
use crate::store::Store;

/// The state that all requests share.
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: ResolverOptions,
    pub(super) outbox: Option<Outbox>,
    /// The service that decides about accounts that signed themselves.
    pub(super) signing: OnceLock<Arc<dyn SigningService>>,
    /// The resolvers that may have an account which the store lacks.
    pub(super) others: OnceLock<Arc<dyn OtherResolvers>>,
    /// Places of lookups that ask other resolvers.
    pub(super) asked: Semaphore,
    /// Such lookups by client address.
    pub(super) asking: Arc<Addresses>,
    pub(super) hashed: Mutex<Option<HashedPack>>,
    pub(super) counters: Counters,
    pub(super) lookups: Arc<Semaphore>,
    pub(super) writes: Arc<Semaphore>,
    pub(super) packs: Arc<Semaphore>,
    pub(super) write_rate: WriteRate,
}

impl Shared {
    /// Runs `work` on the blocking pool, when `room` has a place. A request that is abandoned
    /// meanwhile keeps its place until the work ends.
    pub(super) async fn in_room<T: Send + 'static>(
        self: &Arc<Self>,
        room: &Arc<Semaphore>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, TaskFailed> {
        let shared = Arc::clone(self);
        // The semaphores are never closed.
        let place = Arc::clone(room).acquire_owned().await.ok();
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work(&shared)
        });
        Ok(done.await?)
    }
}
