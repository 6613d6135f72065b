//! Buckets for policies that are looked at and not served.

use std::sync::Arc;

use portcullis_core::{BucketName, KeyValues, LookUpError};

use crate::config::KeyValue;

/// The buckets of a configuration, without a connection to read them over: there are these and no others, and nothing is known of
/// them.
#[derive(Clone, Debug)]
pub(crate) struct Unconnected(Option<Vec<BucketName>>);

impl Unconnected {
    /// The buckets of `table`; any, if there is none.
    pub(crate) fn new(table: Option<&KeyValue>) -> Self {
        Self(table.map(|table| table.buckets.clone()))
    }
}

impl KeyValues for Unconnected {
    fn serves(&self, bucket: &BucketName) -> bool {
        let Self(buckets) = self;
        let buckets = buckets.as_ref();
        buckets.is_none_or(|buckets| buckets.contains(bucket))
    }

    fn get(&self, bucket: &BucketName, _: &str) -> Result<Option<Arc<str>>, LookUpError> {
        Err(LookUpError::NotSynchronised(bucket.clone()))
    }
}
