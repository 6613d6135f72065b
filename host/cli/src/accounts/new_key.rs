//! Signing keys that commands add.

use portcullis_accounts::Store;
use portcullis_claims::{KeyKind, PublicKey};

use super::report::{failure, wrong};
use crate::failure::Failure;

/// A key to be added to an account or an operator.
pub(super) struct NewKey {
    /// Public key.
    pub(super) public: String,
    /// Whether its seed was made for it.
    has_seed: bool,
}

impl NewKey {
    /// Returns the key that is given, or one with a new seed in the store.
    pub(super) fn new(store: &Store, given: Option<&str>, kind: KeyKind) -> Result<Self, Failure> {
        let Some(key) = given else {
            let seed = store.keys().generate(kind).map_err(failure)?;
            let public = seed.public.to_string();
            let has_seed = true;
            return Ok(Self { public, has_seed });
        };
        if !PublicKey::is_valid(key, kind) {
            let letter = kind.letter();
            return Err(wrong(format!(
                "`{key}` is no public key of the kind {kind} ({letter}…)"
            )));
        }
        Ok(Self {
            public: key.to_owned(),
            has_seed: false,
        })
    }

    /// Removes the seed of a key that was not added, so that it serves no purpose.
    pub(super) fn forget(&self, store: &Store) -> Result<(), Failure> {
        if self.has_seed {
            store.keys().remove(&self.public).map_err(failure)?;
        }
        Ok(())
    }
}
