//! Writes of the store, each of which validates and signs claims.

use portcullis_claims::{AccountClaims, GenericClaims, OperatorClaims, UserBody, UserClaims};
use portcullis_core::{KeyKind, PublicKey};
use serde_json::{Map, Value};

use super::signed::{Signed, sign};
use super::{OPERATOR, Store, UserJwt, read_token};
use crate::account_jwts::AccountJwt;
use crate::error::StoreError;
use crate::keys::Seed;
use crate::validate::Findings;

impl Store {
    /// Signs the operator's claims with its own seed and stores them. `claims.id` has to be that of
    /// the stored version.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Changed`] if the stored version is another one, with
    /// [`StoreError::Refused`] if servers would refuse the claims, and if the seed is missing.
    pub fn put_operator(&self, mut claims: OperatorClaims, now: u64) -> Result<Signed, StoreError> {
        let _lock = self.operator.lock()?;
        let (stored, _) = self.operator()?;
        let subject = claims.subject.clone().unwrap_or_default();
        if stored.id != claims.id || stored.subject.as_deref() != Some(&subject) {
            return Err(changed(&subject));
        }
        claims.issued_at = Some(after(stored.issued_at, now));
        let seed = self.keys.first_of(&[&subject])?;
        let signed = sign(claims, &seed.signer()?, now)?;
        self.operator.write(OPERATOR, &signed.token)?;
        Ok(signed)
    }

    /// Signs an account's claims with a key of the operator and stores them. `claims.id` has to be
    /// that of the stored version, or `None` for a new account. Signing keys go before the
    /// operator's own key.
    ///
    /// # Errors
    ///
    /// Fails as [`Store::put_operator`] does.
    pub fn put_account(&self, mut claims: AccountClaims, now: u64) -> Result<Signed, StoreError> {
        let seed = self.operator_seed()?;
        let expected = claims.id.take();
        claims.issued_at = Some(after(claims.issued_at.filter(|_| expected.is_some()), now));
        let signed = sign(claims, &seed.signer()?, now)?;
        self.accounts.replace(&signed.token, expected.as_deref())?;
        Ok(signed)
    }

    /// Signs an account's claims as [`Store::put_account`] does, for a request that the account
    /// issued itself at the time `asked_at`. The version is not earlier than the request, so that
    /// the same request is refused later, also if the clock of the account is fast.
    pub(crate) fn put_requested(
        &self,
        mut claims: AccountClaims,
        asked_at: u64,
        now: u64,
    ) -> Result<Signed, StoreError> {
        let seed = self.operator_seed()?;
        let expected = claims.id.take();
        let before = claims.issued_at.filter(|_| expected.is_some());
        claims.issued_at = Some(after(before, now.max(asked_at)));
        let signed = sign(claims, &seed.signer()?, now)?;
        self.accounts.replace(&signed.token, expected.as_deref())?;
        Ok(signed)
    }

    /// Signs a user's claims and stores them. `claims.id` has to be that of the stored version, or
    /// `None` for a new user.
    ///
    /// The signer is the key `by`, or else a plain signing key of the account, or else the
    /// account's own key. With a scoped key, permissions and limits of the user have to be absent.
    ///
    /// # Errors
    ///
    /// Fails as [`Store::put_operator`] does.
    pub fn put_user(
        &self,
        account: &AccountJwt,
        mut claims: UserClaims,
        by: Option<&str>,
        now: u64,
    ) -> Result<Signed, StoreError> {
        let _lock = self.lock()?;
        let records = self.users_of(&account.account);
        let subject = claims.subject.clone().unwrap_or_default();
        let stored = read_token::<UserBody>(&records, &subject)?;
        let id = stored.as_ref().and_then(|(stored, _)| stored.id.clone());
        if id != claims.id {
            return Err(changed(&subject));
        }
        let seed = self.signer_of_users(account, by)?;
        let own = seed.public == account.account;
        claims.nats.issuer_account = (!own).then(|| account.account.to_string());
        claims.audience = None;
        let scope = account.claims.nats.signing_keys.scope(seed.public.as_str());
        if scope.is_some() && !claims.nats.is_bare() {
            return Err(StoreError::Refused(Findings::of_scoped_user()));
        }
        let stored = stored.and_then(|(stored, _)| stored.issued_at);
        // A JWT of the time of a revocation is revoked.
        let revoked = revoked_at(&account.claims, &subject);
        claims.issued_at = Some(after(stored.max(revoked), now));
        let signed = sign(claims, &seed.signer()?, now)?;
        records.create()?;
        records.write(&subject, &signed.token)?;
        Ok(signed)
    }

