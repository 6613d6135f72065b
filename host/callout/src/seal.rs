//! Seal: from a decision to a signed response that the server will accept.

use bytes::Bytes;
use portcullis_authority::{IssueError, Issuers, named_release};
use portcullis_claims::{
    Answer, BoxError, EffectivePermissions, LoginFacts, PublicKey, Refusal, ResponseClaims,
    ServerVerdict, ServerVersion, SignError, Signatures, preflight_for,
};
use portcullis_core::{AuthorizationRequest, Decision, DenialClass, Outcome, Permit, TimeRange};

use crate::keys::HostKeys;

/// The reason for which the host cannot make a response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// The host cannot make a user JWT for the permit.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The host cannot sign the response.
    #[error("cannot sign the response")]
    Sign(#[from] SignError),
    /// The server would refuse the response.
    #[error("the server would refuse the response")]
    Preflight(#[source] Refusal),
    /// The login is outside of the permit's times of the day.
    #[error("the permit is for {times}, not for now{}", midnight(*.passes_midnight))]
    OutsideTimes {
        /// The permit's times and their time zone.
        times: String,
        /// Whether a range of the permit's times passes midnight.
        passes_midnight: bool,
    },
    /// The permit names an unknown time zone.
    #[error(
        "the permit's time zone `{0}` is unknown; name one of the iana database, such as `Europe/Berlin`"
    )]
    TimeZone(String),
    /// The permit names no time zone, and the host does not know the server's own.
    #[error(
        "the permit's times are in the server's own time zone, which the host does not know; name one, such as `UTC`"
    )]
    NoTimeZone,
    /// The permit demands a trusted proxy, which the server does not enforce.
    #[error(
        "the permit demands a trusted proxy, which servers enforce from 2.12.0 on, and this one {0}; update the server, or \
         do not demand a proxy"
    )]
    ProxyNotEnforced(String),
    /// The response exceeds the server's limit, and the server would close the connection.
    #[error("the response has {size} bytes, the server takes {largest} (`max_payload`)")]
    TooLarge {
        /// The size of the response, in bytes.
        size: usize,
        /// The server's limit (`max_payload`), in bytes.
        largest: usize,
    },
    /// The key of the role has no scope, so its users would have every permission.
    #[error(
        "the seed of role `{0}` is the account's own or a plain signing key: it brings no permissions, and servers read \
         none as all; name the seed of the scoped signing key"
    )]
    RoleWithoutScope(String),
    /// The host cannot encrypt the response.
    #[error("cannot encrypt the response")]
    Box(#[from] BoxError),
    /// The request was encrypted, and the host no longer has an xkey.
    #[error("the request was encrypted and there is no xkey to answer with")]
    NoXkey,
}

/// The recipient of a response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipient<'a> {
    /// The current time, in seconds since the Unix epoch.
    pub(crate) now: u64,
    /// The maximum size of a message that the server takes, in bytes.
    pub(crate) largest: usize,
    /// The server's xkey. `None` if the request was plain.
    pub(crate) xkey: Option<&'a PublicKey>,
}

impl SealError {
    /// Returns the class of the denial. A permit that no key can sign is the policy's fault.
    pub(crate) const fn class(&self) -> DenialClass {
        match self {
            Self::OutsideTimes { .. } => DenialClass::TimeNotAllowed,
            Self::TimeZone(_) | Self::NoTimeZone | Self::ProxyNotEnforced(_) => {
                DenialClass::InvalidPermit
            }
            Self::Issue(error) => error.class(),
            _ => DenialClass::InvalidResponse,
        }
    }

