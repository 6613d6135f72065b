//! Rules for permits that servers do not enforce, so that the host must.
//!
//! On the callout path servers ignore a user's source networks and connection types, and in config
//! mode place a login in any account that the response names. They read a `*` at the end of a
//! subscribe permission as `>`.

use std::hash::{DefaultHasher, Hash, Hasher};

use portcullis_claims::deny_filter;
use portcullis_core::{
    AuthorizationRequest, Ceiling, Client, ConnectionType, Denial, DenialClass, DenyFilter, Permit,
    PolicyName, PolicyRef, WorkBudget,
};

use crate::rules::{Expiry, PermitRules};

mod permissions;

pub(crate) use permissions::Held;

/// Holds `permit`, which `policy` gave in answer to `request`, to the host's own rules, and changes
/// it where they cut it down. `work` pays for comparing its subjects.
///
/// # Errors
///
/// The first rule that it breaks. If that is the budget, the permit is as it was.
pub(crate) fn enforce(
    permit: &mut Permit,
    request: &AuthorizationRequest,
    policy: Option<&PolicyRef>,
    rules: &PermitRules,
    work: &mut WorkBudget,
) -> Result<(), Denial> {
    check_account(permit, rules)?;
    check_source(permit, &request.client)?;
    check_connection_type(permit, &request.client)?;
    let version = request.server.version.as_deref();
    let filter = deny_filter(version.and_then(|version| version.parse().ok()));
    let name = policy.map(|policy| &policy.name);
    let held = hold_to_ceilings(permit, rules, name, filter, work)?;
    if let (Some(open), Some(policy)) = (&held.open, policy) {
        permissions::warn_once(open, policy);
    }
    if let Some(permissions) = held.permissions {
        permit.permissions = permissions;
    }
    permit.expires_at = rules.expiry.of(permit, request);
    Ok(())
}

/// Holds the permissions of `permit` to the ceilings of its account and of its policy, and returns
/// the result.
///
/// # Errors
///
/// The first ceiling that it exceeds and that does not clip.
pub(crate) fn hold_to_ceilings(
    permit: &Permit,
    rules: &PermitRules,
    policy: Option<&PolicyName>,
    filter: DenyFilter,
    work: &mut WorkBudget,
) -> Result<Held, Denial> {
    if let Some(role) = &permit.role {
        check_role(role, policy, rules)?;
        return Ok(Held::default());
    }
    let ceilings = ceilings(permit, policy, rules).flatten();
    permissions::held(&permit.permissions, ceilings, filter, work)
}

/// Checks that `permit` is for an account that the host signs for.
pub(crate) fn check_account(permit: &Permit, rules: &PermitRules) -> Result<(), Denial> {
    if rules.accounts.contains(rules.name_of(&permit.account)) {
        return Ok(());
    }
    let reason = format!(
        "the permit places the login in account `{}`, which is not in `target-accounts`",
        permit.account
    );
    Err(Denial::new(DenialClass::AccountNotAllowed, reason))
}

fn check_source(permit: &Permit, client: &Client) -> Result<(), Denial> {
    if permit.allows_source_of(client) {
        return Ok(());
    }
    let networks: Vec<_> = permit.sources.iter().map(ToString::to_string).collect();
    let reason = format!(
        "the client connects from `{}`, the permit is for `{}`",
        client.host.as_deref().unwrap_or_default().escape_debug(),
        networks.join("`, `")
    );
    Err(Denial::new(DenialClass::SourceNotAllowed, reason))
}

fn check_connection_type(permit: &Permit, client: &Client) -> Result<(), Denial> {
    if permit.allows_connection_of(client) {
        return Ok(());
    }
    let types: Vec<_> = permit
        .connection_types
        .iter()
        .map(|kind| kind.as_str())
        .collect();
    let reason = format!(
        "the connection is of type `{}`, the permit is for `{}`",
        client
            .connection_type()
            .map_or("unknown", ConnectionType::as_str),
        types.join("`, `")
    );
    Err(Denial::new(DenialClass::ConnectionTypeNotAllowed, reason))
}

/// The ceilings of a permit's account and of its policy, each with what it is called.
fn ceilings<'a>(
    permit: &Permit,
    policy: Option<&PolicyName>,
    rules: &'a PermitRules,
) -> impl Iterator<Item = Option<(String, &'a Ceiling)>> + use<'a> {
    let ceilings = &rules.ceilings;
    let account = rules.name_of(&permit.account);
    let of_account = ceilings.accounts.get_key_value(account);
    let of_policy = policy.and_then(|policy| ceilings.policies.get_key_value(policy));
    [
        of_account.map(|(name, ceiling)| (format!("account `{name}`"), ceiling)),
        of_policy.map(|(name, ceiling)| (format!("policy `{name}`"), ceiling)),
    ]
    .into_iter()
}

/// A scoped signing key brings the permissions of its template, which the host does not know. The
/// template is the operator's own, so an account's ceiling lets it pass; a policy with a ceiling
/// may not reach for it.
fn check_role(role: &str, policy: Option<&PolicyName>, rules: &PermitRules) -> Result<(), Denial> {
    match policy.filter(|policy| rules.ceilings.policies.contains_key(*policy)) {
        None => Ok(()),
        Some(name) => {
            let reason = format!(
                "the permit names role `{role}`, whose permissions the ceiling of policy `{name}` cannot be held against"
            );
            Err(Denial::new(DenialClass::CeilingExceeded, reason))
        }
    }
}

/// The longest a login may last, in seconds: a hundred years. Servers count the time that is left
/// in nanoseconds and 64 bits; what is more than 292 years away has passed for them, and they close
/// the connection at once. Certificates are made that last until 9999 (RFC 5280, 4.1.2.5).
const LONGEST: u64 = 100 * 365 * 24 * 60 * 60;

impl Expiry {
    /// When the login that `permit` allows ends, in seconds since the Unix epoch: the soonest of
    /// what the permit says, what the identity is good for, and what the host allows.
    fn of(&self, permit: &Permit, request: &AuthorizationRequest) -> Option<u64> {
        let received_at = request.received_at;
        let longest = self
            .max
            .map(|max| received_at.saturating_add(max.as_secs()));
        let limits = [permit.expires_at, request.identity.expires_at, longest];
        let expires_at = limits.into_iter().flatten().min()?;
        let expires_at = expires_at.min(received_at.saturating_add(LONGEST));
        let left = expires_at.saturating_sub(received_at);
        let most = self.jitter.as_secs().min(left / 4);
        let sooner = spread(&request.user_nkey) % most.saturating_add(1);
        Some(expires_at.saturating_sub(sooner))
    }
}

/// A number that is another for every login and the same for the same one: the server makes the key
/// at random.
fn spread(user_nkey: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    user_nkey.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
