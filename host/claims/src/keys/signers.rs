//! Who has signed lately.

use std::sync::Arc;

use super::expanded::ExpandedKey;
use super::public::{KeyKind, PublicKey};
use super::recent::Recent;

/// How many keys are remembered. One that signs often takes 215 KiB.
const MOST: usize = 32;
/// After so many good signatures a key is expanded, which costs as much as saving some fifteen of them.
const OFTEN: u32 = 32;

/// Verifies for whoever has much to verify from few: keys that sign often are expanded, which halves the time a verification takes.
///
/// What it accepts is what [`PublicKey::verifies`] accepts. It remembers the last 32 keys.
#[derive(Debug)]
pub struct KnownSigners {
    recent: Recent<Signer>,
}

struct Signer {
    good: u32,
    expanded: Option<Arc<ExpandedKey>>,
}

impl KnownSigners {
    /// Nobody is known yet.
    pub const fn new() -> Self {
        Self {
            recent: Recent::new(MOST),
        }
    }

    /// Whether `signature` is the Ed25519 signature of `message` by `key`.
    pub fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
        let known = |signer: &mut Signer| signer.expanded.clone();
        match self.recent.with(key.as_bytes(), known).flatten() {
            // A curve key may have the bytes of another.
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

    /// Nobody is noted for a signature that is not good: anybody can make those.
    fn note(&self, key: &PublicKey) {
        let counted = self.recent.with(key.as_bytes(), |signer| {
            signer.good = signer.good.saturating_add(1);
            signer.good
        });
        let expanded = match counted {
            // Not while the others wait for the lock.
            Some(OFTEN) => ExpandedKey::new(key.as_bytes()).map(Arc::new),
            Some(_) => return,
            None => None,
        };
        let signer = Signer {
            good: counted.unwrap_or(1),
            expanded,
        };
        self.recent.insert(*key.as_bytes(), signer);
    }
}

impl Default for KnownSigners {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
