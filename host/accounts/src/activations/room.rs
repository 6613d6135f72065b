//! The room for activations: how many each account has in a store.

use std::collections::BTreeMap;

use portcullis_files::Stamp;

use super::activation::{ActivationJwt, read};
use super::not_activated::NotActivated;
use crate::error::StoreError;
use crate::records::Records;

/// Maximum numbers of activations in a store. Each account of the operator can sign any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivationLimits {
    /// Maximum number of all activations. Default: 10,000.
    pub total: usize,
    /// Maximum number of activations that one account signed, so that it cannot use up the room of
    /// the others. Default: 1,000.
    pub per_account: usize,
}

impl ActivationLimits {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        total: 10_000,
        per_account: 1_000,
    };
}

impl Default for ActivationLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The activations of a store by hash, as last seen, without a look at each file for each write.
#[derive(Debug, Default)]
pub(super) struct Room(BTreeMap<String, Entry>);

#[derive(Debug)]
struct Entry {
    /// Stamp of the file that was read.
    stamp: Stamp,
    /// Account that signed the activation. `None` if the file is damaged.
    exporter: Option<String>,
    expires_at: Option<u64>,
}

impl Room {
    /// Makes sure that one more activation has room within `limits`. If it has none, activations
    /// that have expired at the time `now` make room: those of the same account, or of any.
    ///
    /// The caller holds the lock of the directory.
    ///
    /// # Errors
    ///
    /// Fails if there is no room, and if the directory cannot be read or changed.
    pub(super) fn make(
        &mut self,
        records: &Records,
        given: &ActivationJwt,
        limits: ActivationLimits,
        now: u64,
    ) -> Result<(), NotActivated> {
        self.scan(records)?;
        let account = given.exporter();
        let of_account = |entry: &Entry| entry.exporter.as_deref() == Some(account);
        let stored = self.within(records, limits.per_account, now, of_account)?;
        if stored >= limits.per_account {
            let account = account.to_owned();
            return Err(NotActivated::AccountFull { account, stored });
        }
        let stored = self.within(records, limits.total, now, |_| true)?;
        if stored >= limits.total {
            return Err(NotActivated::Full(stored));
        }
        Ok(())
    }

    /// Returns the number of the activations that `counts` is true for. Removes the expired ones
    /// among them if they are `max` or more.
    fn within(
        &mut self,
        records: &Records,
        max: usize,
        now: u64,
        counts: impl Fn(&Entry) -> bool,
    ) -> Result<usize, StoreError> {
        let stored = self.0.values().filter(|entry| counts(entry)).count();
        if stored < max {
            return Ok(stored);
        }
        let counted = self.0.iter().filter(|(_, entry)| counts(entry));
        let expired = counted.filter(|(_, entry)| entry.has_expired(now));
        let expired: Vec<_> = expired.map(|(hash, _)| hash.clone()).collect();
        for hash in &expired {
            records.remove(hash)?;
            self.0.remove(hash);
        }
        Ok(stored.saturating_sub(expired.len()))
    }

    /// Reads the activations that are new in the store or have changed, and drops those that it no
    /// longer has.
    fn scan(&mut self, records: &Records) -> Result<(), StoreError> {
        let mut known = std::mem::take(&mut self.0);
        for (hash, stamp) in records.stamps()? {
            let entry = match known.remove(&hash) {
                Some(entry) if entry.stamp == stamp => entry,
                // A damaged activation takes room, and keeps no other from being stored.
                _ => Entry::new(stamp, read(records, &hash).ok().flatten()),
            };
            self.0.insert(hash, entry);
        }
        Ok(())
    }
}

impl Entry {
    fn new(stamp: Stamp, activation: Option<ActivationJwt>) -> Self {
        Self {
            stamp,
            exporter: activation.as_ref().map(|it| it.exporter().to_owned()),
            expires_at: activation.and_then(|it| it.claims.expires_at),
        }
    }

    /// Returns whether the activation has expired. The second of the expiry is still valid.
    fn has_expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|at| at > 0 && now > at)
    }
}