    /// Signs a request to servers to delete `accounts` (`$SYS.REQ.CLAIMS.DELETE`), with a key of
    /// the operator.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::NoSeed`] if the store has no seed that may sign.
    pub fn sign_deletion(&self, accounts: &[&PublicKey], now: u64) -> Result<String, StoreError> {
        let signer = self.operator_seed()?.signer()?;
        let accounts = accounts.iter().map(|account| account.as_str().into());
        let accounts = Value::Array(accounts.collect());
        let data = Map::from_iter([("accounts".to_owned(), accounts)]);
        let claims = GenericClaims::new(signer.public_key(), data, now);
        Ok(claims.sign(&signer)?)
    }

    /// Returns the seed that signs accounts: one of the operator's signing keys, or the operator's
    /// own.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::NoSeed`] if the store has none that may sign, and with
    /// [`StoreError::NoSigningKey`] if none may.
    pub fn operator_seed(&self) -> Result<Seed, StoreError> {
        let (operator, _) = self.operator()?;
        let mut keys: Vec<&str> = operator
            .nats
            .signing_keys
            .iter()
            .map(String::as_str)
            .collect();
        if !operator.nats.strict_signing_key_usage {
            keys.extend(operator.subject.as_deref());
        }
        if keys.is_empty() {
            return Err(StoreError::NoSigningKey);
        }
        self.keys.first_of(&keys)
    }

    /// Returns the seed that signs users of `account`: that of the key `by`, or else of a plain
    /// signing key, or else the account's own.
    pub(crate) fn signer_of_users(
        &self,
        account: &AccountJwt,
        by: Option<&str>,
    ) -> Result<Seed, StoreError> {
        if let Some(key) = by {
            return self.keys.first_of(&[key]);
        }
        let plain = account.claims.nats.signing_keys.iter();
        let plain = plain.filter_map(|(key, scope)| scope.is_none().then_some(key));
        let keys: Vec<_> = plain.chain([account.account.as_str()]).collect();
        self.keys.first_of(&keys)
    }

    /// Stores a user JWT that is signed already, unless the store has a later one of its key.
    /// Returns the one that the store has now.
    ///
    /// # Errors
    ///
    /// Fails if the text is no user JWT or cannot be written.
    pub fn import_user(&self, account: &PublicKey, token: &str) -> Result<UserJwt, StoreError> {
        let token = token.trim();
        let claims = UserClaims::decode(token).map_err(StoreError::Token)?;
        let user = claims.subject.as_deref().unwrap_or_default();
        let user: PublicKey = user.parse().map_err(|_| StoreError::Subject)?;
        if user.kind() != KeyKind::User {
            return Err(StoreError::Subject);
        }
        let _lock = self.lock()?;
        let stored = self.user(account, &user)?;
        if let Some(stored) = stored.filter(|it| it.claims.issued_at > claims.issued_at) {
            return Ok(stored);
        }
        let records = self.users_of(account);
        records.create()?;
        records.write(user.as_str(), token)?;
        let token = token.to_owned();
        Ok(UserJwt {
            user,
            claims,
            token,
        })
    }
}

/// Returns the time of issue of a version that follows one of the time `before`. Versions of one
/// second would have no order.
fn after(before: Option<u64>, now: u64) -> u64 {
    before.map_or(now, |before| now.max(before.saturating_add(1)))
}

/// Returns the time up to which the account has revoked the user's JWTs.
fn revoked_at(account: &AccountClaims, user: &str) -> Option<u64> {
    let revocations = &account.nats.revocations;
    let times = [user, "*"].map(|key| revocations.get(key));
    let times = times.into_iter().flatten();
    times.filter_map(|time| u64::try_from(*time).ok()).max()
}

fn changed(key: &str) -> StoreError {
    match key.parse() {
        Ok(key) => StoreError::Changed(key),
        Err(_) => StoreError::Subject,
    }
}
