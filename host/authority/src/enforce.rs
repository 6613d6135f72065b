//! The host's own rules for permits, which servers do not enforce.
//!
//! On the callout path, servers ignore a user's source networks and connection types. In config
//! mode, they place a login in any account that the response names. They read a `*` at the end of a
//! subscribe permission as `>`.

use std::hash::{DefaultHasher, Hash, Hasher};

use portcullis_claims::deny_filter;
use portcullis_core::{
    AuthorizationRequest, Ceiling, Client, ConnectionType, Denial, DenialClass, DenyFilter, Permit,
    PolicyName, PolicyRef, WorkBudget,
};

use crate::account_request;
use crate::rules::{Expiry, PermitRules};
use crate::wanted_account;

mod permissions;

use permissions::CeilingOwner;
pub(crate) use permissions::IssuedPermissions;

/// Applies the host's own rules to `permit`, which `policy` gave in answer to `request`, and
/// reduces it to the ceilings that are set to clip. `work` limits the comparison of subjects.
///
/// # Errors
///
/// Fails with the first rule that the permit breaks. If the permit exceeds `work`, nothing but its
/// account is changed.
pub(crate) fn enforce(
    permit: &mut Permit,
    request: &AuthorizationRequest,
    policy: Option<&PolicyRef>,
    rules: &PermitRules,
    work: &mut WorkBudget,
) -> Result<(), Denial> {
    let version = request.server.version.as_deref();
    let filter = deny_filter(version.and_then(|version| version.parse().ok()));
    enforce_filtered(permit, request, policy, rules, filter, work)
}

/// Applies the rules as [`enforce`] does, for a server that applies denies by `filter`.
pub(crate) fn enforce_filtered(
    permit: &mut Permit,
    request: &AuthorizationRequest,
    policy: Option<&PolicyRef>,
    rules: &PermitRules,
    filter: DenyFilter,
    work: &mut WorkBudget,
) -> Result<(), Denial> {
    if request.client.is_account_request() {
        return account_request::check(permit, request, rules);
    }
    account_request::check_absent(permit)?;
    wanted_account::place(permit, request, rules)?;
    check_account(permit, rules)?;
    let name = rules.name_of(permit.account()).clone();
    permit.know_account_as(name);
    // A caller of the exchange connects to NATS later. The server enforces both then.
    if !request.client.is_exchange() {
        check_source(permit, &request.client)?;
        check_connection_type(permit, &request.client)?;
    }
    let name = policy.map(|policy| &policy.name);
    let issued = apply_ceilings(permit, rules, name, filter, work)?;
    if let (Some(open_tail), Some(policy)) = (&issued.open_tail, policy) {
        permissions::warn_once(open_tail, policy);
    }
    if let Some(permissions) = issued.permissions {
        permit.narrow_to(permissions);
    }
    if let Some(end) = rules.expiry.end_of(permit, request) {
        permit.end_by(end);
    }
    Ok(())
}

/// Applies the ceilings of the account and of the policy to the permissions of `permit`, and
/// returns the result.
///
/// # Errors
///
/// Fails with the first ceiling that the permit exceeds and that does not clip.
pub(crate) fn apply_ceilings(
    permit: &Permit,
    rules: &PermitRules,
    policy: Option<&PolicyName>,
    filter: DenyFilter,
    work: &mut WorkBudget,
) -> Result<IssuedPermissions, Denial> {
    if let Some(role) = permit.role() {
        check_role(role, policy, rules)?;
        return Ok(IssuedPermissions::default());
    }
    let ceilings = ceilings(permit, policy, rules);
    permissions::issued(permit.permissions(), ceilings, filter, work)
}

