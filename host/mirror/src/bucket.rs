//! The local copy of one bucket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::RwLock;
use portcullis_core::{BucketName, LookUpError, Sample};
use tokio::sync::watch;

use crate::content::{Content, Counts, NotText, TooLarge};
use crate::copy::BucketCopy;
use crate::entry::Change;

/// One bucket, with its local copy if there is one.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) name: BucketName,
    limit: u64,
    known: RwLock<Known>,
    /// `true` once the first synchronisation has succeeded or failed.
    tried: watch::Sender<bool>,
    /// Notified after each change of the copy or of its state.
    changes: watch::Sender<()>,
    /// The number of complete readings.
    synchronised: AtomicU64,
    /// The number of messages in the consumer's inbox that the consumer did not send.
    forged: AtomicU64,
}

#[derive(Debug, Default)]
enum Known {
    /// No copy: the bucket was never synchronised, or it is gone.
    #[default]
    Nothing,
    /// A complete copy, of now or of the time when the connection was lost.
    All {
        content: Content,
        /// The first tokens of the subjects of the bucket's keys.
        prefix: String,
        is_current: bool,
    },
    /// The bucket is over the limit.
    TooLarge,
}

impl Bucket {
    pub(crate) fn new(name: BucketName, limit: u64) -> Self {
        Self {
            name,
            limit,
            known: RwLock::default(),
            tried: watch::Sender::new(false),
            changes: watch::Sender::new(()),
            synchronised: AtomicU64::new(0),
            forged: AtomicU64::new(0),
        }
    }

    /// Returns the maximum size, in bytes.
    pub(crate) const fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns the value of `key` at the time `now`.
    pub(crate) fn get(&self, key: &str, now: SystemTime) -> Result<Option<Arc<str>>, LookUpError> {
        match &*self.known.read() {
            Known::Nothing => Err(LookUpError::NotSynchronised(self.name.clone())),
            Known::TooLarge => Err(self.too_large()),
            Known::All {
                content, prefix, ..
            } => match content.get(&[prefix, key].concat(), now) {
                None => Ok(None),
                Some(Ok(value)) => Ok(Some(Arc::clone(value))),
                Some(Err(NotText)) => Err(LookUpError::NotText(self.name.clone())),
            },
        }
    }

    /// Returns all keys at the time `now`.
    pub(crate) fn copy(&self, now: SystemTime) -> Result<BucketCopy, LookUpError> {
        match &*self.known.read() {
            Known::Nothing => Err(LookUpError::NotSynchronised(self.name.clone())),
            Known::TooLarge => Err(self.too_large()),
            Known::All {
                content,
                prefix,
                is_current,
            } => Ok(BucketCopy {
                is_current: *is_current,
                keys: content.copy(prefix, now),
            }),
        }
    }

