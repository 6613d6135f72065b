//! Account JWTs on disk, by public key. A resolver serves from it and a store of keys writes to it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_claims::{AccountClaims, KnownSigners};
use portcullis_core::{KeyKind, PublicKey};
use portcullis_files::{Disk, FileLock, Stamp};

use crate::error::StoreError;
use crate::records::{Records, damaged};

/// Name and extension of the record of announced versions.
const VERSIONS: &str = "versions";
const ANNOUNCED: &str = "announced";

/// Extension of the records of deleted accounts, whose names are those of the accounts.
const DELETED: &str = "deleted";

/// Account JWTs in a directory, one file `A….jwt` for each account.
///
/// Several processes may use the directory at once. A write that has returned is on disk, and a
/// reader sees the version before or after it. No write replaces a version by an earlier one.
#[derive(Clone, Debug)]
pub struct AccountJwts {
    records: Records,
    /// The operator's keys, which sign all of the JWTs.
    signers: Arc<KnownSigners>,
}

/// An account JWT whose signature matches its issuer. Whether to trust the issuer is for the
/// caller to decide.
#[derive(Clone, Debug)]
pub struct AccountJwt {
    /// Public key of the account, `A…`.
    pub account: PublicKey,
    /// Claims of the account.
    pub claims: AccountClaims,
    /// The JWT itself.
    pub token: String,
}

/// The result of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The store had no version of the account.
    Added,
    /// The JWT replaced an earlier version.
    Replaced,
    /// The store had this JWT.
    Unchanged,
}

impl AccountJwt {
    /// Decodes a JWT.
    ///
    /// # Errors
    ///
    /// Fails if the text is no account JWT, or if its signature does not match.
    pub fn decode(token: &str) -> Result<Self, StoreError> {
        let token = token.trim();
        let claims = AccountClaims::decode(token).map_err(StoreError::Token)?;
        Self::of(claims, token)
    }

    /// Returns the JWT of an account with its decoded claims.
    fn of(claims: AccountClaims, token: &str) -> Result<Self, StoreError> {
        let account = claims.subject.as_deref().map(str::parse::<PublicKey>);
        match account {
            Some(Ok(account)) if account.kind() == KeyKind::Account => Ok(Self {
                account,
                claims,
                token: token.to_owned(),
            }),
            _ => Err(StoreError::Subject),
        }
    }

    /// Returns the time of issue, in seconds since the Unix epoch.
    pub fn issued_at(&self) -> u64 {
        self.claims.issued_at.unwrap_or_default()
    }
}

impl AccountJwts {
    /// Opens the directory and creates a missing one, readable by the user of this process only.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be created.
    pub fn open(disk: Arc<dyn Disk>, directory: PathBuf) -> Result<Self, StoreError> {
        let jwts = Self::existing(disk, directory);
        jwts.create()?;
        Ok(jwts)
    }

    pub(crate) fn existing(disk: Arc<dyn Disk>, directory: PathBuf) -> Self {
        Self {
            records: Records::new(disk, directory, "jwt"),
            signers: Arc::new(KnownSigners::new()),
        }
    }

    pub(crate) fn create(&self) -> Result<(), StoreError> {
        self.records.create()
    }

