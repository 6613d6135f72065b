//! bcrypt strings.

use std::fmt;
use std::str::FromStr as _;

use bcrypt::HashParts;
use portcullis_core::{HashError, Secret};

const NAME: &str = "bcrypt";
const MIN_COST: u32 = 4;
/// About a second on a server of 2026; every step up doubles it.
const MAX_COST: u32 = 14;
/// What bcrypt looks at.
const MAX_PASSWORD_LEN: usize = 72;

/// A bcrypt string whose form and cost are checked.
pub(crate) struct BcryptHash<'a>(&'a str);

impl<'a> BcryptHash<'a> {
    /// Reads the string.
    pub(crate) fn parse(hash: &'a str) -> Result<Self, HashError> {
        let parts = HashParts::from_str(hash).map_err(|_| HashError::Malformed(NAME))?;
        match parts.get_cost() {
            ..MIN_COST => Err(HashError::Malformed(NAME)),
            MIN_COST..=MAX_COST => Ok(Self(hash)),
            _ => Err(HashError::TooCostly(NAME)),
        }
    }

    /// Whether the string is the hash of `secret`.
    ///
    /// bcrypt takes no notice of what follows the 72nd byte, and repeats what precedes a NUL byte: it
    /// would accept passwords that merely resemble the right one. They do not match here.
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
