//! Accounts that the host makes at their first login.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use portcullis_core::{
    AccountName, AuthorizationRequest, Denial, DenialClass, Permit, PublicKey, Server,
};
use tokio::time::timeout_at;

use crate::rules::PermitRules;

/// A maker of accounts that permits name and that the configuration does not know.
pub trait AccountMaker: fmt::Debug + Send + Sync + 'static {
    /// Makes `account` unless it exists, and waits until `server` has it. Without a server, any
    /// server is enough. When the future succeeds, the host's issuers sign for the account.
    ///
    /// # Errors
    ///
    /// Fails with the denial of the login if the account may not be made, or if the server does not
    /// have it before `deadline`.
    fn provide<'a>(
        &'a self,
        account: &'a AccountName,
        server: Option<&'a Server>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<(), Denial>>;

    /// Returns the public key of an account that it has provided. `None` if it does not know the
    /// account. Default: `None`.
    fn key_of(&self, account: &AccountName) -> Option<PublicKey> {
        let _ = account;
        None
    }
}

/// Has `maker` make the account of `permit` if it could be signed for at all.
pub(crate) async fn provide(
    maker: &Arc<dyn AccountMaker>,
    permit: &Permit,
    request: &AuthorizationRequest,
    rules: &PermitRules,
    deadline: Instant,
) -> Result<(), Denial> {
    // A caller of the exchange connects to any server, later.
    let server = (!request.client.is_exchange()).then_some(&request.server);
    let version = server.and_then(|server| server.version.as_deref());
    rules.check_accepted(permit, version)?;
    let account = permit.account();
    let provided = AssertUnwindSafe(maker.provide(account, server, deadline)).catch_unwind();
    match timeout_at(deadline.into(), provided).await {
        Ok(Ok(provided)) => provided,
        Ok(Err(_)) => Err(Denial::new(
            DenialClass::Internal,
            "making the account panicked",
        )),
        Err(_) => Err(Denial::new(
            DenialClass::AccountUnavailable,
            format!("account `{account}` was not ready within the request's deadline"),
        )),
    }
}

#[cfg(test)]
mod tests;
