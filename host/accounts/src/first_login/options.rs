//! The caps of accounts that are made at their first login.

use portcullis_claims::{AccountLimits, JetStreamLimits};

/// First part of the tag of an account that was made at its first login. The time of the login
/// follows, in seconds since the Unix epoch.
pub(super) const TAG: &str = "made-at-first-login:";

/// The caps of accounts that are made at their first login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstLoginOptions {
    /// Maximum number of such accounts in the store. Default: 1000.
    pub max_accounts: usize,
    /// Maximum number of such accounts that are made in an hour, by all processes that use the
    /// store. Default: 60.
    pub max_per_hour: usize,
    /// Limits of each new account. Default: 1,000 connections, 100,000 subscriptions, messages of
    /// at most 1 MiB, no leafnodes, exports or imports, and no `JetStream`.
    pub limits: AccountLimits,
}

impl Default for FirstLoginOptions {
    fn default() -> Self {
        Self {
            max_accounts: 1000,
            max_per_hour: 60,
            limits: AccountLimits {
                connections: 1000,
                subs: 100_000,
                payload: 1 << 20,
                data: -1,
                jetstream: JetStreamLimits::default(),
                ..AccountLimits::default()
            },
        }
    }
}
