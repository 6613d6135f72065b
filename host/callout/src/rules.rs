//! The host's rules for permits that hold for every login alike, so that tests of a policy can be held to them before any login.

use std::collections::BTreeMap;

use portcullis_claims::ServerVersion;
use portcullis_core::{Denial, DenyFilter, Permit, PolicyName, WorkBudget};

use crate::accounts::TargetAccounts;
use crate::enforce::{Ceilings, check_account, hold_to_ceilings};
use crate::issuers::{AccountIssuer, NoIssuer, for_permit, named};
use crate::seal::{SealError, check_limits};

/// What every permit is held to, whichever policy makes it.
#[derive(Clone, Debug, Default)]
pub struct PermitRules {
    /// The accounts the host signs for.
    pub accounts: TargetAccounts,
    /// The most that permits may grant.
    pub ceilings: Ceilings,
    /// The accounts that users are signed for in operator mode, by the names that the configuration has
    /// for them; `None` in config mode.
    pub signing: Option<BTreeMap<String, AccountIssuer<()>>>,
}

impl PermitRules {
    /// Checks whether a login that `policy` permits so would be let in at a server of
    /// `server_version`. Without a version, only what no server lets in fails.
    ///
    /// What depends on the client, such as its address, is not looked at.
    ///
    /// # Errors
    ///
    /// The denial that such a login gets.
    pub fn check(
        &self,
        policy: &PolicyName,
        permit: &Permit,
        server_version: Option<&str>,
    ) -> Result<(), Denial> {
        let version: Option<ServerVersion> =
            server_version.and_then(|version| version.parse().ok());
        let filter = server_version.map_or(DenyFilter::Overlapping, |_| {
            portcullis_claims::deny_filter(version)
        });
        let mut work = WorkBudget::default();
        check_account(permit, self)?;
        hold_to_ceilings(permit, self, Some(policy), filter, &mut work)?;
        let signable = self.check_signable(permit).map_err(SealError::Issuer);
        let limits = match server_version {
            Some(text) => check_limits(permit, Some(text)),
            None => Ok(()),
        };
        signable
            .and(limits)
            .map_err(|error| Denial::new(error.class(), error.to_string()))
    }

    fn check_signable(&self, permit: &Permit) -> Result<(), NoIssuer> {
        match (&self.signing, &permit.role) {
            (Some(accounts), _) => for_permit(accounts, permit).map(|_| ()),
            (None, Some(role)) => Err(NoIssuer::RoleInConfigMode(role.clone())),
            (None, None) => Ok(()),
        }
    }

    /// Returns the name under which the configuration knows `account`, which is given by name or by key.
    pub(crate) fn name_of<'a>(&'a self, account: &'a str) -> &'a str {
        let accounts = self.signing.as_ref();
        let named = accounts.and_then(|accounts| named(accounts, account));
        named.map_or(account, |(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests;
