//! Buckets that never change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::{BucketName, KeyValues, LookUpError};

/// Buckets with fixed content, for tests and for embedders that have their values from another
/// source.
///
/// `Debug` shows the names of buckets only, because values may be secrets.
///
/// ```
/// use portcullis_core::{BucketName, FixedKeyValues, KeyValues};
///
/// let revoked: BucketName = "revoked".parse()?;
/// let buckets = FixedKeyValues::default().with(&revoked, [("alice", "left in May")]);
/// assert_eq!(buckets.get(&revoked, "alice").unwrap().as_deref(), Some("left in May"));
/// assert_eq!(buckets.get(&revoked, "bob").unwrap(), None);
/// # Ok::<(), portcullis_core::InvalidBucketName>(())
/// ```
#[derive(Clone, Default)]
pub struct FixedKeyValues {
    buckets: BTreeMap<BucketName, BTreeMap<String, Arc<str>>>,
    unavailable: BTreeSet<BucketName>,
    /// Whether any bucket that was not added is empty. By default, such a bucket is unknown.
    others_are_empty: bool,
}

impl FixedKeyValues {
    /// Adds a bucket, or more keys to an existing one.
    #[must_use]
    pub fn with<K: Into<String>, V: Into<Arc<str>>>(
        mut self,
        bucket: &BucketName,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let entries = entries
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()));
        self.buckets
            .entry(bucket.clone())
            .or_default()
            .extend(entries);
        self
    }

    /// Makes look-ups in `bucket` fail, as if it were not synchronised.
    #[must_use]
    pub fn without(mut self, bucket: BucketName) -> Self {
        self.unavailable.insert(bucket);
        self
    }

    /// Returns the names of the buckets that were added, including those whose look-ups fail.
    pub fn named(&self) -> impl Iterator<Item = &BucketName> {
        self.buckets.keys().chain(&self.unavailable)
    }

    /// Treats every bucket that was not added as present and empty.
    #[must_use]
    pub const fn others_are_empty(mut self) -> Self {
        self.others_are_empty = true;
        self
    }
}

impl KeyValues for FixedKeyValues {
    fn serves(&self, bucket: &BucketName) -> bool {
        self.others_are_empty
            || self.buckets.contains_key(bucket)
            || self.unavailable.contains(bucket)
    }

    fn get(&self, bucket: &BucketName, key: &str) -> Result<Option<Arc<str>>, LookUpError> {
        if self.unavailable.contains(bucket) {
            return Err(LookUpError::NotSynchronised(bucket.clone()));
        }
        match self.buckets.get(bucket) {
            Some(entries) => Ok(entries.get(key).cloned()),
            None if self.others_are_empty => Ok(None),
            None => Err(LookUpError::Unknown(bucket.clone())),
        }
    }
}

impl fmt::Debug for FixedKeyValues {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FixedKeyValues")
            .field("buckets", &self.buckets.keys())
            .field("unavailable", &self.unavailable)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_value_is_unknown_and_an_empty_one_is_not() {
        let [known, other]: [BucketName; 2] = ["known", "other"].map(|name| name.parse().unwrap());
        let buckets = FixedKeyValues::default().with(&known, [("key", "hunter2")]);
        assert!(buckets.get(&other, "key").is_err() && !buckets.serves(&other));
        let shown = format!("{buckets:?}");
        assert!(
            shown.contains("known") && !shown.contains("hunter2"),
            "{shown}"
        );
        let buckets = buckets.others_are_empty();
        assert_eq!(buckets.get(&other, "key"), Ok(None));
        let buckets = buckets.without(other.clone());
        assert!(buckets.get(&other, "key").is_err() && buckets.serves(&other));
    }
}
