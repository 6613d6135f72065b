//! Accounts that signed themselves, and that the operator's key signs on their request.
//!
//! [`AskedAccount`] is a request: a JWT of the account that its own key signed. Once a policy has
//! permitted it, [`AccountRequests`] signs the account within the smallest of three limits: what it
//! asks for, what the policy grants, and what the configuration grants. The version is stored and
//! announced to the servers. The tag [`TAG`] marks such accounts: a request replaces no other one.

mod asked;
mod caps;
mod not_signed;
mod signing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use portcullis_claims::AccountLimits;
use portcullis_connect::Nats;
use portcullis_core::{AccountLimit, PublicKey, Sample};
use portcullis_environment::Clock;
use portcullis_system::SystemClient;

use crate::account_jwts::AccountJwt;
use crate::error::StoreError;
use crate::first_login::{FirstLoginOptions, NotMade, Push};
use crate::store::Store;
use caps::capped;
use signing::Signing;

pub use asked::{AskedAccount, NotAsked};
pub use not_signed::NotSigned;

/// First part of the tag of an account that was signed on its own request. The time of the first
/// signature follows, in seconds since the Unix epoch.
const TAG: &str = "signed-on-request:";

/// Maximum number of requests that a host signs within a minute. Each costs a write and a message
/// to every server.
const MAX_PER_MINUTE: usize = 60;

/// Maximum number of requests of one account that a host signs within a minute, so that no account
/// uses up what a host signs.
const MAX_OF_ACCOUNT_PER_MINUTE: usize = 10;

/// Time to wait for servers after an announcement.
const ANNOUNCE: Duration = Duration::from_secs(3);

/// The caps of accounts that are signed on their own request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRequestOptions {
    /// Maximum number of such accounts in the store. Default: 1000.
    pub max_accounts: usize,
    /// Maximum number of such accounts that are new in an hour, by all processes that use the
    /// store. Default: 60.
    pub max_per_hour: usize,
    /// Limits that no such account exceeds. Default: those of accounts at first login.
    pub limits: AccountLimits,
    /// Keys of accounts that no request replaces, also if the store lacks them.
    pub reserved: BTreeSet<PublicKey>,
}

/// What a policy grants an account that asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// Upper limits. A limit that is absent is that of the configuration.
    pub limits: BTreeMap<AccountLimit, u64>,
    /// Tags for the account JWT.
    pub tags: Vec<String>,
    /// End of the account, in seconds since the Unix epoch. `None` sets no end.
    pub expires_at: Option<u64>,
}

/// The signer of accounts on their own request.
#[derive(Debug)]
pub struct AccountRequests {
    signing: Arc<Signing>,
    clock: Arc<dyn Clock>,
    servers: OnceLock<Box<dyn Push>>,
    signed: AtomicU64,
    failures: [AtomicU64; NotSigned::REASONS.len()],
}

impl Default for AccountRequestOptions {
    fn default() -> Self {
        let first_login = FirstLoginOptions::default();
        Self {
            max_accounts: first_login.max_accounts,
            max_per_hour: first_login.max_per_hour,
            limits: first_login.limits,
            reserved: BTreeSet::new(),
        }
    }
}

impl AccountRequestOptions {
    /// Returns the most that an account can get with a permit of these limits.
    pub fn limits_within(&self, permitted: &BTreeMap<AccountLimit, u64>) -> AccountLimits {
        capped(&AccountLimits::default(), permitted, &self.limits)
    }
}

impl AccountRequests {
    /// Creates the signer of accounts in `store`, which has to have a seed that signs accounts.
    ///
    /// # Errors
    ///
    /// Fails if the store has no operator or no such seed, or cannot be read.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        options: AccountRequestOptions,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            signing: Arc::new(Signing::new(store, options)?),
            clock,
            servers: OnceLock::new(),
            signed: AtomicU64::new(0),
            failures: Default::default(),
        })
    }

    /// Announces accounts over `nats` from now on. Only the first call has an effect, because a
    /// connection renews itself.
    pub fn connected(&self, nats: impl Nats) {
        // An error means that a connection is set.
        let _ = self.servers.set(Box::new(SystemClient::new(nats)));
    }

    /// Checks a request against the stored version of its account, before any policy decides.
    ///
    /// # Errors
    ///
    /// Fails if the request is not later than the stored version, if it may not replace that
    /// version, or if the store cannot be read.
    pub async fn check(&self, asked: &AskedAccount) -> Result<(), NotSigned> {
        let (signing, asked) = (Arc::clone(&self.signing), asked.clone());
        let checked = blocking(move || signing.check(&asked).map(|_| ())).await;
        self.counted(checked)
    }

    /// Signs the account that a policy has permitted, and stores it.
    ///
    /// # Errors
    ///
    /// Fails as [`check`](Self::check) does, and if a cap is reached, if another account has the
    /// name, or if servers would refuse the account within its limits. Nothing is stored then.
    pub async fn sign(
        &self,
        asked: &AskedAccount,
        granted: Granted,
    ) -> Result<AccountJwt, NotSigned> {
        let (signing, asked) = (Arc::clone(&self.signing), asked.clone());
        let now = self.clock.unix_seconds();
        let signed = blocking(move || signing.sign(&asked, &granted, now)).await;
        let jwt = self.counted(signed)?;
        self.signed.fetch_add(1, Ordering::Relaxed);
        Ok(jwt)
    }

    /// Tells the servers of a version, and returns once one of them has it.
    ///
    /// # Errors
    ///
    /// Fails if no server confirms the version within 3 s.
    pub async fn announce(&self, jwt: &AccountJwt) -> Result<(), NotMade> {
        let connection = self.servers.get().ok_or(NotMade::NotConnected)?;
        connection.push(jwt, None, ANNOUNCE).await.map(|_| ())
    }

    /// Returns the metrics.
    pub fn samples(&self) -> Vec<Sample> {
        let mut samples = vec![
            Sample::whole(
                "account_request_accounts",
                "Accounts in the store that were signed on their own request",
                self.signing.accounts(),
            ),
            Sample::counter(
                "account_requests_signed",
                "Requests of accounts that this host has signed",
                self.signed.load(Ordering::Relaxed),
            ),
        ];
        let failures = NotSigned::REASONS.into_iter().zip(&self.failures);
        samples.extend(failures.map(|(reason, count)| {
            let help = "Requests of accounts that the host did not sign, apart from denials of policies, by reason";
            let count = count.load(Ordering::Relaxed);
            Sample::counter("account_request_failures", help, count).with("reason", reason)
        }));
        samples
    }

    fn counted<T>(&self, result: Result<T, NotSigned>) -> Result<T, NotSigned> {
        if let Err(error) = &result {
            let mut counts = NotSigned::REASONS.into_iter().zip(&self.failures);
            if let Some((_, count)) = counts.find(|(reason, _)| *reason == error.reason()) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        result
    }
}

/// Does work on the store on the blocking pool.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NotSigned> + Send + 'static,
) -> Result<T, NotSigned> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(NotSigned::Broken),
    }
}
