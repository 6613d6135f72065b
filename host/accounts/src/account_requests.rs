//! Accounts that signed themselves, and that the operator's key signs on their request.
//!
//! [`AskedAccount`] is a request: a JWT of the account that its own key signed. Once a policy has
//! permitted it, [`AccountRequests`] signs the account within the smallest of three limits: what it
//! asks for, what the policy grants, and what the configuration grants. The version is stored and
//! announced to the servers. The tag [`TAG`] marks such accounts: a request replaces no other one.

mod asked;
mod caps;
mod not_signed;
mod options;
mod signing;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use portcullis_connect::Nats;
use portcullis_core::Sample;
use portcullis_environment::Clock;
use portcullis_system::SystemClient;

use crate::account_jwts::AccountJwt;
use crate::error::StoreError;
use crate::first_login::{NotMade, Push};
use crate::store::Store;
use signing::Signing;

pub use asked::{AskedAccount, NotAsked};
pub use not_signed::NotSigned;
pub use options::{AccountRequestOptions, Granted};

/// Time to wait for servers after an announcement.
const ANNOUNCE: Duration = Duration::from_secs(3);

/// The signer of accounts on their own request.
#[derive(Debug)]
pub struct AccountRequests {
    signing: Arc<Signing>,
    clock: Arc<dyn Clock>,
    servers: OnceLock<Box<dyn Push>>,
    signed: AtomicU64,
    failures: [AtomicU64; NotSigned::REASONS.len()],
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
