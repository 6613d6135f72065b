//! The bucket of locks, and the copy of it in the state directory.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_authority::{Lock, LockCopy};
use portcullis_config::Config;
use portcullis_connect::connect_all;
use portcullis_core::{BucketName, with_causes};
use portcullis_files::{Disk as _, ReadError, SystemDisk};
use portcullis_mirror::{BucketCopy, KeyValueMirror, KeyValueOptions};
use tokio::time::timeout;

use super::servers;
use crate::doctor::evidence::{FoundLock, LockCopyFound, Locks};

/// Maximum size of the copy, in bytes.
const MAX_SIZE: u64 = 128 << 20;

/// Maximum time to read the bucket.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the locks as the host does. `None` if the configuration names no bucket of locks.
pub(super) async fn read(config: &Config) -> Option<Locks> {
    let bucket = config.key_value.locks.clone()?;
    let known = match timeout(PATIENCE, follow(config, &bucket)).await {
        Ok(read) => read,
        Err(_) => Err(format!("it was not read within {PATIENCE:?}")),
    };
    let file = config.policies.state_directory.join(LockCopy::FILE);
    Some(Locks {
        copy: read_copy(&file, &bucket),
        file,
        known: known.map(|copy| found(&copy)),
        bucket: bucket.to_string(),
    })
}

/// Reads the bucket, with the permissions and the limits of the host.
async fn follow(config: &Config, bucket: &BucketName) -> Result<BucketCopy, String> {
    let nats = config.key_value.nats.as_deref().unwrap_or(&config.nats);
    let connections = connect_all(&servers::options(nats), NonZeroUsize::MIN).await;
    let connections = connections.map_err(|error| with_causes(&error))?;
    let mirror = KeyValueMirror::new(KeyValueOptions {
        buckets: vec![bucket.clone()],
        ..config.key_value.mirror.clone()
    });
    let _followers = mirror.follow(&connections).await;
    mirror.copy(bucket).map_err(|_| {
        format!(
            "the bucket is missing or over `max-bytes`, JetStream does not answer, or the user lacks a permission for \
             `$JS.API.STREAM.INFO.KV_{bucket}` or `$JS.API.CONSUMER.CREATE.KV_{bucket}.>`"
        )
    })
}

fn found(copy: &BucketCopy) -> Vec<FoundLock> {
    let seconds = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    };
    let locks = copy.keys.iter().map(|(key, value)| {
        let lock = value.text.as_deref().map(serde_json::from_str::<Lock>);
        FoundLock {
            key: key.clone(),
            since: seconds(value.stored),
            expires: value.expires.map(seconds),
            lock: lock.and_then(Result::ok),
        }
    });
    locks.collect()
}

fn read_copy(file: &Path, bucket: &BucketName) -> LockCopyFound {
    let content = match SystemDisk.read(file, MAX_SIZE) {
        Ok(content) => content,
        Err(ReadError::Missing) => return LockCopyFound::Missing,
        Err(error) => return LockCopyFound::Unusable(with_causes(&error)),
    };
    match LockCopy::read(&content.bytes, bucket) {
        Ok(copy) => LockCopyFound::Confirmed(copy.confirmed_at()),
        Err(error) => LockCopyFound::Unusable(with_causes(&error)),
    }
}
