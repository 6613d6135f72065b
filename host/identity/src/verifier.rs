//! The verifier that policies reach through the host.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Instant;

use portcullis_core::{HashError, Secret, SecretVerifier};

use crate::slots::Slots;
use crate::stored_hash::StoredHash;

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
/// bounds their memory to that many times 256 MiB. Whoever finds no free place waits until its
/// deadline. A hash that has begun is finished, whatever the deadline.
#[derive(Debug)]
pub struct PasswordVerifier {
    slots: Slots,
}

impl PasswordVerifier {
    /// A verifier that computes at most `at_once` slow hashes at a time.
    pub const fn new(at_once: NonZeroUsize) -> Self {
        Self {
            slots: Slots::new(at_once),
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
        let hash = StoredHash::parse(hash)?;
        if !hash.is_slow() {
            return hash.matches(secret);
        }
        self.slots
            .run(deadline, || hash.matches(secret))
            .ok_or(HashError::Deadline)?
    }

    fn check(&self, hash: &str) -> Result<(), HashError> {
        StoredHash::parse(hash).map(drop)
    }
}

#[cfg(test)]
mod tests;