/// Checks that `permit` is for an account that the host signs for, or may make.
pub(crate) fn check_account(permit: &Permit, rules: &PermitRules) -> Result<(), Denial> {
    let account = permit.account();
    if rules.accounts.contains(rules.name_of(account)) || rules.is_new(account) {
        return Ok(());
    }
    let making = if rules.new_accounts.is_empty() {
        ""
    } else {
        " and matches none of `names` under [operator.first-login]"
    };
    let reason = format!(
        "the permit places the login in account `{account}`, which is not in `target-accounts`{making}: add it there or \
         correct the policy"
    );
    Err(Denial::new(DenialClass::AccountNotAllowed, reason))
}

fn check_source(permit: &Permit, client: &Client) -> Result<(), Denial> {
    if permit.allows_source_of(client) {
        return Ok(());
    }
    let networks: Vec<_> = permit.sources().listed().map(ToString::to_string).collect();
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
    let types = permit.connection_types().listed();
    let types: Vec<_> = types.map(|kind| kind.as_str()).collect();
    let reason = format!(
        "the connection is of type `{}`, the permit is for `{}`",
        client
            .connection_type()
            .map_or("unknown", ConnectionType::as_str),
        types.join("`, `")
    );
    Err(Denial::new(DenialClass::ConnectionTypeNotAllowed, reason))
}

/// Returns the ceilings of a permit's account and of its policy, each with its owner for messages.
fn ceilings<'a>(
    permit: &Permit,
    policy: Option<&PolicyName>,
    rules: &'a PermitRules,
) -> impl Iterator<Item = (CeilingOwner<'a>, &'a Ceiling)> + use<'a> {
    let ceilings = &rules.ceilings;
    let account = rules.name_of(permit.account());
    let of_account = ceilings.accounts.get_key_value(account);
    let of_policy = policy.and_then(|policy| ceilings.policies.get_key_value(policy));
    let of_account = of_account.map(|(name, ceiling)| (CeilingOwner::Account(name), ceiling));
    let of_policy = of_policy.map(|(name, ceiling)| (CeilingOwner::Policy(name), ceiling));
    of_account.into_iter().chain(of_policy)
}

/// Checks that `policy` may name the role. The permissions of a role come from its template, which
/// the host does not know. The template is the operator's own, so it passes an account's ceiling. A
/// policy with a ceiling may not name a role.
fn check_role(role: &str, policy: Option<&PolicyName>, rules: &PermitRules) -> Result<(), Denial> {
    match policy.filter(|policy| rules.ceilings.policies.contains_key(*policy)) {
        None => Ok(()),
        Some(name) => {
            let reason = format!(
                "the permit names role `{role}`, whose permissions the ceiling of policy `{name}` cannot be issued against"
            );
            Err(Denial::new(DenialClass::CeilingExceeded, reason))
        }
    }
}

/// The maximum duration of a login, in seconds: 100 years. Servers count the time left in 64-bit
/// nanoseconds. A time more than 292 years away overflows, and servers close the connection at
/// once. Some certificates are valid until 9999 (RFC 5280, 4.1.2.5).
const MAX_LIFETIME: u64 = 100 * 365 * 24 * 60 * 60;

impl Expiry {
    /// Returns the end of the login that `permit` allows, in seconds since the Unix epoch. The
    /// earliest of the limits of the permit, the identity and the host applies.
    fn end_of(&self, permit: &Permit, request: &AuthorizationRequest) -> Option<u64> {
        let received_at = request.received_at;
        let longest = self
            .max
            .map(|max| received_at.saturating_add(max.as_secs()));
        let limits = [permit.expires_at(), request.identity.expires_at, longest];
        let expires_at = limits.into_iter().flatten().min()?;
        let expires_at = expires_at.min(received_at.saturating_add(MAX_LIFETIME));
        let left = expires_at.saturating_sub(received_at);
        let most = self.jitter.as_secs().min(left / 4);
        let sooner = spread(request.user_nkey.as_str()) % most.saturating_add(1);
        Some(expires_at.saturating_sub(sooner))
    }
}

/// Returns a number that is the same for each request of a login and differs between logins. The
/// server makes the key at random.
fn spread(user_nkey: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    user_nkey.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
