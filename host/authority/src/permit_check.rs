//! The check of a permit before any login, for tests of a policy.

use portcullis_claims::ServerVersion;
use portcullis_core::{Denial, DenyFilter, Permit, PolicyName, WorkBudget};

use crate::enforce::{check_account, hold_to_ceilings};
use crate::issue::{IssueError, check_limits};
use crate::issuers::{NoIssuer, for_permit};
use crate::rules::PermitRules;

impl PermitRules {
    /// Checks whether a server of `server_version` accepts a login with this permit of `policy`.
    /// Without a version, the check fails only for a permit that every server refuses.
    ///
    /// The check ignores rules that depend on the client, such as its address.
    ///
    /// # Errors
    ///
    /// Fails with the denial that such a login gets.
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
        let signable = self.check_signable(permit).map_err(IssueError::Issuer);
        let limits = match server_version {
            Some(text) => check_limits(permit, Some(text)),
            None => Ok(()),
        };
        signable
            .and(limits)
            .map_err(|error| Denial::new(error.class(), error.to_string()))
    }

    fn check_signable(&self, permit: &Permit) -> Result<(), NoIssuer> {
        match (&self.signing, permit.role()) {
            (Some(accounts), _) => for_permit(accounts, permit).map(|_| ()),
            (None, Some(role)) => Err(NoIssuer::RoleInConfigMode(role.to_owned())),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
