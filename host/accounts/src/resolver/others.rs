//! Versions of other resolvers: what this one missed, and accounts that it does not have.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use portcullis_connect::Nats;
use portcullis_core::{PublicKey, with_causes};
use portcullis_system::{Gathering, SystemClient, SystemError};
use tokio::time::sleep;

use super::accept::{Accepted, NotAccepted};
use super::counters::Wrote;
use super::lookup::account;
use super::servers::hash;
use super::shared::Shared;
use super::task::TaskFailed;
use crate::account_jwts::{AccountJwt, Written};
use crate::error::StoreError;

/// Time after the last message in which the next one of a pack may arrive, and time limit for the
/// pack.
const QUIET: Duration = Duration::from_secs(5);
const TOTAL: Duration = Duration::from_mins(1);

/// The resolvers that may have an account which the store lacks.
pub trait OtherResolvers: Debug + Send + Sync + 'static {
    /// Returns the JWT of `account` from the first resolver that has it. `None` if none answers
    /// with it.
    fn look_up<'a>(&'a self, account: &'a PublicKey) -> BoxFuture<'a, Option<String>>;
}

/// A pair of an account and its JWT, as packs write it.
type Line = String;

impl Shared {
    /// Fetches the versions that other resolvers store, at once and again after each interval.
    /// Never returns.
    pub(super) async fn synchronise(self: &Arc<Self>, system: &SystemClient<impl Nats>) {
        let mut refused = BTreeSet::new();
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

    /// Stores the versions of one other resolver that are later than those of the store. `refused`
    /// are the versions that were refused the last time, whose refusal is logged once.
    pub(super) async fn fetch_missed(
        self: &Arc<Self>,
        system: &SystemClient<impl Nats>,
        refused: &mut BTreeSet<Line>,
    ) -> Result<(), NotFetched> {
        let held = self.in_room(&self.packs, |shared| shared.pack(usize::MAX));
        let held = held.await??;
        let known = hash(&held);
        let gathering = Gathering::until_quiet(QUIET, TOTAL);
        let pack = match system.pack_claims(&known, gathering).await {
            // There is no other resolver.
            Err(SystemError::NoResponders { .. }) => return Ok(()),
            pack => pack?,
        };
        if !pack.complete && !pack.jwts.is_empty() {
            let accounts = pack.jwts.len();
            tracing::warn!(accounts, "another resolver sent a part of its accounts");
        }
        let held: BTreeSet<Line> = held.into_iter().collect();
        let mut refused_now = BTreeSet::new();
        for (key, token) in pack.jwts {
            let line = format!("{key}|{token}");
            let wanted = account(&key).filter(|_| !held.contains(&line));
            let Some(wanted) = wanted else { continue };
            match self.store_fetched(token, wanted).await? {
                Ok(_) => {}
                Err(error) if is_later(&error) => {}
                Err(error) => {
                    if !refused.contains(&line) {
                        let error = with_causes(&error);
                        tracing::warn!(account = key, error, "account of another resolver refused");
                    }
                    refused_now.insert(line);
                }
            }
        }
        *refused = refused_now;
        Ok(())
    }

    /// Returns the JWT of an account, from another resolver if the store has none.
    pub(super) async fn look_up_anywhere(
        self: &Arc<Self>,
        account: PublicKey,
    ) -> Result<Result<Option<AccountJwt>, StoreError>, TaskFailed> {
        let wanted = account.clone();
        let found = self.in_room(&self.lookups, move |shared| shared.look_up(&wanted));
        let found = found.await?;
        let Some(others) = self.others.get().filter(|_| matches!(found, Ok(None))) else {
            return Ok(found);
        };
        // Strangers may ask for any account, so the number of these requests is limited.
        let Ok(_place) = self.asked.try_acquire() else {
            return Ok(found);
        };
        let Some(token) = others.look_up(&account).await else {
            return Ok(found);
        };
        match self.store_fetched(token, account.clone()).await? {
            Ok(accepted) => Ok(Ok(Some(accepted.jwt))),
            Err(error) => {
                let error = with_causes(&error);
                tracing::debug!(%account, error, "account of another resolver refused");
                Ok(found)
            }
        }
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

/// A reason why the versions of other resolvers were not fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotFetched {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Task(#[from] TaskFailed),
    #[error(transparent)]
    System(#[from] SystemError),
}

/// Returns whether a version is refused because the store has a later one, or deleted the account.
fn is_later(error: &NotAccepted) -> bool {
    matches!(
        error,
        NotAccepted::Store(StoreError::Older { .. } | StoreError::Deleted { .. })
    )
}
