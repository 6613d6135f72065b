//! One message of a bucket's stream, and what it says of a key.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_nats::Message;
use async_nats::header::{NATS_MARKER_REASON, NATS_MESSAGE_TTL};

/// How clients mark that a key is gone (ADR-8).
const OPERATION: &str = "KV-Operation";
/// What the subjects of all buckets begin with.
const PREFIX: &str = "$KV.";

/// The value of a key. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// None if it is not text.
    pub(super) value: Option<Arc<str>>,
    /// Which message of the stream it came with.
    pub(super) revision: u64,
    /// When the server forgets it, without saying so.
    pub(super) expires: Option<SystemTime>,
}

/// What a message says: the key, and its entry unless it is gone.
pub(super) type Change = (String, Option<Entry>);

impl Entry {
    /// What an entry takes besides its key and its value, about, in bytes.
    const OVERHEAD: u64 = 96;

    /// What it takes under `key`, in bytes.
    pub(super) fn size(&self, key: &str) -> u64 {
        let value = self.value.as_ref().map_or(0, |value| value.len());
        let bytes = u64::try_from(key.len().saturating_add(value)).unwrap_or(u64::MAX);
        bytes.saturating_add(Self::OVERHEAD)
    }

    pub(super) fn has_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|end| end <= now)
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

/// Reads a message that came into the stream at `published` as number `revision`, in a bucket that keeps entries for `max_age` at
/// most. Nothing if it is no entry of a bucket.
pub(super) fn read(
    message: &Message,
    revision: u64,
    published: SystemTime,
    max_age: Option<Duration>,
) -> Option<Change> {
    // The bucket's own name, or that of the bucket it is a copy of.
    let (_, key) = message.subject.strip_prefix(PREFIX)?.split_once('.')?;
    let header = |name: &str| Some(message.headers.as_ref()?.get(name)?.as_str());
    let is_gone = match header(OPERATION) {
        Some(operation) => matches!(operation, "DEL" | "PURGE"),
        // Servers mark by themselves what has expired, where they are told to.
        None => header(NATS_MARKER_REASON.as_ref()).is_some(),
    };
    if is_gone {
        return Some((key.to_owned(), None));
    }
    let own_age = header(NATS_MESSAGE_TTL.as_ref()).and_then(time_to_live);
    let age = max_age.into_iter().chain(own_age).min();
    let value = std::str::from_utf8(&message.payload).ok();
    let entry = Entry {
        value: value.map(Arc::from),
        revision,
        expires: age.and_then(|age| published.checked_add(age)),
    };
    Some((key.to_owned(), Some(entry)))
}

/// `Nats-TTL`: seconds, or a duration as Go writes it; nothing for `never`.
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

    fn change(headers: &[(&str, &str)], max_age: Option<Duration>) -> Option<Entry> {
        let message = message("$KV.users.a.b", headers, b"secret");
        let (key, entry) = read(&message, 7, PUBLISHED, max_age).unwrap();
        assert_eq!(key, "a.b");
        entry
    }

    #[test]
    fn a_value_is_an_entry_that_does_not_show_itself() {
        let entry = change(&[("KV-Operation", "PUT")], None).unwrap();
        assert_eq!(
            (entry.value.as_deref(), entry.expires),
            (Some("secret"), None)
        );
        assert!(!format!("{entry:?}").contains("secret"));
        let other = read(&message("$KV.b.k", &[], &[0xff]), 7, PUBLISHED, None);
        assert_eq!(other.unwrap().1.unwrap().value, None, "not text");
        assert_eq!(
            read(&message("orders.1", &[], b"1"), 7, PUBLISHED, None),
            None
        );
    }

    #[test]
    fn deletes_purges_and_marks_of_the_server_end_an_entry() {
        for gone in [
            ("KV-Operation", "DEL"),
            ("KV-Operation", "PURGE"),
            ("Nats-Marker-Reason", "MaxAge"),
            ("Nats-Marker-Reason", "Remove"),
        ] {
            assert_eq!(change(&[gone], None), None, "{gone:?}");
        }
    }

    #[test]
    fn an_entry_ends_by_the_buckets_age_or_its_own() {
        let end = |headers: &[(&str, &str)], max_age| {
            let end = change(headers, max_age).unwrap().expires?;
            Some(end.duration_since(PUBLISHED).unwrap().as_secs())
        };
        let hour = Some(Duration::from_hours(1));
        assert_eq!(end(&[], hour), Some(3600));
        assert_eq!(end(&[("Nats-TTL", "90")], hour), Some(90));
        assert_eq!(end(&[("Nats-TTL", "1h30m0s")], None), Some(5400));
        assert_eq!(end(&[("Nats-TTL", "never")], None), None);
    }
}