    /// Creates the error for the `refusal` of a response with `permit` by a server of `version`.
    /// Some refusals are due to the permit, so the policy's author needs their details.
    fn from_refusal(refusal: Refusal, permit: &Permit, version: Option<&str>) -> Self {
        let zone = permit.times_location();
        match (refusal, zone) {
            (Refusal::OutsideTimes, _) => Self::OutsideTimes {
                times: listed_times(permit),
                passes_midnight: permit.times().listed().any(TimeRange::passes_midnight),
            },
            (Refusal::TimeZone | Refusal::TimeZoneUnknown, Some(zone)) => {
                Self::TimeZone(zone.escape_debug().to_string())
            }
            (Refusal::TimeZone | Refusal::TimeZoneUnknown, None) => Self::NoTimeZone,
            (Refusal::ProxyNotEnforced, _) => Self::ProxyNotEnforced(named_release(version)),
            (refusal, _) => Self::Preflight(refusal),
        }
    }
}

/// Returns the behaviour of servers for a range that passes midnight, as the end of a sentence.
/// Empty if no range does.
const fn midnight(passes_midnight: bool) -> &'static str {
    if passes_midnight {
        "; before 2.11.17, and from 2.12.0 to 2.12.7, servers end a range at midnight: add one that begins at `00:00:00`"
    } else {
        ""
    }
}

fn listed_times(permit: &Permit) -> String {
    let ranges = permit.times().listed();
    let ranges: Vec<_> = ranges
        .map(|range| format!("`{}` to `{}`", range.start(), range.end()))
        .collect();
    let zone = permit.times_location().unwrap_or("Local");
    format!("{} in `{}`", ranges.join(", "), zone.escape_debug())
}

/// Signs the response to `request` for `decision`. Encrypts the response if the request was
/// encrypted.
pub(crate) fn seal(
    request: &AuthorizationRequest,
    decision: &Decision,
    keys: &HostKeys,
    to: Recipient<'_>,
) -> Result<Bytes, SealError> {
    let response = signed(request, decision, &keys.issuers, to.now)?;
    let response = match to.xkey {
        None => response.into(),
        Some(server) => {
            let xkey = keys.xkey.as_ref().ok_or(SealError::NoXkey)?;
            Bytes::from(xkey.seal(response.as_bytes(), server)?)
        }
    };
    let (size, largest) = (response.len(), to.largest);
    if size > largest {
        return Err(SealError::TooLarge { size, largest });
    }
    Ok(response)
}

fn signed(
    request: &AuthorizationRequest,
    decision: &Decision,
    issuers: &Issuers,
    now: u64,
) -> Result<String, SealError> {
    let version_text = request.server.version.as_deref();
    let version: Option<ServerVersion> = version_text.and_then(|version| version.parse().ok());
    let answer = match &decision.outcome {
        Outcome::Permit(permit) => {
            let policy = decision.policy.as_deref();
            Answer::Jwt(issuers.user_jwt(request, permit, policy, now)?)
        }
        Outcome::Deny(denial) => Answer::Error(denial.to_string()),
    };
    let response = ResponseClaims::new(
        request.user_nkey.as_str(),
        request.server.id.as_str(),
        answer,
        now,
    )
    .for_account(issuers.response_account())
    .sign(issuers.response())?;
    let login = LoginFacts {
        user_nkey: request.user_nkey.as_str(),
        server_id: request.server.id.as_str(),
        client_user: request.client.user.as_deref(),
        client_host: request.client.host.as_deref(),
        connection_type: request.client.connection_type(),
        proxied: false,
        sealed: false,
    };
    let mode = issuers.server_mode();
    let verdict = preflight_for(&response, &login, &mode, version, now, Signatures::Trust);
    let verdict = verdict.map_err(|refusal| match &decision.outcome {
        Outcome::Permit(permit) => SealError::from_refusal(refusal, permit, version_text),
        Outcome::Deny(_) => SealError::Preflight(refusal),
    })?;
    if let Outcome::Permit(permit) = &decision.outcome
        && let Some(role) = permit.role()
        && !gives_role(&verdict)
    {
        return Err(SealError::RoleWithoutScope(role.to_owned()));
    }
    Ok(response)
}

fn gives_role(verdict: &ServerVerdict) -> bool {
    match verdict {
        ServerVerdict::Accepted(accepted) => {
            matches!(accepted.permissions, EffectivePermissions::Role(..))
        }
        ServerVerdict::Denied(_) => false,
    }
}

#[cfg(test)]
mod tests;
