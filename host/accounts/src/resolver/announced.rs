//! The versions that were announced, across restarts of a resolver.
//!
//! The directory of the accounts has a record of the latest modification time up to which every
//! version was announced. A resolver that starts announces what is later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use portcullis_core::{PublicKey, with_causes};
use portcullis_files::Stamp;

use super::outbox::Outbox;
use super::shared::Shared;
use crate::account_jwts::AccountJwt;
use crate::error::StoreError;

/// Maximum number of versions that a resolver announces because they were stored while it was not
/// running: the latest ones.
const MAX_MISSED: usize = 1000;

/// The time up to which a running resolver has recorded its announcements.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    until: Option<SystemTime>,
    has_failed: bool,
}

impl Shared {
    /// Returns the versions that were stored after the last announced one. None at the first start
    /// with this store, whose servers have their accounts from it.
    pub(super) fn missed(
        &self,
        now: &BTreeMap<PublicKey, Stamp>,
    ) -> Result<Vec<AccountJwt>, StoreError> {
        let Some(mut until) = self.store.accounts().announced_until()? else {
            return Ok(Vec::new());
        };
        if until > self.clock.wall() {
            // A clock was ahead. What was stored since would not be announced for as long.
            tracing::warn!(
                "the record of announced versions is ahead of the clock, so it does not count"
            );
            until = SystemTime::UNIX_EPOCH;
        }
        let mut missed: Vec<_> = now
            .iter()
            .filter(|(_, stamp)| stamp.modified() > until)
            .collect();
        missed.sort_by_key(|(_, stamp)| std::cmp::Reverse(stamp.modified()));
        if missed.len() > MAX_MISSED {
            let (accounts, announced) = (missed.len(), MAX_MISSED);
            tracing::warn!(
                accounts,
                announced,
                "more accounts were stored while no resolver was running than are announced"
            );
        }
        let missed = missed.into_iter().take(MAX_MISSED);
        // An account that cannot be read is logged.
        let missed = missed.filter_map(|(account, _)| self.look_up(account).ok().flatten());
        Ok(missed.collect())
    }

    /// Records that the versions of `seen` were announced, unless one is pending.
    pub(super) async fn record_announced(
        self: &Arc<Self>,
        outbox: &Outbox,
        seen: &BTreeMap<PublicKey, Stamp>,
        recorded: &mut Recorded,
    ) {
        // A version that is ahead of the clock is announced at the next start again.
        let now = self.clock.wall();
        let times = seen.values().map(Stamp::modified);
        let latest = times.filter(|time| *time <= now).max();
        let Some(latest) = latest.filter(|_| outbox.pending() == 0) else {
            return;
        };
        if recorded.until.is_some_and(|until| until >= latest) {
            return;
        }
        let written = self.in_room(&self.writes, move |shared| {
            shared.store.accounts().set_announced_until(latest)
        });
        match written.await {
            Ok(Ok(())) => recorded.until = Some(latest),
            // The first of several failures is logged.
            Ok(Err(error)) if !recorded.has_failed => {
                recorded.has_failed = true;
                let error = with_causes(&error);
                tracing::warn!(error, "announcements not recorded for the next start");
            }
            Ok(Err(_)) | Err(_) => {}
        }
    }
}
