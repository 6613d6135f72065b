//! Key-value buckets in which policies may look up keys.

mod bucket;
mod fixed;

use std::fmt;
use std::sync::Arc;

use crate::PolicyName;
pub use bucket::{BucketName, InvalidBucketName};
pub use fixed::FixedKeyValues;

/// The source of the values that policies look up.
///
/// Policies look up keys during a decision. Implementations answer from memory, without delay, and
/// allow calls from many threads.
pub trait KeyValues: fmt::Debug + Send + Sync + 'static {
    /// Returns whether the host is configured to serve `bucket`. A policy with a grant for any
    /// other bucket is not loaded.
    fn serves(&self, bucket: &BucketName) -> bool;

    /// Returns the value of `key`. `None` if the bucket is known to have no such key.
    ///
    /// # Errors
    ///
    /// Fails if the value is unknown. A failure is never reported as an absent key.
    fn get(&self, bucket: &BucketName, key: &str) -> Result<Option<Arc<str>>, LookUpError>;
}

/// A reason why the value of a key is unknown, on one line. Policies receive it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookUpError {
    /// The host's configuration has no such bucket.
    #[error("bucket `{0}` is not among `buckets` under [key-value] of the host's configuration")]
    Unknown(BucketName),
    /// The policy has no grant for this bucket.
    #[error(
        "bucket `{bucket}` is not granted: list it in `key-value` under [policies.grants.{policy}] in portcullis.toml",
        bucket = .bucket.escape_debug()
    )]
    NotGranted {
        /// The bucket, as the policy named it.
        bucket: String,
        /// The policy.
        policy: PolicyName,
    },
    /// The host does not have the whole bucket yet, or the bucket was deleted.
    #[error("bucket `{0}` is not synchronised: the host's log says why")]
    NotSynchronised(BucketName),
    /// The login is decided without a connection, and its description does not have the bucket.
    #[error(
        "bucket `{bucket}` is not described, and no server is asked: in the file with the login, add `\"key-value\": {{ \"{bucket}\": \
         {{ \"{key}\": \"VALUE\" }} }}`, or `{{}}` for an empty bucket"
    )]
    NotDescribed {
        /// The bucket.
        bucket: BucketName,
        /// The key, which a bucket can have.
        key: String,
    },
    /// The bucket holds more bytes than the host keeps.
    #[error(
        "bucket `{bucket}` is larger than {limit} bytes: raise `max-bytes` under [key-value] if that is meant"
    )]
    TooLarge {
        /// The bucket.
        bucket: BucketName,
        /// Maximum size, in bytes.
        limit: u64,
    },
    /// The value is not UTF-8 text.
    #[error("the value of this key in bucket `{0}` is not UTF-8 text")]
    NotText(BucketName),
    /// No bucket can have such a key.
    #[error(
        "no key: a key has 1 to {MAX_KEY} letters, digits, `-`, `/`, `_`, `=` and `.`, and no `.` at an end"
    )]
    InvalidKey,
    /// The value is longer than a host call may return to a policy.
    #[error(
        "the value of this key in bucket `{bucket}` is longer than {limit} bytes: raise `host-call-bytes` under [limits] in the policy's \
         settings file"
    )]
    ValueTooLong {
        /// The bucket.
        bucket: BucketName,
        /// Maximum length, in bytes.
        limit: usize,
    },
    /// The decision has reached its maximum number of look-ups.
    #[error("a decision may look up {limit} keys")]
    TooMany {
        /// Maximum number of keys per decision.
        limit: usize,
    },
}

/// Maximum length of a key, in bytes.
const MAX_KEY: usize = 1024;

/// Returns whether a bucket can have such a key, by the rules of NATS clients (ADR-8).
pub fn is_key(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-/_=.".contains(&byte);
    (1..=MAX_KEY).contains(&text.len())
        && text.bytes().all(allowed)
        && !text.starts_with('.')
        && !text.ends_with('.')
}

/// An empty set of buckets.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeyValues;

impl KeyValues for NoKeyValues {
    fn serves(&self, _: &BucketName) -> bool {
        false
    }

    fn get(&self, bucket: &BucketName, _: &str) -> Result<Option<Arc<str>>, LookUpError> {
        Err(LookUpError::Unknown(bucket.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_that_nats_clients_take() {
        for key in ["a", "A-9_/=", "users.alice", &"k".repeat(MAX_KEY)] {
            assert!(is_key(key), "`{key}`");
        }
        for text in [
            "",
            ".a",
            "a.",
            "a b",
            "a@b",
            "a*",
            "a>",
            "é",
            "a\n",
            &"k".repeat(MAX_KEY + 1),
        ] {
            assert!(!is_key(text), "`{text}`");
        }
    }

    #[test]
    fn without_buckets_nothing_is_absent() {
        let bucket: BucketName = "revoked".parse().unwrap();
        assert!(!NoKeyValues.serves(&bucket));
        assert!(NoKeyValues.get(&bucket, "alice").is_err());
    }
}
