//! Local copies of NATS key-value buckets, so that a policy can look up keys during a decision.
//!
//! A bucket is read completely, then followed. Look-ups never wait for the network. An unknown
//! bucket is an error and never an absent key; while the connection is lost, the last copy answers.
//!
//! # Layout
//!
//! - [`KeyValueOptions`], [`KeyValueMirror`], [`KeyValueFollowers`]: the buckets, their copies, and
//!   the tasks that follow them.
//! - [`BucketCopy`]: all keys of a bucket at one moment.
//! - [`mirror_permissions`], [`keeper_permissions`]: the permissions of the user that reads a
//!   bucket, and of a user that writes to it.
//!
//! # Example
//!
//! ```no_run
//! use portcullis_connect::{ConnectionOptions, connect_all};
//! use portcullis_core::KeyValues as _;
//! use portcullis_mirror::{KeyValueMirror, KeyValueOptions};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let options = ConnectionOptions::new("revocations", vec!["nats://127.0.0.1".to_owned()]);
//! let connections = connect_all(&options, std::num::NonZeroUsize::MIN).await?;
//! let mirror = KeyValueMirror::new(KeyValueOptions::new(vec!["revoked".parse()?]));
//! let _followers = mirror.follow(&connections).await;
//! let revoked = mirror.get(&"revoked".parse()?, "alice")?.is_some();
//! # Ok(())
//! # }
//! ```

mod audit;
mod bucket;
mod connections;
mod content;
mod copy;
mod ended;
mod entry;
mod feed;
mod follow;
mod permissions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use portcullis_core::{BucketName, KeyValues, LookUpError, Sample};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::bucket::Bucket;
use crate::connections::Connections;
use crate::follow::Follower;
use portcullis_connect::Connection;

pub use copy::{BucketCopy, CopiedValue};
pub use permissions::{keeper_permissions, mirror_permissions};

/// The buckets to mirror.
///
/// [`KeyValueOptions::new`] sets the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValueOptions {
    /// The buckets, in the account of the connections that they are followed over.
    pub buckets: Vec<BucketName>,
    /// The maximum size of one bucket, keys and values included, in bytes. Look-ups in a larger
    /// bucket fail. Default: 16 MiB.
    pub max_bytes: u64,
    /// The `JetStream` domain of the buckets. Default: `None`, the server's own.
    pub domain: Option<String>,
}

/// The local copies of the buckets. Clones share everything.
///
/// The mirror knows no bucket before [`follow`](Self::follow). An unknown bucket is an error and
/// never an absent key. While the connection is lost, the last copy answers.
#[derive(Clone, Debug)]
pub struct KeyValueMirror {
    buckets: Arc<BTreeMap<BucketName, Arc<Bucket>>>,
    domain: Option<String>,
}

/// The tasks that keep a [`KeyValueMirror`] up to date, until this value is dropped.
#[derive(Debug)]
pub struct KeyValueFollowers {
    _tasks: JoinSet<()>,
}

impl KeyValueOptions {
    /// Creates options for `buckets`, with every default.
    pub const fn new(buckets: Vec<BucketName>) -> Self {
        Self {
            buckets,
            max_bytes: 16 << 20,
            domain: None,
        }
    }
}

impl KeyValueMirror {
    /// Creates a mirror that knows no bucket yet.
    pub fn new(options: KeyValueOptions) -> Self {
        let limit = options.max_bytes;
        let bucket = |name: BucketName| (name.clone(), Arc::new(Bucket::new(name, limit)));
        Self {
            buckets: Arc::new(options.buckets.into_iter().map(bucket).collect()),
            domain: options.domain,
        }
    }

    /// Starts to follow the buckets, over the first of `connections` that works. Waits until each
    /// bucket has been tried once: it is synchronised then, or the log has the reason. Without
    /// connections, the mirror never knows a bucket.
    pub async fn follow(&self, connections: &[Connection]) -> KeyValueFollowers {
        let mut tasks = JoinSet::new();
        let clients = connections.iter().map(Connection::client);
        let Some(connections) = Connections::new(clients, self.domain.as_deref()) else {
            return KeyValueFollowers { _tasks: tasks };
        };
        for bucket in self.buckets.values() {
            let follower = Follower::new(Arc::clone(bucket), connections.clone());
            tasks.spawn(follower.run());
        }
        for bucket in self.buckets.values() {
            bucket.tried().await;
        }
        KeyValueFollowers { _tasks: tasks }
    }

    /// Returns all keys of `bucket` that are known now.
    ///
    /// # Errors
    ///
    /// Fails if the content is unknown, as a look-up does.
    pub fn copy(&self, bucket: &BucketName) -> Result<BucketCopy, LookUpError> {
        match self.buckets.get(bucket) {
            Some(bucket) => bucket.copy(SystemTime::now()),
            None => Err(LookUpError::Unknown(bucket.clone())),
        }
    }

    /// Returns a receiver that is notified after each change of `bucket`, and when the bucket is
    /// lost. `None` if the mirror does not have the bucket.
    pub fn changes(&self, bucket: &BucketName) -> Option<watch::Receiver<()>> {
        Some(self.buckets.get(bucket)?.changes())
    }

    /// Returns the state and the counts of each bucket as samples.
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
