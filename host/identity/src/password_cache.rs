//! Cache of passwords that recently matched their hashes.
//!
//! `docs/design/what-does-remembering-passwords-give-up.md` describes the cost to security.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use aws_lc_rs::rand::SystemRandom;
use moka::sync::Cache;
use portcullis_core::Secret;

/// Maximum number of entries.
const MAX_ENTRIES: u64 = 65_536;

/// A cache of successful comparisons, by a digest that no other process can compute.
pub(crate) struct PasswordCache {
    span: Duration,
    key: Key,
    /// Expiry of each entry.
    matches: Cache<[u8; 32], Instant>,
    hits: AtomicU64,
}

/// The operating system has no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no key for remembered passwords: the operating system gives no random bytes")]
pub struct NoRandomBytes;

/// A digest of a stored hash and a password, the key of the cache.
#[derive(Clone, Copy)]
pub(crate) struct Fingerprint([u8; 32]);

impl PasswordCache {
    /// Returns a cache whose entries expire after `span`.
    pub(crate) fn new(span: Duration) -> Result<Self, NoRandomBytes> {
        let key = Key::generate(HMAC_SHA256, &SystemRandom::new()).map_err(|_| NoRandomBytes)?;
        let matches = Cache::builder()
            .max_capacity(MAX_ENTRIES)
            .time_to_live(span)
            .build();
        Ok(Self {
            span,
            key,
            matches,
            hits: AtomicU64::new(0),
        })
    }

    /// Returns the fingerprint of `hash` and `secret`. A changed hash has another one. `None` if
    /// the digest has an unexpected length.
    pub(crate) fn fingerprint(&self, hash: &str, secret: &Secret) -> Option<Fingerprint> {
        let mut context = Context::with_key(&self.key);
        // The length marks where the hash ends and the secret begins.
        let length = u64::try_from(hash.len()).unwrap_or(u64::MAX);
        context.update(&length.to_le_bytes());
        context.update(hash.as_bytes());
        context.update(secret.expose().as_bytes());
        let digest = context.sign();
        digest.as_ref().try_into().ok().map(Fingerprint)
    }

    /// Returns whether the comparison was successful within the span.
    pub(crate) fn contains(&self, fingerprint: Fingerprint, now: Instant) -> bool {
        let until = self.matches.get(&fingerprint.0);
        let hit = until.is_some_and(|until| now < until);
        if hit {
            self.hits.fetch_add(1, Ordering::Relaxed);
        }
        hit
    }

    /// Records a successful comparison. INVARIANT: the caller has just computed it. A cached result
    /// must not extend its own expiry.
    pub(crate) fn insert(&self, fingerprint: Fingerprint, now: Instant) {
        if let Some(until) = now.checked_add(self.span) {
            self.matches.insert(fingerprint.0, until);
        }
    }

    /// Returns the number of comparisons that were answered from the cache.
    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for PasswordCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PasswordCache")
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_mins(5);

    fn fingerprint(cache: &PasswordCache, hash: &str, secret: &str) -> Fingerprint {
        cache.fingerprint(hash, &Secret::new(secret)).unwrap()
    }

    #[test]
    fn what_matched_is_known_for_the_span_and_no_longer() {
        let cache = PasswordCache::new(SPAN).unwrap();
        let known = fingerprint(&cache, "hash", "hunter2");
        let now = Instant::now();
        assert!(!cache.contains(known, now));
        cache.insert(known, now);
        assert!(cache.contains(known, now));
        assert!(cache.contains(known, now + Duration::from_secs(299)));
        assert!(
            !cache.contains(known, now + SPAN),
            "asking for it does not renew it"
        );
        assert_eq!(cache.hits(), 2);
    }

    #[test]
    fn another_hash_and_another_password_are_not_known() {
        let cache = PasswordCache::new(SPAN).unwrap();
        let now = Instant::now();
        cache.insert(fingerprint(&cache, "hash", "hunter2"), now);
        for (hash, secret) in [
            ("hash", "hunter3"),
            ("hash2", "hunter2"),
            ("hashh", "unter2"),
            ("", "hashhunter2"),
        ] {
            let other = fingerprint(&cache, hash, secret);
            assert!(!cache.contains(other, now), "{hash} {secret}");
        }
    }

    #[test]
    fn every_process_has_a_key_of_its_own() {
        let [one, other] = [(); 2].map(|()| PasswordCache::new(SPAN).unwrap());
        let [first, second] = [&one, &other].map(|it| fingerprint(it, "hash", "hunter2"));
        assert_ne!(first.0, second.0);
        assert_eq!(first.0, fingerprint(&one, "hash", "hunter2").0);
    }

    #[test]
    fn memory_is_bounded() {
        let cache = PasswordCache::new(SPAN).unwrap();
        let now = Instant::now();
        for number in 0..100_000 {
            let one = fingerprint(&cache, "hash", &number.to_string());
            cache.insert(one, now);
        }
        cache.matches.run_pending_tasks();
        assert!(cache.matches.entry_count() <= MAX_ENTRIES);
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", PasswordCache::new(SPAN).unwrap());
        assert_eq!(shown, "PasswordCache { span: 300s, .. }");
    }
}
