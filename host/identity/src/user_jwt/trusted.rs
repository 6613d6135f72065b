//! Accounts whose user JWTs are trusted.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use portcullis_claims::PublicKey;
use portcullis_core::{Allowed, AuthorizationRequest, Claims};
use tokio::task::JoinSet;

use super::presented::UserJwt;
use super::source::KnownAccount;
use super::{AccountOptions, AccountSetupError, PresentedJwt, UserJwtError, rules};

/// Interval of checks of the files.
const TICK: Duration = Duration::from_secs(1);

/// The accounts whose user JWTs are trusted. Default: none.
#[derive(Debug, Default)]
pub struct TrustedAccounts {
    /// Accounts by public key.
    accounts: HashMap<PublicKey, Arc<KnownAccount>>,
    timer: Mutex<JoinSet<()>>,
}

/// The content of a user JWT that fulfils every rule.
#[derive(Debug)]
pub(crate) struct VerifiedUser {
    /// Public nkey of the user (`U…`).
    pub(crate) subject: String,
    /// Public key of the account (`A…`).
    pub(crate) account: PublicKey,
    /// Role of the scoped key that signed the JWT. `None` if the account or one of its plain keys
    /// signed.
    pub(crate) role: Option<String>,
    /// Time at which the login has to end, in seconds since the Unix epoch.
    pub(crate) expires_at: Option<u64>,
    pub(crate) claims: Claims,
    pub(crate) tags: Vec<String>,
}

impl TrustedAccounts {
    /// Returns these accounts. Reads their files. One of `operators` (`O…`) has to sign the JWT of
    /// an account.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be used, or if two names stand for the same account.
    pub fn new(
        accounts: Vec<AccountOptions>,
        operators: Allowed<PublicKey>,
    ) -> Result<Self, AccountSetupError> {
        let operators = Arc::new(operators);
        let mut known: HashMap<PublicKey, Arc<KnownAccount>> = HashMap::new();
        for options in accounts {
            let name = options.name.clone();
            let account = KnownAccount::new(options, &operators)
                .map_err(|source| AccountSetupError::Jwt { name, source })?;
            let second = account.name.clone();
            if let Some(first) = known.insert(account.key.clone(), Arc::new(account)) {
                let first = first.name.clone();
                return Err(AccountSetupError::SameAccount { first, second });
            }
        }
        Ok(Self {
            accounts: known,
            timer: Mutex::default(),
        })
    }

    /// Checks the files every second until this value is dropped. Without this call, they are read
    /// once.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime.
    pub fn start(&self) {
        let watched = self.accounts.values().filter(|account| account.has_file());
        let watched: Vec<_> = watched.map(Arc::clone).collect();
        let mut timer = self.timer.lock();
        if watched.is_empty() || !timer.is_empty() {
            return;
        }
        timer.spawn(async move {
            loop {
                tokio::time::sleep(TICK).await;
                for account in &watched {
                    account.look().await;
                }
            }
        });
    }

    /// Returns the user of a login's JWT if its issuer is one of these accounts or signs for one.
    /// `nkey` is the one that the client has proved to hold.
    pub(crate) fn verify(
        &self,
        jwt: &PresentedJwt<'_>,
        nkey: Option<&PublicKey>,
        request: &AuthorizationRequest,
    ) -> Result<Option<VerifiedUser>, UserJwtError> {
        if self.accounts.is_empty() {
            return Ok(None);
        }
        let Some(read) = jwt.get() else {
            return Ok(None);
        };
        let user = read.map_err(UserJwtError::Token)?;
        let Some(known) = self.account_of(user) else {
            return Ok(None);
        };
        let account = known.now();
        let accepted = rules::check(&user.claims, &account, known, nkey, request)?;
        let claims = Claims::from_json(&user.json).map_err(|_| UserJwtError::Claims)?;
        Ok(Some(VerifiedUser {
            subject: user.claims.subject.clone().unwrap_or_default(),
            account: account.key.clone(),
            role: accepted.role,
            expires_at: accepted.expires_at,
            claims,
            tags: user.claims.nats.tags.clone(),
        }))
    }

    /// Returns the account of a JWT: the one that it names or, without a name, its signer.
    fn account_of(&self, user: &UserJwt) -> Option<&Arc<KnownAccount>> {
        let named = user.claims.nats.issuer_account.as_deref();
        let named = named.filter(|account| !account.is_empty());
        self.accounts.get(named.or(user.claims.issuer.as_deref())?)
    }
}

#[cfg(test)]
mod tests;