    /// Returns the JWT of an account. `None` if the store has none.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or is damaged.
    pub fn get(&self, account: &PublicKey) -> Result<Option<AccountJwt>, StoreError> {
        let Some(text) = self.records.read(account.as_str())? else {
            return Ok(None);
        };
        let token = text.expose().trim();
        let decoded = AccountClaims::decode_from_known(token, &self.signers);
        let decoded = decoded.map_err(StoreError::Token);
        let problem = match decoded.and_then(|claims| AccountJwt::of(claims, token)) {
            Ok(found) if found.account == *account => return Ok(Some(found)),
            Ok(_) => "it has the JWT of another account".to_owned(),
            Err(StoreError::Token(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        Err(damaged(self.records.path(account.as_str()), problem))
    }

    /// Returns the accounts of the store, in the order of their keys. An account whose file is
    /// damaged is among them.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be read.
    pub fn accounts(&self) -> Result<Vec<PublicKey>, StoreError> {
        let names = self.records.names()?;
        let keys = names.iter().filter_map(|name| name.parse().ok());
        Ok(keys
            .filter(|key: &PublicKey| key.kind() == KeyKind::Account)
            .collect())
    }

    /// Returns the path of the file of an account.
    pub(crate) fn path(&self, account: &PublicKey) -> PathBuf {
        self.records.path(account.as_str())
    }

    /// Returns the files of JWTs that nothing reads, because their names are no public keys of
    /// accounts.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be read.
    pub fn misnamed(&self) -> Result<Vec<PathBuf>, StoreError> {
        let names = self.records.names()?.into_iter();
        let strange = names.filter(|name| {
            let key = name.parse::<PublicKey>().ok();
            key.is_none_or(|key| key.kind() != KeyKind::Account)
        });
        Ok(strange.map(|name| self.records.path(&name)).collect())
    }

    /// Returns the accounts of the store with stamps, which differ after a write.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be read.
    pub(crate) fn stamps(&self) -> Result<BTreeMap<PublicKey, Stamp>, StoreError> {
        let stamps = self.records.stamps()?.into_iter();
        let keys = stamps.filter_map(|(name, stamp)| Some((name.parse().ok()?, stamp)));
        Ok(keys
            .filter(|(key, _): &(PublicKey, Stamp)| key.kind() == KeyKind::Account)
            .collect())
    }

    /// Returns the modification time up to which resolvers have announced the versions. `None` if
    /// none has recorded it.
    ///
    /// # Errors
    ///
    /// Fails if the record cannot be read, or is damaged.
    pub(crate) fn announced_until(&self) -> Result<Option<SystemTime>, StoreError> {
        let records = self.records.with_extension(ANNOUNCED);
        let Some(text) = records.read(VERSIONS)? else {
            return Ok(None);
        };
        let problem = || damaged(records.path(VERSIONS), "it has no time");
        let nanoseconds = text.expose().trim().parse().map_err(|_| problem())?;
        let time = UNIX_EPOCH.checked_add(Duration::from_nanos(nanoseconds));
        time.map(Some).ok_or_else(problem)
    }

    /// Records the modification time up to which resolvers have announced the versions.
    ///
    /// # Errors
    ///
    /// Fails if the record cannot be written.
    pub(crate) fn set_announced_until(&self, time: SystemTime) -> Result<(), StoreError> {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanoseconds = since.as_nanos().to_string();
        let records = self.records.with_extension(ANNOUNCED);
        records.write(VERSIONS, &nanoseconds)
    }

    pub(crate) fn remove_leftovers(&self, before: SystemTime) -> Result<(), StoreError> {
        self.records.remove_leftovers(before)
    }

    /// Stores a JWT.
    ///
    /// The store refuses a version that was issued before the stored one, or another version of the
    /// same second. A replay of an earlier version would undo revocations. For the same reason it
    /// refuses the last version of a deleted account, and earlier ones.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Older`] if the stored version is later, with
    /// [`StoreError::Deleted`] if the account was deleted since, and if the token is no account
    /// JWT, or cannot be written.
    pub fn put(&self, token: &str) -> Result<Written, StoreError> {
        let given = AccountJwt::decode(token)?;
        let lock = self.lock()?;
        self.put_locked(&given, &*lock)
    }

    /// Stores a JWT as [`AccountJwts::put`] does, also that of a deleted account. For an operator
    /// who brings it back.
    ///
    /// # Errors
    ///
    /// Fails as [`AccountJwts::put`] does.
    pub(crate) fn restore(&self, token: &str) -> Result<Written, StoreError> {
        let given = AccountJwt::decode(token)?;
        let lock = self.lock()?;
        self.deleted().remove(given.account.as_str())?;
        self.put_locked(&given, &*lock)
    }

    /// Stores a JWT in place of the version with the id (`jti`) `expected`, or of none. Otherwise
    /// like [`AccountJwts::put`].
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Changed`] if the stored version is another one, and as
    /// [`AccountJwts::put`] does.
    pub fn replace(&self, token: &str, expected: Option<&str>) -> Result<Written, StoreError> {
        let given = AccountJwt::decode(token)?;
        let lock = self.lock()?;
        let stored = self.get(&given.account)?;
        let id = stored.as_ref().map(|stored| stored.claims.id.as_deref());
        if id != expected.map(Some) {
            return Err(StoreError::Changed(given.account));
        }
        self.put_locked(&given, &*lock)
    }

    /// Removes the JWT of an account, and records the time at which it was issued. Returns whether
    /// the store had one.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be removed, or the record cannot be written.
    pub fn delete(&self, account: &PublicKey) -> Result<bool, StoreError> {
        let lock = self.records.lock()?;
        self.delete_locked(account, 0, &*lock)
    }

    /// Removes the JWTs of `accounts`, as the operator asked at the time `asked_at`. Versions that
    /// were issued until then do not come back, also those that the store never had. A time after
    /// `now` counts as `now`, so that a fast clock keeps no account deleted.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::LaterVersion`] if an account was signed after the request: a replay
    /// would delete an account that the operator brought back. Every account stays then. Also fails
    /// as [`AccountJwts::delete`] does.
    pub(crate) fn delete_as_asked(
        &self,
        accounts: &[PublicKey],
        asked_at: u64,
        now: u64,
    ) -> Result<(), StoreError> {
        let lock = self.records.lock()?;
        for account in accounts {
            // A damaged version has no time.
            let Ok(Some(stored)) = self.get(account) else {
                continue;
            };
            if stored.issued_at() > asked_at {
                return Err(StoreError::LaterVersion {
                    account: account.clone(),
                    stored: stored.issued_at(),
                    asked: asked_at,
                });
            }
        }
        for account in accounts {
            self.delete_locked(account, asked_at.min(now), &*lock)?;
        }
        Ok(())
    }

    /// Removes the JWT of an account, and records the time at which it was issued, or `until` if
    /// that is later. The caller holds the lock.
    fn delete_locked(
        &self,
        account: &PublicKey,
        until: u64,
        _lock: &dyn FileLock,
    ) -> Result<bool, StoreError> {
        let had = self.records.read(account.as_str())?.is_some();
        // A damaged version has no time. A damaged record is replaced.
        let stored = self.get(account).ok().flatten();
        let stored = stored.map_or(0, |stored| stored.issued_at());
        let before = self.deleted_until(account).unwrap_or(0);
        let last = stored.max(before).max(until);
        if last > 0 {
            self.deleted().write(account.as_str(), &last.to_string())?;
        }
        self.records.remove(account.as_str())?;
        Ok(had)
    }

    /// Locks the directory for a write. A store that was put together from files need not have it.
    fn lock(&self) -> Result<Box<dyn FileLock>, StoreError> {
        self.create()?;
        self.records.lock()
    }

    /// Returns the times of issue of the last versions of deleted accounts.
    fn deleted(&self) -> Records {
        self.records.with_extension(DELETED)
    }

    /// Returns the time up to which versions of an account were deleted. 0 if none was.
    fn deleted_until(&self, account: &PublicKey) -> Result<u64, StoreError> {
        let records = self.deleted();
        let Some(text) = records.read(account.as_str())? else {
            return Ok(0);
        };
        let problem = |_| damaged(records.path(account.as_str()), "it has no time");
        text.expose().trim().parse().map_err(problem)
    }

    /// Checks that no version of the account that was issued as late as `given` was deleted.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Deleted`] if one was, and if the record cannot be read.
    pub(crate) fn check_deleted(&self, given: &AccountJwt) -> Result<(), StoreError> {
        let last = self.deleted_until(&given.account)?;
        if last == 0 || given.issued_at() > last {
            return Ok(());
        }
        Err(StoreError::Deleted {
            account: given.account.clone(),
            last,
            given: given.issued_at(),
        })
    }

    /// Stores a JWT. The caller holds the lock.
    fn put_locked(&self, given: &AccountJwt, _lock: &dyn FileLock) -> Result<Written, StoreError> {
        let stored = self.get(&given.account)?;
        let written = match &stored {
            None => {
                self.check_deleted(given)?;
                Written::Added
            }
            Some(stored) if stored.token == given.token => return Ok(Written::Unchanged),
            Some(stored) if stored.issued_at() < given.issued_at() => Written::Replaced,
            Some(stored) => {
                return Err(StoreError::Older {
                    account: given.account.clone(),
                    stored: stored.issued_at(),
                    given: given.issued_at(),
                });
            }
        };
        self.records.write(given.account.as_str(), &given.token)?;
        Ok(written)
    }
}

#[cfg(test)]
mod tests;