    /// Returns a receiver that is notified after each change.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    fn too_large(&self) -> LookUpError {
        LookUpError::TooLarge {
            bucket: self.name.clone(),
            limit: self.limit,
        }
    }

    /// Publishes `content` as the complete copy. The subjects of the keys begin with `prefix`.
    pub(crate) fn publish(&self, content: Content, prefix: String) {
        self.synchronised.fetch_add(1, Ordering::Relaxed);
        let known = Known::All {
            content,
            prefix,
            is_current: true,
        };
        // The old copy can be large, so it is freed after the lock is released.
        let before = std::mem::replace(&mut *self.known.write(), known);
        drop(before);
        self.tried.send_replace(true);
        self.changes.send_replace(());
    }

    /// Applies a change to the copy.
    pub(crate) fn apply(&self, change: Change) -> Result<(), TooLarge> {
        let applied = match &mut *self.known.write() {
            Known::All { content, .. } => content.apply(change, self.limit),
            Known::Nothing | Known::TooLarge => Ok(()),
        };
        self.changes.send_replace(());
        applied
    }

    /// Compares the copy with the server's counts at the same position. Returns whether both agree;
    /// if not, the copy is out of date.
    pub(crate) fn agrees(&self, counts: &Counts, now: SystemTime) -> bool {
        match &mut *self.known.write() {
            Known::All {
                content,
                is_current,
                ..
            } => {
                *is_current = content.reconcile(counts, now);
                *is_current
            }
            Known::Nothing | Known::TooLarge => true,
        }
    }

    /// Marks the copy as out of date. Look-ups still use it.
    pub(crate) fn doubt(&self) {
        if let Known::All { is_current, .. } = &mut *self.known.write() {
            *is_current = false;
        }
    }

    /// Counts a message in the consumer's inbox that the consumer did not send.
    pub(crate) fn count_forged(&self) {
        self.forged.fetch_add(1, Ordering::Relaxed);
    }

    /// Marks the copy as possibly out of date; look-ups still use it. Returns whether a copy
    /// exists.
    pub(crate) fn lose(&self) -> bool {
        self.tried.send_replace(true);
        let is_known = match &mut *self.known.write() {
            Known::All { is_current, .. } => {
                *is_current = false;
                true
            }
            Known::Nothing | Known::TooLarge => false,
        };
        self.changes.send_replace(());
        is_known
    }

    /// Drops the copy, because the bucket does not exist.
    pub(crate) fn clear(&self) {
        *self.known.write() = Known::Nothing;
        self.tried.send_replace(true);
        self.changes.send_replace(());
    }

    /// Drops the copy, because the bucket is over the limit.
    pub(crate) fn overflow(&self) {
        *self.known.write() = Known::TooLarge;
        self.tried.send_replace(true);
        self.changes.send_replace(());
    }

    /// Waits until the first synchronisation has succeeded or failed.
    pub(crate) async fn tried(&self) {
        // Waiting cannot fail: the sender is a field of `self`.
        let _ = self.tried.subscribe().wait_for(|tried| *tried).await;
    }

    /// Returns the number of complete readings.
    pub(crate) fn synchronisations(&self) -> u64 {
        self.synchronised.load(Ordering::Relaxed)
    }

    pub(crate) fn samples(&self) -> Vec<Sample> {
        let (current, keys, bytes) = match &*self.known.read() {
            Known::All {
                content,
                is_current,
                ..
            } => (*is_current, content.keys(), content.bytes()),
            Known::Nothing | Known::TooLarge => (false, 0, 0),
        };
        let samples = [
            Sample::gauge(
                "key_value_current",
                "Whether the host has all of the key-value bucket as it is now, 0 or 1",
                if current { 1.0 } else { 0.0 },
            ),
            Sample::whole(
                "key_value_keys",
                "Keys of the key-value bucket that the host has",
                keys,
            ),
            Sample::whole(
                "key_value_bytes",
                "What they and their values take, in bytes",
                bytes,
            ),
            Sample::counter(
                "key_value_synchronisations",
                "How often the host has read all of the key-value bucket",
                self.synchronisations(),
            ),
            Sample::counter(
                "key_value_forged",
                "Messages in the inbox of the key-value bucket that its consumer did not send",
                self.forged.load(Ordering::Relaxed),
            ),
        ];
        let labelled = |sample: Sample| sample.with("bucket", self.name.as_str());
        samples.into_iter().map(labelled).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Entry, Value};

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn entry(value: Value, revision: u64) -> Entry {
        Entry {
            value,
            revision,
            stored: NOW,
            expires: None,
        }
    }

    fn put(key: &str, value: &str, revision: u64) -> Change {
        let entry = entry(Value::Text(value.into()), revision);
        (format!("$KV.users.{key}"), entry)
    }

    fn bucket() -> Bucket {
        Bucket::new("users".parse().unwrap(), 1200)
    }

    fn publish(bucket: &Bucket) {
        bucket.publish(Content::default(), "$KV.users.".to_owned());
    }

    fn get(bucket: &Bucket, key: &str) -> Option<String> {
        let value = bucket.get(key, NOW).unwrap();
        value.map(|value| value.to_string())
    }

    #[test]
    fn nothing_is_absent_before_everything_is_known_or_after_it_is_gone() {
        let bucket = bucket();
        let unknown = Err(LookUpError::NotSynchronised(bucket.name.clone()));
        assert_eq!(bucket.get("a", NOW), unknown);
        publish(&bucket);
        assert_eq!(bucket.get("a", NOW), Ok(None));
        bucket.apply(put("a", "1", 1)).unwrap();
        assert!(bucket.lose(), "something is known");
        assert_eq!(get(&bucket, "a").as_deref(), Some("1"), "what was known");
        bucket.clear();
        assert_eq!(bucket.get("a", NOW), unknown);
        assert!(!bucket.lose());
    }

    #[test]
    fn a_copy_has_the_keys_and_each_change_is_told() {
        let bucket = bucket();
        let mut changes = bucket.changes();
        assert!(bucket.copy(NOW).is_err(), "nothing is known");
        publish(&bucket);
        bucket.apply(put("a", "1", 1)).unwrap();
        let gone = entry(Value::Absent, 2);
        bucket.apply(("$KV.users.b".to_owned(), gone)).unwrap();
        let foreign = entry(Value::Text("2".into()), 3);
        bucket.apply(("orders.c".to_owned(), foreign)).unwrap();
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        let copy = bucket.copy(NOW).unwrap();
        assert!(copy.is_current);
        let keys: Vec<_> = copy.keys.keys().map(String::as_str).collect();
        assert_eq!(keys, ["a"]);
        assert_eq!(copy.keys["a"].text.as_deref(), Some("1"));
        assert!(!format!("{copy:?}").contains('1'), "{copy:?}");
        bucket.lose();
        assert!(changes.has_changed().unwrap());
        assert!(!bucket.copy(NOW).unwrap().is_current);
    }

    #[test]
    fn what_is_too_large_is_an_error_and_what_is_gone_makes_room() {
        let bucket = bucket();
        publish(&bucket);
        for revision in 1..100 {
            bucket.apply(put("a", &"x".repeat(800), revision)).unwrap();
        }
        let gone = entry(Value::Absent, 100);
        bucket.apply(("$KV.users.a".to_owned(), gone)).unwrap();
        assert_eq!(get(&bucket, "a"), None);
        bucket.apply(put("b", &"x".repeat(800), 101)).unwrap();
        assert_eq!(bucket.apply(put("c", &"x".repeat(200), 102)), Err(TooLarge));
        bucket.overflow();
        let error = LookUpError::TooLarge {
            bucket: bucket.name.clone(),
            limit: bucket.limit(),
        };
        assert_eq!(bucket.get("b", NOW), Err(error));
    }

    #[test]
    fn a_bucket_that_the_server_counts_otherwise_is_not_current() {
        let bucket = bucket();
        publish(&bucket);
        bucket.apply(put("a", "1", 1)).unwrap();
        let is_current = |bucket: &Bucket| {
            let samples = bucket.samples();
            let current = samples
                .iter()
                .find(|sample| sample.name == "key_value_current");
            current.map(|sample| sample.value.clone())
        };
        let counts = |subjects| Counts {
            messages: subjects,
            subjects,
            first: 1,
            last: 1,
        };
        assert!(bucket.agrees(&counts(1), NOW));
        assert_eq!(
            is_current(&bucket),
            Some(portcullis_core::SampleValue::Gauge(1.0))
        );
        assert!(!bucket.agrees(&counts(0), NOW));
        assert_eq!(
            is_current(&bucket),
            Some(portcullis_core::SampleValue::Gauge(0.0))
        );
        assert_eq!(get(&bucket, "a").as_deref(), Some("1"), "what was known");
    }
}
