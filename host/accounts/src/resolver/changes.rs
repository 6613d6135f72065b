//! The work of a resolver between requests: versions that other processes store, and files that
//! they left behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{PublicKey, with_causes};
use portcullis_files::Stamp;
use tokio::time::sleep;

use super::Resolver;
use super::announced::Recorded;
use super::outbox::NotAnnounced;
use super::shared::Shared;
use crate::account_jwts::AccountJwt;
use crate::error::StoreError;

/// Interval at which temporary files of killed writers are looked for.
const TIDY_INTERVAL: Duration = Duration::from_hours(1);

/// The accounts of the store, as last seen, with a stamp that differs after a write.
type Seen = BTreeMap<PublicKey, Stamp>;

/// Changes of the store since it was last seen.
#[derive(Debug, Default)]
struct Changes {
    now: Seen,
    stored: Vec<AccountJwt>,
    removed: Vec<PublicKey>,
}

impl Resolver {
    /// Repeats announcements that a server has not confirmed, and announces versions that other
    /// processes store, or stored since a resolver last announced the versions of the store.
    /// Removes temporary files of writers that were killed. Never returns.
    pub async fn maintain(&self) {
        let shared = &self.shared;
        tokio::join!(shared.announce(), shared.follow(), shared.tidy());
    }
}

impl Shared {
    async fn announce(self: &Arc<Self>) {
        if let Some(outbox) = &self.outbox {
            self.repeat(outbox).await;
        }
    }

    /// Announces versions that other processes store, and at first those that were stored while no
    /// resolver was running.
    async fn follow(self: &Arc<Self>) {
        let Some(outbox) = &self.outbox else { return };
        let mut seen: Option<Arc<Seen>> = None;
        let mut recorded = Recorded::default();
        let mut is_readable = true;
        loop {
            if let Some(seen) = &seen {
                self.record_announced(outbox, seen, &mut recorded).await;
            }
            match self.changes(seen.clone()).await {
                Ok(changes) => {
                    for jwt in &changes.stored {
                        tracing::debug!(account = %jwt.account, "account changed in the store");
                        outbox.add(jwt);
                    }
                    for account in &changes.removed {
                        tracing::info!(%account, "account removed from the store");
                        outbox.forget(account);
                    }
                    seen = Some(Arc::new(changes.now));
                    is_readable = true;
                }
                // The first of several failures is logged.
                Err(error) if is_readable => {
                    is_readable = false;
                    tracing::error!(error = with_causes(&error), "changes of the store not seen");
                }
                Err(_) => {}
            }
            sleep(self.options.change_interval).await;
        }
    }

    async fn changes(self: &Arc<Self>, seen: Option<Arc<Seen>>) -> Result<Changes, NotAnnounced> {
        let read = self.in_room(&self.packs, move |shared| {
            shared.changes_since(seen.as_deref())
        });
        Ok(read.await??)
    }

    /// Returns the changes since `seen`, or since the last announced version if that is `None`.
    fn changes_since(&self, seen: Option<&Seen>) -> Result<Changes, StoreError> {
        let now = self.store.accounts().stamps()?;
        let Some(seen) = seen else {
            return Ok(Changes {
                stored: self.missed(&now)?,
                now,
                ..Changes::default()
            });
        };
        let changed = now
            .iter()
            .filter(|(account, stamp)| seen.get(*account) != Some(*stamp));
        // An account that cannot be read is logged, and looked at again when it changes.
        let stored = changed.filter_map(|(account, _)| self.look_up(account).ok().flatten());
        let removed = seen.keys().filter(|account| !now.contains_key(*account));
        Ok(Changes {
            stored: stored.collect(),
            removed: removed.cloned().collect(),
            now,
        })
    }

    async fn tidy(self: &Arc<Self>) {
        loop {
            let tidied = self.in_room(&self.writes, |shared| {
                shared.store.remove_leftovers(shared.clock.wall())
            });
            if let Ok(Err(error)) = tidied.await {
                tracing::warn!(error = with_causes(&error), "temporary files not removed");
            }
            sleep(TIDY_INTERVAL).await;
        }
    }
}
