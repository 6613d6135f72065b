//! What the host has of one bucket.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::SystemTime;

use portcullis_core::{BucketName, LookUpError};
use tokio::sync::watch;

use super::entry::{Change, Entry};
use crate::sample::Sample;

/// One bucket, as far as it is known.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) name: BucketName,
    limit: u64,
    known: RwLock<Known>,
    /// Whether it has been tried to synchronise it.
    tried: watch::Sender<bool>,
    /// How often it was synchronised.
    synchronised: AtomicU64,
}

#[derive(Debug, Default)]
enum Known {
    /// Nothing: it was never synchronised, or it is gone.
    #[default]
    Nothing,
    /// Everything, up to now or up to when it was lost.
    All { content: Content, is_current: bool },
    /// It holds more than the host keeps.
    TooLarge,
}

/// Keys and values.
#[derive(Debug, Default)]
pub(super) struct Content {
    entries: HashMap<String, Entry>,
    bytes: u64,
}

/// More than the host keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

impl Content {
    /// Makes a change, if there is room for it.
    pub(super) fn apply(&mut self, (key, entry): Change, limit: u64) -> Result<(), TooLarge> {
        if let Some(old) = self.entries.remove(&key) {
            self.bytes = self.bytes.saturating_sub(old.size(&key));
        }
        let Some(entry) = entry else { return Ok(()) };
        self.bytes = self.bytes.saturating_add(entry.size(&key));
        self.entries.insert(key, entry);
        if self.bytes > limit {
            return Err(TooLarge);
        }
        Ok(())
    }

    /// Forgets what is before `revision`, the first that the stream still has, and what has expired.
    fn forget(&mut self, revision: u64, now: SystemTime) {
        let bytes = &mut self.bytes;
        self.entries.retain(|key, entry| {
            let stays = entry.revision >= revision && !entry.has_expired(now);
            if !stays {
                *bytes = bytes.saturating_sub(entry.size(key));
            }
            stays
        });
    }

