//! The work on the store: finds an account by its name, or makes it.

use parking_lot::Mutex;
use portcullis_claims::AccountClaims;
use portcullis_core::{AccountName, KeyKind};

use super::not_made::NotMade;
use super::options::{FirstLoginOptions, TAG};
use crate::account_jwts::AccountJwt;
use crate::error::StoreError;
use crate::keys::Seed;
use crate::name_index::{NameIndex, made_at};
use crate::store::Store;

/// The maker of accounts in a store. Each call may wait for the disk and for other processes.
#[derive(Debug)]
pub(super) struct Maker {
    store: Store,
    options: FirstLoginOptions,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    index: NameIndex,
    counts: Counts,
}

/// Numbers of accounts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Accounts in the store that were made at their first login.
    pub(super) accounts: usize,
    /// Accounts that this process has made.
    pub(super) made: u64,
}

/// An account with the seed that signs its users.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) jwt: AccountJwt,
    pub(super) signer: Seed,
}

impl Maker {
    /// Creates the maker, and reads the store.
    ///
    /// # Errors
    ///
    /// Fails if the store has no operator, has no seed that signs accounts, or cannot be read.
    pub(super) fn new(store: Store, options: FirstLoginOptions) -> Result<Self, StoreError> {
        store.operator_seed()?;
        let mut state = State {
            index: NameIndex::new(TAG),
            counts: Counts::default(),
        };
        // A damaged account is reported when an account is made.
        match state.index.scan(store.accounts()) {
            Ok(()) | Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        state.counts.accounts = state.index.made();
        Ok(Self {
            store,
            options,
            state: Mutex::new(state),
        })
    }

    /// Returns the numbers of accounts.
    pub(super) fn counts(&self) -> Counts {
        self.state.lock().counts
    }

    /// Returns the account `name`, which it makes at the time `now` if the store does not have it.
    pub(super) fn prepare(&self, name: &AccountName, now: u64) -> Result<Prepared, NotMade> {
        if let Some(found) = self.find(name)? {
            return Ok(found);
        }
        // Another process may make the same account.
        let _lock = self.store.lock()?;
        let scanned = self.with_index(|index| index.scan(self.store.accounts()));
        if let Some(found) = self.find(name)? {
            return Ok(found);
        }
        // The account that cannot be read may be this one.
        scanned?;
        let (made, recent) = self.with_index(|index| (index.made(), index.made_in_hour(now)));
        if made >= self.options.max_accounts {
            return Err(NotMade::TooMany(made));
        }
        if recent >= self.options.max_per_hour {
            return Err(NotMade::TooFast(recent));
        }
        Ok(self.make(name, now)?)
    }

    /// Returns the account with this name that was made at its first login. `None` if the index has
    /// none of the name.
    fn find(&self, name: &AccountName) -> Result<Option<Prepared>, NotMade> {
        let mut found = Vec::new();
        for key in self.with_index(|index| index.named(name.as_str())) {
            let jwt = self.store.accounts().get(&key)?;
            self.with_index(|index| match &jwt {
                Some(jwt) => index.record(jwt),
                None => index.remove(&key),
            });
            // An operator may have renamed it.
            found.extend(jwt.filter(|jwt| jwt.claims.name.as_deref() == Some(name.as_str())));
        }
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some(jwt), None) if made_at(&jwt, TAG).is_some() => {
                let signer = self.store.signer_of_users(&jwt, None)?;
                Ok(Some(Prepared { jwt, signer }))
            }
            (Some(_), None) => Err(NotMade::Foreign),
            (Some(_), Some(_)) => Err(NotMade::Store(StoreError::Ambiguous {
                kind: "account",
                name: name.to_string(),
            })),
        }
    }

    /// Makes the account. The caller holds the lock of the store.
    fn make(&self, name: &AccountName, now: u64) -> Result<Prepared, StoreError> {
        let (own, signer) = (
            Seed::generate(KeyKind::Account)?,
            Seed::generate(KeyKind::Account)?,
        );
        let mut claims = AccountClaims::new(own.public.as_str(), now);
        claims.name = Some(name.to_string());
        claims.nats.tags.push(format!("{TAG}{now}"));
        claims.nats.limits = self.options.limits.clone();
        claims
            .nats
            .signing_keys
            .insert_plain(signer.public.as_str());
        // The seeds come first: an account without them could not sign.
        let keys = self.store.keys();
        let stored = keys
            .insert(&own)
            .and_then(|()| keys.insert(&signer))
            .and_then(|()| self.store.put_account(claims, now))
            .and_then(|signed| AccountJwt::decode(&signed.token));
        let jwt = stored.inspect_err(|_| {
            for seed in [&own, &signer] {
                // What remains is a seed without an account, which does no harm.
                let _ = keys.remove(seed.public.as_str());
            }
        })?;
        tracing::info!(account = %jwt.account, account.name = %name, "account made at its first login");
        let mut state = self.state.lock();
        state.index.record(&jwt);
        state.counts.made = state.counts.made.saturating_add(1);
        state.counts.accounts = state.index.made();
        Ok(Prepared { jwt, signer })
    }

    fn with_index<T>(&self, work: impl FnOnce(&mut NameIndex) -> T) -> T {
        let mut state = self.state.lock();
        let done = work(&mut state.index);
        state.counts.accounts = state.index.made();
        done
    }
}
