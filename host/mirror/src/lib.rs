//! Key-value buckets, mirrored into memory, so that policies can look keys up in the middle of a decision.

mod audit;
mod bucket;
mod connections;
mod content;
mod entry;
mod feed;
mod follow;
mod permissions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use portcullis_core::{BucketName, KeyValues, LookUpError, Sample};
use tokio::task::JoinSet;

use crate::bucket::Bucket;
use crate::connections::Lines;
use crate::follow::Follower;
use portcullis_connect::Connection;

pub use permissions::{keeper_permissions, mirror_permissions};

/// Which buckets are mirrored.
#[derive(Clone, Debug)]
pub struct KeyValueOptions {
    /// The buckets, in the account of the connections that they are followed over.
    pub buckets: Vec<BucketName>,
    /// The most that the keys and values of one bucket may take, in bytes. What is larger cannot be looked into.
    pub max_bytes: u64,
    /// The `JetStream` domain they are in; that of the server if none.
    pub domain: Option<String>,
}

/// The buckets as far as the host has them. Cheap to clone; clones share everything.
///
/// Empty until [`follow`](Self::follow) is run. What is not known is an error, never an absent key; what was known when the
/// connection was lost keeps being the answer.
#[derive(Clone, Debug)]
pub struct KeyValueMirror {
    buckets: Arc<BTreeMap<BucketName, Arc<Bucket>>>,
    domain: Option<String>,
}

/// Keeps a [`KeyValueMirror`] up to date; ends when it is dropped.
#[derive(Debug)]
pub struct KeyValueFollowers {
    _tasks: JoinSet<()>,
}

impl KeyValueMirror {
    /// A mirror of these buckets, of which nothing is known yet.
    pub fn new(options: KeyValueOptions) -> Self {
        let limit = options.max_bytes;
        let bucket = |name: BucketName| (name.clone(), Arc::new(Bucket::new(name, limit)));
        Self {
            buckets: Arc::new(options.buckets.into_iter().map(bucket).collect()),
            domain: options.domain,
        }
    }

    /// Mirrors the buckets from now on, over the first of `connections` that is of use, and waits until each bucket has been tried
    /// once: it is synchronised then, or the log says why not. Without connections nothing is ever known.
    pub async fn follow(&self, connections: &[Connection]) -> KeyValueFollowers {
        let mut tasks = JoinSet::new();
        let clients = connections.iter().map(Connection::client);
        let Some(lines) = Lines::new(clients, self.domain.as_deref()) else {
            return KeyValueFollowers { _tasks: tasks };
        };
        for bucket in self.buckets.values() {
            let follower = Follower::new(Arc::clone(bucket), lines.clone());
            tasks.spawn(follower.run());
        }
        for bucket in self.buckets.values() {
            bucket.tried().await;
        }
        KeyValueFollowers { _tasks: tasks }
    }

    /// How it is going with each bucket.
    pub fn samples(&self) -> Vec<Sample> {
        self.buckets
            .values()
            .flat_map(|bucket| bucket.samples())
            .collect()
    }
}

impl KeyValues for KeyValueMirror {
    fn serves(&self, bucket: &BucketName) -> bool {
        self.buckets.contains_key(bucket)
    }

    fn get(&self, bucket: &BucketName, key: &str) -> Result<Option<Arc<str>>, LookUpError> {
        match self.buckets.get(bucket) {
            Some(bucket) => bucket.get(key, SystemTime::now()),
            None => Err(LookUpError::Unknown(bucket.clone())),
        }
    }
}