    pub(super) fn keys(&self) -> usize {
        self.entries.len()
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Bucket {
    pub(super) fn new(name: BucketName, limit: u64) -> Self {
        Self {
            name,
            limit,
            known: RwLock::default(),
            tried: watch::Sender::new(false),
            synchronised: AtomicU64::new(0),
        }
    }

    /// The most bytes it may have.
    pub(super) const fn limit(&self) -> u64 {
        self.limit
    }

    /// The value of `key` at the time `now`.
    pub(super) fn get(&self, key: &str, now: SystemTime) -> Result<Option<Arc<str>>, LookUpError> {
        match &*self.read() {
            Known::Nothing => Err(LookUpError::NotSynchronised(self.name.clone())),
            Known::TooLarge => Err(LookUpError::TooLarge {
                bucket: self.name.clone(),
                limit: self.limit,
            }),
            Known::All { content, .. } => match content.entries.get(key) {
                Some(entry) if !entry.has_expired(now) => match &entry.value {
                    Some(value) => Ok(Some(Arc::clone(value))),
                    None => Err(LookUpError::NotText(self.name.clone())),
                },
                _ => Ok(None),
            },
        }
    }

    /// All of it is known, and this is it.
    pub(super) fn publish(&self, content: Content) {
        self.synchronised.fetch_add(1, Ordering::Relaxed);
        let known = Known::All {
            content,
            is_current: true,
        };
        // What was there may be large, and nobody is to wait until it is freed.
        let before = std::mem::replace(&mut *self.write(), known);
        drop(before);
        self.tried.send_replace(true);
    }

    /// It has changed.
    pub(super) fn apply(&self, change: Change) -> Result<(), TooLarge> {
        match &mut *self.write() {
            Known::All { content, .. } => content.apply(change, self.limit),
            Known::Nothing | Known::TooLarge => Ok(()),
        }
    }

    /// The stream has nothing before `revision`.
    pub(super) fn forget(&self, revision: u64, now: SystemTime) {
        if let Known::All { content, .. } = &mut *self.write() {
            content.forget(revision, now);
        }
    }

    /// What is known may be out of date from now on, and keeps being the answer. Whether something is known.
    pub(super) fn lose(&self) -> bool {
        self.tried.send_replace(true);
        match &mut *self.write() {
            Known::All { is_current, .. } => {
                *is_current = false;
                true
            }
            Known::Nothing | Known::TooLarge => false,
        }
    }

    /// There is no such bucket.
    pub(super) fn clear(&self) {
        *self.write() = Known::Nothing;
        self.tried.send_replace(true);
    }

    /// It is too large.
    pub(super) fn overflow(&self) {
        *self.write() = Known::TooLarge;
        self.tried.send_replace(true);
    }

    /// Waits until it has been tried to synchronise it.
    pub(super) async fn tried(&self) {
        // The sender is here, so that waiting does not fail.
        let _ = self.tried.subscribe().wait_for(|tried| *tried).await;
    }

    /// How often all of it was read.
    pub(super) fn synchronisations(&self) -> u64 {
        self.synchronised.load(Ordering::Relaxed)
    }

    pub(super) fn samples(&self) -> Vec<Sample> {
        let (current, keys, bytes) = match &*self.read() {
            Known::All {
                content,
                is_current,
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
        ];
        let labelled = |sample: Sample| sample.with("bucket", self.name.as_str());
        samples.into_iter().map(labelled).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn entry(value: &str, revision: u64) -> Entry {
        Entry {
            value: Some(value.into()),
            revision,
            expires: None,
        }
    }

    fn put(key: &str, value: &str, revision: u64) -> Change {
        (key.to_owned(), Some(entry(value, revision)))
    }

    fn bucket() -> Bucket {
        Bucket::new("users".parse().unwrap(), 1000)
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
        bucket.publish(Content::default());
        assert_eq!(bucket.get("a", NOW), Ok(None));
        bucket.apply(put("a", "1", 1)).unwrap();
        assert!(bucket.lose(), "something is known");
        assert_eq!(get(&bucket, "a").as_deref(), Some("1"), "what was known");
        bucket.clear();
        assert_eq!(bucket.get("a", NOW), unknown);
        assert!(!bucket.lose());
    }

    #[test]
    fn what_is_too_large_is_an_error_and_what_is_gone_makes_room() {
        let bucket = bucket();
        bucket.publish(Content::default());
        for revision in 1..100 {
            bucket.apply(put("a", &"x".repeat(800), revision)).unwrap();
        }
        bucket.apply(("a".to_owned(), None)).unwrap();
        bucket.apply(put("b", &"x".repeat(800), 100)).unwrap();
        assert_eq!(bucket.apply(put("c", &"x".repeat(100), 101)), Err(TooLarge));
        bucket.overflow();
        let limit = 1000;
        let name = bucket.name.clone();
        let error = LookUpError::TooLarge {
            bucket: name,
            limit,
        };
        assert_eq!(bucket.get("b", NOW), Err(error));
    }

    #[test]
    fn what_the_stream_has_no_more_is_forgotten() {
        let bucket = bucket();
        let mut content = Content::default();
        let soon = NOW + Duration::from_secs(1);
        let mut brief = entry("brief", 5);
        brief.expires = Some(soon);
        for change in [
            put("old", "1", 3),
            put("new", "2", 4),
            ("brief".to_owned(), Some(brief)),
        ] {
            content.apply(change, 1000).unwrap();
        }
        bucket.publish(content);
        assert_eq!(get(&bucket, "brief").as_deref(), Some("brief"));
        assert_eq!(bucket.get("brief", soon), Ok(None));
        bucket.forget(4, soon);
        let found = ["old", "new", "brief"].map(|key| get(&bucket, key));
        assert_eq!(found, [None, Some("2".to_owned()), None]);
        let Known::All { content, .. } = &*bucket.read() else {
            panic!("all is known")
        };
        assert_eq!(content.bytes(), entry("2", 4).size("new"));
    }
}
