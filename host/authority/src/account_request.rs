//! The rules for the permit of an account that signed itself and asks for the operator's signature.

use portcullis_core::{AuthorizationRequest, Denial, DenialClass, Permit, PolicyRef};

use crate::issue::provenance;
use crate::issuers::named;
use crate::rules::PermitRules;

/// Checks the permit of a request of an account. The host's rules for logins do not apply, because
/// no user is signed.
///
/// # Errors
///
/// Fails if the permit is for another account than the one that asks, or if a rule of
/// [`check_permit`] is broken.
pub(crate) fn check(
    permit: &Permit,
    request: &AuthorizationRequest,
    rules: &PermitRules,
) -> Result<(), Denial> {
    let wanted = request.client.name.as_deref().unwrap_or_default();
    if permit.account().as_str() != wanted {
        let reason = format!(
            "the permit is for account `{}`, and `{}` asks to be signed; a permit has to name the account that asks",
            permit.account(),
            wanted.escape_debug()
        );
        return Err(Denial::new(DenialClass::AccountNotAllowed, reason));
    }
    check_permit(permit, rules)
}

/// Checks a permit for an account that is to be signed.
///
/// # Errors
///
/// Fails if the host may not sign an account of the name, if the permit limits nothing, so that the
/// policy may have meant a login, or if it has a part that an account cannot have.
pub(crate) fn check_permit(permit: &Permit, rules: &PermitRules) -> Result<(), Denial> {
    check_name(permit, rules)?;
    if permit.account_limits().is_empty() {
        let reason = "the permit says nothing about the account that is to be signed; limit it with `account-limit`";
        return Err(Denial::new(DenialClass::InvalidPermit, reason));
    }
    match part_of_a_login(permit) {
        None => Ok(()),
        Some(part) => {
            let reason = format!(
                "the permit has {part}, which is for logins; an account that is signed has limits, tags and an end"
            );
            Err(Denial::new(DenialClass::InvalidPermit, reason))
        }
    }
}

/// Checks that the permit of a login limits no account: such a limit would have no effect.
///
/// # Errors
///
/// Fails if the permit has such a limit.
pub(crate) fn check_absent(permit: &Permit) -> Result<(), Denial> {
    match permit.account_limits().keys().next() {
        None => Ok(()),
        Some(limit) => {
            let reason = format!(
                "the permit limits `{limit}` of an account, which only the request of an account (`account-request`) can have"
            );
            Err(Denial::new(DenialClass::InvalidPermit, reason))
        }
    }
}

/// Returns the tags of an account that `policy` permitted: those of the permit, and those that lead
/// to the version of the policy.
pub fn account_tags(permit: &Permit, policy: Option<&PolicyRef>) -> Vec<String> {
    let policy = policy.into_iter().flat_map(provenance);
    permit.tags().iter().cloned().chain(policy).collect()
}

fn check_name(permit: &Permit, rules: &PermitRules) -> Result<(), Denial> {
    let account = permit.account();
    let mut patterns = rules.requested_accounts.iter();
    let is_free = rules
        .signing
        .as_ref()
        .is_some_and(|accounts| named(accounts, account).is_none());
    if is_free && patterns.any(|pattern| pattern.matches(account)) {
        return Ok(());
    }
    let reason = format!(
        "account `{account}` matches none of `names` under [operator.account-requests], or is under [operator.accounts]"
    );
    Err(Denial::new(DenialClass::AccountNotAllowed, reason))
}

fn part_of_a_login(permit: &Permit) -> Option<&'static str> {
    let parts = [
        (permit.role().is_some(), "a role"),
        (permit.user_name().is_some(), "a user name"),
        (permit.names_permissions(), "permissions"),
        (!permit.sources().is_any(), "networks"),
        (!permit.connection_types().is_any(), "connection types"),
        (!permit.times().is_any(), "times of the day"),
        (permit.requires_proxy(), "a proxy"),
        (permit.has_limits(), "limits of a user"),
    ];
    let found = parts.into_iter().find(|(is_set, _)| *is_set);
    found.map(|(_, part)| part)
}

#[cfg(test)]
mod tests;
