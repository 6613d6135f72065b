//! Curve keys (xkeys), with which a server and this service encrypt to each other.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::rand;
use crypto_secretbox::{
    AeadInPlace as _, Kdf as _, Key, KeyInit as _, Nonce, Tag, XSalsa20Poly1305,
};
use portcullis_core::{KeyKind, PublicKey, Secret};
use zeroize::Zeroizing;

use super::lru_map::LruMap;
use super::seed::{self, KeyError};
use super::signing::random_seed;

/// Version of the format, with which every sealed message begins.
const VERSION: &[u8; 4] = b"xkv1";
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;

/// Maximum number of peers whose shared key is cached. Servers generate their key at their start.
const MAX_PEERS: usize = 32;

/// An X25519 key (seed `SX…`) that seals and opens boxes in the format `xkv1` of `nats-io/nkeys`. A
/// box has the version, a nonce of 24 bytes and a `NaCl` box.
///
/// The key caches the shared keys of the last 32 peers whose boxes it opened, because a key
/// agreement takes longer than everything else.
///
/// Only aws-lc holds the secret key, and wipes memory before it frees it. `Debug` shows the public
/// key only.
pub struct CurveKey {
    private: PrivateKey,
    public_key: PublicKey,
    shared: LruMap<Arc<SharedKey>>,
}

/// The shared key of two curve keys. It seals and opens any number of boxes between them for the
/// cost of one key agreement. The key is wiped on drop, and `Debug` does not show it.
pub struct SharedKey {
    cipher: XSalsa20Poly1305,
}

/// A reason why a box could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BoxError {
    /// The message is not in the format.
    #[error("not encrypted: it does not begin with `xkv1`")]
    NotSealed,
    /// The message is truncated.
    #[error("the encrypted message is too short to hold anything")]
    TooShort,
    /// The message was sealed to another key or by another key, or changed in transit.
    #[error("cannot decrypt: sealed with other keys than these, or damaged")]
    Open,
    /// No random bytes are available for a nonce.
    #[error("cannot encrypt: the cryptography library failed")]
    Seal,
    /// The peer's key is of another kind.
    #[error("the other side's key is of the kind {0}, expected curve (X…)")]
    PeerKind(KeyKind),
    /// The peer's key would make the shared key a publicly known value.
    #[error("the other side's curve key is not one that anybody can own")]
    PeerKey,
}

impl CurveKey {
    /// Parses a curve seed, as in a file. Ignores line ends, a byte order mark, blank lines and
    /// lines that begin with `#`.
    ///
    /// # Errors
    ///
    /// Fails if the text has no curve seed. The message says what it has instead and never shows
    /// the seed.
    pub fn from_seed(text: &str) -> Result<Self, KeyError> {
        let derive = KeyError::Derive(KeyKind::Curve);
        let (bytes, _) = seed::read(text, KeyKind::Curve)?;
        let Ok(private) = PrivateKey::from_private_key(&X25519, bytes.as_slice()) else {
            return Err(derive);
        };
        let Ok(public) = private.compute_public_key() else {
            return Err(derive);
        };
        let bytes = public.as_ref().try_into().map_err(|_| derive)?;
        let public_key = PublicKey::from_bytes(KeyKind::Curve, bytes);
        Ok(Self {
            private,
            public_key,
            shared: LruMap::new(MAX_PEERS),
        })
    }

    /// Generates a curve seed.
    ///
    /// # Errors
    ///
    /// Fails with [`KeyError::Generate`] if no random bytes are available.
    pub fn generate_seed() -> Result<Secret, KeyError> {
        random_seed(KeyKind::Curve)
    }

    /// Returns the public key, `X…`, to which the peer seals.
    pub fn public_key(&self) -> &str {
        self.public_key.as_str()
    }

    /// Returns the public key as the type that [`CurveKey::open`] takes.
    pub const fn as_public(&self) -> &PublicKey {
        &self.public_key
    }

    /// Agrees on a key with `peer`. The key is identical for both directions.
    ///
    /// # Errors
    ///
    /// Fails if `peer` is not a curve key, or if it is one of the few with which every agreement
    /// has the same result.
    pub fn shared_with(&self, peer: &PublicKey) -> Result<SharedKey, BoxError> {
        if peer.kind() != KeyKind::Curve {
            return Err(BoxError::PeerKind(peer.kind()));
        }
        let peer = UnparsedPublicKey::new(&X25519, peer.as_bytes());
        agreement::agree(&self.private, peer, BoxError::PeerKey, |secret| {
            let secret: [u8; 32] = secret.try_into().map_err(|_| BoxError::PeerKey)?;
            let secret = Zeroizing::new(Key::from(secret));
            // A `NaCl` box passes the agreed secret through HSalsa20 to get the key.
            let key = Zeroizing::new(XSalsa20Poly1305::kdf(&secret, &[0; 16].into()));
            Ok(SharedKey {
                cipher: XSalsa20Poly1305::new(&key),
            })
        })
    }

