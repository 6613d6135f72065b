//! `plain:<text>` and `sha256:<64 hexadecimal digits>`.

use std::fmt;

use data_encoding::HEXLOWER_PERMISSIVE;
use portcullis_core::{HashError, Secret};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The SHA-256 sum of the expected secret.
///
/// A plain text is kept as its sum too. All sums have one length, so a comparison does not reveal
/// the length of the text.
pub(crate) struct DigestHash([u8; 32]);

impl DigestHash {
    /// Returns the sum of a secret that is stored in plain text. Fails for an empty one, because
    /// any client that sends an empty password would be admitted.
    pub(crate) fn of_plain(plain: &str) -> Result<Self, HashError> {
        if plain.is_empty() {
            return Err(HashError::Malformed("plain"));
        }
        Ok(Self(Sha256::digest(plain).into()))
    }

    /// Parses a sum. The digits may be in either case.
    pub(crate) fn from_hex(hex: &str) -> Result<Self, HashError> {
        HEXLOWER_PERMISSIVE
            .decode(hex.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or(HashError::Malformed("sha256"))
    }

    /// Returns whether this is the sum of `secret`, in constant time.
    pub(crate) fn matches(&self, secret: &Secret) -> bool {
        Sha256::digest(secret.expose()).ct_eq(&self.0).into()
    }
}

impl fmt::Debug for DigestHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DigestHash([redacted])")
    }
}
