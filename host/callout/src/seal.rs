//! Seal: from a decision to a signed response that the server will accept.

use bytes::Bytes;
use portcullis_authority::{IssueError, Issuers, named_release};
use portcullis_claims::{
    Answer, BoxError, EffectivePermissions, LoginFacts, PublicKey, Refusal, ResponseClaims,
    ServerVerdict, ServerVersion, SignError, Signatures, preflight_for,
};
use portcullis_core::{AuthorizationRequest, Decision, DenialClass, Outcome, Permit, TimeRange};

use crate::keys::HostKeys;

/// A response could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// The permit gets no user JWT.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// Signing failed.
    #[error("cannot sign the response")]
    Sign(#[from] SignError),
    /// The server would refuse it.
    #[error("the server would refuse the response")]
    Preflight(#[source] Refusal),
    /// The login comes at the wrong time of the day.
    #[error("the permit is for {times}, not for now{}", midnight(*.passes_midnight))]
    OutsideTimes {
        /// When it would hold, and in which time zone.
        times: String,
        /// Whether a range of them passes midnight.
        passes_midnight: bool,
    },
    /// The permit's times are in no time zone that anybody knows.
    #[error(
        "the permit's time zone `{0}` is unknown; name one of the iana database, such as `Europe/Berlin`"
    )]
    TimeZone(String),
    /// The permit's times are in no time zone that the host knows.
    #[error(
        "the permit's times are in the server's own time zone, which the host does not know; name one, such as `UTC`"
    )]
    NoTimeZone,
    /// The permit demands what the server does not know.
    #[error(
        "the permit demands a trusted proxy, which servers enforce from 2.12.0 on, and this one {0}; update the server, or \
         do not demand a proxy"
    )]
    ProxyNotEnforced(String),
    /// The server would close the connection over it.
    #[error("the response has {size} bytes, the server takes {largest} (`max_payload`)")]
    TooLarge {
        /// What it has, in bytes.
        size: usize,
        /// What is possible, in bytes.
        largest: usize,
    },
    /// A role whose key has no scope: its users would have every permission.
    #[error(
        "the seed of role `{0}` is the account's own or a plain signing key: it brings no permissions, and servers read \
         none as all; name the seed of the scoped signing key"
    )]
    RoleWithoutScope(String),
    /// Encryption failed.
    #[error("cannot encrypt the response")]
    Box(#[from] BoxError),
    /// The request was opened with a key that is gone.
    #[error("the request was encrypted and there is no xkey to answer with")]
    NoXkey,
}

/// Where a response goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipient<'a> {
    /// Now, in seconds since the Unix epoch.
    pub(crate) now: u64,
    /// The most bytes the server takes in one message.
    pub(crate) largest: usize,
    /// The server's xkey, if it encrypted the request.
    pub(crate) xkey: Option<&'a PublicKey>,
}

impl SealError {
    /// Which refusal it comes to: what a permit asks for and nobody can sign is the policy's doing.
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

    /// What `refusal` says of a response with `permit` for a server of `version`: some of what servers refuse is as the permit has
    /// it, so that who wrote the policy has to hear of it.
    fn of(refusal: Refusal, permit: &Permit, version: Option<&str>) -> Self {
        let zone = permit.times_location.as_deref();
        match (refusal, zone) {
            (Refusal::OutsideTimes, _) => Self::OutsideTimes {
                times: listed_times(permit),
                passes_midnight: permit.times.iter().any(TimeRange::passes_midnight),
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

/// What servers make of a range that passes midnight, for those who wonder.
const fn midnight(passes_midnight: bool) -> &'static str {
    if passes_midnight {
        "; before 2.11.17, and from 2.12.0 to 2.12.7, servers end a range at midnight: add one that begins at `00:00:00`"
    } else {
        ""
    }
}

fn listed_times(permit: &Permit) -> String {
    let ranges = permit.times.iter();
    let ranges: Vec<_> = ranges
        .map(|range| format!("`{}` to `{}`", range.start(), range.end()))
        .collect();
    let zone = permit.times_location.as_deref().unwrap_or("Local");
    format!("{} in `{}`", ranges.join(", "), zone.escape_debug())
}

/// Signs the response to `request` that `decision` comes to, and encrypts it if the request was.
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
    let response = ResponseClaims::new(&request.user_nkey, &request.server.id, answer, now)
        .for_account(issuers.response_account())
        .sign(issuers.response())?;
    let login = LoginFacts {
        user_nkey: &request.user_nkey,
        server_id: &request.server.id,
        client_user: request.client.user.as_deref(),
        client_host: request.client.host.as_deref(),
        connection_type: request.client.connection_type(),
        proxied: false,
        sealed: false,
    };
    let mode = issuers.server_mode();
    let verdict = preflight_for(&response, &login, &mode, version, now, Signatures::Trust);
    let verdict = verdict.map_err(|refusal| match &decision.outcome {
        Outcome::Permit(permit) => SealError::of(refusal, permit, version_text),
        Outcome::Deny(_) => SealError::Preflight(refusal),
    })?;
    if let Outcome::Permit(permit) = &decision.outcome
        && let Some(role) = &permit.role
        && !gives_role(&verdict)
    {
        return Err(SealError::RoleWithoutScope(role.clone()));
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
