//! The check of a permit before any login, for tests of a policy.

use portcullis_core::{
    AuthorizationRequest, Denial, DenyFilter, Permit, PolicyName, PolicyRef, WorkBudget,
};

use crate::account_request;
use crate::enforce::{apply_ceilings, check_account, enforce_filtered};
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
        let filter = Self::filter_of(server_version);
        let mut work = WorkBudget::default();
        if !permit.account_limits().is_empty() {
            return account_request::check_permit(permit, self);
        }
        check_account(permit, self)?;
        apply_ceilings(permit, self, Some(policy), filter, &mut work)?;
        self.check_accepted(permit, server_version)
    }

    /// Applies the host's own rules to the permit of a login, as at the login itself, and checks
    /// whether its server accepts the result. Returns the permit that the login gets. Without a
    /// version of the server, the check is that of [`check`](Self::check).
    ///
    /// # Errors
    ///
    /// Fails with the denial that the login gets.
    pub fn hold(
        &self,
        request: &AuthorizationRequest,
        policy: Option<&PolicyRef>,
        mut permit: Permit,
    ) -> Result<Permit, Denial> {
        let version = request.server.version.as_deref();
        let mut work = WorkBudget::default();
        let filter = Self::filter_of(version);
        enforce_filtered(&mut permit, request, policy, self, filter, &mut work)?;
        // No user is signed for such a permit, and no server enforces it.
        if request.client.is_account_request() {
            return Ok(permit);
        }
        self.check_accepted(&permit, version)?;
        Ok(permit)
    }

    /// Returns the way in which a server of this version applies denies. Without a version, that of
    /// current servers.
    pub fn filter_of(server_version: Option<&str>) -> DenyFilter {
        server_version.map_or(DenyFilter::Overlapping, |version| {
            portcullis_claims::deny_filter(version.parse().ok())
        })
    }

    /// Checks whether a key signs for the permit, and whether a server of this version enforces its
    /// limits. A new account will have a key without a role.
    pub(crate) fn check_accepted(
        &self,
        permit: &Permit,
        server_version: Option<&str>,
    ) -> Result<(), Denial> {
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
            (Some(_), role) if self.is_new(permit.account()) => match role {
                None => Ok(()),
                Some(role) => Err(NoIssuer::Role {
                    account: permit.account().clone(),
                    role: role.to_owned(),
                    known: Vec::new(),
                }),
            },
            (Some(accounts), _) => for_permit(accounts, permit).map(|_| ()),
            (None, Some(role)) => Err(NoIssuer::RoleInConfigMode(role.to_owned())),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
