//! One store of an operator: JWTs, and the seeds that sign them, in one directory.
//!
//! ```text
//! operator.jwt              the operator
//! accounts/A….jwt           the accounts
//! users/A…/U….jwt           the users of each account
//! activations/HASH.jwt      activation tokens, if a resolver stores them
//! keys/PUBLIC-KEY.nk        the seeds, mode 0600 in a directory of mode 0700
//! ```

mod exposed;
mod names;
mod signed;
mod signing;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use portcullis_claims::{Body, Claims, OperatorClaims, UserBody, UserClaims};
use portcullis_core::{KeyKind, PublicKey};
use portcullis_files::{Disk, FileLock};
use serde::de::DeserializeOwned;

use crate::account_jwts::{AccountJwt, AccountJwts, Written};
use crate::activations::{ActivationJwt, ActivationLimits, Activations, NotActivated};
use crate::error::StoreError;
use crate::keys::{KeyRing, Seed};
use crate::records::{Records, damaged};

pub use exposed::Exposed;
pub use signed::Signed;

/// Name of the operator's record.
const OPERATOR: &str = "operator";

/// Age from which a temporary file is that of a writer that was killed. A write takes milliseconds.
const LEFTOVER_AGE: Duration = Duration::from_hours(1);

/// A store of one operator in a directory.
///
/// Several processes may use the store at once. Each write is on disk when it returns. A version
/// that another process has changed meanwhile is never overwritten: the write fails with
/// [`StoreError::Changed`].
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    disk: Arc<dyn Disk>,
    operator: Records,
    accounts: AccountJwts,
    activations: Activations,
    keys: KeyRing,
}

/// A user JWT of the store.
#[derive(Clone, Debug)]
pub struct UserJwt {
    /// Public key of the user, `U…`.
    pub user: PublicKey,
    /// Claims of the user.
    pub claims: UserClaims,
    /// The JWT itself.
    pub token: String,
}

impl Store {
    /// Returns the store in the directory `root`, which need not have one yet.
    pub fn at(disk: Arc<dyn Disk>, root: &Path) -> Self {
        Self {
            operator: Records::new(Arc::clone(&disk), root.to_owned(), "jwt"),
            accounts: AccountJwts::existing(Arc::clone(&disk), root.join("accounts")),
            activations: Activations::new(Arc::clone(&disk), root.join("activations")),
            keys: KeyRing::new(Arc::clone(&disk), root.join("keys")),
            root: root.to_owned(),
            disk,
        }
    }

    /// Returns the directory of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the account JWTs.
    pub const fn accounts(&self) -> &AccountJwts {
        &self.accounts
    }

    /// Returns the activation with a hash. `None` if the store has none, or if the text is no hash.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or is damaged.
    pub fn activation(&self, hash: &str) -> Result<Option<ActivationJwt>, StoreError> {
        self.activations.get(hash)
    }

    /// Stores an activation that an account of the store signed, if it is valid at the time `now`,
    /// later than the stored one of its hash, and within `limits`. Expired activations make room.
    ///
    /// # Errors
    ///
    /// Fails if a rule is not met, or if the file cannot be written.
    pub fn put_activation(
        &self,
        token: &str,
        limits: ActivationLimits,
        now: u64,
    ) -> Result<(ActivationJwt, Written), NotActivated> {
        self.activations.put(token, &self.accounts, limits, now)
    }

    /// Returns the seeds.
    pub const fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// Locks the store against other processes, until the value is dropped.
    ///
    /// Single writes need no lock, because they detect versions that changed meanwhile. Commands
    /// that make several take it, so that another one waits.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Locked`] if another process holds the lock for long.
    pub fn lock(&self) -> Result<Box<dyn FileLock>, StoreError> {
        self.operator.lock()
    }

    /// Makes the store: an operator `name` with a new seed.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::StoreExists`] if the directory has a store, or if it cannot be
    /// written.
    pub fn create(
        &self,
        mut claims: OperatorClaims,
        seed: &Seed,
        now: u64,
    ) -> Result<Signed, StoreError> {
        self.operator.create()?;
        let _lock = self.operator.lock()?;
        if self.operator.read(OPERATOR)?.is_some() {
            return Err(StoreError::StoreExists(self.root.clone()));
        }
        self.accounts.create()?;
        self.keys.create()?;
        self.keys.insert(seed)?;
        claims.issued_at = Some(now);
        let signed = signed::sign(claims, &seed.signer()?, now)?;
        self.operator.write(OPERATOR, &signed.token)?;
        Ok(signed)
    }

