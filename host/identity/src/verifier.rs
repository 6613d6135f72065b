//! The verifier that policies reach through the host.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use portcullis_core::{HashError, Secret, SecretVerifier};

use crate::remembered::{NoRandomBytes, Remembered};
use crate::stored_hash::StoredHash;
use crate::workers::Workers;

/// Compares passwords and tokens with stored hashes.
///
/// | form | made by | limits |
/// | --- | --- | --- |
/// | `$argon2id$…`, `$argon2i$…`, `$argon2d$…` | `portcullis hash`, argon2, passlib | 256 MiB, and 1 GiB over all passes |
/// | `$scrypt$…` (PHC, `ln=,r=,p=`) | passlib | 256 MiB, and 512 MiB over all lanes |
/// | `$2a$…`, `$2b$…`, `$2y$…` | bcrypt, htpasswd | cost 4 to 14; passwords above 72 bytes or with a NUL byte never match |
/// | `plain:…` | by hand | not empty |
/// | `sha256:…` (64 hexadecimal digits) | `portcullis hash --token` | for long random tokens only |
///
/// Slow hashes are rationed: no more are computed at once than the verifier was made for, which also
/// bounds their memory to that many times 256 MiB. Nobody waits beyond its deadline; a hash that has begun
/// by then is finished all the same.
#[derive(Debug)]
pub struct PasswordVerifier {
    workers: Workers,
    remembered: Option<Remembered>,
    computed: AtomicU64,
    recalled: AtomicU64,
}

/// What a [`PasswordVerifier`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PasswordStatus {
    /// How many slow hashes were computed.
    pub computed: u64,
    /// How many comparisons needed none, because the same password had matched the same hash lately.
    pub recalled: u64,
}

impl PasswordVerifier {
    /// A verifier that computes at most `at_once` slow hashes at a time, on as many threads of its own.
    pub fn new(at_once: NonZeroUsize) -> Self {
        Self {
            workers: Workers::start(at_once),
            remembered: None,
            computed: AtomicU64::default(),
            recalled: AtomicU64::default(),
        }
    }

    /// Remembers for `time` which password matched which slow hash, so that a client that comes back costs no hash. Kept are
    /// digests under a key of the process's own; what does not match is never kept.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random bytes.
    pub fn remembering(mut self, time: Duration) -> Result<Self, NoRandomBytes> {
        self.remembered = Some(Remembered::new(time)?);
        Ok(self)
    }

    /// What it has done so far.
    pub fn status(&self) -> PasswordStatus {
        PasswordStatus {
            computed: self.computed.load(Ordering::Relaxed),
            recalled: self.recalled.load(Ordering::Relaxed),
        }
    }
}

/// One slow hash at a time for each processor.
impl Default for PasswordVerifier {
    fn default() -> Self {
        Self::new(thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }
}

impl SecretVerifier for PasswordVerifier {
    fn matches(&self, secret: &Secret, hash: &str, deadline: Instant) -> Result<bool, HashError> {
        let stored = StoredHash::parse(hash)?;
        if !stored.is_slow() {
            return stored.matches(secret);
        }
        let remembered = self.remembered.as_ref();
        if remembered.is_some_and(|remembered| remembered.knows(secret, hash)) {
            self.recalled.fetch_add(1, Ordering::Relaxed);
            return Ok(true);
        }
        let (owned, presented) = (hash.to_owned(), secret.clone());
        let compare = move || StoredHash::parse(&owned)?.matches(&presented);
        let matches = self
            .workers
            .run(deadline, compare)
            .ok_or(HashError::Deadline)??;
        self.computed.fetch_add(1, Ordering::Relaxed);
        if let Some(remembered) = remembered.filter(|_| matches) {
            remembered.note(secret, hash);
        }
        Ok(matches)
    }

    fn check(&self, hash: &str) -> Result<(), HashError> {
        StoredHash::parse(hash).map(drop)
    }
}

#[cfg(test)]
mod tests;
