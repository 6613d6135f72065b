//! Hashes for storage.

use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, Version};
use portcullis_core::Digest;
use sha2::{Digest as _, Sha256};

/// Memory of argon2id, in KiB.
///
/// The OWASP password storage cheat sheet lists settings of memory, passes and lanes. These are the
/// first that fit a small machine (19 MiB, two passes, one lane).
const MEMORY: u32 = 19 * 1024;
/// Number of passes of argon2id.
const PASSES: u32 = 2;
/// Number of lanes of argon2id.
const LANES: u32 = 1;

/// The operating system has no random bytes for a salt, or no memory for the hash.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash the password")]
pub struct CannotHash(#[source] argon2::password_hash::Error);

/// Hashes a password with argon2id, 19 MiB of memory, two passes, one lane and a random salt.
/// Returns a PHC string.
///
/// # Errors
///
/// Fails if the operating system has no random bytes or no memory.
pub fn hash_password(password: &str) -> Result<String, CannotHash> {
    let params =
        Params::new(MEMORY, PASSES, LANES, None).map_err(|error| CannotHash(error.into()))?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(CannotHash)
}

/// Hashes a token. Returns `sha256:` and 64 hexadecimal digits. The hash is fast, so it suits only
/// long random tokens. A secret that a human chose needs [`hash_password`].
pub fn hash_token(token: &str) -> String {
    Digest::from_bytes(Sha256::digest(token).into()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hashed_as_owasp_recommends_with_a_salt_of_their_own() {
        let hashes = [
            hash_password("hunter2").unwrap(),
            hash_password("hunter2").unwrap(),
        ];
        for hash in &hashes {
            assert!(
                hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
                "{hash}"
            );
        }
        assert_ne!(hashes[0], hashes[1]);
    }

    #[test]
    fn tokens_are_hashed_with_sha256() {
        // From `printf 'a long random token' | sha256sum`.
        assert_eq!(
            hash_token("a long random token"),
            "sha256:a333574b2a8e1cf11d9f003be0c6ef76095afcfdfbc8768b48c8170f1231e01e"
        );
    }
}
