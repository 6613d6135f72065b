//! The work on the store: the checks of a request against the stored version, and the signature.

use std::collections::VecDeque;

use parking_lot::Mutex;
use portcullis_claims::{AccountClaims, AccountFields};
use portcullis_core::PublicKey;

use super::asked::AskedAccount;
use super::caps::capped;
use super::not_signed::NotSigned;
use super::options::{
    AccountRequestOptions, Granted, MAX_OF_ACCOUNT_PER_MINUTE, MAX_PER_MINUTE, TAG,
};
use crate::account_jwts::AccountJwt;
use crate::error::StoreError;
use crate::name_index::{NameIndex, made_at};
use crate::store::Store;

/// First parts of tags that the host sets itself, or that have a meaning for it.
const RESERVED: [&str; 4] = [
    "policy:",
    "policy-digest:",
    "policy-generation:",
    "policy-version:",
];

/// First parts of tags that say how an account was made. A policy may hand on tags of the request,
/// so it cannot set them either.
const ORIGINS: [&str; 2] = [TAG, "made-at-first-login:"];

/// The signer of accounts in a store. Each call may wait for the disk and for other processes.
#[derive(Debug)]
pub(super) struct Signing {
    store: Store,
    options: AccountRequestOptions,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    index: NameIndex,
    /// Times of the last signatures, in seconds since the Unix epoch, and their accounts.
    signed: VecDeque<(u64, PublicKey)>,
}

