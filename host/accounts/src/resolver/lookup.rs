//! Reading of the store: one account, or many.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use portcullis_core::{KeyKind, PublicKey, with_causes};
use portcullis_files::Stamp;

use super::shared::Shared;
use crate::account_jwts::AccountJwt;
use crate::error::StoreError;

/// The hash of account JWTs that resolvers compare: the SHA-256 digests of all, combined by XOR.
pub(super) type PackHash = [u8; SHA256_OUTPUT_LEN];

/// The hash of the store's account JWTs, and the stamps of their files at that time.
#[derive(Debug)]
pub(super) struct HashedPack {
    stamps: BTreeMap<PublicKey, Stamp>,
    hash: PackHash,
}

/// Returns the account of a text. `None` if it is no public key of an account.
pub(super) fn account(text: &str) -> Option<PublicKey> {
    let key: PublicKey = text.parse().ok()?;
    (key.kind() == KeyKind::Account).then_some(key)
}

impl Shared {
    /// Returns the JWT of an account. `None` if the store has none.
    pub(super) fn look_up(&self, account: &PublicKey) -> Result<Option<AccountJwt>, StoreError> {
        let found = self.store.accounts().get(account);
        if let Err(error) = &found {
            tracing::error!(error = with_causes(error), "account not read");
        }
        found
    }

    /// Returns at most `max` account JWTs, one `ACCOUNT|JWT` a line. A damaged account is logged,
    /// and left out.
    pub(super) fn pack(&self, max: usize) -> Result<Vec<String>, StoreError> {
        let accounts = self.store.accounts().accounts()?;
        let jwts = accounts
            .iter()
            .filter_map(|account| self.look_up(account).ok().flatten());
        let lines = jwts.map(|jwt| format!("{}|{}", jwt.account, jwt.token));
        Ok(lines.take(max).collect())
    }

    /// Returns the hash of the account JWTs. Reads them only if a file has changed, because each
    /// other resolver asks for it at each of its intervals.
    pub(super) fn pack_hash(&self) -> Result<PackHash, StoreError> {
        let stamps = self.store.accounts().stamps()?;
        let hashed = self.hashed.lock();
        if let Some(hashed) = hashed.as_ref().filter(|hashed| hashed.stamps == stamps) {
            return Ok(hashed.hash);
        }
        drop(hashed);
        let hash = hash(&self.pack(usize::MAX)?);
        *self.hashed.lock() = Some(HashedPack { stamps, hash });
        Ok(hash)
    }
}

fn hash(lines: &[String]) -> PackHash {
    let mut combined = PackHash::default();
    for line in lines {
        let token = line.split_once('|').map_or("", |(_, token)| token);
        let one = digest(&SHA256, token.as_bytes());
        for (combined, one) in combined.iter_mut().zip(one.as_ref()) {
            *combined ^= one;
        }
    }
    combined
}
