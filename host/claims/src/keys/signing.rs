//! Keys that sign: operators, accounts, users, servers and clusters.

use std::fmt;

use aws_lc_rs::rand;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use portcullis_core::Secret;
use zeroize::Zeroizing;

use super::public::{KeyKind, PublicKey};
use super::seed::{self, KeyError};
use super::text;

/// A key that signs (Ed25519), of any kind but [`KeyKind::Curve`].
///
/// The secret half is held by aws-lc alone, which wipes memory before it frees it. `Debug` shows the public key
/// only.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public_key: PublicKey,
}

impl SigningKey {
    /// Reads a seed of this kind, as it stands in a file: line ends, a byte order mark, blank lines and lines
    /// that start with `#` do not matter.
    ///
    /// # Errors
    ///
    /// When there is no such seed; the message says what was found instead, never the seed. Curve keys do not
    /// sign: [`KeyError::CannotSign`].
    pub fn from_seed(text: &str, kind: KeyKind) -> Result<Self, KeyError> {
        if kind == KeyKind::Curve {
            return Err(KeyError::CannotSign(kind));
        }
        let (bytes, _) = seed::read(text, kind)?;
        Self::from_bytes(&bytes, kind)
    }

    /// Makes a new seed of this kind.
    ///
    /// # Errors
    ///
    /// [`KeyError::Generate`], when there is no randomness; [`KeyError::CannotSign`] for curve keys.
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

    /// What the key identifies.
    pub const fn kind(&self) -> KeyKind {
        self.public_key.kind()
    }

    /// The public key.
    pub fn public_key(&self) -> &str {
        self.public_key.as_str()
    }

    /// The public key, as the type that verifies.
    pub const fn as_public(&self) -> &PublicKey {
        &self.public_key
    }

    /// Signs `message` with Ed25519: 64 bytes.
    ///
    /// # Errors
    ///
    /// [`KeyError::Sign`], when the cryptography library fails.
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

/// A new seed of any kind.
pub(super) fn random_seed(kind: KeyKind) -> Result<Secret, KeyError> {
    let mut bytes = Zeroizing::new([0; text::KEY_LEN]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| KeyError::Generate)?;
    Ok(text::encode_seed(kind, &bytes))
}

#[cfg(test)]
mod tests;