impl Signing {
    /// Creates the signer, and reads the store.
    ///
    /// # Errors
    ///
    /// Fails if the store has no operator, has no seed that signs accounts, or cannot be read.
    pub(super) fn new(store: Store, options: AccountRequestOptions) -> Result<Self, StoreError> {
        store.operator_seed()?;
        let mut index = NameIndex::new(TAG);
        // A damaged account is reported when a new one is signed.
        match index.scan(store.accounts()) {
            Ok(()) | Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        let signed = VecDeque::new();
        Ok(Self {
            store,
            options,
            state: Mutex::new(State { index, signed }),
        })
    }

    /// Returns the number of accounts in the store that were signed on their own request.
    pub(super) fn accounts(&self) -> usize {
        self.state.lock().index.made()
    }

    /// Checks a request against the stored version of its account, which it returns.
    pub(super) fn check(&self, asked: &AskedAccount) -> Result<Option<AccountJwt>, NotSigned> {
        if self.is_reserved(asked.account())? {
            return Err(NotSigned::Foreign);
        }
        let Some(stored) = self.store.accounts().get(asked.account())? else {
            // A request from before the deletion would bring the account back.
            return match self.store.accounts().check_deleted(&asked.jwt) {
                Ok(()) => Ok(None),
                Err(StoreError::Deleted { last, given, .. }) => Err(NotSigned::Older {
                    stored: last,
                    asked: given,
                }),
                Err(error) => Err(error.into()),
            };
        };
        if made_at(&stored, TAG).is_none() {
            return Err(NotSigned::Foreign);
        }
        // A replay would undo what has changed since.
        if stored.issued_at() >= asked.jwt.issued_at() {
            return Err(NotSigned::Older {
                stored: stored.issued_at(),
                asked: asked.jwt.issued_at(),
            });
        }
        Ok(Some(stored))
    }

    /// Signs the account with what the policy grants, and stores it.
    pub(super) fn sign(
        &self,
        asked: &AskedAccount,
        granted: &Granted,
        now: u64,
    ) -> Result<AccountJwt, NotSigned> {
        // Another process may sign the same account, or one of the same name.
        let _lock = self.store.lock()?;
        let stored = self.check(asked)?;
        self.check_name(asked, stored.as_ref())?;
        if stored.is_none() {
            self.check_number(now)?;
        }
        self.count(asked.account(), now)?;
        let claims = self.claims(asked, granted, stored.as_ref(), now)?;
        let signed = self
            .store
            .put_requested(claims, asked.jwt.issued_at(), now)?;
        let jwt = AccountJwt::decode(&signed.token)?;
        self.state.lock().index.record(&jwt);
        Ok(jwt)
    }

    /// Returns whether the account is one of the operator's own, which no request may replace.
    fn is_reserved(&self, account: &PublicKey) -> Result<bool, StoreError> {
        let (operator, _) = self.store.operator()?;
        let is_system = operator.nats.system_account == account.as_str();
        Ok(is_system || self.options.reserved.contains(account))
    }

    /// Checks that no other account has the name.
    fn check_name(
        &self,
        asked: &AskedAccount,
        stored: Option<&AccountJwt>,
    ) -> Result<(), NotSigned> {
        let name = asked.name().as_str();
        if stored.is_some_and(|stored| stored.claims.name.as_deref() == Some(name)) {
            return Ok(());
        }
        let mut state = self.state.lock();
        // An account that cannot be read may have the name.
        state.index.scan(self.store.accounts())?;
        let others = state.index.named(name);
        if others.iter().any(|key| key != asked.account()) {
            return Err(NotSigned::Taken(name.to_owned()));
        }
        Ok(())
    }

    /// Checks that the store has room for a new account.
    fn check_number(&self, now: u64) -> Result<(), NotSigned> {
        let state = self.state.lock();
        let (made, recent) = (state.index.made(), state.index.made_in_hour(now));
        if made >= self.options.max_accounts {
            return Err(NotSigned::TooMany(made));
        }
        if recent >= self.options.max_per_hour {
            return Err(NotSigned::TooFast(recent));
        }
        Ok(())
    }

    /// Counts a signature for `account`.
    fn count(&self, account: &PublicKey, now: u64) -> Result<(), NotSigned> {
        let mut state = self.state.lock();
        let signed = &mut state.signed;
        signed.retain(|(time, _)| now.saturating_sub(*time) < 60);
        if signed.len() >= MAX_PER_MINUTE {
            return Err(NotSigned::TooBusy(MAX_PER_MINUTE));
        }
        let own = signed.iter().filter(|(_, signed)| signed == account);
        if own.count() >= MAX_OF_ACCOUNT_PER_MINUTE {
            return Err(NotSigned::TooOften(MAX_OF_ACCOUNT_PER_MINUTE));
        }
        signed.push_back((now, account.clone()));
        Ok(())
    }

    /// Returns the claims to sign. Takes over only parts of the request that are known here: a part
    /// that a later release of servers reads could grant anything.
    fn claims(
        &self,
        asked: &AskedAccount,
        granted: &Granted,
        stored: Option<&AccountJwt>,
        now: u64,
    ) -> Result<AccountClaims, NotSigned> {
        let from = asked.jwt.claims.nats.clone().into_fields();
        let mut claims = AccountClaims::new(asked.account().as_str(), now);
        let limits = capped(&from.limits, &granted.limits, &self.options.limits);
        *claims.nats = AccountFields {
            limits,
            imports: from.imports,
            exports: from.exports,
            signing_keys: from.signing_keys,
            revocations: from.revocations,
            default_permissions: from.default_permissions,
            mappings: from.mappings,
            trace: from.trace,
            description: from.description,
            info_url: from.info_url,
            ..AccountFields::default()
        };
        claims.nats.tags = tags(asked, granted, stored, now);
        claims.name = Some(asked.name().to_string());
        claims.not_before = asked.jwt.claims.not_before;
        let ends = [asked.expires_at(), granted.expires_at];
        claims.expires_at = ends.into_iter().flatten().min();
        if claims.expires_at.is_some_and(|end| end <= now) {
            return Err(NotSigned::Ended);
        }
        claims.id = stored.and_then(|stored| stored.claims.id.clone());
        claims.issued_at = stored.map(AccountJwt::issued_at);
        Ok(claims)
    }
}

/// Returns the tags of the account: its own, those that the policy grants, and the host's.
fn tags(
    asked: &AskedAccount,
    granted: &Granted,
    stored: Option<&AccountJwt>,
    now: u64,
) -> Vec<String> {
    let begins = |tag: &str, parts: &[&str]| {
        // Readers of tags ignore case and surrounding white space.
        let read_as = tag.trim().to_ascii_lowercase();
        parts.iter().any(|part| read_as.starts_with(part))
    };
    let since = stored.and_then(|stored| made_at(stored, TAG));
    let own = asked.tags().iter();
    let own = own.filter(|tag| !begins(tag, &RESERVED));
    let tags = own.chain(&granted.tags);
    let tags = tags.filter(|tag| !begins(tag, &ORIGINS)).cloned();
    tags.chain([format!("{TAG}{}", since.unwrap_or(now))])
        .collect()
}
