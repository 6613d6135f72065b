//! Passwords that have matched lately.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use moka::sync::Cache;
use portcullis_core::Secret;

/// How many are remembered; those that have not been asked for the longest go first.
const MOST: u64 = 100_000;

/// Pairs of a stored hash and a password that matched it, as digests under a key that nobody else has and that dies with the
/// process.
pub(crate) struct Remembered {
    key: hmac::Key,
    pairs: Cache<[u8; 32], ()>,
}

/// The operating system gave no random bytes for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random bytes for the key of remembered passwords")]
pub struct NoRandomBytes;

impl Remembered {
    /// Remembers each pair for `time`, counted from the comparison.
    pub(crate) fn new(time: Duration) -> Result<Self, NoRandomBytes> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Ok(Self {
            key: key.map_err(|_| NoRandomBytes)?,
            pairs: Cache::builder()
                .max_capacity(MOST)
                .time_to_live(time)
                .build(),
        })
    }

    /// Whether `secret` has matched `hash` lately.
    pub(crate) fn knows(&self, secret: &Secret, hash: &str) -> bool {
        self.pairs.get(&self.digest(secret, hash)).is_some()
    }

    /// Notes that `secret` matches `hash`.
    pub(crate) fn note(&self, secret: &Secret, hash: &str) {
        self.pairs.insert(self.digest(secret, hash), ());
    }

    fn digest(&self, secret: &Secret, hash: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        // The length tells where the hash ends and the password begins.
        context.update(&hash.len().to_be_bytes());
        context.update(hash.as_bytes());
        context.update(secret.expose().as_bytes());
        let mut digest = [0; 32];
        for (to, from) in digest.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        digest
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Remembered")
            .field("pairs", &self.pairs.entry_count())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_known_and_nothing_like_it() {
        let remembered = Remembered::new(Duration::from_mins(1)).unwrap();
        let secret = Secret::new("b");
        assert!(!remembered.knows(&secret, "ha"));
        remembered.note(&secret, "ha");
        assert!(remembered.knows(&secret, "ha"));
        for (secret, hash) in [
            ("B", "ha"),
            ("b", "hb"),
            ("ab", "h"),
            ("", "hab"),
            ("b", ""),
        ] {
            assert!(
                !remembered.knows(&Secret::new(secret), hash),
                "{secret} {hash}"
            );
        }
        let other = Remembered::new(Duration::from_mins(1)).unwrap();
        assert_ne!(
            remembered.digest(&secret, "ha"),
            other.digest(&secret, "ha"),
            "each process has a key of its own"
        );
    }

    #[test]
    fn what_is_remembered_ends() {
        let remembered = Remembered::new(Duration::ZERO).unwrap();
        remembered.note(&Secret::new("b"), "h");
        assert!(!remembered.knows(&Secret::new("b"), "h"));
    }

    #[test]
    fn debug_shows_no_digest() {
        let remembered = Remembered::new(Duration::from_mins(1)).unwrap();
        remembered.note(&Secret::new("b"), "h");
        let shown = format!("{remembered:?}");
        assert!(shown.starts_with("Remembered { pairs: "), "{shown}");
    }
}
