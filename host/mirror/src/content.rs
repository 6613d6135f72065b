//! The keys and values of one bucket, and their comparison with the stream's counts.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_nats::jetstream::stream::State;

use crate::copy::CopiedValue;
use crate::entry::{Change, Entry, Value};

/// Maximum difference between a server's expiry and the host's clock, in either direction.
const SLACK: Duration = Duration::from_secs(10);

/// The last message on every subject of a bucket's stream.
#[derive(Debug, Default)]
pub(crate) struct Content {
    entries: HashMap<String, Entry>,
    /// The number of entries that are keys.
    keys: usize,
    bytes: u64,
    /// The first sequence number that the stream still has, by the last counts.
    first: u64,
}

/// A bucket over the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// The server's counts of the bucket's stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) messages: u64,
    pub(crate) subjects: u64,
    /// The sequence number of the oldest message.
    pub(crate) first: u64,
    /// The sequence number of the newest message, deleted ones included.
    pub(crate) last: u64,
}

impl Counts {
    pub(crate) const fn new(state: &State) -> Self {
        Self {
            messages: state.messages,
            subjects: state.subjects_count,
            first: state.first_sequence,
            last: state.last_sequence,
        }
    }
}

impl Content {
    /// Makes a change. Fails if the bucket is then over the limit.
    pub(crate) fn apply(&mut self, (subject, entry): Change, limit: u64) -> Result<(), TooLarge> {
        self.remove(&subject);
        self.bytes = self.bytes.saturating_add(entry.size(&subject));
        self.keys = self.keys.saturating_add(usize::from(entry.is_key()));
        self.entries.insert(subject, entry);
        if self.bytes > limit {
            return Err(TooLarge);
        }
        Ok(())
    }

    /// Returns the value under `subject` at the time `now`. `None` if the bucket has no such key.
    pub(crate) fn get(&self, subject: &str, now: SystemTime) -> Option<Result<&Arc<str>, NotText>> {
        let entry = self.entries.get(subject)?;
        match &entry.value {
            Value::Text(text) if !entry.expires_by(now) => Some(Ok(text)),
            Value::NotText if !entry.expires_by(now) => Some(Err(NotText)),
            _ => None,
        }
    }

    /// Returns every key that begins with `prefix` at the time `now`, without the prefix.
    pub(crate) fn copy(&self, prefix: &str, now: SystemTime) -> BTreeMap<String, CopiedValue> {
        let live = |entry: &&Entry| entry.is_key() && !entry.expires_by(now);
        let entries = self.entries.iter().filter(|(_, entry)| live(entry));
        let copied = entries.filter_map(|(subject, entry)| {
            let key = subject.strip_prefix(prefix)?.to_owned();
            Some((key, CopiedValue::from(entry)))
        });
        copied.collect()
    }

    /// Compares the content with `counts`, which the server made at the same position. Removes
    /// entries that the server has removed for a reason that shows: the oldest messages, and
    /// expired ones. Returns whether both sides then have the same number of subjects.
    pub(crate) fn reconcile(&mut self, counts: &Counts, now: SystemTime) -> bool {
        self.forget_before(counts.first);
        let here = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        let Some(missing) = here.checked_sub(counts.subjects) else {
            return false;
        };
        if missing == 0 {
            return true;
        }
        // Servers expire late and clocks differ, so an entry about to expire can be gone there.
        let latest = now.checked_add(SLACK).unwrap_or(now);
        let mut ends: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.expires_by(latest))
            .map(|(subject, entry)| (entry.expires, subject.clone()))
            .collect();
        if u64::try_from(ends.len()).unwrap_or(u64::MAX) < missing {
            return false;
        }
        // The server removes entries in the order of their expiry. An entry that has not expired by
        // the host's clock stays, and the next counts decide.
        ends.sort_unstable();
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        for (end, subject) in ends.into_iter().take(missing) {
            if end.is_some_and(|end| end <= now) {
                self.remove(&subject);
            }
        }
        true
    }

    /// Removes every entry older than `first`, the first message that the stream still has.
    fn forget_before(&mut self, first: u64) {
        if first <= self.first {
            return;
        }
        self.first = first;
        let (bytes, keys) = (&mut self.bytes, &mut self.keys);
        self.entries.retain(|subject, entry| {
            let stays = entry.revision >= first;
            if !stays {
                *bytes = bytes.saturating_sub(entry.size(subject));
                *keys = keys.saturating_sub(usize::from(entry.is_key()));
            }
            stays
        });
    }

    fn remove(&mut self, subject: &str) {
        if let Some(old) = self.entries.remove(subject) {
            self.bytes = self.bytes.saturating_sub(old.size(subject));
            self.keys = self.keys.saturating_sub(usize::from(old.is_key()));
        }
    }

    pub(crate) const fn keys(&self) -> usize {
        self.keys
    }

    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// A value that is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotText;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;
    const LIMIT: u64 = 10_000;

    fn entry(revision: u64, expires: Option<SystemTime>) -> Entry {
        Entry {
            value: Value::Text("1".into()),
            revision,
            stored: NOW,
            expires,
        }
    }

    /// Returns three keys and a delete marker.
    fn content() -> Content {
        let mut content = Content::default();
        for (revision, subject) in (1..).zip(["$KV.b.a", "$KV.b.b", "$KV.b.c"]) {
            let change = (subject.to_owned(), entry(revision, None));
            content.apply(change, LIMIT).unwrap();
        }
        let gone = Entry {
            value: Value::Absent,
            ..entry(4, None)
        };
        content.apply(("$KV.b.d".to_owned(), gone), LIMIT).unwrap();
        content
    }

    fn counts(subjects: u64, first: u64) -> Counts {
        Counts {
            messages: subjects,
            subjects,
            first,
            last: 4,
        }
    }

    #[test]
    fn a_subject_that_is_gone_or_unknown_is_noticed() {
        assert!(content().reconcile(&counts(4, 1), NOW));
        assert!(!content().reconcile(&counts(3, 1), NOW), "purged");
        assert!(!content().reconcile(&counts(5, 1), NOW), "unknown");
    }

    #[test]
    fn what_the_stream_has_no_more_is_forgotten() {
        let mut content = content();
        assert!(content.reconcile(&counts(1, 4), NOW));
        assert_eq!(content.keys(), 0);
        assert!(content.get("$KV.b.a", NOW).is_none());
        let marker = Entry {
            value: Value::Absent,
            ..entry(4, None)
        };
        assert_eq!(content.bytes(), marker.size("$KV.b.d"));
    }

    #[test]
    fn expired_values_explain_that_number_of_missing_subjects() {
        let brief = |end| {
            let mut content = content();
            let entry = entry(5, Some(end));
            content.apply(("$KV.b.e".to_owned(), entry), LIMIT).unwrap();
            content
        };
        let mut expired = brief(NOW);
        assert!(expired.reconcile(&counts(5, 1), NOW), "the server is late");
        assert!(expired.reconcile(&counts(4, 1), NOW));
        assert!(!expired.reconcile(&counts(3, 1), NOW), "one was purged");
        // About to end: it may be gone on the server, and is the answer until it ends here.
        let mut ending = brief(NOW + SLACK);
        assert!(ending.reconcile(&counts(4, 1), NOW));
        assert!(ending.get("$KV.b.e", NOW).is_some());
        assert!(!brief(NOW + 2 * SLACK).reconcile(&counts(4, 1), NOW));
    }
}
