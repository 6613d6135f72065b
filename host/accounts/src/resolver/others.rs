//! Synchronisation with other resolvers: missed versions and missing accounts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use futures::future::BoxFuture;
use portcullis_connect::Nats;
use portcullis_core::{PublicKey, with_causes};
use portcullis_system::{Gathering, SystemClient, SystemError};
use tokio::time::sleep;

use super::accept::{Accepted, NotAccepted};
use super::counters::Wrote;
use super::lookup::account;
use super::shared::Shared;
use super::task::TaskFailed;
use crate::account_jwts::{AccountJwt, Written};
use crate::error::StoreError;

/// Time after the last message in which the next one of a pack may arrive, and time limit for the
/// pack.
const QUIET: Duration = Duration::from_secs(5);
const TOTAL: Duration = Duration::from_mins(1);

/// Maximum number of refused versions that are remembered, so that each is logged once.
const MAX_REMEMBERED: usize = 1000;
/// Maximum number of refused versions that are logged for one pack.
const MAX_LOGGED: usize = 10;

/// The resolvers that may have an account which the store lacks.
pub trait OtherResolvers: Debug + Send + Sync + 'static {
    /// Returns the JWTs of `account` that other resolvers have. Empty if none answers.
    fn look_up<'a>(&'a self, account: &'a PublicKey) -> BoxFuture<'a, Vec<String>>;
}

/// An account and its JWT, as packs write them.
type PackLine = String;

/// The digests of the versions that were refused, as far as they are remembered.
#[derive(Debug, Default)]
pub(super) struct RefusedVersions(pub(super) BTreeSet<Vec<u8>>);

