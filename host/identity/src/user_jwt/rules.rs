//! Rules for user JWTs, in the order of nats-server.

use portcullis_claims::{
    KeyKind, PublicKey, ServerVersion, TimeRule, UserClaims, UserTemplate, login_ends,
};
use portcullis_core::{
    AuthorizationRequest, Client, ConnectionType, SourceNetwork, is_implausible_date,
};

use super::UserJwtError;
use super::account::{Account, Signer};
use super::source::KnownAccount;

/// The limits on a user's connections, from its own JWT or from the role of the key that signed it.
struct Limits<'a> {
    /// Role, if the signing key is bound to one.
    role: Option<&'a str>,
    sources: &'a [String],
    times: &'a [TimeRule],
    times_location: Option<&'a str>,
    connection_types: &'a [String],
    bearer: bool,
}

/// The result of a user JWT that fulfils every rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// Time at which the login has to end, in seconds since the Unix epoch.
    pub(crate) expires_at: Option<u64>,
    /// Role of the scoped key that signed the JWT.
    pub(crate) role: Option<String>,
}

/// Checks a user JWT of `account`, in its current state, against the server's rules and the
/// operator's options in `known`. `nkey` is the one that the client has proved to hold.
pub(crate) fn check(
    user: &UserClaims,
    account: &Account,
    known: &KnownAccount,
    nkey: Option<&PublicKey>,
    request: &AuthorizationRequest,
) -> Result<Accepted, UserJwtError> {
    let (now, client) = (request.received_at, &request.client);
    let name = known.name.as_str();
    let subject = user.subject.as_deref().unwrap_or_default();
    if !PublicKey::is_valid(subject, KeyKind::User) {
        return Err(UserJwtError::Subject);
    }
    let expires_at = check_own_times(user, now)?;
    let limits = limits(user, account, known)?;
    check_account_times(account, name, now)?;
    if limits.bearer && account.disallows_bearer {
        return Err(UserJwtError::Bearer(name.to_owned()));
    }
    check_connection_type(limits.connection_types, client)?;
    // Servers take bearer JWTs because MQTT clients cannot sign. A caller of the exchange can.
    let is_bearer = limits.bearer && !client.is_exchange();
    if !is_bearer && nkey.map(PublicKey::as_str) != Some(subject) {
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
    Ok(Accepted {
        expires_at: ends.into_iter().flatten().min(),
        role: limits.role.map(str::to_owned),
    })
}

/// Checks the times of the JWT. A token is still valid in the second of its expiry.
fn check_own_times(user: &UserClaims, now: u64) -> Result<Option<u64>, UserJwtError> {
    let times = [
        ("exp", user.expires_at),
        ("nbf", user.not_before),
        ("iat", user.issued_at),
    ];
    check_plausible(&times, || "the user JWT".to_owned(), now)?;
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
    let times = [("exp", account.expires_at), ("nbf", account.not_before)];
    check_plausible(&times, || format!("the JWT of account `{name}`"), now)?;
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

/// Checks that times are in seconds. A JWT with an `iat` in milliseconds would escape every
/// revocation, and one with such an `exp` would never expire.
fn check_plausible(
    times: &[(&'static str, Option<u64>)],
    of: impl FnOnce() -> String,
    now: u64,
) -> Result<(), UserJwtError> {
    let is_beyond = |time: &Option<u64>| time.is_some_and(|time| is_implausible_date(time, now));
    match times.iter().find(|(_, time)| is_beyond(time)) {
        Some((claim, _)) => Err(UserJwtError::ImplausibleTime { claim, of: of() }),
        None => Ok(()),
    }
}

fn past(end: u64, now: u64) -> Option<u64> {
    now.checked_sub(end).filter(|ago| *ago > 0)
}

fn ahead(begin: u64, now: u64) -> Option<u64> {
    begin.checked_sub(now).filter(|ahead| *ahead > 0)
}

/// Returns the limits of a user. Users of a role have only those of the role. The operator has to
/// trust the role, because the holder of its key chooses any subject, tags and claims.
fn limits<'a>(
    user: &'a UserClaims,
    account: &'a Account,
    known: &KnownAccount,
) -> Result<Limits<'a>, UserJwtError> {
    let signer = user.issuer.as_deref().unwrap_or_default();
    let scope = match account.signer(signer) {
        None => return Err(UserJwtError::Signer(known.name.clone())),
        Some(Signer::Account) => return Ok(own_limits(user)),
        Some(Signer::Role(scope)) => scope,
    };
    let (account, role) = (|| known.name.clone(), || scope.role.clone());
    if !known.roles.contains(&scope.role) {
        return Err(UserJwtError::UntrustedRole {
            account: account(),
            role: role(),
        });
    }
    if !user.nats.is_bare() {
        return Err(UserJwtError::BeyondRole {
            account: account(),
            role: role(),
        });
    }
    Ok(role_limits(&scope.role, &scope.template))
}

fn own_limits(user: &UserClaims) -> Limits<'_> {
    Limits {
        role: None,
        sources: &user.nats.sources,
        times: &user.nats.times,
        times_location: user.nats.times_location.as_deref(),
        connection_types: &user.nats.allowed_connection_types,
        bearer: user.nats.bearer_token,
    }
}

fn role_limits<'a>(role: &'a str, template: &'a UserTemplate) -> Limits<'a> {
    Limits {
        role: Some(role),
        sources: &template.sources,
        times: &template.times,
        times_location: template.times_location.as_deref(),
        connection_types: &template.allowed_connection_types,
        bearer: template.bearer_token,
    }
}

/// Checks the connection type. Unknown types admit no client. MQTT and leafnodes over WebSocket
/// look like those over TCP, so a JWT that allows only the former is rejected.
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
    // The exchange issues a JWT that servers accept from any network, so it takes none with limits.
    let is_allowed = !client.is_exchange() && networks.iter().any(holds);
    if networks.is_empty() || is_allowed {
        return Ok(());
    }
    let host = client.host.as_deref().unwrap_or_default();
    Err(UserJwtError::Network(host.escape_debug().to_string()))
}

#[cfg(test)]
mod tests;
