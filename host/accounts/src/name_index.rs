//! The accounts of a store by name, without a look at each file for each login or request.

use std::collections::BTreeMap;

use portcullis_core::PublicKey;
use portcullis_files::Stamp;

use crate::account_jwts::{AccountJwt, AccountJwts};
use crate::error::StoreError;

/// Seconds in which `max-per-hour` counts accounts.
const HOUR: u64 = 60 * 60;

/// Names of the accounts of a store, and when those with a tag of the host were made.
#[derive(Debug)]
pub(crate) struct NameIndex {
    /// First part of the tag. The time at which the account was made follows, in seconds since the
    /// Unix epoch.
    tag: &'static str,
    accounts: BTreeMap<PublicKey, Entry>,
}

#[derive(Debug)]
struct Entry {
    /// Stamp of the file that was read. `None` if this process wrote it, so that it is read again.
    stamp: Option<Stamp>,
    name: String,
    /// Time in the tag, in seconds since the Unix epoch. `None` if the account lacks the tag.
    made_at: Option<u64>,
}

impl NameIndex {
    /// Creates an empty index, which counts the accounts with this tag.
    pub(crate) const fn new(tag: &'static str) -> Self {
        Self {
            tag,
            accounts: BTreeMap::new(),
        }
    }

    /// Reads the accounts that are new in the store or have changed, and drops those that it no
    /// longer has. Other processes rename accounts too.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be read, or with the first account that cannot be. The others
    /// are in the index then.
    pub(crate) fn scan(&mut self, jwts: &AccountJwts) -> Result<(), StoreError> {
        let stamps = jwts.stamps()?;
        self.accounts.retain(|known, _| stamps.contains_key(known));
        let mut failure = None;
        for (key, stamp) in stamps {
            let known = self.accounts.get(&key);
            if known.is_some_and(|known| known.stamp.as_ref() == Some(&stamp)) {
                continue;
            }
            match jwts.get(&key) {
                Ok(Some(jwt)) => self.insert(&jwt, Some(stamp)),
                Ok(None) => self.remove(&key),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Records what the JWT of an account says.
    pub(crate) fn record(&mut self, jwt: &AccountJwt) {
        self.insert(jwt, None);
    }

    fn insert(&mut self, jwt: &AccountJwt, stamp: Option<Stamp>) {
        let entry = Entry {
            stamp,
            name: jwt.claims.name.clone().unwrap_or_default(),
            made_at: made_at(jwt, self.tag),
        };
        self.accounts.insert(jwt.account.clone(), entry);
    }

    /// Drops an account.
    pub(crate) fn remove(&mut self, account: &PublicKey) {
        self.accounts.remove(account);
    }

    /// Returns the accounts with this name.
    pub(crate) fn named(&self, name: &str) -> Vec<PublicKey> {
        let accounts = self.accounts.iter();
        let named = accounts.filter(|(_, entry)| entry.name == name);
        named.map(|(key, _)| key.clone()).collect()
    }

    /// Returns the number of accounts with the tag.
    pub(crate) fn made(&self) -> usize {
        self.times().count()
    }

    /// Returns the number of accounts with the tag that were made in the hour before `now`.
    /// A time after `now` counts, because a clock may have been set back.
    pub(crate) fn made_in_hour(&self, now: u64) -> usize {
        let recent = |made_at: &u64| now.saturating_sub(*made_at) < HOUR;
        self.times().filter(recent).count()
    }

    fn times(&self) -> impl Iterator<Item = u64> {
        self.accounts.values().filter_map(|entry| entry.made_at)
    }
}

/// Returns the time in the tag that begins with `tag`, in seconds since the Unix epoch. `None` if
/// the account lacks the tag.
pub(crate) fn made_at(jwt: &AccountJwt, tag: &str) -> Option<u64> {
    let mut tags = jwt.claims.nats.tags.iter();
    tags.find_map(|text| text.strip_prefix(tag)?.parse().ok())
}
