//! The verifier that policies reach through the host.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Instant;

use portcullis_core::{HashError, Secret, SecretVerifier};

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
}

impl PasswordVerifier {
    /// A verifier that computes at most `at_once` slow hashes at a time, on as many threads of its own.
    pub fn new(at_once: NonZeroUsize) -> Self {
        Self {
            workers: Workers::start(at_once),
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
        let (hash, secret) = (hash.to_owned(), secret.clone());
        let compare = move || StoredHash::parse(&hash)?.matches(&secret);
        self.workers
            .run(deadline, compare)
            .ok_or(HashError::Deadline)?
    }

    fn check(&self, hash: &str) -> Result<(), HashError> {
        StoredHash::parse(hash).map(drop)
    }
}

#[cfg(test)]
mod tests;
