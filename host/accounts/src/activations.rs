//! Activation JWTs on disk, by the hash under which the Go library looks for them.

mod activation;
mod not_activated;
mod room;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use portcullis_claims::ActivationClaims;
use portcullis_core::PublicKey;
use portcullis_files::Disk;

use crate::account_jwts::{AccountJwts, Written};
use crate::error::StoreError;
use crate::records::Records;
use crate::validate::Validate;
use activation::exporter;
use not_activated::MAX_SIZE;
use room::Room;

pub use activation::ActivationJwt;
pub use not_activated::NotActivated;
pub use room::ActivationLimits;

/// Activation JWTs in a directory, one file `HASH.jwt` for each.
#[derive(Clone, Debug)]
pub(crate) struct Activations {
    records: Records,
    room: Arc<Mutex<Room>>,
}

impl Activations {
    pub(crate) fn new(disk: Arc<dyn Disk>, directory: PathBuf) -> Self {
        Self {
            records: Records::new(disk, directory, "jwt"),
            room: Arc::default(),
        }
    }

    pub(crate) fn remove_leftovers(&self, before: SystemTime) -> Result<(), StoreError> {
        self.records.remove_leftovers(before)
    }

    /// Returns the activation with a hash. `None` if the store has none, or if the text is no hash.
    pub(crate) fn get(&self, hash: &str) -> Result<Option<ActivationJwt>, StoreError> {
        activation::read(&self.records, hash)
    }

    /// Stores an activation that an account of `accounts` signed, if it is valid at the time `now`,
    /// later than the stored one, and within `limits`.
    pub(crate) fn put(
        &self,
        token: &str,
        accounts: &AccountJwts,
        limits: ActivationLimits,
        now: u64,
    ) -> Result<(ActivationJwt, Written), NotActivated> {
        if token.len() > MAX_SIZE {
            return Err(NotActivated::TooLarge(token.len()));
        }
        let given = ActivationJwt::decode(token).ok_or(NotActivated::Unreadable)?;
        if !is_trusted(&given.claims, accounts)? {
            return Err(NotActivated::Untrusted);
        }
        let findings = given.claims.validate(now);
        if findings.is_refused() {
            return Err(NotActivated::Invalid(findings));
        }
        self.records.create()?;
        let _lock = self.records.lock()?;
        let written = match self.get(&given.hash)? {
            None => {
                // The lock of the directory is held, so no other process changes it meanwhile.
                self.room.lock().make(&self.records, &given, limits, now)?;
                Written::Added
            }
            Some(stored) if stored.token == given.token => return Ok((given, Written::Unchanged)),
            Some(stored) if stored.claims.issued_at < given.claims.issued_at => Written::Replaced,
            Some(_) => return Err(NotActivated::Older),
        };
        self.records.write(&given.hash, &given.token)?;
        Ok((given, written))
    }
}

/// Returns whether an account of the store signed the activation, itself or with a signing key.
fn is_trusted(claims: &ActivationClaims, accounts: &AccountJwts) -> Result<bool, StoreError> {
    let issuer = claims.issuer.as_deref().unwrap_or_default();
    let Ok(account) = exporter(claims).parse::<PublicKey>() else {
        return Ok(false);
    };
    let Some(exporter) = accounts.get(&account)? else {
        return Ok(false);
    };
    let signs = exporter.claims.nats.signing_keys.contains(issuer);
    Ok(issuer == account.as_str() || signs)
}
