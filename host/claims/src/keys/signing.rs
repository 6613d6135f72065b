//! Keys that sign: operators, accounts, users, servers and clusters.

use std::fmt;

use aws_lc_rs::rand;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use portcullis_core::{KeyKind, PublicKey, Secret};
use zeroize::Zeroizing;

use super::seed::{self, KeyError};
use super::text;

/// A key that signs (Ed25519), of any kind except [`KeyKind::Curve`].
///
/// Only aws-lc holds the secret key, and wipes memory before it frees it. `Debug` shows the public
/// key only.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public_key: PublicKey,
}

impl SigningKey {
    /// Parses a seed of this kind, as in a file. Ignores line ends, a byte order mark, blank lines
    /// and lines that begin with `#`.
    ///
    /// # Errors
    ///
    /// Fails if the text has no such seed. The message says what it has instead and never shows the
    /// seed. Fails with [`KeyError::CannotSign`] for curve keys.
    pub fn from_seed(text: &str, kind: KeyKind) -> Result<Self, KeyError> {
        if kind == KeyKind::Curve {
            return Err(KeyError::CannotSign(kind));
        }
        let (bytes, _) = seed::read(text, kind)?;
        Self::from_bytes(&bytes, kind)
    }

    /// Generates a seed of this kind.
    ///
    /// # Errors
    ///
    /// Fails with [`KeyError::Generate`] if no random bytes are available, and with
    /// [`KeyError::CannotSign`] for curve keys.
    pub fn generate_seed(kind: KeyKind) -> Result<Secret, KeyError> {
        if kind == KeyKind::Curve {
            return Err(KeyError::CannotSign(kind));
        }
        random_seed(kind)
    }

    fn from_bytes(seed: &[u8; text::KEY_LEN], kind: KeyKind) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Derive(kind))?;
        let bytes: &[u8] = pair.public_key().as_ref();
        let bytes = bytes.try_into().map_err(|_| KeyError::Derive(kind))?;
        let public_key = PublicKey::from_bytes(kind, bytes);
        Ok(Self { pair, public_key })
    }

    /// Returns the kind of the key.
    pub const fn kind(&self) -> KeyKind {
        self.public_key.kind()
    }

    /// Returns the public key as text.
    pub fn public_key(&self) -> &str {
        self.public_key.as_str()
    }

    /// Returns the public key as the type that verifies.
    pub const fn as_public(&self) -> &PublicKey {
        &self.public_key
    }

    /// Signs `message` with Ed25519 and returns the signature of 64 bytes.
    ///
    /// # Errors
    ///
    /// Fails with [`KeyError::Sign`] if the cryptography library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.pair
            .try_sign(message)
            .map(|signature| signature.as_ref().to_vec())
            .map_err(|_| KeyError::Sign)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.public_key)
    }
}

/// Generates a seed of any kind.
pub(super) fn random_seed(kind: KeyKind) -> Result<Secret, KeyError> {
    let mut bytes = Zeroizing::new([0; text::KEY_LEN]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| KeyError::Generate)?;
    Ok(text::encode_seed(kind, &bytes))
}

#[cfg(test)]
mod tests;
