//! Stored hashes of secrets, in all forms that the host knows.

mod bcrypt;
mod digest;
mod phc;

use portcullis_core::{HashError, Secret};

use self::bcrypt::BcryptHash;
use self::digest::DigestHash;
use self::phc::{Argon2Hash, ScryptHash};

/// A stored hash that is well formed and within the host's cost limits.
#[derive(Debug)]
pub(crate) enum StoredHash<'a> {
    /// An argon2 hash: `$argon2id$`, `$argon2i$` or `$argon2d$`.
    Argon2(Box<Argon2Hash>),
    /// An scrypt hash: `$scrypt$`.
    Scrypt(Box<ScryptHash>),
    /// A bcrypt hash: `$2a$`, `$2b$` or `$2y$`.
    Bcrypt(BcryptHash<'a>),
    /// A SHA-256 sum: `plain:` or `sha256:`.
    Digest(DigestHash),
}

impl<'a> StoredHash<'a> {
    /// Parses a hash without computing one.
    ///
    /// # Errors
    ///
    /// Fails if the form is unknown, the content malformed or the cost too high.
    pub(crate) fn parse(hash: &'a str) -> Result<Self, HashError> {
        if let Some(plain) = hash.strip_prefix("plain:") {
            DigestHash::of_plain(plain).map(Self::Digest)
        } else if let Some(hex) = hash.strip_prefix("sha256:") {
            DigestHash::from_hex(hex).map(Self::Digest)
        } else if hash.starts_with("$argon2") {
            Argon2Hash::parse(hash).map(Box::new).map(Self::Argon2)
        } else if hash.starts_with("$scrypt$") {
            ScryptHash::parse(hash).map(Box::new).map(Self::Scrypt)
        } else if ["$2a$", "$2b$", "$2y$"]
            .iter()
            .any(|form| hash.starts_with(form))
        {
            BcryptHash::parse(hash).map(Self::Bcrypt)
        } else {
            Err(HashError::Unrecognized)
        }
    }

    /// Returns whether a comparison is slow enough to be limited.
    pub(crate) const fn is_slow(&self) -> bool {
        !matches!(self, Self::Digest(_))
    }

    /// Returns whether `secret` is the one that was hashed.
    ///
    /// # Errors
    ///
    /// Fails if the computation finds that the hash is unusable.
    pub(crate) fn matches(&self, secret: &Secret) -> Result<bool, HashError> {
        match self {
            Self::Argon2(hash) => hash.matches(secret),
            Self::Scrypt(hash) => hash.matches(secret),
            Self::Bcrypt(hash) => hash.matches(secret),
            Self::Digest(hash) => Ok(hash.matches(secret)),
        }
    }
}
