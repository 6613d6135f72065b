//! Accounts that the host makes at their first login.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::str::FromStr;
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
}

/// A pattern of the names of new accounts. A `*` stands for one or more letters, digits, `-`, `_`
/// and `.`.
///
/// ```
/// use portcullis_authority::AccountPattern;
///
/// let pattern: AccountPattern = "tenant-*".parse()?;
/// assert!(pattern.matches(&"tenant-acme".parse()?));
/// assert!(!pattern.matches(&"tenant-".parse()?));
/// assert!(!pattern.matches(&"tenant-$SYS".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountPattern {
    before: String,
    /// The text after the `*`. `None` if the pattern is a name.
    after: Option<String>,
}

/// A text that is not a pattern of account names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected letters, digits, `-`, `_`, `.` and at most one `*`, such as `tenant-*`, found `{}`",
    .0.escape_debug()
)]
pub struct InvalidAccountPattern(String);

impl AccountPattern {
    /// Maximum length of a name that a pattern matches, in bytes.
    pub const MAX_NAME: usize = 64;

    /// Returns whether the host may make an account of this name. A public key is no name.
    pub fn matches(&self, account: &AccountName) -> bool {
        let name = account.as_str();
        if name.len() > Self::MAX_NAME || name.parse::<PublicKey>().is_ok() {
            return false;
        }
        let Some(after) = &self.after else {
            return name == self.before;
        };
        let rest = name.strip_prefix(&self.before);
        let chosen = rest.and_then(|rest| rest.strip_suffix(after));
        chosen.is_some_and(|chosen| !chosen.is_empty() && is_plain(chosen))
    }
}

impl FromStr for AccountPattern {
    type Err = InvalidAccountPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (before, after) = match text.split_once('*') {
            Some((before, after)) => (before, Some(after.to_owned())),
            None => (text, None),
        };
        let is_valid = is_plain(before) && after.as_deref().is_none_or(is_plain);
        if text.is_empty() || !is_valid {
            return Err(InvalidAccountPattern(text.to_owned()));
        }
        let before = before.to_owned();
        Ok(Self { before, after })
    }
}

fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.bytes().all(plain)
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