    /// Stores an operator JWT that is signed already, in place of any other.
    ///
    /// # Errors
    ///
    /// Fails if the text is no operator JWT or cannot be written.
    pub fn import_operator(&self, token: &str) -> Result<(), StoreError> {
        OperatorClaims::decode(token.trim()).map_err(StoreError::Token)?;
        self.operator.create()?;
        self.accounts.create()?;
        self.keys.create()?;
        self.operator.write(OPERATOR, token.trim())
    }

    /// Returns the operator's claims and its JWT.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::NoStore`] or [`StoreError::OfNsc`] if the directory has no store.
    pub fn operator(&self) -> Result<(OperatorClaims, String), StoreError> {
        match read_token(&self.operator, OPERATOR)? {
            Some(read) => Ok(read),
            None => Err(self.missing()),
        }
    }

    /// Checks that the directory has a store, whose operator may be damaged.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::NoStore`] or [`StoreError::OfNsc`] if it has none, and if it cannot
    /// be read.
    pub fn check_exists(&self) -> Result<(), StoreError> {
        match self.operator.read(OPERATOR)? {
            Some(_) => Ok(()),
            None => Err(self.missing()),
        }
    }

    /// Returns the failure of a directory without an operator.
    fn missing(&self) -> StoreError {
        if self.disk.list(&self.root.join("stores")).is_ok() {
            return StoreError::OfNsc(self.root.clone());
        }
        StoreError::NoStore(self.root.clone())
    }

    /// Returns a user of an account. `None` if the store has none of this key.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or is damaged.
    pub fn user(
        &self,
        account: &PublicKey,
        user: &PublicKey,
    ) -> Result<Option<UserJwt>, StoreError> {
        let records = self.users_of(account);
        let Some((claims, token)) = read_token::<UserBody>(&records, user.as_str())? else {
            return Ok(None);
        };
        if claims.subject.as_deref() != Some(user.as_str()) {
            let problem = "it has the JWT of another user";
            return Err(damaged(records.path(user.as_str()), problem));
        }
        let user = user.clone();
        Ok(Some(UserJwt {
            user,
            claims,
            token,
        }))
    }

    /// Returns the users of an account, in the order of their keys. A user whose file is damaged is
    /// an error in the list.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be read.
    pub fn users(
        &self,
        account: &PublicKey,
    ) -> Result<Vec<Result<UserJwt, StoreError>>, StoreError> {
        let names = self.users_of(account).names()?;
        let keys = names.iter().filter_map(|name| name.parse().ok());
        let keys = keys.filter(|key: &PublicKey| key.kind() == KeyKind::User);
        Ok(keys
            .filter_map(|user| self.user(account, &user).transpose())
            .collect())
    }

    /// Returns every account, in the order of their keys. An account whose file is damaged is an
    /// error in the list.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be read.
    pub fn list_accounts(&self) -> Result<Vec<Result<AccountJwt, StoreError>>, StoreError> {
        let keys = self.accounts.accounts()?;
        Ok(keys
            .iter()
            .filter_map(|account| self.accounts.get(account).transpose())
            .collect())
    }

    /// Returns the account JWTs as the content of `resolver_preload` in a server's configuration.
    ///
    /// # Errors
    ///
    /// Fails if the directory has no store, and if an account cannot be read or is damaged.
    pub fn preload(&self) -> Result<String, StoreError> {
        self.check_exists()?;
        let mut text = String::new();
        for account in self.list_accounts()? {
            let account = account?;
            let name = account.claims.name.as_deref().unwrap_or_default();
            // A name could otherwise end the comment.
            let name = name.escape_default();
            // Writing to a string does not fail.
            let _ = writeln!(text, "# {name}\n{}: {}", account.account, account.token);
        }
        Ok(text)
    }

    /// Checks that an account may be deleted: it is not the operator's system account.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::SystemAccount`], and if the operator cannot be read.
    pub fn check_deletable(&self, account: &PublicKey) -> Result<(), StoreError> {
        let (operator, _) = self.operator()?;
        if operator.nats.system_account == account.as_str() {
            return Err(StoreError::SystemAccount(account.clone()));
        }
        Ok(())
    }

