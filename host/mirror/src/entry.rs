//! One message of a bucket's stream, read as the value or the deletion of a key.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_nats::Message;
use async_nats::header::{NATS_MARKER_REASON, NATS_MESSAGE_TTL};

/// The header with which clients mark a deleted key (ADR-8).
const OPERATION: &str = "KV-Operation";

/// The last message on one subject of a bucket's stream. `Debug` does not show the value.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    /// The message's sequence number in the stream.
    pub(crate) revision: u64,
    /// The time at which the server stored the message.
    pub(crate) stored: SystemTime,
    /// The time at which the server removes the message without notice.
    pub(crate) expires: Option<SystemTime>,
}

/// The value under a subject.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(Arc<str>),
    /// A value that is not UTF-8.
    NotText,
    /// No key: a delete marker, or a subject outside the bucket. Stored because the server counts
    /// the subject.
    Absent,
}

/// A subject of the stream, and the last message on it.
pub(crate) type Change = (String, Entry);

impl Entry {
    /// The approximate size of an entry without its subject and value, in bytes.
    const OVERHEAD: u64 = 96;

    /// Returns the size of the entry under `subject`, in bytes.
    pub(crate) fn size(&self, subject: &str) -> u64 {
        let value = match &self.value {
            Value::Text(text) => text.len(),
            Value::NotText | Value::Absent => 0,
        };
        let bytes = u64::try_from(subject.len().saturating_add(value)).unwrap_or(u64::MAX);
        bytes.saturating_add(Self::OVERHEAD)
    }

    pub(crate) fn expires_by(&self, time: SystemTime) -> bool {
        self.expires.is_some_and(|end| end <= time)
    }

    /// Returns whether the entry is a key of the bucket.
    pub(crate) fn is_key(&self) -> bool {
        self.value != Value::Absent
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Entry")
            .field("revision", &self.revision)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Reads the message that was stored at `published` with sequence number `revision`. The subjects
/// of the bucket's keys begin with `prefix`; `max_age` is the bucket's limit.
pub(crate) fn read(
    message: &Message,
    prefix: &str,
    revision: u64,
    published: SystemTime,
    max_age: Option<Duration>,
) -> Change {
    let header = |name: &str| Some(message.headers.as_ref()?.get(name)?.as_str());
    let is_gone = match header(OPERATION) {
        Some(operation) => matches!(operation, "DEL" | "PURGE"),
        // Servers themselves mark expired keys, if the bucket's limit markers are on.
        None => header(NATS_MARKER_REASON.as_ref()).is_some(),
    };
    let value = if is_gone || !message.subject.starts_with(prefix) {
        Value::Absent
    } else {
        let text = std::str::from_utf8(&message.payload);
        text.map_or(Value::NotText, |text| Value::Text(text.into()))
    };
    let own_age = header(NATS_MESSAGE_TTL.as_ref()).and_then(time_to_live);
    let age = max_age.into_iter().chain(own_age).min();
    let entry = Entry {
        value,
        revision,
        stored: published,
        expires: age.and_then(|age| published.checked_add(age)),
    };
    (message.subject.to_string(), entry)
}

/// Parses `Nats-TTL`: seconds, or a duration as Go writes it. Returns `None` for `never`.
fn time_to_live(text: &str) -> Option<Duration> {
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text).ok(),
    }
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderMap;

    use super::*;

    const PUBLISHED: SystemTime = SystemTime::UNIX_EPOCH;
    const PREFIX: &str = "$KV.users.";

    fn message(subject: &str, headers: &[(&str, &str)], payload: &'static [u8]) -> Message {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        Message {
            subject: subject.into(),
            reply: None,
            payload: payload.into(),
            headers: Some(map),
            status: None,
            description: None,
            length: 0,
        }
    }

    fn entry(headers: &[(&str, &str)], max_age: Option<Duration>) -> Entry {
        let message = message("$KV.users.a.b", headers, b"secret");
        let (subject, entry) = read(&message, PREFIX, 7, PUBLISHED, max_age);
        assert_eq!(subject, "$KV.users.a.b");
        entry
    }

    #[test]
    fn a_value_is_an_entry_that_does_not_show_itself() {
        let entry = entry(&[("KV-Operation", "PUT")], None);
        assert!(entry.value == Value::Text("secret".into()));
        assert_eq!(entry.expires, None);
        assert!(!format!("{entry:?}").contains("secret"));
        let other = message("$KV.users.k", &[], &[0xff]);
        let (_, other) = read(&other, PREFIX, 7, PUBLISHED, None);
        assert!(other.value == Value::NotText);
    }

    #[test]
    fn a_subject_outside_the_bucket_is_no_key() {
        for subject in ["orders.1", "$KV.other.alice", "$KV.usersx.alice"] {
            let foreign = message(subject, &[], b"1");
            let (_, entry) = read(&foreign, PREFIX, 7, PUBLISHED, None);
            assert!(!entry.is_key(), "{subject}");
        }
    }

    #[test]
    fn deletes_purges_and_marks_of_the_server_end_an_entry() {
        for gone in [
            ("KV-Operation", "DEL"),
            ("KV-Operation", "PURGE"),
            ("Nats-Marker-Reason", "MaxAge"),
            ("Nats-Marker-Reason", "Remove"),
        ] {
            assert!(!entry(&[gone], None).is_key(), "{gone:?}");
        }
    }

    #[test]
    fn an_entry_ends_by_the_buckets_age_or_its_own() {
        let end = |headers: &[(&str, &str)], max_age| {
            let end = entry(headers, max_age).expires?;
            Some(end.duration_since(PUBLISHED).unwrap().as_secs())
        };
        let hour = Some(Duration::from_hours(1));
        assert_eq!(end(&[], hour), Some(3600));
        assert_eq!(end(&[("Nats-TTL", "90")], hour), Some(90));
        assert_eq!(end(&[("Nats-TTL", "1h30m0s")], None), Some(5400));
        assert_eq!(end(&[("Nats-TTL", "never")], None), None);
    }
}
