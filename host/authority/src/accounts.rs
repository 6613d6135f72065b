//! The accounts the host signs for.

use std::collections::BTreeSet;

use portcullis_core::AccountName;

/// The accounts that permits may name. In config mode, servers let a callout place a login in any
/// account, the system account included. The host therefore keeps its own list. Default: no
/// account.
///
/// ```
/// use std::collections::BTreeSet;
///
/// use portcullis_authority::TargetAccounts;
///
/// let accounts = TargetAccounts::Any {
///     named: BTreeSet::new(),
///     barred: BTreeSet::from(["AUTH".parse()?, "SYS".parse()?]),
/// };
/// assert!(accounts.contains(&"APP".parse()?));
/// assert!(!accounts.contains(&"SYS".parse()?));
/// # Ok::<(), portcullis_core::InvalidAccountName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetAccounts {
    /// These accounts, and no others.
    Only(BTreeSet<AccountName>),
    /// All accounts except the barred ones.
    Any {
        /// Accounts that count even if they are barred.
        named: BTreeSet<AccountName>,
        /// Accounts that count only if they are named, such as the system account.
        barred: BTreeSet<AccountName>,
    },
}

impl TargetAccounts {
    /// Returns whether the host signs for `account`.
    pub fn contains(&self, account: &AccountName) -> bool {
        match self {
            Self::Only(names) => names.contains(account),
            Self::Any { named, barred } => named.contains(account) || !barred.contains(account),
        }
    }

    /// Returns the accounts that are named, in alphabetical order.
    pub const fn named(&self) -> &BTreeSet<AccountName> {
        match self {
            Self::Only(named) | Self::Any { named, .. } => named,
        }
    }

    /// Bars `names`, which then count only if they are named.
    pub fn bar(&mut self, names: impl IntoIterator<Item = AccountName>) {
        match self {
            // An account that is not named does not count anyway.
            Self::Only(_) => {}
            Self::Any { barred, .. } => barred.extend(names),
        }
    }
}

impl Default for TargetAccounts {
    fn default() -> Self {
        Self::Only(BTreeSet::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> AccountName {
        name.parse().unwrap()
    }

    fn names<const N: usize>(names: [&str; N]) -> BTreeSet<AccountName> {
        names.into_iter().map(name).collect()
    }

    fn any<const N: usize>(named: [&str; N]) -> TargetAccounts {
        let mut any = TargetAccounts::Any {
            named: names(named),
            barred: names(["AUTH"]),
        };
        any.bar([name("SYS")]);
        any
    }

    #[test]
    fn only_named_accounts_are_signed_for() {
        let mut only = TargetAccounts::Only(names(["APP", "SYS"]));
        only.bar([name("SYS")]);
        assert!(only.contains(&name("APP")) && only.contains(&name("SYS")));
        assert!(!only.contains(&name("OTHER")));
        assert!(!TargetAccounts::default().contains(&name("APP")));
    }

    #[test]
    fn barred_accounts_need_to_be_named_themselves() {
        assert!(!any([]).contains(&name("SYS")));
        assert!(any(["SYS"]).contains(&name("SYS")));
        assert!(!any(["SYS"]).contains(&name("AUTH")));
        assert!(any([]).contains(&name("ANYTHING")));
    }
}