    /// Removes an account with its users. Their seeds go too, with `seeds`, except those that other
    /// entries need: an account that signed itself can name the key of another one as its own.
    ///
    /// # Errors
    ///
    /// Fails as [`check_deletable`](Self::check_deletable) does, and if a file cannot be removed.
    /// If another entry is damaged, it fails and the seeds stay.
    pub fn delete_account(&self, account: &AccountJwt, seeds: bool) -> Result<(), StoreError> {
        let _lock = self.lock()?;
        self.check_deletable(&account.account)?;
        let users = self.users_of(&account.account);
        let names = users.names()?;
        for user in &names {
            users.remove(user)?;
        }
        self.accounts.delete(&account.account)?;
        if !seeds {
            return Ok(());
        }
        let signing = account.claims.nats.signing_keys.iter();
        let keys = signing.map(|(key, _)| key.to_owned());
        self.remove_seeds(keys.chain([account.account.to_string()]).chain(names))
    }

    /// Removes the operator. The seeds of its keys go too, with `seeds`.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::HasAccounts`] if the store has accounts, and if a file cannot be
    /// removed.
    pub fn delete_operator(&self, seeds: bool) -> Result<(), StoreError> {
        let _lock = self.lock()?;
        let (operator, _) = self.operator()?;
        if !self.accounts.accounts()?.is_empty() {
            return Err(StoreError::HasAccounts(self.root.clone()));
        }
        self.operator.remove(OPERATOR)?;
        if !seeds {
            return Ok(());
        }
        let signing = operator.nats.signing_keys.iter().cloned();
        self.remove_seeds(signing.chain(operator.subject))
    }

    /// Removes a user. Its seed goes too, with `seed`, unless another entry needs it.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be removed, or if another entry is damaged. The seed stays then.
    pub fn delete_user(
        &self,
        account: &PublicKey,
        user: &PublicKey,
        seed: bool,
    ) -> Result<(), StoreError> {
        let _lock = self.lock()?;
        self.users_of(account).remove(user.as_str())?;
        if !seed {
            return Ok(());
        }
        self.remove_seeds([user.to_string()])
    }

    /// Removes the seeds of these public keys, except those that an entry of the store needs: the
    /// operator, an account or a user. Ignores texts that are no public keys.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be removed, or if an entry is damaged. The seeds stay then.
    pub fn remove_seeds(&self, keys: impl IntoIterator<Item = String>) -> Result<(), StoreError> {
        let mut unused: BTreeSet<String> = keys.into_iter().collect();
        match self.operator() {
            Ok((operator, _)) => {
                for key in operator.nats.signing_keys.iter().chain(&operator.subject) {
                    unused.remove(key);
                }
            }
            Err(StoreError::NoStore(_) | StoreError::OfNsc(_)) => {}
            Err(error) => return Err(error),
        }
        for account in self.accounts.accounts()? {
            if unused.is_empty() {
                return Ok(());
            }
            unused.remove(account.as_str());
            for user in self.users_of(&account).names()? {
                unused.remove(&user);
            }
            let Some(found) = self.accounts.get(&account)? else {
                continue;
            };
            unused.remove(&found.claims.nats.authorization.xkey);
            for (key, _) in found.claims.nats.signing_keys.iter() {
                unused.remove(key);
            }
        }
        unused.iter().try_for_each(|key| self.keys.remove(key))
    }

    /// Removes temporary files that are older than an hour at the time `now`. Writers that were
    /// killed left them behind.
    ///
    /// # Errors
    ///
    /// Fails if a directory cannot be read, or if a file cannot be removed.
    pub fn remove_leftovers(&self, now: SystemTime) -> Result<(), StoreError> {
        let before = now
            .checked_sub(LEFTOVER_AGE)
            .unwrap_or(SystemTime::UNIX_EPOCH);
        self.operator.remove_leftovers(before)?;
        self.accounts.remove_leftovers(before)?;
        self.activations.remove_leftovers(before)?;
        self.keys.remove_leftovers(before)?;
        for account in self.accounts.accounts()? {
            self.users_of(&account).remove_leftovers(before)?;
        }
        Ok(())
    }

    fn users_of(&self, account: &PublicKey) -> Records {
        let directory = self.root.join("users").join(account.as_str());
        Records::new(Arc::clone(&self.disk), directory, "jwt")
    }
}

/// Reads a JWT whose signature matches its issuer.
fn read_token<B: Body + Default + DeserializeOwned>(
    records: &Records,
    name: &str,
) -> Result<Option<(Claims<B>, String)>, StoreError> {
    let Some(text) = records.read(name)? else {
        return Ok(None);
    };
    let token = text.expose().trim();
    match Claims::decode(token) {
        Ok(claims) => Ok(Some((claims, token.to_owned()))),
        Err(error) => Err(damaged(records.path(name), error.to_string())),
    }
}

#[cfg(test)]
mod tests;
