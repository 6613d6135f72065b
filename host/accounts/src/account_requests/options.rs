//! The caps of accounts that are signed on their own request, and what a policy grants one.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_claims::AccountLimits;
use portcullis_core::{AccountLimit, PublicKey};

use super::caps::capped;
use crate::first_login::FirstLoginOptions;

/// First part of the tag of an account that was signed on its own request. The time of the first
/// signature follows, in seconds since the Unix epoch.
pub(super) const TAG: &str = "signed-on-request:";

/// Maximum number of requests that a host signs within a minute. Each costs a write and a message
/// to every server.
pub(super) const MAX_PER_MINUTE: usize = 60;

/// Maximum number of requests of one account that a host signs within a minute, so that no account
/// uses up what a host signs.
pub(super) const MAX_OF_ACCOUNT_PER_MINUTE: usize = 10;

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