    /// Seals `plain` from this key to `recipient`.
    ///
    /// # Errors
    ///
    /// Fails as [`CurveKey::shared_with`] and [`SharedKey::seal`] do.
    pub fn seal(&self, plain: &[u8], recipient: &PublicKey) -> Result<Vec<u8>, BoxError> {
        match self.known(recipient) {
            Some(shared) => shared.seal(plain),
            None => self.shared_with(recipient)?.seal(plain),
        }
    }

    /// Opens a message that `sender` sealed to this key. The content is wiped on drop.
    ///
    /// # Errors
    ///
    /// Fails as [`CurveKey::shared_with`] and [`SharedKey::open`] do.
    pub fn open(&self, sealed: &[u8], sender: &PublicKey) -> Result<Zeroizing<Vec<u8>>, BoxError> {
        // Checks the form before the key agreement, which costs more than everything else here.
        parts_of(sealed)?;
        if let Some(shared) = self.known(sender) {
            return shared.open(sealed);
        }
        let shared = self.shared_with(sender)?;
        let plain = shared.open(sealed)?;
        // Caches only after a successful open, so that a sender without a valid box cannot evict
        // others.
        self.shared.insert(*sender.as_bytes(), Arc::new(shared));
        Ok(plain)
    }

    /// Returns the cached shared key of `peer`.
    fn known(&self, peer: &PublicKey) -> Option<Arc<SharedKey>> {
        if peer.kind() != KeyKind::Curve {
            return None;
        }
        self.shared
            .with(peer.as_bytes(), |shared| Arc::clone(shared))
    }
}

impl SharedKey {
    /// Seals `plain` under a random nonce. The result is 44 bytes longer.
    ///
    /// # Errors
    ///
    /// Fails with [`BoxError::Seal`] if the cryptography library fails.
    pub fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, BoxError> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| BoxError::Seal)?;
        self.seal_with_nonce(plain, nonce)
    }

    fn seal_with_nonce(&self, plain: &[u8], nonce: [u8; NONCE_LEN]) -> Result<Vec<u8>, BoxError> {
        let overhead = VERSION.len() + NONCE_LEN + TAG_LEN;
        let mut sealed = Vec::with_capacity(plain.len().saturating_add(overhead));
        sealed.extend_from_slice(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.resize(overhead, 0);
        sealed.extend_from_slice(plain);
        let (head, body) = sealed.split_at_mut(overhead);
        let tag = self
            .cipher
            .encrypt_in_place_detached(&Nonce::from(nonce), b"", body)
            .map_err(|_| BoxError::Seal)?;
        for (place, byte) in head.iter_mut().rev().zip(tag.iter().rev()) {
            *place = *byte;
        }
        Ok(sealed)
    }

    /// Opens a message that either side sealed. The content is wiped on drop.
    ///
    /// # Errors
    ///
    /// Fails if the message is not in the format, truncated, sealed with other keys, or damaged.
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, BoxError> {
        let (nonce, tag, body) = parts_of(sealed)?;
        let mut plain = Zeroizing::new(body.to_vec());
        self.cipher
            .decrypt_in_place_detached(&Nonce::from(*nonce), b"", &mut plain, &Tag::from(*tag))
            .map_err(|_| BoxError::Open)?;
        Ok(plain)
    }
}

/// Returns whether `bytes` begin with the version of the format. They are then sealed and not a
/// token.
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(VERSION)
}

type Parts<'a> = (&'a [u8; NONCE_LEN], &'a [u8; TAG_LEN], &'a [u8]);

fn parts_of(sealed: &[u8]) -> Result<Parts<'_>, BoxError> {
    let rest = sealed.strip_prefix(VERSION).ok_or(BoxError::NotSealed)?;
    let (nonce, rest) = rest.split_first_chunk().ok_or(BoxError::TooShort)?;
    let (tag, body) = rest.split_first_chunk().ok_or(BoxError::TooShort)?;
    Ok((nonce, tag, body))
}

impl fmt::Debug for CurveKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CurveKey({})", self.public_key)
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SharedKey([redacted])")
    }
}

#[cfg(test)]
mod tests;
