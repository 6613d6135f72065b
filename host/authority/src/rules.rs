//! The host's own rules for permits, the same for every login.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_core::{AccountName, Ceiling, PolicyName};

use crate::accounts::TargetAccounts;
use crate::issuers::{AccountIssuer, named};

/// The host's own rules for permits, the same for every policy and login.
#[derive(Clone, Debug, Default)]
pub struct PermitRules {
    /// The accounts that the host signs for.
    pub accounts: TargetAccounts,
    /// The upper limits on the permissions of permits.
    pub ceilings: Ceilings,
    /// The end of logins.
    pub expiry: Expiry,
    /// The accounts that users are signed for in operator mode, by their names in the
    /// configuration. `None` in config mode.
    pub signing: Option<BTreeMap<AccountName, AccountIssuer<()>>>,
}

/// The upper limits on the permissions of permits, by account and by policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ceilings {
    /// The ceilings by target account, as the configuration names it.
    pub accounts: BTreeMap<AccountName, Ceiling>,
    /// The ceilings by policy.
    pub policies: BTreeMap<PolicyName, Ceiling>,
}

/// The end of logins. Default: as the permit and the identity say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expiry {
    /// Maximum duration of a login. Default: `None`, no limit.
    pub max: Option<Duration>,
    /// Maximum random reduction of that time, so that clients that connected together do not
    /// reconnect together. At most a quarter of the time left. Default: zero.
    pub jitter: Duration,
}

impl PermitRules {
    /// Returns the name under which the configuration knows `account`, which is given by name or by
    /// key.
    pub fn name_of<'a>(&'a self, account: &'a AccountName) -> &'a AccountName {
        let accounts = self.signing.as_ref();
        let named = accounts.and_then(|accounts| named(accounts, account));
        named.map_or(account, |(name, _)| name)
    }
}
