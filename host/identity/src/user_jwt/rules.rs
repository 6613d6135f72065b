//! What a user JWT is held to, in the order of nats-server.

use portcullis_claims::{
    KeyKind, PublicKey, ServerVersion, TimeRule, UserClaims, UserTemplate, login_ends,
};
use portcullis_core::{AuthorizationRequest, Client, ConnectionType, SourceNetwork};

use super::UserJwtError;
use super::account::{Account, Signer};

/// Where, how and when a user may connect: by its own JWT or by the role of the key that signed it.
struct Limits<'a> {
    sources: &'a [String],
    times: &'a [TimeRule],
    times_location: Option<&'a str>,
    connection_types: &'a [String],
    bearer: bool,
}

/// Holds a user JWT of `account`, which the operator calls `name`, to the server's rules. `nkey` is the one that the client has
/// shown to hold. Returns when the login has to end, in seconds since the Unix epoch.
pub(crate) fn check(
    user: &UserClaims,
    account: &Account,
    name: &str,
    nkey: Option<&str>,
    request: &AuthorizationRequest,
) -> Result<Option<u64>, UserJwtError> {
    let (now, client) = (request.received_at, &request.client);
    let subject = user.subject.as_deref().unwrap_or_default();
    if !PublicKey::is_valid(subject, KeyKind::User) {
        return Err(UserJwtError::Subject);
    }
    let expires_at = check_own_times(user, now)?;
    let limits = limits(user, account, name)?;
    check_account_times(account, name, now)?;
    if limits.bearer && account.disallows_bearer {
        return Err(UserJwtError::Bearer(name.to_owned()));
    }
    check_connection_type(limits.connection_types, client)?;
    if !limits.bearer && nkey != Some(subject) {
        return Err(UserJwtError::Unsigned);
    }
    if account.has_revoked(subject, user.issued_at.unwrap_or(0)) {
        return Err(UserJwtError::Revoked(name.to_owned()));
    }
    check_source(limits.sources, client)?;
    let version = request.server.version.as_deref();
    let version = version.and_then(|text| text.parse().ok());
    let until = login_ends(
        limits.times,
        limits.times_location,
        now,
        version.unwrap_or(ServerVersion::NEWEST),
    )
    .map_err(UserJwtError::Times)?;
    let ends = [expires_at, account.expires_at, until];
    Ok(ends.into_iter().flatten().min())
}

/// A token is good up to and including the second it expires in.
fn check_own_times(user: &UserClaims, now: u64) -> Result<Option<u64>, UserJwtError> {
    let expires_at = user.expires_at.filter(|end| *end > 0);
    if let Some(ago) = expires_at.and_then(|end| past(end, now)) {
        return Err(UserJwtError::Expired(ago));
    }
    match user.not_before.and_then(|begin| ahead(begin, now)) {
        Some(ahead) => Err(UserJwtError::FromTheFuture(ahead)),
        None => Ok(expires_at),
    }
}

fn check_account_times(account: &Account, name: &str, now: u64) -> Result<(), UserJwtError> {
    let name = || name.to_owned();
    if let Some(ago) = account.expires_at.and_then(|end| past(end, now)) {
        let account = name();
        return Err(UserJwtError::AccountExpired { account, ago });
    }
    match account.not_before.and_then(|begin| ahead(begin, now)) {
        Some(ahead) => Err(UserJwtError::AccountFromTheFuture {
            account: name(),
            ahead,
        }),
        None => Ok(()),
    }
}

fn past(end: u64, now: u64) -> Option<u64> {
    now.checked_sub(end).filter(|ago| *ago > 0)
}

fn ahead(begin: u64, now: u64) -> Option<u64> {
    begin.checked_sub(now).filter(|ahead| *ahead > 0)
}

/// A role's users have nothing of their own: what the role says counts.
fn limits<'a>(
    user: &'a UserClaims,
    account: &'a Account,
    name: &str,
) -> Result<Limits<'a>, UserJwtError> {
    let signer = user.issuer.as_deref().unwrap_or_default();
    let scope = match account.signer(signer) {
        None => return Err(UserJwtError::Signer(name.to_owned())),
        Some(Signer::Account) => return Ok(own_limits(user)),
        Some(Signer::Role(scope)) => scope,
    };
    if !user.nats.is_bare() {
        return Err(UserJwtError::BeyondRole {
            account: name.to_owned(),
            role: scope.role.clone(),
        });
    }
    Ok(role_limits(&scope.template))
}

fn own_limits(user: &UserClaims) -> Limits<'_> {
    Limits {
        sources: &user.nats.sources,
        times: &user.nats.times,
        times_location: user.nats.times_location.as_deref(),
        connection_types: &user.nats.allowed_connection_types,
        bearer: user.nats.bearer_token,
    }
}

fn role_limits(template: &UserTemplate) -> Limits<'_> {
    Limits {
        sources: &template.sources,
        times: &template.times,
        times_location: template.times_location.as_deref(),
        connection_types: &template.allowed_connection_types,
        bearer: template.bearer_token,
    }
}

/// Types that nobody knows let nobody in. MQTT and leafnodes over WebSocket look like those that are not, so that a JWT which allows
/// the former only is refused.
fn check_connection_type(allowed: &[String], client: &Client) -> Result<(), UserJwtError> {
    let found = client.connection_type();
    let is_found = |text: &String| text.parse().ok() == found && found.is_some();
    if allowed.is_empty() || allowed.iter().any(is_found) {
        return Ok(());
    }
    let found = found.map_or("unknown", ConnectionType::as_str);
    Err(UserJwtError::ConnectionType(found))
}

fn check_source(networks: &[String], client: &Client) -> Result<(), UserJwtError> {
    let address = client.address();
    let holds = |text: &String| {
        let network = text.parse::<SourceNetwork>().ok();
        network
            .zip(address)
            .is_some_and(|(network, address)| network.contains(address))
    };
    if networks.is_empty() || networks.iter().any(holds) {
        return Ok(());
    }
    let host = client.host.as_deref().unwrap_or_default();
    Err(UserJwtError::Network(host.escape_debug().to_string()))
}

#[cfg(test)]
mod tests;
