//! The accounts the host signs for.

use std::collections::BTreeSet;

/// The accounts that permits may name. In config mode, servers let a callout place a login in any
/// account, the system account included. The host therefore keeps its own list.
///
/// ```
/// use portcullis_authority::TargetAccounts;
///
/// let accounts = TargetAccounts::new(["*".to_owned()], ["AUTH".to_owned(), "SYS".to_owned()]);
/// assert!(accounts.contains("APP"));
/// assert!(!accounts.contains("SYS"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetAccounts {
    listed: BTreeSet<String>,
    any: bool,
    barred: BTreeSet<String>,
}

impl TargetAccounts {
    /// Creates a list of the accounts in `names`. `*` stands for all accounts except those in
    /// `barred`, which count only if they are named.
    pub fn new(
        names: impl IntoIterator<Item = String>,
        barred: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut listed: BTreeSet<_> = names.into_iter().collect();
        let any = listed.remove("*");
        Self {
            listed,
            any,
            barred: barred.into_iter().collect(),
        }
    }

    /// Returns whether the host signs for `account`.
    pub fn contains(&self, account: &str) -> bool {
        self.listed.contains(account) || (self.any && !self.barred.contains(account))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(names: &[&str]) -> TargetAccounts {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        TargetAccounts::new(owned(names), owned(&["AUTH", "SYS"]))
    }

    #[test]
    fn only_named_accounts_are_signed_for() {
        assert!(accounts(&["APP"]).contains("APP"));
        assert!(!accounts(&["APP"]).contains("OTHER"));
        assert!(!accounts(&[]).contains("APP"));
    }

    #[test]
    fn barred_accounts_need_to_be_named_themselves() {
        assert!(!accounts(&["*"]).contains("SYS"));
        assert!(accounts(&["*", "SYS"]).contains("SYS"));
        assert!(!accounts(&["*", "SYS"]).contains("AUTH"));
        assert!(accounts(&["*"]).contains("ANYTHING"));
    }
}
