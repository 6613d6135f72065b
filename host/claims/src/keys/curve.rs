//! Curve keys (xkeys): what a server and this service encrypt to each other with.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::rand;
use crypto_secretbox::{
    AeadInPlace as _, Kdf as _, Key, KeyInit as _, Nonce, Tag, XSalsa20Poly1305,
};
use portcullis_core::Secret;
use zeroize::Zeroizing;

use super::public::{KeyKind, PublicKey};
use super::recent::Recent;
use super::seed::{self, KeyError};
use super::signing::random_seed;

/// How everything sealed begins: the version of the format.
const VERSION: &[u8; 4] = b"xkv1";
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;

/// With how many others what is shared is remembered. Servers make their key at their start.
const MOST_PEERS: usize = 32;

/// An X25519 key (seed `SX…`) that seals and opens boxes in the format `xkv1` of `nats-io/nkeys`: the version,
/// a nonce of 24 bytes and a `NaCl` box.
///
/// What it shares with the last 32 keys that it opened a box of is remembered: agreeing anew takes longer than all else.
///
/// The secret half is held by aws-lc alone, which wipes memory before it frees it. `Debug` shows the public key
/// only.
pub struct CurveKey {
    private: PrivateKey,
    public_key: PublicKey,
    shared: Recent<Arc<SharedKey>>,
}

/// What two curve keys share: seals and opens any number of boxes between them for the price of one key
/// agreement. The key is wiped when this value is dropped, and `Debug` does not show it.
pub struct SharedKey {
    cipher: XSalsa20Poly1305,
}

/// Why a box could not be made or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BoxError {
    /// Not in the format.
    #[error("not encrypted: it does not begin with `xkv1`")]
    NotSealed,
    /// Cut off.
    #[error("the encrypted message is too short to hold anything")]
    TooShort,
    /// Sealed to another key, by another key, or changed on the way.
    #[error("cannot decrypt: sealed with other keys than these, or damaged")]
    Open,
    /// There was no randomness for a nonce.
    #[error("cannot encrypt: the cryptography library failed")]
    Seal,
    /// The other side's key is of another kind.
    #[error("the other side's key is of the kind {0}, expected curve (X…)")]
    PeerKind(KeyKind),
    /// The other side's key would make the shared key one that everybody knows.
    #[error("the other side's curve key is not one that anybody can own")]
    PeerKey,
}

impl CurveKey {
    /// Reads a curve seed, as it stands in a file: line ends, a byte order mark, blank lines and lines that
    /// start with `#` do not matter.
    ///
    /// # Errors
    ///
    /// When there is no curve seed; the message says what was found instead, never the seed.
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
            shared: Recent::new(MOST_PEERS),
        })
    }

    /// Makes a new curve seed.
    ///
    /// # Errors
    ///
    /// [`KeyError::Generate`], when there is no randomness.
    pub fn generate_seed() -> Result<Secret, KeyError> {
        random_seed(KeyKind::Curve)
    }

    /// The public key, `X…`: what the other side seals to.
    pub fn public_key(&self) -> &str {
        self.public_key.as_str()
    }

    /// The public key, as the type that [`CurveKey::open`] takes.
    pub const fn as_public(&self) -> &PublicKey {
        &self.public_key
    }

    /// Agrees on a key with `peer`. It is the same for both directions.
    ///
    /// # Errors
    ///
    /// When `peer` is not a curve key, or one of the few that make every agreement come out the same.
    pub fn shared_with(&self, peer: &PublicKey) -> Result<SharedKey, BoxError> {
        if peer.kind() != KeyKind::Curve {
            return Err(BoxError::PeerKind(peer.kind()));
        }
        let peer = UnparsedPublicKey::new(&X25519, peer.as_bytes());
        agreement::agree(&self.private, peer, BoxError::PeerKey, |secret| {
            let secret: [u8; 32] = secret.try_into().map_err(|_| BoxError::PeerKey)?;
            let secret = Zeroizing::new(Key::from(secret));
            // The `NaCl` box: what was agreed on goes through HSalsa20 before it is a key.
            let key = Zeroizing::new(XSalsa20Poly1305::kdf(&secret, &[0; 16].into()));
            Ok(SharedKey {
                cipher: XSalsa20Poly1305::new(&key),
            })
        })
    }

    /// Seals `plain` to `recipient`, from this key.
    ///
    /// # Errors
    ///
    /// As [`CurveKey::shared_with`] and [`SharedKey::seal`].
    pub fn seal(&self, plain: &[u8], recipient: &PublicKey) -> Result<Vec<u8>, BoxError> {
        match self.known(recipient) {
            Some(shared) => shared.seal(plain),
            None => self.shared_with(recipient)?.seal(plain),
        }
    }

    /// Opens what `sender` sealed to this key. The content is wiped when it is dropped.
    ///
    /// # Errors
    ///
    /// As [`CurveKey::shared_with`] and [`SharedKey::open`].
    pub fn open(&self, sealed: &[u8], sender: &PublicKey) -> Result<Zeroizing<Vec<u8>>, BoxError> {
        // Before the agreement, which costs more than everything else here.
        parts_of(sealed)?;
        if let Some(shared) = self.known(sender) {
            return shared.open(sealed);
        }
        let shared = self.shared_with(sender)?;
        let plain = shared.open(sealed)?;
        // Whoever made no box for this key drives out nobody who did.
        self.shared.insert(*sender.as_bytes(), Arc::new(shared));
        Ok(plain)
    }

    /// What is shared with `peer`, if that is remembered.
    fn known(&self, peer: &PublicKey) -> Option<Arc<SharedKey>> {
        if peer.kind() != KeyKind::Curve {
            return None;
        }
        self.shared
            .with(peer.as_bytes(), |shared| Arc::clone(shared))
    }
}

impl SharedKey {
    /// Seals `plain` under a random nonce: 44 bytes longer than it.
    ///
    /// # Errors
    ///
    /// [`BoxError::Seal`], when the cryptography library fails.
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

    /// Opens what either side sealed. The content is wiped when it is dropped.
    ///
    /// # Errors
    ///
    /// When it is not in the format, cut off, sealed with other keys, or damaged.
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, BoxError> {
        let (nonce, tag, body) = parts_of(sealed)?;
        let mut plain = Zeroizing::new(body.to_vec());
        self.cipher
            .decrypt_in_place_detached(&Nonce::from(*nonce), b"", &mut plain, &Tag::from(*tag))
            .map_err(|_| BoxError::Open)?;
        Ok(plain)
    }
}

/// Whether `bytes` are sealed rather than a token: they begin with the format's version.
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
