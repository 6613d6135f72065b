//! The host's own rules for permits, the same for every login.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_core::{AccountName, Ceiling, PolicyName};

use crate::account_pattern::AccountPattern;
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
    /// The names of accounts that the host makes at their first login, in operator mode. Default:
    /// none.
    pub new_accounts: Vec<AccountPattern>,
    /// The names of accounts that may ask the host to sign them, in operator mode. Default: none.
    pub requested_accounts: Vec<AccountPattern>,
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

    /// Returns every name of `account`, each once: the one that is given, and the name and the key
    /// that the configuration has for it.
    pub(crate) fn names_of<'a>(
        &'a self,
        account: &'a AccountName,
    ) -> impl Iterator<Item = &'a str> {
        let accounts = self.signing.as_ref();
        let known = accounts.and_then(|accounts| named(accounts, account));
        let known = known.map(|(name, issuer)| [name.as_str(), issuer.key.as_str()]);
        let others = known.into_iter().flatten();
        let others = others.filter(move |name| *name != account.as_str());
        std::iter::once(account.as_str()).chain(others)
    }

    /// Returns whether `account` is one that the configuration does not know and that the host may
    /// make at its first login.
    pub fn is_new(&self, account: &AccountName) -> bool {
        let mut patterns = self.new_accounts.iter();
        let accounts = self.signing.as_ref();
        accounts.is_some_and(|accounts| named(accounts, account).is_none())
            && patterns.any(|pattern| pattern.matches(account))
    }
}
