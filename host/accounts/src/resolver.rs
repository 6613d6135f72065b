//! The resolver: gives NATS servers the account JWTs of a store, and stores later versions.
//!
//! The HTTP routes are those of nats-account-server 1.0, which `resolver: URL(…)` of nats-server
//! and `nsc push` use. Unlike that server, the resolver refuses versions that are older than the
//! stored one, limits what peers decide, and asks for a bearer token if it is configured.
//!
//! - [`Resolver`] and [`ResolverOptions`]: the store and its rules, and their limits.
//! - [`Resolver::serve`]: the service of an HTTP listener.
//! - [`SigningService`]: the decision about accounts that signed themselves.
//! - [`Servers`]: the requests of servers over NATS, the announcement of new versions, and the
//!   versions of other resolvers.

mod accept;
mod activations;
mod announce;
mod announced;
mod answers;
mod changes;
mod counters;
mod decoded;
mod deletion;
mod guard;
mod lookup;
mod metrics;
mod options;
mod others;
mod outbox;
mod own_account;
mod query;
mod routes;
mod serve;
mod servers;
mod shared;
mod sign;
mod sign_subject;
mod task;
mod telling;
#[cfg(test)]
mod tests;
mod write_rate;

use std::fmt;
use std::sync::{Arc, OnceLock};

use axum::Router;
use parking_lot::Mutex;
use portcullis_environment::Clock;
use portcullis_http::Addresses;
use tokio::sync::Semaphore;

use crate::store::Store;
use counters::Counters;
use outbox::Outbox;
use shared::Shared;
use write_rate::WriteRate;

pub use accept::{Accepted, NotAccepted};
pub use announce::{AnnounceError, Announcement, Announcer};
pub use options::ResolverOptions;
pub use others::OtherResolvers;
pub use servers::Servers;
pub use sign::{Answer, SigningFailed, SigningService};
pub use sign_subject::SigningSubject;

/// Maximum number of lookups that read the disk at the same time.
const MAX_LOOKUPS: usize = 64;
/// Maximum number of writes at the same time. The store does one after the other.
const MAX_WRITES: usize = 8;
/// Maximum number of packs at the same time. Each reads the whole store.
const MAX_PACKS: usize = 1;

/// Maximum number of lookups that ask other resolvers at the same time, of all clients and of one
/// client address.
const MAX_ASKED: usize = 64;
const MAX_ASKED_OF_ADDRESS: usize = 4;

/// The resolver. Clones share their state.
#[derive(Clone)]
pub struct Resolver {
    shared: Arc<Shared>,
}

impl Resolver {
    /// Creates a resolver of the accounts in `store`. It tells servers of new versions with
    /// `announcer`, if one is given. [`maintain`](Self::maintain) repeats that where it has to be.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        options: ResolverOptions,
        announcer: Option<Arc<dyn Announcer>>,
    ) -> Self {
        let outbox = announcer.map(|announcer| Outbox::new(announcer, options.announce_delay));
        Self {
            shared: Arc::new(Shared {
                store,
                write_rate: WriteRate::new(options.max_writes_per_second),
                clock,
                options,
                outbox,
                signing: OnceLock::new(),
                others: OnceLock::new(),
                asked: Semaphore::new(MAX_ASKED),
                asking: Addresses::new(MAX_ASKED_OF_ADDRESS),
                hashed: Mutex::default(),
                counters: Counters::default(),
                lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)),
                writes: Arc::new(Semaphore::new(MAX_WRITES)),
                packs: Arc::new(Semaphore::new(MAX_PACKS)),
            }),
        }
    }

    /// Lets `service` decide about accounts that signed themselves. Only the first call has an
    /// effect. Without one, such accounts are refused.
    pub fn sign_with(&self, service: Arc<dyn SigningService>) {
        // An error means that a service is set.
        let _ = self.shared.signing.set(service);
    }

    /// Asks `others` for accounts that the store lacks, in lookups over HTTP. Only the first call
    /// has an effect. Without one, such accounts are unknown.
    pub fn ask(&self, others: Arc<dyn OtherResolvers>) {
        // An error means that the others are set.
        let _ = self.shared.others.set(others);
    }

    /// Returns the HTTP routes.
    pub fn router(&self) -> Router {
        routes::router(&self.shared)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Resolver")
            .field("store", &self.shared.store.root())
            .finish_non_exhaustive()
    }
}
