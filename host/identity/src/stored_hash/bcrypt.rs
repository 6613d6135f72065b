//! bcrypt strings.

use std::fmt;
use std::str::FromStr as _;

use bcrypt::HashParts;
use portcullis_core::{HashError, Secret};

const NAME: &str = "bcrypt";
const MIN_COST: u32 = 4;
/// Maximum cost: about a second on a server of 2026. Every step doubles the time.
const MAX_COST: u32 = 14;
/// Number of bytes of a password that bcrypt reads.
const MAX_PASSWORD_LEN: usize = 72;

/// A bcrypt string whose form and cost are checked.
pub(crate) struct BcryptHash<'a>(&'a str);

impl<'a> BcryptHash<'a> {
    /// Parses the string.
    pub(crate) fn parse(hash: &'a str) -> Result<Self, HashError> {
        let parts = HashParts::from_str(hash).map_err(|_| HashError::Malformed(NAME))?;
        match parts.get_cost() {
            ..MIN_COST => Err(HashError::Malformed(NAME)),
            MIN_COST..=MAX_COST => Ok(Self(hash)),
            _ => Err(HashError::TooCostly(NAME)),
        }
    }

    /// Returns whether the string is the hash of `secret`.
    ///
    /// bcrypt ignores bytes after the 72nd, and repeats what precedes a NUL byte. So it would
    /// accept other passwords that resemble the right one. This function rejects such passwords.
    pub(crate) fn matches(&self, secret: &Secret) -> Result<bool, HashError> {
        let password = secret.expose().as_bytes();
        if password.len() > MAX_PASSWORD_LEN || password.contains(&0) {
            return Ok(false);
        }
        bcrypt::verify(password, self.0).map_err(|_| HashError::Malformed(NAME))
    }
}

impl fmt::Debug for BcryptHash<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BcryptHash([redacted])")
    }
}
