//! Look-ups by name or public key.

use portcullis_core::PublicKey;

use super::{Store, UserJwt};
use crate::account_jwts::AccountJwt;
use crate::error::StoreError;

impl Store {
    /// Returns the account with this name or public key.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Unknown`] if the store has none, with [`StoreError::Ambiguous`] if
    /// several accounts have the name, and with [`StoreError::Unreadable`] if no readable account
    /// has it and one is not readable. Also fails if the directory has no store.
    pub fn account(&self, name: &str) -> Result<AccountJwt, StoreError> {
        let by_key = name.parse::<PublicKey>().ok();
        let found = match by_key {
            Some(key) => self.accounts.get(&key)?,
            None => only("account", name, self.list_accounts()?, |account| {
                account.claims.name.as_deref()
            })?,
        };
        match found {
            Some(found) => Ok(found),
            None => self.check_exists().and(Err(unknown("account", name))),
        }
    }

    /// Returns the user of an account with this name or public key.
    ///
    /// # Errors
    ///
    /// Fails as [`Store::account`] does.
    pub fn find_user(&self, account: &PublicKey, name: &str) -> Result<UserJwt, StoreError> {
        let by_key = name.parse::<PublicKey>().ok();
        let found = match by_key {
            Some(key) => self.user(account, &key)?,
            None => only("user", name, self.users(account)?, |user| {
                user.claims.name.as_deref()
            })?,
        };
        found.ok_or_else(|| unknown("user", name))
    }

    /// Fails with [`StoreError::Taken`] if an account has the name.
    ///
    /// # Errors
    ///
    /// Fails also if the store cannot be read.
    pub fn check_account_name(&self, name: &str) -> Result<(), StoreError> {
        free("account", name, self.account(name).map(drop))
    }

    /// Fails with [`StoreError::Taken`] if a user of the account has the name.
    ///
    /// # Errors
    ///
    /// Fails also if the store cannot be read.
    pub fn check_user_name(&self, account: &PublicKey, name: &str) -> Result<(), StoreError> {
        free("user", name, self.find_user(account, name).map(drop))
    }
}

fn free(kind: &'static str, name: &str, found: Result<(), StoreError>) -> Result<(), StoreError> {
    match found {
        Err(StoreError::Unknown { .. }) => Ok(()),
        Ok(()) | Err(StoreError::Ambiguous { .. }) => Err(StoreError::Taken {
            kind,
            name: name.to_owned(),
        }),
        Err(error) => Err(error),
    }
}

/// Returns the entry with a name. A damaged entry is no reason to refuse another one.
fn only<T>(
    kind: &'static str,
    name: &str,
    entries: Vec<Result<T, StoreError>>,
    name_of: impl Fn(&T) -> Option<&str>,
) -> Result<Option<T>, StoreError> {
    let (mut found, mut failure) = (None, None);
    for entry in entries {
        match entry {
            Err(error) => failure = failure.or(Some(error)),
            Ok(entry) if name_of(&entry) != Some(name) => {}
            Ok(_) if found.is_some() => {
                let name = name.to_owned();
                return Err(StoreError::Ambiguous { kind, name });
            }
            Ok(entry) => found = Some(entry),
        }
    }
    match failure {
        // The name may be that of the entry that cannot be read.
        Some(error) if found.is_none() => Err(StoreError::Unreadable {
            kind,
            name: name.to_owned(),
            source: Box::new(error),
        }),
        _ => Ok(found),
    }
}

fn unknown(kind: &'static str, name: &str) -> StoreError {
    let name = name.to_owned();
    StoreError::Unknown { kind, name }
}
