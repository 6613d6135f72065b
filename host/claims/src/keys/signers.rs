//! A cache of recent signers.

use std::sync::Arc;

use portcullis_core::{KeyKind, PublicKey};

use super::expanded::ExpandedKey;
use super::lru_map::LruMap;
use super::public::VerifyingKey as _;

/// Maximum number of cached keys. An expanded one takes 215 KiB.
const MAX_SIGNERS: usize = 32;
/// Number of good signatures after which a key is expanded. The expansion costs what it saves on
/// about fifteen signatures.
const OFTEN: u32 = 32;

/// A verifier of many signatures by few keys. It expands keys that sign often, which halves the
/// time of a verification.
///
/// The verifier accepts what [`PublicKey::verifies`] accepts, and caches the last 32 keys.
#[derive(Debug)]
pub struct KnownSigners {
    cache: LruMap<Signer>,
}

struct Signer {
    good: u32,
    expanded: Option<Arc<ExpandedKey>>,
}

impl KnownSigners {
    /// Returns a verifier with an empty cache.
    pub const fn new() -> Self {
        Self {
            cache: LruMap::new(MAX_SIGNERS),
        }
    }

    /// Returns whether `signature` is the Ed25519 signature of `message` by `key`.
    pub fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
        let known = |signer: &mut Signer| signer.expanded.clone();
        match self.cache.with(key.as_bytes(), known).flatten() {
            // A curve key may have the bytes of another key.
            Some(expanded) if key.kind() != KeyKind::Curve => expanded.verifies(message, signature),
            _ => {
                let is_good = key.verifies(message, signature);
                if is_good {
                    self.note(key);
                }
                is_good
            }
        }
    }

    /// Counts a good signature of `key`. Bad signatures are not counted, because any client can
    /// make them.
    fn note(&self, key: &PublicKey) {
        let counted = self.cache.with(key.as_bytes(), |signer| {
            signer.good = signer.good.saturating_add(1);
            signer.good
        });
        let expanded = match counted {
            // The expansion runs without the lock, so that other verifications do not wait.
            Some(OFTEN) => ExpandedKey::new(key.as_bytes()).map(Arc::new),
            Some(_) => return,
            None => None,
        };
        let signer = Signer {
            good: counted.unwrap_or(1),
            expanded,
        };
        self.cache.insert(*key.as_bytes(), signer);
    }
}

impl Default for KnownSigners {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
