//! Buckets for policies that are inspected and not served.

use std::sync::Arc;

use portcullis_config::KeyValue;
use portcullis_core::{BucketName, KeyValues, LookUpError};

/// The buckets of a configuration without a connection. These buckets exist and no others, and
/// every look-up fails, because no login describes them.
#[derive(Clone, Debug)]
pub(crate) struct Unconnected(Option<Vec<BucketName>>);

impl Unconnected {
    /// Returns the buckets of `table`. `None` stands for any bucket.
    pub(crate) fn new(table: Option<&KeyValue>) -> Self {
        Self(table.map(|table| table.mirror.buckets.clone()))
    }
}

impl KeyValues for Unconnected {
    fn serves(&self, bucket: &BucketName) -> bool {
        let Self(buckets) = self;
        let buckets = buckets.as_ref();
        buckets.is_none_or(|buckets| buckets.contains(bucket))
    }

    fn get(&self, bucket: &BucketName, key: &str) -> Result<Option<Arc<str>>, LookUpError> {
        Err(LookUpError::NotDescribed {
            bucket: bucket.clone(),
            key: key.to_owned(),
        })
    }
}