/// A reason why the versions of other resolvers were not fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotFetched {
    #[error("another resolver sent {0} accounts and no end")]
    Incomplete(usize),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Task(#[from] TaskFailed),
    #[error(transparent)]
    System(#[from] SystemError),
}

impl Shared {
    /// Fetches the versions that other resolvers store, at once and again after each interval.
    /// Never returns.
    pub(super) async fn synchronise(self: &Arc<Self>, system: &SystemClient<impl Nats>) {
        let mut refused = RefusedVersions::default();
        let mut has_failed = false;
        loop {
            match self.fetch_missed(system, &mut refused).await {
                Ok(()) => has_failed = false,
                // The first of several failures is logged.
                Err(error) if !has_failed => {
                    has_failed = true;
                    let error = with_causes(&error);
                    tracing::warn!(error, "accounts of other resolvers not fetched");
                }
                Err(_) => {}
            }
            sleep(self.options.sync_interval).await;
        }
    }

    /// Stores the versions of one other resolver that are later than those of the store.
    pub(super) async fn fetch_missed(
        self: &Arc<Self>,
        system: &SystemClient<impl Nats>,
        refused: &mut RefusedVersions,
    ) -> Result<(), NotFetched> {
        let known = self.in_room(&self.packs, Self::pack_hash).await??;
        let gathering = Gathering::until_quiet(QUIET, TOTAL);
        let pack = match system.pack_claims(&known, gathering).await {
            // There is no other resolver.
            Err(SystemError::NoResponders { .. }) => return Ok(()),
            pack => pack?,
        };
        let (sent, is_complete) = (pack.jwts.len(), pack.complete);
        if sent == 0 {
            return Ok(());
        }
        let held = self.in_room(&self.packs, |shared| shared.pack(usize::MAX));
        let held = held.await??;
        let held = held.into_iter().collect();
        self.store_later(pack.jwts, &held, refused).await?;
        if !is_complete {
            return Err(NotFetched::Incomplete(sent));
        }
        Ok(())
    }

    /// Stores those of `jwts` that are later than the `held` ones, and logs the others.
    async fn store_later(
        self: &Arc<Self>,
        jwts: BTreeMap<String, String>,
        held: &BTreeSet<PackLine>,
        refused: &mut RefusedVersions,
    ) -> Result<(), TaskFailed> {
        let (mut stored, mut new_refusals) = (0_usize, 0_usize);
        for (key, token) in jwts {
            let line = format!("{key}|{token}");
            let wanted = account(&key).filter(|_| !held.contains(&line));
            let Some(wanted) = wanted else { continue };
            match self.store_fetched(token, wanted).await? {
                Ok(_) => stored = stored.saturating_add(1),
                Err(error) if is_superseded(&error) => {}
                Err(error) if refused.remember(&line) => {
                    new_refusals = new_refusals.saturating_add(1);
                    if new_refusals <= MAX_LOGGED {
                        let error = with_causes(&error);
                        tracing::warn!(account = key, error, "account of another resolver refused");
                    }
                }
                Err(_) => {}
            }
        }
        if stored > 0 {
            tracing::info!(accounts = stored, "accounts of another resolver stored");
        }
        if new_refusals > MAX_LOGGED {
            tracing::warn!(
                accounts = new_refusals,
                "accounts of another resolver refused"
            );
        }
        Ok(())
    }

    /// Returns the JWT of an account, from another resolver if the store has none. `address` is
    /// that of the client that asks.
    pub(super) async fn look_up_anywhere(
        self: &Arc<Self>,
        account: PublicKey,
        address: Option<IpAddr>,
    ) -> Result<Result<Option<AccountJwt>, StoreError>, TaskFailed> {
        let wanted = account.clone();
        let found = self.in_room(&self.lookups, move |shared| shared.look_up(&wanted));
        let found = found.await?;
        let Some(others) = self.others.get().filter(|_| matches!(found, Ok(None))) else {
            return Ok(found);
        };
        // Strangers may ask for any account, so the number of these requests is limited.
        let of_address = match address {
            Some(address) => self.asking.enter(address).map(Some),
            None => Some(None),
        };
        let (Some(_of_address), Ok(_place)) = (of_address, self.asked.try_acquire()) else {
            return Ok(found);
        };
        let mut accepted = None;
        for token in others.look_up(&account).await {
            match self.store_fetched(token, account.clone()).await? {
                Ok(version) => {
                    let account = &version.jwt.account;
                    tracing::info!(%account, "account of another resolver stored");
                    accepted = Some(version.jwt);
                }
                Err(error) => {
                    let error = with_causes(&error);
                    tracing::debug!(%account, error, "account of another resolver refused");
                }
            }
        }
        Ok(Ok(accepted))
    }

    /// Stores a version that another resolver has. Only a version that is stored is counted.
    async fn store_fetched(
        self: &Arc<Self>,
        token: String,
        account: PublicKey,
    ) -> Result<Result<Accepted, NotAccepted>, TaskFailed> {
        let stored = self.store_version(token, Some(account)).await?;
        if let Ok(Accepted { jwt, written }) = &stored {
            self.counters.wrote(Wrote::from_written(*written));
            if let Some(outbox) = &self.outbox {
                match written {
                    // Servers that have asked this resolver may use an earlier version.
                    Written::Replaced => outbox.add(jwt),
                    Written::Added | Written::Unchanged => outbox.record(jwt),
                }
            }
        }
        Ok(stored)
    }
}

impl RefusedVersions {
    /// Remembers a version. Returns whether it is a new one.
    fn remember(&mut self, line: &str) -> bool {
        let digest = digest(&SHA256, line.as_bytes()).as_ref().to_vec();
        if self.0.len() >= MAX_REMEMBERED && !self.0.contains(&digest) {
            self.0.clear();
        }
        self.0.insert(digest)
    }
}

/// Returns whether a version is refused because the store has a later one, or deleted the account.
/// Another version of the same second is a reason of its own: neither resolver takes the other's.
fn is_superseded(error: &NotAccepted) -> bool {
    match error {
        NotAccepted::Store(StoreError::Older { stored, given, .. }) => given < stored,
        NotAccepted::Store(StoreError::Deleted { .. }) => true,
        _ => false,
    }
}
