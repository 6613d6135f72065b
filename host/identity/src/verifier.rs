//! The verifier of secrets, which policies reach through the host.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use portcullis_core::{Asker, HashError, Secret, SecretVerifier};
use portcullis_environment::{Clock, SystemClock};

use crate::password_cache::{NoRandomBytes, PasswordCache};
use crate::stored_hash::StoredHash;
use crate::workers::Workers;

/// A verifier that compares passwords and tokens with stored hashes.
///
/// | form | made by | limits |
/// | --- | --- | --- |
/// | `$argon2id$…`, `$argon2i$…`, `$argon2d$…` | `portcullis hash`, argon2, passlib | 256 MiB, and 1 GiB over all passes |
/// | `$scrypt$…` (PHC, `ln=,r=,p=`) | passlib | 256 MiB, and 512 MiB over all lanes |
/// | `$2a$…`, `$2b$…`, `$2y$…` | bcrypt, htpasswd | cost 4 to 14; passwords above 72 bytes or with a NUL byte never match |
/// | `plain:…` | by hand | not empty |
/// | `sha256:…` (64 hexadecimal digits) | `portcullis hash --token` | for long random tokens only |
///
/// The verifier limits how many slow hashes run at once, and so their memory, to 256 MiB for each.
/// One more may run for a policy or a client's address that has none running. Policies take turns,
/// and so do the addresses of their clients.
///
/// No caller waits beyond its deadline; a hash that has begun by then still runs to its end. A
/// success can be [cached](Self::remembering) for a time span.
#[derive(Debug)]
pub struct PasswordVerifier {
    workers: Workers,
    cache: Option<PasswordCache>,
    clock: Arc<dyn Clock>,
}

impl PasswordVerifier {
    /// Returns a verifier that computes at most `at_once` slow hashes at a time, on that number of
    /// threads of its own.
    pub fn new(at_once: NonZeroUsize) -> Self {
        Self {
            workers: Workers::start(at_once),
            cache: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets the clock by which successes expire. Default: [`SystemClock`]. Deadlines are in real
    /// time.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Enables the cache: a secret that has matched a slow hash matches it for `span` without
    /// another computation. Failures are never cached. The cache holds only a digest of hash and
    /// secret, with a key that is new in every process.
    ///
    /// # Errors
    ///
    /// Fails if the operating system has no random bytes for that key.
    pub fn remembering(mut self, span: Duration) -> Result<Self, NoRandomBytes> {
        self.cache = Some(PasswordCache::new(span)?);
        Ok(self)
    }

    /// Returns the number of comparisons that were answered from the cache.
    pub fn remembered_hits(&self) -> u64 {
        self.cache.as_ref().map_or(0, PasswordCache::hits)
    }

    fn compute(
        &self,
        secret: &Secret,
        hash: &str,
        asker: Asker<'_>,
        deadline: Instant,
    ) -> Result<bool, HashError> {
        let (hash, secret) = (hash.to_owned(), secret.clone());
        let compare = move || StoredHash::parse(&hash)?.matches(&secret);
        self.workers
            .run(asker, deadline, compare)
            .ok_or(HashError::Deadline)?
    }
}

/// Computes one slow hash at a time for each processor.
impl Default for PasswordVerifier {
    fn default() -> Self {
        Self::new(thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }
}

impl SecretVerifier for PasswordVerifier {
    fn matches(
        &self,
        secret: &Secret,
        hash: &str,
        asker: Asker<'_>,
        deadline: Instant,
    ) -> Result<bool, HashError> {
        let stored = StoredHash::parse(hash)?;
        if !stored.is_slow() {
            return stored.matches(secret);
        }
        let cache = self.cache.as_ref().and_then(|cache| {
            let fingerprint = cache.fingerprint(hash, secret)?;
            Some((cache, fingerprint))
        });
        let Some((cache, fingerprint)) = cache else {
            return self.compute(secret, hash, asker, deadline);
        };
        if cache.contains(fingerprint, self.clock.now()) {
            return Ok(true);
        }
        let matches = self.compute(secret, hash, asker, deadline)?;
        if matches {
            cache.insert(fingerprint, self.clock.now());
        }
        Ok(matches)
    }

    fn check(&self, hash: &str) -> Result<(), HashError> {
        StoredHash::parse(hash).map(drop)
    }
}

#[cfg(test)]
mod tests;
