//! A bucket in which an attempt needs room.

use std::sync::Arc;

use super::bucket::{Bucket, Rate};
use super::kind::Kind;

/// Maximum number of attempts that wait for room, in all buckets.
pub(super) const MAX_WAITING: usize = 4096;

/// A bucket in which an attempt needs room.
#[derive(Debug)]
pub(super) struct Counter {
    pub(super) kind: Kind,
    pub(super) key: u64,
    pub(super) bucket: Arc<Bucket>,
    pub(super) rate: Rate,
}
