//! The copy of the locks that a host keeps for a start without the bucket.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use portcullis_core::BucketName;
use serde::{Deserialize, Serialize};

use super::lock::Lock;

/// The locks as a host last knew them.
///
/// The JSON form is the content of `locks.json` in the state directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockCopy {
    version: u32,
    bucket: BucketName,
    /// The last time at which the host knew that these are all locks, in seconds since the Unix
    /// epoch.
    confirmed_at: u64,
    locks: BTreeMap<String, CopiedLock>,
}

/// The value of a lock in a [`LockCopy`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedLock {
    /// The value in the bucket. `None` if it is not UTF-8.
    pub value: Option<String>,
    /// The time at which the bucket removes the key, in seconds since the Unix epoch. `None` if it
    /// does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
}

/// The latest [`LockCopy`] of a host. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct LatestLockCopy(Arc<RwLock<Option<Arc<LockCopy>>>>);

impl LockCopy {
    /// Name of the file in the state directory.
    pub const FILE: &str = "locks.json";

    /// Version of the file's form.
    const VERSION: u32 = 1;

    /// Creates a copy of `bucket`, which has these keys at `now` (seconds since the Unix epoch).
    /// Leaves out locks that have ended.
    pub fn new(
        bucket: BucketName,
        now: u64,
        locks: impl IntoIterator<Item = (String, CopiedLock)>,
    ) -> Self {
        let locks = locks.into_iter().filter(|(_, lock)| lock.counts_at(now));
        Self {
            version: Self::VERSION,
            bucket,
            confirmed_at: now,
            locks: locks.collect(),
        }
    }

    /// Reads a copy from the content of its file.
    ///
    /// # Errors
    ///
    /// Fails if the content is no copy, is of a later version, or is of another bucket.
    pub fn read(bytes: &[u8], bucket: &BucketName) -> Result<Self, InvalidLockCopy> {
        let copy: Self = serde_json::from_slice(bytes)?;
        if copy.version != Self::VERSION {
            return Err(InvalidLockCopy::Version(copy.version));
        }
        if copy.bucket != *bucket {
            return Err(InvalidLockCopy::Bucket(copy.bucket));
        }
        Ok(copy)
    }

    /// Returns the content of the file.
    ///
    /// # Errors
    ///
    /// Fails if the copy cannot be encoded.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    /// Returns the time at which the copy was last known to be true, in seconds since the Unix
    /// epoch.
    pub const fn confirmed_at(&self) -> u64 {
        self.confirmed_at
    }

    /// Returns the time since the copy was last known to be true.
    pub const fn age_at(&self, now: u64) -> Duration {
        Duration::from_secs(now.saturating_sub(self.confirmed_at))
    }

    /// Returns the number of locks that count at `now`.
    pub fn count_at(&self, now: u64) -> usize {
        let locks = self.locks.values();
        locks.filter(|lock| lock.counts_at(now)).count()
    }

    /// Returns whether `other` has the same locks, at any time.
    pub fn has_same_locks(&self, other: &Self) -> bool {
        self.bucket == other.bucket && self.locks == other.locks
    }

    /// Returns the lock `key` that counts at `now`. `None` if the copy has no such lock.
    pub(super) fn get(&self, key: &str, now: u64) -> Option<&CopiedLock> {
        self.locks.get(key).filter(|lock| lock.counts_at(now))
    }
}

impl CopiedLock {
    /// Returns whether the lock counts at `now`. A value that is no lock counts: it was meant to
    /// close something.
    pub fn counts_at(&self, now: u64) -> bool {
        let lock = self.value.as_deref().map(serde_json::from_str::<Lock>);
        let is_closed = !matches!(lock, Some(Ok(lock)) if !lock.is_closed_at(now));
        is_closed && self.expires_at.is_none_or(|end| now < end)
    }
}

impl LatestLockCopy {
    /// Returns the copy. `None` if the host has never known the locks.
    pub fn get(&self) -> Option<Arc<LockCopy>> {
        self.0.read().clone()
    }

    /// Replaces the copy.
    pub fn set(&self, copy: LockCopy) {
        *self.0.write() = Some(Arc::new(copy));
    }
}

/// A file is no usable copy of the locks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLockCopy {
    /// The content is damaged.
    #[error("it is no copy of locks")]
    Content(#[from] serde_json::Error),
    /// A later release wrote the file.
    #[error("it has version {0}, which this release does not know")]
    Version(u32),
    /// The configuration names another bucket.
    #[error("it is a copy of bucket `{0}`")]
    Bucket(BucketName),
}
